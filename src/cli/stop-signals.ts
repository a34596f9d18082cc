import type { Clock } from '../common/index.js';

/** The signals that end a command, and the exit codes by which a shell knows that one did: 128 and the signal's number. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof SIGNALS)[number];
export const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };

/**
 * One wish to stop may come as two signals: when a terminal is closed the kernel tells the command and so does its shell; at a Ctrl-C the command
 * hears it from the terminal and from what runs it, such as npm. So soon after the first a signal is the same wish.
 */
const ECHO_MS = 1000;

/**
 * Calls `stop` with the first signal, and `insist` with the first one after it that somebody must have meant: a hang-up nobody repeats. Gives
 * how to listen no more; until then no signal ends the process by itself.
 */
export function onStop(
  clock: Pick<Clock, 'monotonicMs'>,
  stop: (signal: StopSignal) => void,
  insist: (signal: StopSignal) => void,
): () => void {
  let firstAtMs: number | null = null;
  return onSignals((signal) => {
    const nowMs = clock.monotonicMs();
    if (firstAtMs === null) {
      firstAtMs = nowMs;
      stop(signal);
    } else if (signal !== 'SIGHUP' && nowMs - firstAtMs > ECHO_MS) {
      insist(signal);
    }
  });
}

/** Calls the listener with each signal to stop. Gives how to listen no more. */
export function onSignals(listener: (signal: StopSignal) => void): () => void {
  const handlers = SIGNALS.map((signal) => [signal, () => listener(signal)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
