import { settle } from '../../../src/testing/index.js';
import { UnifiedLog } from '../../../src/log/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions } from './replica-cluster.js';

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 3, ...options });
};
afterEach(() => {
  cluster.stop();
  jest.restoreAllMocks();
});

interface AskedPartition {
  readonly partition?: number;
  readonly fetchOffset?: number;
  readonly currentLeaderEpoch?: number;
  readonly lastFetchedEpoch?: number;
  readonly maxBytes?: number;
}

/** A consumer's request, by topic name (v12) or id (v13). */
function asking(partitions: readonly AskedPartition[], over: FetchRequestInput = {}): FetchRequestInput {
  const entries = partitions.map(({ partition = 0, fetchOffset = 0, maxBytes = 1 << 20, ...epochs }) => ({
    partition,
    fetchOffset: BigInt(fetchOffset),
    partitionMaxBytes: maxBytes,
    ...epochs,
  }));
  return {
    maxWaitMs: 500,
    minBytes: 1,
    topics: entries.length > 0 ? [{ topic: ORDERS.topic, topicId: TOPIC_ID, partitions: entries }] : [],
    ...over,
  };
}

/** Sends a fetch; `response` is there once it is answered. */
function send(
  brokerId: number,
  input: FetchRequestInput,
  version = 12,
  authorize = () => 0,
): { response: FetchResponse | null } {
  const request = fetchRequest.decode(fetchRequest.encode(input, version), version);
  const sent: { response: FetchResponse | null } = { response: null };
  const fail = (error: unknown): void => {
    throw error;
  };
  const context = { listenerName: 'PLAINTEXT', clientAddress: 'a', mayReplicate: true, authorize, fail };
  cluster.broker(brokerId).replicas.handleFetch(request, version, context, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, version), version);
  });
  return sent;
}

/** What the response says of its first partition. */
const first = (response: FetchResponse | null) => response!.responses[0]!.partitions[0]!;
const sizeOf = (response: FetchResponse | null): number => (first(response).records as Buffer | null)?.length ?? 0;

test('a consumer gets what there is at once, up to the high watermark', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  await cluster.broker(1).produce(['a'], 1);
  const { response } = send(1, asking([{}], { maxWaitMs: 0 }));
  expect(first(response)).toMatchObject({ errorCode: 0, highWatermark: 0n, lastStableOffset: 0n, logStartOffset: 0n });
  expect(sizeOf(response)).toBe(0);
});

test('a waiting consumer is answered by what is committed, and by nothing before', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  const waiting = send(1, asking([{}], { maxWaitMs: 60_000 }));
  void cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(1000);
  expect(waiting.response).toBeNull();
  cluster.heal();
  await cluster.until(() => waiting.response !== null, 5000);
  expect(first(waiting.response)).toMatchObject({ errorCode: 0, highWatermark: 1n });
  expect(sizeOf(waiting.response)).toBeGreaterThan(61);
});

test('a consumer that waits for much waits until the time is up, and gets what there is', async () => {
  await start({ brokers: 1 });
  await cluster.create([1], [ORDERS, { topic: 'orders', partition: 1 }]);
  await cluster.broker(1).produce(['a'], 1);
  const waiting = send(1, asking([{}, { partition: 1 }], { minBytes: 200, maxWaitMs: 500 }));
  await cluster.clock.advance(400);
  expect(waiting.response).toBeNull();
  await cluster.clock.advance(100);
  expect(waiting.response!.responses[0]!.partitions.map((one) => (one.records as Buffer).length > 0)).toEqual([
    true,
    false,
  ]);
  // What was there counts together with what comes.
  const enough = send(1, asking([{}, { partition: 1 }], { minBytes: 150, maxWaitMs: 60_000 }));
  await cluster.broker(1).produce(['x'.repeat(50)], 1, { topic: 'orders', partition: 1 });
  await cluster.clock.advance(10);
  expect(enough.response).not.toBeNull();
});

test.each([
  { title: 'beyond the end', asked: { fetchOffset: 9 }, error: ErrorCode.OFFSET_OUT_OF_RANGE },
  { title: 'an old leader epoch', asked: { currentLeaderEpoch: 0 }, error: ErrorCode.FENCED_LEADER_EPOCH },
  { title: 'a leader epoch to come', asked: { currentLeaderEpoch: 7 }, error: ErrorCode.UNKNOWN_LEADER_EPOCH },
  { title: 'an unknown partition', asked: { partition: 5 }, error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
])('asking for $title is answered at once', async ({ asked, error }) => {
  await start();
  await cluster.create([1, 2]);
  cluster.elect(1);
  expect(first(send(1, asking([asked])).response)).toMatchObject({ errorCode: error, highWatermark: -1n });
});

test('a follower answers consumers that know of it, and no others', async () => {
  await start();
  await cluster.create([1, 2]);
  await cluster.broker(1).produce(['a'], 1);
  await cluster.until(() => cluster.broker(2).log().highWatermark === 1);
  expect(sizeOf(send(2, asking([{}])).response)).toBeGreaterThan(0);
  expect(first(send(2, asking([{}]), 10).response).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
});

test('a refusal by authorization is the answer for its partition', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  const { response } = send(1, asking([{}]), 12, () => ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  expect(first(response).errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
});

test('a consumer is sent to the replica of its rack once that has the offset', async () => {
  await start({ config: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' } });
  await cluster.create([1, 2]);
  await cluster.broker(1).produce(['a'], 1);
  await cluster.until(() => cluster.broker(1).log().highWatermark === 1);
  expect(first(send(1, asking([{}], { rackId: 'rack-2' })).response)).toMatchObject({
    preferredReadReplica: 2,
    errorCode: 0,
  });
  const here = send(1, asking([{}], { rackId: 'rack-1' })).response;
  expect(first(here).preferredReadReplica).toBe(-1);
  expect(sizeOf(here)).toBeGreaterThan(0);
});

test('a log that diverges is told where, instead of records', async () => {
  await start();
  await cluster.create([1, 2]);
  await cluster.broker(1).produce(['a'], 1);
  cluster.elect(1);
  await cluster.broker(1).produce(['b'], 1);
  const { response } = send(1, asking([{ fetchOffset: 2, lastFetchedEpoch: 0 }], { replicaId: 2 }));
  expect(first(response)).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: 0, endOffset: 1n } });
});

test('a replica that is not assigned is not recorded', async () => {
  await start();
  await cluster.create([1, 2]);
  expect(first(send(1, asking([{ currentLeaderEpoch: 0 }], { replicaId: 3 })).response).errorCode).toBe(
    ErrorCode.UNKNOWN_LEADER_EPOCH,
  );
  expect(first(send(1, asking([{}], { replicaId: 3 })).response).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
});

describe('in a session', () => {
  /** Begins one over partitions 0 to 2. */
  async function begin(version = 12): Promise<number> {
    await start({ brokers: 1 });
    await cluster.create(
      [1],
      [0, 1, 2].map((partition) => ({ topic: 'orders', partition })),
    );
    const partitions = [0, 1, 2].map((partition) => ({ partition }));
    const { response } = send(1, asking(partitions, { sessionEpoch: 0, maxWaitMs: 0 }), version);
    expect(response!.responses[0]!.partitions).toHaveLength(3);
    expect(response!.sessionId).not.toBe(0);
    return response!.sessionId;
  }

  test.each([12, 13])('of version %i only partitions with something new are answered', async (version) => {
    const sessionId = await begin(version);
    const next = send(1, asking([], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 }), version);
    await cluster.broker(1).produce(['a'], 1, { topic: 'orders', partition: 1 });
    await cluster.clock.advance(1);
    expect(next.response!.responses.flatMap(({ partitions }) => partitions.map((one) => one.partitionIndex))).toEqual([
      1,
    ]);
    // Unread, it is answered again.
    const again = send(1, asking([], { sessionId, sessionEpoch: 2 }), version);
    expect(sizeOf(again.response)).toBeGreaterThan(0);
    // Read, there is nothing more.
    const done = send(
      1,
      asking([{ partition: 1, fetchOffset: 1 }], { sessionId, sessionEpoch: 3, maxWaitMs: 0 }),
      version,
    );
    expect(done.response).toMatchObject({ errorCode: 0, sessionId, responses: [] });
  });

  test('a request out of step is refused, and so is one for a session that is not there', async () => {
    const sessionId = await begin();
    expect(send(1, asking([], { sessionId, sessionEpoch: 5 })).response).toMatchObject({
      errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH,
      sessionId: 0,
      responses: [],
    });
    expect(send(1, asking([], { sessionId: sessionId + 1, sessionEpoch: 1 })).response).toMatchObject({
      errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    });
    expect(send(1, asking([], { sessionId, sessionEpoch: 1 }), 13).response).toMatchObject({
      errorCode: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
    });
  });

  test('a request that is overtaken by the next is answered as a duplicate', async () => {
    const sessionId = await begin();
    const overtaken = send(1, asking([], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 }));
    const next = send(1, asking([], { sessionId, sessionEpoch: 2, maxWaitMs: 60_000 }));
    expect(overtaken.response).toMatchObject({ errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId });
    await cluster.broker(1).produce(['a'], 1);
    await cluster.clock.advance(1);
    expect(sizeOf(next.response)).toBeGreaterThan(0);
  });

  test('a forgotten partition is not answered any more', async () => {
    const sessionId = await begin();
    const forgottenTopicsData = [{ topic: 'orders', partitions: [1] }];
    const waiting = send(1, asking([], { sessionId, sessionEpoch: 1, maxWaitMs: 1000, forgottenTopicsData }));
    await cluster.broker(1).produce(['a'], 1, { topic: 'orders', partition: 1 });
    await cluster.clock.advance(999);
    expect(waiting.response).toBeNull();
    await cluster.clock.advance(1);
    expect(waiting.response!.responses).toEqual([]);
  });

  test('a partition that is deleted is an error at once', async () => {
    const sessionId = await begin();
    const waiting = send(1, asking([], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 }));
    const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
    await cluster.broker(1).replicas.stopReplicas(controller, [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }]);
    await cluster.clock.advance(1);
    expect(first(waiting.response)).toMatchObject({ partitionIndex: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  });

  test('records that do not fit come with the next requests, each partition in its turn', async () => {
    const sessionId = await begin();
    for (const partition of [0, 1, 2]) {
      await cluster.broker(1).produce(['x'.repeat(300)], 1, { topic: 'orders', partition });
    }
    const served: number[] = [];
    const offsets = [0, 0, 0];
    let acknowledged: AskedPartition[] = [];
    for (let epoch = 1; served.length < 3; epoch++) {
      const { response } = send(
        1,
        asking(acknowledged, { sessionId, sessionEpoch: epoch, maxBytes: 100, maxWaitMs: 0 }),
      );
      acknowledged = [];
      for (const { partitionIndex, records } of response!.responses.flatMap(({ partitions }) => partitions)) {
        if ((records as Buffer).length === 0) continue;
        served.push(partitionIndex);
        offsets[partitionIndex] = 1;
        acknowledged.push({ partition: partitionIndex, fetchOffset: 1 });
      }
    }
    expect(served.sort()).toEqual([0, 1, 2]);
  });

  test('a request that ends the session gets its answer without one', async () => {
    const sessionId = await begin();
    const { response } = send(1, asking([{}], { sessionId, sessionEpoch: -1, maxWaitMs: 0 }));
    expect(response).toMatchObject({ errorCode: 0, sessionId: 0 });
    expect(send(1, asking([], { sessionId, sessionEpoch: 1 })).response!.errorCode).toBe(
      ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    );
  });
});

test('partitions at rest are not read by their followers, and a record wakes only its own', async () => {
  await start({ brokers: 2 });
  const partitions = Array.from({ length: 200 }, (_, partition) => ({ topic: 'orders', partition }));
  await cluster.create([1, 2], partitions);
  await cluster.clock.advance(5000);
  const read = jest.spyOn(UnifiedLog.prototype, 'read');
  const before = cluster.fetchCount;
  await cluster.clock.advance(60_000);
  expect(cluster.fetchCount - before).toBeGreaterThan(100);
  expect(read).not.toHaveBeenCalled();
  await cluster.broker(1).produce(['a'], 1, { topic: 'orders', partition: 77 });
  await cluster.until(() => cluster.broker(2).log({ topic: 'orders', partition: 77 }).highWatermark === 1);
  await settle();
  expect(read.mock.calls.length).toBeLessThan(10);
  await cluster.clock.advance(60_000);
  expect(read.mock.calls.length).toBeLessThan(10);
});
