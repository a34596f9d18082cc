import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode, type FetchResponse } from '../../../src/protocol/index.js';
import type { LeaderEndpoint, Partition } from '../../../src/replication/index.js';
import { FetcherPartitions } from '../../../src/replication/follow/fetcher-partitions.js';
import type { PartitionFetchState } from '../../../src/replication/follow/fetcher-state.js';
import { ReplicaFetcher } from '../../../src/replication/follow/fetcher.js';

const TP = { topic: 'orders', partition: 0 };
const ID = 'AAAAAAAAAAAAAAAAAAAAEQ';

const state = (partition: number, topicId: string | null): PartitionFetchState => ({
  tp: { topic: 'orders', partition },
  key: `orders-${partition}`,
  topicId,
  fetchOffset: 0,
  currentLeaderEpoch: 0,
  lastFetchedEpoch: -1,
  phase: 'Fetching',
  delayedUntilMs: null,
  lag: null,
});

test('a partition that is left alone after an error is fetched again though its topic got an id meanwhile', async () => {
  const clock = new SimulatedClock();
  const versions: number[] = [];
  const leader = {
    brokerId: 1,
    fetch: (_request: object, version: number): Promise<FetchResponse> => {
      versions.push(version);
      const partition = { partitionIndex: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, records: null };
      const responses = [{ topic: version >= 13 ? '' : TP.topic, topicId: ID, partitions: [partition] }];
      // Without a session each request names all partitions.
      return Promise.resolve({ throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses } as unknown as FetchResponse);
    },
    close: () => undefined,
  };
  const fetcher = new ReplicaFetcher({
    leader: leader as unknown as LeaderEndpoint,
    clock,
    logger: silentLogger,
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
    partitionOf: () => ({ log: { latestEpoch: 0, logStartOffset: 0 } }) as unknown as Partition,
    quota: null,
    onHighWatermark: () => undefined,
    onFailed: () => undefined,
    onBytes: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
  fetcher.addPartitions([{ tp: TP, topicId: null, leaderId: 1, currentLeaderEpoch: 0, fetchOffset: 0 }]);
  await clock.advance(1);
  expect(versions).toEqual([12]);
  fetcher.updateTopicId('orders-0', ID);
  await clock.advance(1000);
  await settle();
  expect(versions).toEqual([12, 15]);
  fetcher.close();
});

test('the name of a topic is known until the request after its last partition went', () => {
  const partitions = new FetcherPartitions();
  partitions.put(state(0, ID));
  partitions.put(state(1, ID));
  partitions.takeChanged(false);
  partitions.remove('orders-0');
  partitions.takeChanged(false);
  expect(partitions.topicName(ID)).toBe('orders');
  partitions.remove('orders-1');
  expect(partitions.topicName(ID)).toBe('orders');
  partitions.takeChanged(false);
  expect(partitions.topicName(ID)).toBeUndefined();
});

test('a topic that is made again in time keeps its name under the new id alone', () => {
  const partitions = new FetcherPartitions();
  partitions.put(state(0, ID));
  partitions.put(state(0, 'BBBBBBBBBBBBBBBBBBBBEQ'));
  partitions.takeChanged(false);
  expect(partitions.topicName(ID)).toBeUndefined();
  expect(partitions.topicName('BBBBBBBBBBBBBBBBBBBBEQ')).toBe('orders');
});
