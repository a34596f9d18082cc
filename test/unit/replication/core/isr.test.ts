import { LogOffsetMetadata } from '../../../../src/log/index.js';
import {
  highWatermarkOf,
  outOfSyncReplicas,
  shouldJoinIsr,
  type IsrView,
} from '../../../../src/replication/core/high-watermark.js';
import {
  isInMaximalIsr,
  isrOf,
  maximalIsrSize,
  outcomeOfError,
  outcomeOfUpdate,
  prepareExpand,
  prepareShrink,
  type CommittedIsr,
  type PartitionState,
} from '../../../../src/replication/core/partition-state.js';
import { Replica } from '../../../../src/replication/core/replica.js';

const committed = (...isr: number[]): CommittedIsr => ({ kind: 'Committed', isr, recovering: false });
const EPOCHS = { leaderId: 1, leaderEpoch: 5, partitionEpoch: 9 };

/** A follower that fetched from `offset` at `atMs`, when the leader's end was `leaderEnd`. */
function follower(id: number, offset: number, atMs = 0, leaderEnd = 100): Replica {
  const replica = new Replica(id);
  if (offset >= 0) replica.updateFetchState(new LogOffsetMetadata(offset), 0, atMs, leaderEnd);
  return replica;
}
const view = (state: PartitionState, over: Partial<IsrView> = {}): IsrView => ({
  state,
  leaderEnd: new LogOffsetMetadata(100),
  nowMs: 100_000,
  maxLagMs: 30_000,
  isEligible: () => true,
  ...over,
});

describe('an ISR change', () => {
  test('that adds a replica counts it for the high watermark before it is committed, but not for min.insync.replicas', () => {
    const pending = prepareExpand(committed(1, 2), 3, EPOCHS);
    expect(pending.sent).toEqual({ leader: 1, leaderEpoch: 5, isr: [1, 2, 3], recovering: false, partitionEpoch: 9 });
    expect(isrOf(pending)).toEqual([1, 2]);
    expect(isInMaximalIsr(pending, 3)).toBe(true);
    expect(maximalIsrSize(pending)).toBe(3);
  });

  test('that removes replicas waits for them until it is committed', () => {
    const pending = prepareShrink(committed(1, 2, 3), [2], EPOCHS);
    expect(pending.sent.isr).toEqual([1, 3]);
    expect(isInMaximalIsr(pending, 2)).toBe(true);
    expect(maximalIsrSize(pending)).toBe(3);
  });

  test('never removes the leader', () => {
    expect(() => prepareShrink(committed(1, 2), [1], EPOCHS)).toThrow('a leader stays in its own ISR');
  });

  test.each([
    { title: 'is committed', leaderEpoch: 5, partitionEpoch: 10, kind: 'committed' },
    { title: 'is committed when it was already so', leaderEpoch: 5, partitionEpoch: 9, kind: 'committed' },
    { title: 'is ignored for another leader epoch', leaderEpoch: 6, partitionEpoch: 10, kind: 'ignored' },
    { title: 'is ignored for an older partition epoch', leaderEpoch: 5, partitionEpoch: 8, kind: 'ignored' },
  ])('$title', ({ leaderEpoch, partitionEpoch, kind }) => {
    const answer = { leader: 1, leaderEpoch, isr: [1, 2], recovering: false, partitionEpoch };
    expect(outcomeOfUpdate(answer, EPOCHS).kind).toBe(kind);
  });

  test.each([
    ['OPERATION_NOT_ATTEMPTED', 'reverted'],
    ['INELIGIBLE_REPLICA', 'reverted'],
    ['FENCED_LEADER_EPOCH', 'awaitMetadata'],
    ['INVALID_UPDATE_VERSION', 'awaitMetadata'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'awaitMetadata'],
    ['NEW_LEADER_ELECTED', 'awaitMetadata'],
    ['UNKNOWN_SERVER_ERROR', 'retry'],
    ['NOT_CONTROLLER', 'retry'],
  ])('refused with %s is %s', (error, kind) => {
    const pending = prepareExpand(committed(1, 2), 3, EPOCHS);
    const outcome = outcomeOfError(pending, error);
    expect(outcome.kind).toBe(kind);
    if (outcome.kind === 'reverted') expect(outcome.state).toEqual(committed(1, 2));
  });
});

describe('the high watermark', () => {
  test.each([
    { title: 'is the leader end without followers', isr: [1], offsets: {}, expected: 100 },
    { title: 'is the least of the ISR', isr: [1, 2, 3], offsets: { 2: 80, 3: 60 }, expected: 60 },
    {
      title: 'does not wait for a replica that lags outside of the ISR',
      isr: [1, 2],
      offsets: { 2: 80, 3: 10 },
      expected: 80,
    },
    { title: 'is unknown while a member of the ISR has not fetched', isr: [1, 2], offsets: { 2: -1 }, expected: null },
  ])('$title', ({ isr, offsets, expected }) => {
    const replicas = Object.entries(offsets).map(([id, offset]) => follower(Number(id), offset));
    expect(highWatermarkOf(replicas, view(committed(...isr)))?.messageOffset ?? null).toBe(expected);
  });

  test('waits for a replica that is about to join, though it has fallen behind again or its broker is gone', () => {
    const pending = prepareExpand(committed(1, 2), 3, EPOCHS);
    const replicas = [follower(2, 100, 99_000), follower(3, 40, 0)];
    expect(highWatermarkOf(replicas, view(pending, { isEligible: () => false }))?.messageOffset).toBe(40);
    expect(highWatermarkOf(replicas, view(committed(1, 2)))?.messageOffset).toBe(100);
  });

  test('waits for a replica outside of the ISR that keeps up, if its broker is alive', () => {
    // At 95 000 it fetched from where the leader ended at 90 000.
    const joining = follower(3, 40, 90_000, 60);
    joining.updateFetchState(new LogOffsetMetadata(60), 0, 95_000, 100);
    const replicas = [follower(2, 100), joining];
    expect(highWatermarkOf(replicas, view(committed(1, 2)))?.messageOffset).toBe(60);
    expect(highWatermarkOf(replicas, view(committed(1, 2), { isEligible: () => false }))?.messageOffset).toBe(100);
    expect(highWatermarkOf(replicas, view(committed(1, 2), { nowMs: 200_000 }))?.messageOffset).toBe(100);
  });
});

describe('a follower', () => {
  test.each([
    { title: 'at the end is in sync however long ago it fetched', offset: 100, atMs: 0, out: [] },
    { title: 'behind for less than the lag is in sync', offset: 50, atMs: 80_000, leaderEnd: 50, out: [] },
    { title: 'behind for longer is not', offset: 50, atMs: 60_000, leaderEnd: 50, out: [2] },
    { title: 'that never fetched is not', offset: -1, atMs: 0, out: [2] },
  ])('$title', ({ offset, atMs, leaderEnd, out }) => {
    const replica = follower(2, offset, atMs, leaderEnd);
    expect(outOfSyncReplicas((id) => (id === 2 ? replica : undefined), 1, view(committed(1, 2)))).toEqual(out);
  });

  test('is not looked at while a change is under way', () => {
    const pending = prepareShrink(committed(1, 2, 3), [3], EPOCHS);
    expect(outOfSyncReplicas(() => undefined, 1, view(pending))).toEqual([]);
  });

  test.each([
    { title: 'joins at the high watermark', offset: 70, highWatermark: 70, epochStart: 50, joins: true },
    { title: 'does not join below it', offset: 69, highWatermark: 70, epochStart: 50, joins: false },
    {
      title: 'does not join below the start of the epoch',
      offset: 70,
      highWatermark: 70,
      epochStart: 71,
      joins: false,
    },
    { title: 'does not join a broker that follows', offset: 70, highWatermark: 70, epochStart: null, joins: false },
  ])('$title', ({ offset, highWatermark, epochStart, joins }) => {
    const at = { highWatermark, leaderEpochStartOffset: epochStart };
    expect(shouldJoinIsr(follower(3, offset), at, view(committed(1, 2)))).toBe(joins);
    expect(shouldJoinIsr(follower(2, offset), at, view(committed(1, 2)))).toBe(false);
    expect(shouldJoinIsr(follower(3, offset), at, view(committed(1, 2), { isEligible: () => false }))).toBe(false);
  });

  test('of a leader that begins an epoch is caught up now when in the ISR, and never when not', () => {
    const [inSync, outOfSync] = [follower(2, 40, 500), follower(3, 40, 500)];
    inSync.reset(9000, 50, false, true);
    outOfSync.reset(9000, 50, false, false);
    expect([inSync.lastCaughtUpTimeMs, inSync.logEndOffset]).toEqual([9000, 40]);
    expect(outOfSync.lastCaughtUpTimeMs).toBe(-Infinity);
    inSync.reset(9500, 50, true, true);
    expect(inSync.logEndOffset).toBe(-1);
  });
});
