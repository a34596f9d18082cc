/** What goes with its group, its topic or its time: in steps between which others run, and for good. */
import { runAtOnce, silentLogger, type Steps } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import { MemberMetadata } from '../../../src/coordinator/core/member-metadata.js';
import { GroupStore } from '../../../src/coordinator/group-store.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { Fixture, GROUP, MemoryPartition } from './support.js';

const RETENTION_MS = 1000;
const MANY = 1000;

const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));
const partitionsOf = (topic: string, count: number) => list(count, (partition) => ({ topic, partition }));

/** The groups of a broker that leads the one partition of `__consumer_offsets`. */
class Store {
  readonly clock = new SimulatedClock();
  readonly store: GroupStore;

  constructor(readonly partition = new MemoryPartition()) {
    const config = {
      offsetMetadataMaxBytes: 100,
      loadBufferBytes: 1 << 20,
      offsetsRetentionMs: RETENTION_MS,
      commitTimeoutMs: 1000,
      commitRequiredAcks: -1,
      compression: 'none',
      maxUnusedGroupBytes: 1 << 21,
      maxMemberBytes: 1 << 20,
    } as const;
    this.store = new GroupStore(config, partition, this.clock, silentLogger);
    this.store.setPartitionCount(1);
  }

  async elected(): Promise<this> {
    this.store.onElection(0, 0, () => undefined);
    await settle();
    return this;
  }

  /** Commits the offset 5 for these partitions; the group is made if there is none. */
  committed(groupId: string, partitions: readonly { topic: string; partition: number }[]): GroupMetadata {
    const group = this.store.getOrCreate(groupId);
    const commitTimestampMs = this.clock.nowMs();
    const offset = { offset: 5n, leaderEpoch: null, metadata: '', commitTimestampMs, expireTimestampMs: null };
    const commits = partitions.map((topicPartition) => ({ topicPartition, offset }));
    this.store.storeOffsets(group, runAtOnce(this.store.encodeOffsets(groupId, commits, null)), null, () => undefined);
    return group;
  }

  /** What the next coordinator reads from the log: of each group how many offsets. */
  async reloaded(): Promise<Record<string, number>> {
    const next = await new Store(this.partition).elected();
    return Object.fromEntries(next.store.all().map(({ groupId, offsets }) => [groupId, offsets.size]));
  }

  now(): Record<string, number> {
    return Object.fromEntries(this.store.all().map(({ groupId, offsets }) => [groupId, offsets.size]));
  }
}

function stepsOf(steps: Steps<unknown>): number {
  let count = 1;
  while (!steps.next().done) count++;
  return count;
}

describe('offsets of deleted partitions', () => {
  test('go from all groups, which end with their last one', async () => {
    const broker = await new Store().elected();
    broker.committed('both', [...partitionsOf('gone', 3), ...partitionsOf('kept', 2)]);
    broker.committed('one', partitionsOf('gone', 1));
    broker.committed('none', partitionsOf('kept', 4));
    runAtOnce(broker.store.removePartitions(partitionsOf('gone', MANY)));
    const left = { both: 2, none: 4 };
    expect([broker.now(), await broker.reloaded()]).toEqual([left, left]);
  });

  test('cost groups that have others as many looks as they have offsets', async () => {
    const broker = await new Store().elected();
    const { offsets } = broker.committed('g', partitionsOf('kept', 3));
    const gone = new Map(partitionsOf('gone', MANY).map((tp) => [`gone-${tp.partition}`, tp]));
    let looks = 0;
    const has = gone.has.bind(gone);
    gone.has = (key) => {
      looks++;
      return has(key);
    };
    expect([...offsets.among(gone)]).toEqual([null, null, null]);
    expect(looks).toBe(3);
  });

  test('are looked for in steps in groups that have others', async () => {
    const broker = await new Store().elected();
    broker.committed('g', partitionsOf('kept', MANY));
    expect(stepsOf(broker.store.removePartitions(partitionsOf('gone', MANY + 1)))).toBeGreaterThan(MANY / 500);
    expect(broker.now()).toEqual({ g: MANY });
  });

  test('are taken in steps, within a group and from one to the next', async () => {
    const broker = await new Store().elected();
    for (let at = 0; at < MANY; at++) broker.committed(`g${at}`, partitionsOf('kept', 1));
    expect(stepsOf(broker.store.removePartitions(partitionsOf('gone', 1)))).toBeGreaterThan(10);
    broker.committed('g0', partitionsOf('gone', MANY));
    expect(stepsOf(broker.store.removePartitions(partitionsOf('gone', MANY)))).toBeGreaterThan(13);
    for (let at = 0; at < 60; at++) broker.committed(`g${at}`, partitionsOf('gone', 100));
    expect(stepsOf(broker.store.removePartitions(partitionsOf('gone', MANY)))).toBeGreaterThan(60);
    expect(broker.now()).toEqual(Object.fromEntries(list(MANY, (at) => [`g${at}`, 1])));
  });
});

test('offsets of no partition, when they are to be removed, leave a group to those that got ids for it', async () => {
  const fixture = await new Fixture().elected();
  const { memberId } = await fixture.join();
  const answer = runAtOnce(fixture.coordinator.deleteOffsets({ groupId: GROUP, topics: [] }));
  expect(answer.errorCode).toBe(ErrorCode.NONE);
  const joined = fixture.join({ memberId });
  await fixture.clock.advance(0);
  expect((await joined).errorCode).toBe(ErrorCode.NONE);
});

describe('offsets whose time is over', () => {
  const expiring = async (): Promise<{ broker: Store; group: GroupMetadata; steps: Steps<void> }> => {
    const broker = await new Store().elected();
    const group = broker.committed('g', partitionsOf('t', MANY));
    await broker.clock.advance(RETENTION_MS);
    const steps = broker.store.removeExpired();
    expect(steps.next().done).toBe(false);
    return { broker, group, steps };
  };

  test('are looked at in steps; what is committed meanwhile stays, whether its turn was before or comes later', async () => {
    const { broker, steps } = await expiring();
    broker.committed('g', [
      { topic: 't', partition: 0 },
      { topic: 't', partition: MANY - 1 },
    ]);
    runAtOnce(steps);
    expect([broker.now(), await broker.reloaded()]).toEqual([{ g: 2 }, { g: 2 }]);
  });

  test('stay when a consumer of their topics has joined meanwhile', async () => {
    const { broker, group, steps } = await expiring();
    const left = group.offsets.size;
    group.add(
      new MemberMetadata('m', null, 'c', '/h', 1000, 1000, 'consumer', [{ name: 'range', metadata: Buffer.alloc(0) }]),
    );
    group.transitionTo('PreparingRebalance', 0);
    runAtOnce(steps);
    expect(left).toBeGreaterThan(MANY / 2);
    expect([broker.now(), await broker.reloaded()]).toEqual([{ g: left }, { g: left }]);
  });

  test('go for good when their group is deleted meanwhile', async () => {
    const { broker, group, steps } = await expiring();
    group.transitionTo('Dead', 0);
    const deletion = broker.store.cleanUp(group, group.offsets.removeAll());
    deletion.next();
    runAtOnce(steps);
    runAtOnce(broker.store.removePartitions(partitionsOf('t', MANY)));
    expect(runAtOnce(deletion)).toBe(true);
    expect([broker.now(), await broker.reloaded()]).toEqual([{}, {}]);
  });
});

describe('a group that is deleted', () => {
  const deleting = async (): Promise<{ fixture: Fixture; steps: Steps<number> }> => {
    const fixture = await new Fixture().elected();
    const committedMetadata = '';
    const partitions = list(MANY, (partitionIndex) => ({
      partitionIndex,
      committedOffset: 5n,
      committedLeaderEpoch: -1,
      commitTimestamp: -1n,
      committedMetadata,
    }));
    const context = { apiVersion: 8, clientId: 'c', clientHost: '/h' };
    const committing = fixture.coordinator.commitOffsets(context, {
      groupId: GROUP,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: [{ name: 'orders', partitions }],
    });
    await runAtOnce(committing);
    const steps = fixture.coordinator.deleteGroup(GROUP);
    expect(steps.next().done).toBe(false);
    return { fixture, steps };
  };

  test('goes in steps, in which no one may commit to it, and is made again only after them', async () => {
    const { fixture, steps } = await deleting();
    expect(await fixture.commit(6n)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    expect(runAtOnce(fixture.coordinator.deleteGroup(GROUP))).toBe(ErrorCode.GROUP_ID_NOT_FOUND);
    expect(stepsOf(steps)).toBeGreaterThan(3);
    expect(await fixture.commit(7n)).toBe(ErrorCode.NONE);
    const after = await new Fixture(fixture.partition).elected();
    expect(after.committed()).toBe(7n);
    const indexes = list(MANY - 1, (at) => at + 1);
    const { topics } = after.coordinator.fetchOffsets(GROUP, [{ name: 'orders', partitionIndexes: indexes }], true);
    expect(new Set(topics[0]!.partitions.map((partition) => partition.committedOffset))).toEqual(new Set([-1n]));
  });

  test('and moves away meanwhile gets no more tombstones from here, and its deletion is to be asked for there', async () => {
    const { fixture, steps } = await deleting();
    fixture.coordinator.onResignation(0);
    await settle();
    const { length } = fixture.partition.batches;
    expect(runAtOnce(steps)).toBe(ErrorCode.NOT_COORDINATOR);
    expect(fixture.partition.batches).toHaveLength(length);
  });
});
