/** The signals that end a command, and the exit codes by which a shell knows that one did: 128 and the signal's number. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof SIGNALS)[number];
export const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };

/** The next signal to stop. */
export function nextSignal(): Promise<StopSignal> {
  return new Promise((resolve) => void onceSignalled(resolve));
}

/** Calls the listener with the next signal to stop. Gives how to listen no more. */
export function onceSignalled(listener: (signal: StopSignal) => void): () => void {
  const stop = onSignals((signal) => {
    stop();
    listener(signal);
  });
  return stop;
}

/** Calls the listener with each signal to stop. Gives how to listen no more. */
export function onSignals(listener: (signal: StopSignal) => void): () => void {
  const handlers = SIGNALS.map((signal) => [signal, () => listener(signal)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
