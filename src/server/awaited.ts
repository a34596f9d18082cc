import type { Request } from '../network/index.js';

/** The client is gone, and with it what its request waited for. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError';
}

/** Something that others bring about. */
export interface Wait<T> {
  readonly ended: Promise<T>;
  /** No one waits for it any more. */
  readonly giveUp?: () => void;
}

/** How a request waits for others (`RequestContext.awaitOthers`). */
export type AwaitOthers = <T>(wait: Wait<T>) => Promise<T>;

/**
 * Gives what is waited for, or an AbandonedError as soon as the request's connection is closed. Whoever brings it about, a group's members say,
 * may take minutes to do so: nothing of a request that was abandoned is kept by him meanwhile.
 */
export function endedOrAbandoned<T>({ ended, giveUp }: Wait<T>, request: Request): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const waiter = new Waiter(request, resolve, reject);
    const onAbandoned = (): void => {
      waiter.letGo();
      giveUp?.();
      reject(new AbandonedError());
    };
    tell(waiter, ended);
    if (request.isAbandoned) onAbandoned();
    else request.onAbandoned = onAbandoned;
  });
}

/** A function of its own: its closures are what `ended` keeps, and know the waiter alone. */
function tell<T>(waiter: Waiter<T>, ended: Promise<T>): void {
  ended.then(
    (result) => waiter.end()?.resolve(result),
    (error: unknown) => waiter.end()?.reject(error),
  );
}

/** What a request's wait has of it, until that is over. */
class Waiter<T> {
  private waiting: { request: Request; resolve: (result: T) => void; reject: (error: unknown) => void } | null;

  constructor(request: Request, resolve: (result: T) => void, reject: (error: unknown) => void) {
    this.waiting = { request, resolve, reject };
  }

  /** Null when it is over already. */
  end(): { resolve: (result: T) => void; reject: (error: unknown) => void } | null {
    const { waiting } = this;
    this.letGo();
    if (waiting) waiting.request.onAbandoned = null;
    return waiting;
  }

  letGo(): void {
    this.waiting = null;
  }
}
