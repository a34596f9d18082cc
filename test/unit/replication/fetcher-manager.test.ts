/** The fetchers of a broker alone: partitions come and go between them, also in the moments between their steps. */
import { partitionKey, type TopicPartition } from '../../../src/cluster/index.js';
import { Counter, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ReplicaFetcherManager } from '../../../src/replication/follow/fetcher-manager.js';
import type { InitialFetchState } from '../../../src/replication/follow/fetcher-state.js';
import type { Partition } from '../../../src/replication/partition.js';
import type { ReplicaQuota } from '../../../src/replication/ports.js';
import { ORDERS, TOPIC_ID } from './replica-cluster.js';
import { ScriptedLeader } from './scripted-leader.js';

const OTHER = { topic: 'orders', partition: 1 };

function newManager(quota: ReplicaQuota | null = null) {
  const leaders = new Map<number, ScriptedLeader>();
  const clock = new SimulatedClock();
  const log = {
    latestEpoch: 0,
    logStartOffset: 0,
    logEndOffset: 0,
    highWatermark: 0,
    maybeUpdateHighWatermark: () => null,
  };
  const manager = new ReplicaFetcherManager({
    clock,
    logger: silentLogger,
    leaderEndpoints: (id) => {
      const leader = new ScriptedLeader(id);
      leaders.set(id, leader);
      return leader;
    },
    settings: () => ({
      brokerId: 2,
      brokerEpoch: 1n,
      maxWaitMs: 500,
      minBytes: 1,
      responseMaxBytes: 1 << 20,
      partitionMaxBytes: 1 << 20,
      backoffMs: 1000,
      fetchVersion: 15,
      isTruncationOnFetchSupported: true,
    }),
    partitionOf: () => ({ log, logOrThrow: () => log }) as unknown as Partition,
    quota,
    onHighWatermark: () => undefined,
    onFatal: (error) => {
      throw error;
    },
    bytesIn: new Counter(),
  });
  return { manager, clock, leader: (id: number) => leaders.get(id)! };
}

function from(leaderId: number, tp: TopicPartition, currentLeaderEpoch = 0, fetchOffset = 0): InitialFetchState {
  return { tp, topicId: TOPIC_ID, leaderId, currentLeaderEpoch, fetchOffset };
}

test('a partition that is to be fetched from another leader is fetched from that one alone', async () => {
  const { manager, clock, leader } = newManager();
  manager.addPartitions([from(1, ORDERS), from(1, OTHER)]);
  await clock.advance(0);
  await leader(1).answer([{ partition: 0 }, { partition: 1 }]);
  manager.addPartitions([from(3, ORDERS, 1)]);
  await clock.advance(0);
  expect(leader(3).asked(0)).toMatchObject({ currentLeaderEpoch: 1 });
  await leader(1).answer([]);
  expect(leader(1).lastRequest.forgottenTopicsData).toMatchObject([{ partitions: [0] }]);
  expect(manager.stateOf(ORDERS)).toMatchObject({ currentLeaderEpoch: 1 });
  manager.close();
});

test('a partition that failed is counted until it is added or removed', async () => {
  const { manager, clock, leader } = newManager();
  for (const leave of [
    () => manager.addPartitions([from(1, ORDERS, 1)]),
    () => manager.removePartitions([partitionKey(ORDERS)]),
  ]) {
    manager.addPartitions([from(1, ORDERS), from(1, OTHER)]);
    await clock.advance(0);
    if (!leader(1).asked(0)) await leader(1).answer([]);
    const names = leader(1).lastRequest.topics.flatMap(({ partitions }) =>
      partitions.map(({ partition }) => partition),
    );
    const answers = names.map((partition) => ({
      partition,
      errorCode: partition === 0 ? ErrorCode.FENCED_LEADER_EPOCH : 0,
    }));
    await leader(1).answer(answers);
    expect([...manager.failedPartitions]).toEqual(['orders-0']);
    leave();
    expect([...manager.failedPartitions]).toEqual([]);
    manager.removePartitions([partitionKey(ORDERS)]);
  }
  manager.close();
});

test('a partition that comes between a turn without anything to ask and the rest after it is asked for at once', async () => {
  let look: (() => void) | null = null;
  const quota = {
    isThrottled: ({ partition }: TopicPartition) => partition === 0,
    isQuotaExceeded: () => {
      if (look) queueMicrotask(look);
      look = null;
      return true;
    },
    record: () => undefined,
  };
  const { manager, clock, leader } = newManager(quota);
  manager.addPartitions([from(1, ORDERS)]);
  await clock.advance(0);
  look = () => manager.addPartitions([from(1, OTHER)]);
  await clock.advance(1000);
  expect(look).toBeNull();
  expect(leader(1).asked(1)).toMatchObject({ fetchOffset: 0n });
  manager.close();
});

test('an answer for another offset than the one a partition is at by now is dropped, and the session begins again', async () => {
  const { manager, clock, leader } = newManager();
  manager.addPartitions([from(1, ORDERS, 0, 5), from(1, OTHER)]);
  await clock.advance(0);
  expect(leader(1).asked(0)).toMatchObject({ fetchOffset: 5n });
  manager.removePartitions([partitionKey(ORDERS)]);
  manager.addPartitions([from(1, ORDERS, 0, 3)]);
  await leader(1).answer([
    { partition: 0, errorCode: ErrorCode.FENCED_LEADER_EPOCH },
    { partition: 1, errorCode: -1 },
  ]);
  expect([...manager.failedPartitions]).toEqual([]);
  expect(leader(1).lastRequest.sessionEpoch).toBe(0);
  expect(leader(1).asked(0)).toMatchObject({ fetchOffset: 3n });
  manager.close();
});
