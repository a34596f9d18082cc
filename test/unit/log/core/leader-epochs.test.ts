import {
  assignEpoch,
  endOffsetForEpoch,
  epochForOffset,
  truncateEpochsFromEnd,
  truncateEpochsFromStart,
  type EpochEntry,
} from '../../../../src/log/core/leader-epochs.js';

const entries = (...pairs: [number, number][]): EpochEntry[] =>
  pairs.map(([epoch, startOffset]) => ({ epoch, startOffset }));
const KNOWN = entries([2, 0], [4, 10], [7, 25]);

test.each([
  { title: 'a later epoch is added', epoch: 8, at: 30, expected: entries([2, 0], [4, 10], [7, 25], [8, 30]) },
  { title: 'the same again changes nothing', epoch: 7, at: 25, expected: null },
  { title: 'the latest epoch further on changes nothing', epoch: 7, at: 28, expected: null },
  {
    title: 'an epoch at the start of the latest takes its place',
    epoch: 9,
    at: 25,
    expected: entries([2, 0], [4, 10], [9, 25]),
  },
  { title: 'an earlier offset drops what lies behind', epoch: 9, at: 5, expected: entries([2, 0], [9, 5]) },
  { title: 'an earlier epoch drops those after it', epoch: 3, at: 40, expected: entries([2, 0], [3, 40]) },
])('assigning: $title', ({ epoch, at, expected }) => {
  expect(assignEpoch(KNOWN, { epoch, startOffset: at })).toEqual(expected);
});

test.each([
  { requested: 7, expected: { epoch: 7, endOffset: 40 } },
  { requested: 4, expected: { epoch: 4, endOffset: 25 } },
  { requested: 5, expected: { epoch: 4, endOffset: 25 } },
  { requested: 1, expected: { epoch: 1, endOffset: 0 } },
  { requested: 8, expected: { epoch: -1, endOffset: -1 } },
  { requested: -1, expected: { epoch: -1, endOffset: -1 } },
])('epoch $requested ends at $expected', ({ requested, expected }) => {
  expect(endOffsetForEpoch(KNOWN, requested, 40)).toEqual(expected);
});

test.each([
  { endOffset: 25, expected: entries([2, 0], [4, 10]) },
  { endOffset: 26, expected: null },
  { endOffset: 0, expected: [] },
])('a log that ends at $endOffset', ({ endOffset, expected }) => {
  expect(truncateEpochsFromEnd(KNOWN, endOffset)).toEqual(expected);
});

test.each([
  { startOffset: 0, expected: null },
  { startOffset: 10, expected: entries([4, 10], [7, 25]) },
  { startOffset: 12, expected: entries([4, 12], [7, 25]) },
  { startOffset: 99, expected: entries([7, 99]) },
])('a log that begins at $startOffset', ({ startOffset, expected }) => {
  expect(truncateEpochsFromStart(KNOWN, startOffset)).toEqual(expected);
});

test.each([
  [0, 2],
  [9, 2],
  [10, 4],
  [1000, 7],
])('offset %d is of epoch %d', (offset, epoch) => {
  expect(epochForOffset(KNOWN, offset)).toBe(epoch);
  expect(epochForOffset(entries([3, 5]), 4)).toBeNull();
});
