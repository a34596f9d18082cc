/**
 * What a session's partitions must not lose by resting: each test lets something happen in a moment in which nobody looks.
 */
import { AssertionError } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { LogError, UnifiedLog } from '../../../src/log/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { FetchSessionCache } from '../../../src/replication/core/fetch-session.js';
import type { WatchedPartitions } from '../../../src/replication/fetch/watched-partitions.js';
import { batchOf, ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions } from './replica-cluster.js';

const OTHER = { topic: 'orders', partition: 1 };
/** For so long at most the end of a log stays in memory; afterwards a read needs the disk, and a turn. */
const TAIL_MEMORY_MS = 10_000;

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 1, ...options });
};
afterEach(() => {
  cluster.stop();
  jest.restoreAllMocks();
});

interface Sent {
  response: FetchResponse | null;
  failure: unknown;
}

type Asked = { partition: number; fetchOffset?: number; topicId?: string };

function send(partitions: readonly Asked[], over: FetchRequestInput, version = 12, authorize = () => 0): Sent {
  const entries = partitions.map(({ partition, fetchOffset = 0 }) => ({
    partition,
    fetchOffset: BigInt(fetchOffset),
    partitionMaxBytes: 1 << 20,
  }));
  const topics = entries.length > 0 ? [{ topic: ORDERS.topic, topicId: TOPIC_ID, partitions: entries }] : [];
  const input = { maxWaitMs: 500, minBytes: 1, sessionEpoch: 0, topics, ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, version), version);
  const sent: Sent = { response: null, failure: null };
  const fail = (error: unknown): void => {
    sent.failure = error;
  };
  cluster
    .broker(1)
    .replicas.handleFetch(
      request,
      version,
      { listenerName: 'PLAINTEXT', clientAddress: 'a', mayReplicate: true, authorize, fail },
      (response) => {
        sent.response = fetchResponse.decode(fetchResponse.encode(response, version), version);
      },
    );
  return sent;
}

/** `partition: bytes` of each partition in the answer. */
function bytesOf({ response }: Sent): Record<number, number> {
  const partitions = response!.responses.flatMap((topic) => topic.partitions);
  return Object.fromEntries(partitions.map((one) => [one.partitionIndex, (one.records as Buffer | null)?.length ?? 0]));
}

/** Partitions 0 and 1, of which 1 has records that only the disk has any more. */
async function startWithColdPartition(options: Partial<ClusterOptions> = {}): Promise<void> {
  await start(options);
  await cluster.create([1], [ORDERS, OTHER]);
  for (let i = 0; i < 5; i++) await cluster.broker(1).produce(['x'.repeat(1000)], 1, OTHER);
  await cluster.clock.advance(3 * TAIL_MEMORY_MS);
}

const watchedOf = (brokerId: number): WatchedPartitions =>
  (cluster.broker(brokerId).replicas as unknown as { watched: WatchedPartitions }).watched;

test('a record that comes while another partition of a new session is read from the disk is delivered', async () => {
  await startWithColdPartition();
  const opening = send([{ partition: 0 }, { partition: 1 }], {});
  expect(opening.response).toBeNull();
  await cluster.broker(1).produce(['hello'], 1);
  await cluster.clock.advance(5);
  expect(bytesOf(opening)).toMatchObject({ 0: 0 });
  const { sessionId } = opening.response!;
  const next = send([{ partition: 1, fetchOffset: 5 }], { sessionId, sessionEpoch: 1 });
  await cluster.clock.advance(500);
  expect(bytesOf(next)[0]).toBeGreaterThan(0);
});

test('a replica that goes while another partition of a new session is read from the disk is told of', async () => {
  await startWithColdPartition();
  const opening = send([{ partition: 0 }, { partition: 1 }], {});
  expect(opening.response).toBeNull();
  const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
  const stop = [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }];
  await cluster.broker(1).replicas.stopReplicas(controller, stop);
  await cluster.clock.advance(5);
  const { sessionId } = opening.response!;
  const next = send([{ partition: 1, fetchOffset: 5 }], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 });
  await cluster.clock.advance(10);
  const partitions = next.response!.responses.flatMap((topic) => topic.partitions);
  expect(partitions).toMatchObject([{ partitionIndex: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
});

test('a record that comes while its follower reads another partition from the disk is replicated', async () => {
  await start({ brokers: 2 });
  await cluster.create([1, 2], [ORDERS, OTHER]);
  const { replicas } = cluster.broker(1);
  for (const tp of [ORDERS, OTHER]) await cluster.broker(1).produce(['warm'], 1, tp);
  await cluster.clock.advance(2000);
  cluster.cut(1, 2);
  await cluster.clock.advance(2000);
  await cluster.broker(1).produce(['x'.repeat(1000)], 1, OTHER);
  await cluster.clock.advance(TAIL_MEMORY_MS + 5000);
  let produced: Promise<{ errorCode: number }> | null = null;
  const handle = replicas.handleFetch.bind(replicas);
  jest.spyOn(replicas, 'handleFetch').mockImplementation((...args) => {
    const underWay = handle(...args);
    produced ??= cluster.broker(1).produce(['important'], -1, ORDERS, 20_000);
    return underWay;
  });
  cluster.heal();
  await cluster.until(() => cluster.broker(2).log().logEndOffset === 2, 5000);
  await cluster.until(() => cluster.broker(1).log().highWatermark === 2, 5000);
  expect((await produced!).errorCode).toBe(ErrorCode.NONE);
});

test('a topic whose id becomes known only after its session began is watched from then on', async () => {
  let isKnown = false;
  await start({
    extras: () => ({
      metadata: {
        hasAliveBroker: () => true,
        contains: () => true,
        rackOf: () => null,
        topicName: (id) => (isKnown && id === TOPIC_ID ? 'orders' : undefined),
      },
    }),
  });
  await cluster.create([1]);
  const opening = send([{ partition: 0 }], {}, 13);
  expect(opening.response!.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
  const { sessionId } = opening.response!;
  isKnown = true;
  // Now at its end, it rests.
  const known = send([], { sessionId, sessionEpoch: 1 }, 13);
  await cluster.clock.advance(500);
  expect(known.response!.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
  const waiting = send([], { sessionId, sessionEpoch: 2, maxWaitMs: 60_000 }, 13);
  await cluster.broker(1).produce(['hello'], 1);
  await cluster.clock.advance(1);
  expect(bytesOf(waiting)[0]).toBeGreaterThan(0);
});

test('what comes while the first read waits for the disk answers the fetch, not the time', async () => {
  await startWithColdPartition();
  const fetched = send([{ partition: 0 }, { partition: 1 }], { minBytes: 6000, maxWaitMs: 60_000 });
  await cluster.broker(1).produce(['y'.repeat(2000)], 1);
  await cluster.clock.advance(5);
  expect(bytesOf(fetched)[0]).toBeGreaterThan(2000);
});

test('a fetch that names a topic which is not known waits for the others', async () => {
  await start();
  await cluster.create([1], [ORDERS, OTHER]);
  const refusal = (tp?: { partition: number }): number =>
    tp?.partition === 1 ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE;
  const waiting = send([{ partition: 0 }, { partition: 1 }], { maxWaitMs: 60_000 }, 12, refusal);
  await cluster.clock.advance(1000);
  expect(waiting.response).toBeNull();
  await cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(1);
  expect(waiting.response!.responses[0]!.partitions.map((one) => one.errorCode)).toEqual([
    ErrorCode.NONE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ]);
  // With nothing else to wait for it is answered at once.
  expect(send([{ partition: 1 }], {}, 12, refusal).response).not.toBeNull();
});

test('a fetch whose read from the disk breaks an invariant is failed, and watches nothing any more', async () => {
  await startWithColdPartition();
  jest.spyOn(UnifiedLog.prototype, 'read').mockImplementation(() => Promise.reject(new AssertionError('broken')));
  const fetched = send([{ partition: 0 }], { sessionEpoch: -1 });
  await settle();
  expect(fetched).toEqual({ response: null, failure: new AssertionError('broken') });
  expect(watchedOf(1).size).toBe(0);
});

test('a fetch that fails while it is looked at leaves those beside it unharmed', async () => {
  await start();
  await cluster.create([1], [ORDERS, OTHER]);
  const broken = send([{ partition: 0 }], { sessionEpoch: -1, maxWaitMs: 60_000 });
  const sound = send([{ partition: 0 }], { sessionEpoch: -1, maxWaitMs: 60_000 });
  const available = jest.spyOn(watchedOf(1), 'availableBytes').mockImplementationOnce(() => {
    throw new AssertionError('broken');
  });
  await cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(1);
  expect(available).toHaveBeenCalledTimes(2);
  expect(broken.failure).toEqual(new AssertionError('broken'));
  expect(bytesOf(sound)[0]).toBeGreaterThan(0);
});

test('a fetch that fails when its time is up leaves those beside it unharmed', async () => {
  await start();
  await cluster.create([1], [ORDERS, OTHER]);
  const broken = send([{ partition: 0 }], { sessionEpoch: -1 });
  const sound = send([{ partition: 0 }], { sessionEpoch: -1 });
  const endWait = jest.spyOn(FetchSessionCache.prototype, 'endWait').mockImplementationOnce(() => {
    throw new AssertionError('broken');
  });
  await cluster.clock.advance(501);
  expect(endWait).toHaveBeenCalled();
  expect(broken.failure).toEqual(new AssertionError('broken'));
  expect(bytesOf(sound)[0]).toBe(0);
});

test('a session that nobody uses costs each of its partitions one notice, and goes on where it was', async () => {
  await start();
  await cluster.create([1], [ORDERS, OTHER]);
  const { sessionId } = send([{ partition: 0 }, { partition: 1 }], { maxWaitMs: 0 }).response!;
  expect(watchedOf(1).size).toBe(2);
  for (let i = 0; i < 3; i++) await cluster.broker(1).produce(['a'], 1);
  expect(watchedOf(1).size).toBe(1);
  const next = send([], { sessionId, sessionEpoch: 1 });
  expect(bytesOf(next)[0]).toBeGreaterThan(0);
  expect(watchedOf(1).size).toBe(2);
});

test('a session that is evicted while its request waits gets its answer, and lets go of its partitions', async () => {
  await start({ config: { 'max.incremental.fetch.session.cache.slots': '1' } });
  await cluster.create([1], [ORDERS, OTHER]);
  const { sessionId } = send([{ partition: 0 }], { maxWaitMs: 0 }).response!;
  await cluster.clock.advance(130_000);
  const waiting = send([], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 });
  // Larger than the other, which is old enough to go.
  const larger = send([{ partition: 0 }, { partition: 1 }], { maxWaitMs: 0 }).response!;
  expect(larger.sessionId).not.toBe(0);
  await cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(1);
  expect(bytesOf(waiting)[0]).toBeGreaterThan(0);
  // Those of the new session, but for the one that changed.
  expect(watchedOf(1).size).toBe(1);
});

test('a read that was given up does not set its follower back', async () => {
  await start({ brokers: 2 });
  await cluster.create([1, 2]);
  await cluster.until(() => cluster.broker(2).replicas.partitionOf(ORDERS) !== undefined);
  cluster.cut(1, 2);
  for (let i = 0; i < 5; i++) void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  const follower = { replicaId: 2, maxWaitMs: 60_000 };
  const { sessionId } = send([{ partition: 0, fetchOffset: 5 }], { ...follower, maxWaitMs: 0 }).response!;
  await cluster.clock.advance(TAIL_MEMORY_MS + 5000);
  const givenUp = send([{ partition: 0, fetchOffset: 1 }], { ...follower, sessionId, sessionEpoch: 1 });
  const present = send([{ partition: 0, fetchOffset: 5 }], { ...follower, sessionId, sessionEpoch: 2 });
  await cluster.clock.advance(10);
  expect(givenUp.response!.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  expect(present.response).toBeNull();
  expect(cluster.broker(1).replicas.partitionOf(ORDERS)!.replica(2)!.logEndOffset).toBe(5);
});

test.each([
  { version: 5, error: ErrorCode.NOT_LEADER_OR_FOLLOWER },
  { version: 6, error: ErrorCode.KAFKA_STORAGE_ERROR },
])('a partition whose directory failed is error $error to clients of version $version', async ({ version, error }) => {
  await start();
  await cluster.create([1]);
  cluster.broker(1).replicas.handleLogDirFailure('/logs');
  const { response } = send([{ partition: 0 }], { maxWaitMs: 0 }, version);
  expect(response!.responses[0]!.partitions[0]!.errorCode).toBe(error);
});

test('a consumer is told of an append whose own answer throws', async () => {
  await start();
  await cluster.create([1]);
  const waiting = send([{ partition: 0 }], { maxWaitMs: 60_000 });
  const append = (): unknown =>
    void cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      entries: [{ tp: ORDERS, records: batchOf(['a']) }],
      onComplete: () => {
        throw new Error('no answer');
      },
    });
  expect(append).toThrow('no answer');
  await cluster.clock.advance(1);
  expect(bytesOf(waiting)[0]).toBeGreaterThan(0);
});

test('a fetch under another topic id than the one that a log gets is refused at once', async () => {
  const options = {
    withTopicIds: false,
    extras: () => ({
      metadata: {
        hasAliveBroker: () => true,
        contains: () => true,
        rackOf: () => null,
        topicName: () => 'orders',
      },
    }),
  };
  cluster = await ReplicaCluster.start(Object.assign(options, { brokers: 1 }));
  await cluster.create([1]);
  const other = [{ topicId: 'BBBBBBBBBBBBBBBBBBBBEQ', partitions: [{ partition: 0, partitionMaxBytes: 1 << 20 }] }];
  const { sessionId } = send([], { maxWaitMs: 0, topics: other }, 13).response!;
  const waiting = send([], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 }, 13);
  expect(waiting.response).toBeNull();
  options.withTopicIds = true;
  cluster.announce([ORDERS]);
  await cluster.clock.advance(1);
  expect(waiting.response!.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.INCONSISTENT_TOPIC_ID);
});

test('a fetch that waits is not failed by one of its partitions whose directory fails meanwhile', async () => {
  await start();
  await cluster.create([1], [ORDERS, OTHER]);
  const waiting = send([{ partition: 0 }, { partition: 1 }], { minBytes: 100_000, maxWaitMs: 60_000 });
  expect(waiting).toEqual({ response: null, failure: null });
  const failing = cluster.broker(1).log(ORDERS);
  jest.spyOn(failing, 'read').mockImplementation(() => {
    throw new LogError('KAFKA_STORAGE_ERROR', 'the directory fails');
  });
  await cluster.broker(1).produce(['a'], 1, OTHER);
  await cluster.broker(1).produce(['a'], 1, ORDERS);
  await cluster.clock.advance(60_000);
  expect(waiting.failure).toBeNull();
  const codes = waiting.response!.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  expect(codes).toEqual([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NONE]);
});
