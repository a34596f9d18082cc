import { sleep, type Clock } from '../../common/index.js';
import { isOutOfHandles } from '../log-context.js';

/** Before what wanted for a file handle is tried again. */
const RETRY_MS = 1000;

/** When what wants for file handles is given up, or heard of. */
export interface HandleWaitOptions {
  /** Asked before each further try; undefined is given in the place of a result. */
  readonly isOver?: () => boolean;
  /** A try wanted for a handle. */
  readonly onWanting?: (error: unknown) => void;
}

/** Does `work`, and again as long as it wants for a file handle: others give theirs back. Rejects with any other error. */
export async function whenHandlesAllow<T>(
  clock: Clock,
  work: () => Promise<T>,
  { isOver, onWanting }: HandleWaitOptions = {},
): Promise<T | undefined> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
      onWanting?.(error);
    }
    await sleep(clock, RETRY_MS);
    if (isOver?.()) return undefined;
  }
}
