/**
 * Loops over what a request names, which may be hundreds of thousands: others run between the steps (`runInSlices`). Functions
 * and not closures, since each closure that is a generator function gets a hidden class of its own.
 */
import type { Steps } from './slices.js';

/** Of about a microsecond each. */
const ITEMS_A_STEP = 64;

export function* mapInSteps<T, R>(items: Iterable<T>, map: (item: T, at: number) => R): Steps<R[]> {
  const mapped: R[] = [];
  for (const item of items) {
    const at = mapped.length;
    if (at % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield;
    mapped.push(map(item, at));
  }
  return mapped;
}

export function* forEachInSteps<T>(items: Iterable<T>, act: (item: T) => void): Steps<void> {
  let left = ITEMS_A_STEP;
  for (const item of items) {
    if (--left === 0) {
      yield;
      left = ITEMS_A_STEP;
    }
    act(item);
  }
}

/** For lists within a list: topics with their partitions, say. `innerOf` gives what is mapped of an item, `wrap` what becomes of both. */
export function* mapNestedInSteps<T, P, Q, R>(
  items: readonly T[],
  innerOf: (item: T) => readonly P[],
  map: (inner: P, item: T) => Q,
  wrap: (item: T, mapped: Q[]) => R,
): Steps<R[]> {
  const all: R[] = [];
  let left = ITEMS_A_STEP;
  for (const item of items) {
    if (--left === 0) {
      yield;
      left = ITEMS_A_STEP;
    }
    const mapped: Q[] = [];
    for (const inner of innerOf(item)) {
      if (--left === 0) {
        yield;
        left = ITEMS_A_STEP;
      }
      mapped.push(map(inner, item));
    }
    all.push(wrap(item, mapped));
  }
  return all;
}
