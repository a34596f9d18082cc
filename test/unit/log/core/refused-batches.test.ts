import { seededRandom } from '../../../../src/common/index.js';
import { RefusedBatches } from '../../../../src/log/core/refused-batches.js';

const HELD_OPEN_MS = 120_000;
const MAX_PRODUCERS = 1000;
const MAX_SEQUENCE = 2 ** 31 - 1;

let refused: RefusedBatches;
beforeEach(() => {
  refused = new RefusedBatches();
});

test('what comes behind a refused batch of the producer overtakes it, that one and what comes before it do not', () => {
  refused.note(7, 2, 10, 0);
  expect([9, 10, 11, 500].map((sequence) => refused.overtaken(7, 2, sequence))).toEqual([null, null, 10, 10]);
  expect(refused.overtaken(8, 2, 11)).toBeNull();
});

test('a producer with another epoch overtakes nothing', () => {
  refused.note(7, 2, 10, 0);
  expect([1, 3].map((epoch) => refused.overtaken(7, epoch, 11))).toEqual([null, null]);
  refused.note(7, 1, 0, 0);
  expect(refused.overtaken(7, 2, 11)).toBe(10);
  refused.note(7, 3, 5, 0);
  expect([refused.overtaken(7, 2, 11), refused.overtaken(7, 3, 6)]).toEqual([null, 5]);
});

test('the earliest that was refused counts, in whatever order they were', () => {
  const random = seededRandom(1);
  for (let round = 0; round < 50; round++) {
    const sequences = Array.from({ length: 5 }, () => random.nextInt(100));
    for (const sequence of sequences) refused.note(round, 0, sequence, 0);
    const first = Math.min(...sequences);
    for (let sequence = 0; sequence < 100; sequence++) {
      expect(refused.overtaken(round, 0, sequence)).toBe(sequence > first ? first : null);
    }
  }
});

test('sequences begin again at 0 behind the greatest', () => {
  refused.note(7, 0, MAX_SEQUENCE - 1, 0);
  expect([MAX_SEQUENCE - 2, MAX_SEQUENCE, 0, 3].map((sequence) => refused.overtaken(7, 0, sequence))).toEqual([
    null,
    MAX_SEQUENCE - 1,
    MAX_SEQUENCE - 1,
    MAX_SEQUENCE - 1,
  ]);
});

test('it is forgotten when something of the producer is in the log', () => {
  refused.note(7, 0, 0, 0);
  refused.note(8, 0, 0, 0);
  refused.forget(7);
  expect([refused.overtaken(7, 0, 1), refused.overtaken(8, 0, 1), refused.size]).toEqual([null, 0, 1]);
});

test('it is forgotten when it has not been sent again for two minutes; what was sent behind it does not count', () => {
  refused.note(7, 0, 3, 0);
  refused.note(8, 0, 3, 0);
  refused.note(7, 0, 3, HELD_OPEN_MS - 1);
  refused.note(8, 0, 4, HELD_OPEN_MS - 1);
  refused.removeExpired(HELD_OPEN_MS - 1);
  expect(refused.size).toBe(2);
  refused.removeExpired(HELD_OPEN_MS);
  expect([refused.overtaken(7, 0, 4), refused.overtaken(8, 0, 4)]).toEqual([3, null]);
  refused.removeExpired(2 * HELD_OPEN_MS - 1);
  expect(refused.size).toBe(0);
});

test('of a crowd of producers those are kept that were refused last', () => {
  for (let producerId = 0; producerId < 2 * MAX_PRODUCERS; producerId++) refused.note(producerId, 0, 0, producerId);
  expect(refused.size).toBe(MAX_PRODUCERS);
  expect([MAX_PRODUCERS - 1, MAX_PRODUCERS, 2 * MAX_PRODUCERS - 1].map((id) => refused.overtaken(id, 0, 1))).toEqual([
    null,
    0,
    0,
  ]);
});
