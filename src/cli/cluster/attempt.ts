import { systemClock } from '../../common/index.js';
import { CommandError } from '../terminal.js';

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof SIGNALS;

/** The command was told to end. Its exit code is the shell's: 128 and the number of the signal. */
export class Interrupted extends CommandError {
  constructor(signal: EndingSignal) {
    super(`interrupted by ${signal}`, SIGNALS[signal]);
  }
}

/** Runs what looks at an `AbortSignal`, which is aborted with `Interrupted` when the process is told to end. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const handlers = Object.keys(SIGNALS).map((name) => {
    const signal = name as EndingSignal;
    const handler = (): void => controller.abort(new Interrupted(signal));
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  try {
    return await work(controller.signal);
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

/** Waits; rejects with the reason at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const settle = (then: () => void) => (): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      then();
    };
    const onAbort = settle(() => reject(signal.reason as Error));
    const timer = systemClock.setTimer(ms, settle(resolve));
    signal.addEventListener('abort', onAbort);
  });
}

/** Steps that are taken back, the last one first, when one after them fails or the command is interrupted. */
export class Attempt {
  private readonly undos: (() => void | Promise<void>)[] = [];

  private constructor(readonly signal: AbortSignal) {}

  static async run<T>(signal: AbortSignal, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const attempt = new Attempt(signal);
    try {
      return await work(attempt);
    } catch (error) {
      for (const undo of attempt.undos.reverse()) await undo();
      throw error;
    }
  }

  onFailure(undo: () => void | Promise<void>): void {
    this.undos.push(undo);
  }
}
