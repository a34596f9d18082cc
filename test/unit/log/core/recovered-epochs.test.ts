import { RecoveredEpochs } from '../../../../src/log/core/recovered-epochs.js';
import type { EpochEntry } from '../../../../src/log/core/leader-epochs.js';

type Batch = readonly [epoch: number, baseOffset: number, lastOffset: number];

const entries = (...pairs: [number, number][]): EpochEntry[] =>
  pairs.map(([epoch, startOffset]) => ({ epoch, startOffset }));

function recovered(known: readonly EpochEntry[], from: number, batches: readonly Batch[]): readonly EpochEntry[] {
  const epochs = new RecoveredEpochs(known, from);
  for (const batch of batches) expect(epochs.take(...batch)).toBe(true);
  return epochs.entries;
}

test('are those of the batches, whatever the file says of them', () => {
  const file = entries([0, 0], [2, 10], [5, 12]);
  expect(recovered(file, 10, [[3, 10, 14], [4, 15, 15]])).toEqual(entries([0, 0], [3, 10], [4, 15])); // prettier-ignore
});

test('of which no batch is left between two that are there are dropped', () => {
  expect(recovered(entries([0, 2], [2, 4]), 4, [[4, 5, 7]])).toEqual(entries([0, 2], [4, 5]));
  expect(recovered(entries([1, 0], [2, 9]), 8, [[-1, 8, 12]])).toEqual(entries([1, 0]));
});

test('are those of the file before the place where recovery begins', () => {
  expect(recovered(entries([1, 0], [2, 7]), 10, [[2, 10, 19]])).toEqual(entries([1, 0], [2, 7]));
  expect(recovered(entries([1, 0], [2, 7]), 10, [])).toEqual(entries([1, 0], [2, 7]));
});

test('begin where the file says when the cleaner has removed their first batches', () => {
  expect(recovered(entries([1, 0], [2, 5]), 0, [[1, 0, 3], [2, 8, 9]])).toEqual(entries([1, 0], [2, 5])); // prettier-ignore
  expect(recovered(entries([1, 0], [2, 2]), 0, [[1, 0, 3], [2, 8, 9]])).toEqual(entries([1, 0], [2, 8])); // prettier-ignore
});

test('end the log where they would fall and the file does not say so', () => {
  const epochs = new RecoveredEpochs(entries([1, 0], [3, 4], [4, 20]), 0);
  expect([epochs.take(1, 0, 3), epochs.take(3, 4, 4), epochs.take(1, 5, 9)]).toEqual([true, true, false]);
  expect(epochs.entries).toEqual(entries([1, 0], [3, 4]));
});

test('fall where the file says so, and what they contradict is dropped', () => {
  const batches: Batch[] = [[1, 0, 1], [3, 2, 4], [5, 5, 5], [2, 6, 9], [4, 10, 10]]; // prettier-ignore
  expect(recovered(entries([1, 0], [2, 6], [4, 10]), 0, batches)).toEqual(entries([1, 0], [2, 6], [4, 10]));
  expect(recovered(entries([0, 12]), 0, [...batches, [0, 12, 13]])).toEqual(entries([0, 12]));
});

test('fall where the file says so though the cleaner has removed their first batches', () => {
  const batches: Batch[] = [[1, 0, 1], [5, 2, 9], [2, 14, 15]]; // prettier-ignore
  expect(recovered(entries([1, 0], [2, 10]), 0, batches)).toEqual(entries([1, 0], [2, 10]));
  const epochs = new RecoveredEpochs(entries([1, 0], [2, 9]), 0);
  expect(batches.map((batch) => epochs.take(...batch))).toEqual([true, true, false]);
});

test('fall where no file says anything', () => {
  expect(recovered([], 0, [[5, 0, 4], [2, 5, 9]])).toEqual(entries([2, 5])); // prettier-ignore
});

test('of a file that names a later epoch than the first batch are dropped', () => {
  expect(recovered(entries([1, 0], [6, 4]), 10, [[2, 10, 12]])).toEqual(entries([1, 0], [2, 10]));
});

test('are none for batches from before there were any', () => {
  expect(recovered([], 0, [[-1, 0, 4], [0, 5, 6], [-1, 7, 7], [0, 8, 8]])).toEqual(entries([0, 5])); // prettier-ignore
});
