import { type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { TouchedFetches, type TouchedFetch } from '../../../src/replication/fetch/touched-fetches.js';

let clock: SimulatedClock;
let touched: TouchedFetches;
let looks: Fetch[];
beforeEach(() => {
  clock = new SimulatedClock();
  touched = new TouchedFetches(clock, undefined);
  looks = [];
});

/** Looks at 64 partitions in a step. */
class Fetch implements TouchedFetch {
  constructor(
    readonly openPartitions: number,
    private readonly onLook: () => void = () => undefined,
  ) {}

  *maybeComplete(): Steps<void> {
    looks.push(this);
    this.onLook();
    for (let at = 64; at < this.openPartitions; at += 64) yield;
  }
}

function untilRest(): number {
  let turns = 0;
  while (clock.step()) turns++;
  return turns;
}

test('a fetch that is touched several times is looked at once, after the present events, and not when it waits no more', () => {
  const [fetch, gone] = [new Fetch(1), new Fetch(1)];
  touched.add(fetch);
  touched.add(gone);
  touched.add(fetch);
  touched.delete(gone);
  expect(looks).toEqual([]);
  expect(untilRest()).toBe(1);
  expect(looks).toEqual([fetch]);
  touched.add(fetch);
  untilRest();
  expect(looks).toEqual([fetch, fetch]);
});

test('a few are looked at together in one turn, hundreds of many partitions over many', () => {
  for (let i = 0; i < 50; i++) touched.add(new Fetch(10));
  expect(untilRest()).toBe(1);
  expect(looks).toHaveLength(50);

  const crowd = Array.from({ length: 300 }, () => new Fetch(500));
  for (const fetch of crowd) touched.add(fetch);
  clock.step();
  expect(looks.length).toBeLessThan(50 + 30);
  untilRest();
  expect(looks.slice(50)).toEqual(crowd);
});

test('what is touched while many are looked at is looked at after them, once more if it was before', () => {
  let late: Fetch | null = null;
  const last = new Fetch(500);
  const first = new Fetch(500, () => {
    if (late) return;
    late = new Fetch(1);
    touched.add(late);
    touched.add(first);
    touched.delete(last);
  });
  const crowd = Array.from({ length: 100 }, () => new Fetch(500));
  for (const fetch of [first, ...crowd, last]) touched.add(fetch);
  untilRest();
  expect(looks).toEqual([first, ...crowd, late, first]);
  touched.add(last);
  untilRest();
  expect(looks.at(-1)).toBe(last);
});

test.each([3, 500])(
  'what a fetch throws keeps no other from being looked at, and is told after them: %d partitions each',
  (partitions) => {
    const failures = [new Error('first'), new Error('second')];
    const broken = failures.map(
      (failure) =>
        new Fetch(partitions, () => {
          throw failure;
        }),
    );
    const [a, b] = [new Fetch(partitions), new Fetch(partitions)];
    const crowd = Array.from({ length: 50 }, () => new Fetch(partitions));
    for (const fetch of [broken[0]!, a, broken[1]!, b, ...crowd]) touched.add(fetch);
    const told: unknown[] = [];
    for (let isOver = false; !isOver;) {
      try {
        untilRest();
        isOver = true;
      } catch (error) {
        told.push(error);
      }
    }
    expect(looks).toEqual([broken[0], a, broken[1], b, ...crowd]);
    expect(told).toEqual(failures);
    touched.add(a);
    untilRest();
    expect(looks.at(-1)).toBe(a);
  },
);
