import { systemClock } from '../../common/index.js';
import { EXIT_CODES, onSignals, type StopSignal } from '../stop-signals.js';
import { CommandError } from '../terminal.js';

/** The command was told to end. */
export class Interrupted extends CommandError {
  constructor(signal: StopSignal) {
    super(`interrupted by ${signal}`, EXIT_CODES[signal]);
  }
}

/**
 * Runs what looks at an `AbortSignal`, which is aborted with `Interrupted` when the process is told to end. A second signal changes nothing: what was
 * begun is being taken back.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const listenNoMore = onSignals((signal) => controller.abort(new Interrupted(signal)));
  try {
    const result = await work(controller.signal);
    // What does not look at it, because it is quick, has ended all the same.
    controller.signal.throwIfAborted();
    return result;
  } finally {
    listenNoMore();
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
      const result = await work(attempt);
      signal.throwIfAborted();
      return result;
    } catch (error) {
      for (const undo of attempt.undos.reverse()) await undo();
      throw error;
    }
  }

  onFailure(undo: () => void | Promise<void>): void {
    this.undos.push(undo);
  }
}
