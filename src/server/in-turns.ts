import { runInSlices, type Clock, type Steps } from '../common/index.js';

function* once<T>(begin: () => T): Steps<T> {
  return begin();
}

/**
 * Begins something in a slice of its own. Most refusals come before anything was waited for: a hundred thousand of them one after another
 * would be one turn of the event loop.
 */
export function beginInTurn<T>(clock: Clock, begin: () => Promise<T>): Promise<T> {
  // Its promise becomes this one.
  return runInSlices<Promise<T>>(clock, once(begin)).then((result) => result);
}

/**
 * Does something in a slice. What comes behind an await is in none, though a slice began it: the answers of ZooKeeper come many at a time, and what
 * is done within the call goes on in the same turn.
 */
export function doInTurn<T>(clock: Clock, act: () => T): Promise<T> {
  return runInSlices(clock, once(act));
}

/** Does something for each item, at most `width` side by side. Results in the order of the items. */
export async function mapInTurns<T, R>(
  clock: Clock,
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await beginInTurn(clock, () => act(items[at]!));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return results;
}
