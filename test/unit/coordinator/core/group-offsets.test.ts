import { partitionKey } from '../../../../src/cluster/index.js';
import { GroupOffsets, type OffsetAndMetadata } from '../../../../src/coordinator/core/group-offsets.js';

const TP = { topic: 'orders', partition: 0 };

const commitOf = (offset: bigint): OffsetAndMetadata => ({
  offset,
  leaderEpoch: null,
  metadata: '',
  commitTimestampMs: 0,
  expireTimestampMs: null,
});

test('a commit that is in the log counts, though a later one was refused before that was known', () => {
  const offsets = new GroupOffsets();
  const [first, second] = [commitOf(20n), commitOf(30n)];
  offsets.prepareCommit(TP, first);
  offsets.prepareCommit(TP, second);
  offsets.failCommit(TP, second);
  expect(offsets.isUnstable(TP)).toBe(true);
  offsets.completeCommit(TP, first, 7);
  expect([offsets.get(TP), offsets.isUnstable(TP)]).toEqual([first, false]);
});

test('of two commits the later one in the log counts, in whatever order they are completed', () => {
  const offsets = new GroupOffsets();
  const [first, second] = [commitOf(20n), commitOf(10n)];
  for (const commit of [first, second]) offsets.prepareCommit(TP, commit);
  offsets.completeCommit(TP, second, 8);
  expect([offsets.get(TP), offsets.isUnstable(TP)]).toEqual([second, true]);
  offsets.completeCommit(TP, first, 7);
  expect([offsets.get(TP), offsets.isUnstable(TP)]).toEqual([second, false]);
});

test('a commit whose partition was removed is dropped, also behind one of a partition of the same name', () => {
  const offsets = new GroupOffsets();
  const [before, after] = [commitOf(20n), commitOf(1n)];
  offsets.prepareCommit(TP, before);
  offsets.remove(partitionKey(TP));
  expect(offsets.isUnstable(TP)).toBe(false);
  offsets.prepareCommit(TP, after);
  offsets.completeCommit(TP, before, 7);
  expect([offsets.get(TP), offsets.isUnstable(TP)]).toEqual([null, true]);
  offsets.completeCommit(TP, after, 8);
  expect(offsets.get(TP)).toBe(after);
});
