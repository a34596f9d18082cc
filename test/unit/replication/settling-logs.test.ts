/** Replication and clients while a log that was cut settles, and when offsets move in ways that no one else tells of. */
import { settle } from '../../../src/testing/index.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, UnifiedLog } from '../../../src/log/index.js';
import { ErrorCode, fetchRequest, fetchResponse, type FetchResponse } from '../../../src/protocol/index.js';
import { batch } from '../log/log-fixture.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions, type TestBroker } from './replica-cluster.js';

let cluster: ReplicaCluster;
afterEach(() => {
  cluster.stop();
  jest.restoreAllMocks();
});

async function start(options: Partial<ClusterOptions> = {}): Promise<TestBroker> {
  cluster = await ReplicaCluster.start({ brokers: 1, ...options });
  await cluster.create([...cluster.brokers.keys()]);
  return cluster.broker(1);
}

/** A fetch of a read_committed consumer. */
function consume(sessionId: number, sessionEpoch: number, fetchOffset: number | null, maxWaitMs = 500) {
  const partitions =
    fetchOffset === null ? [] : [{ partition: 0, fetchOffset: BigInt(fetchOffset), partitionMaxBytes: 1 << 20 }];
  const topics = fetchOffset === null ? [] : [{ topic: 'orders', topicId: TOPIC_ID, partitions }];
  const input = { maxWaitMs, minBytes: 1, isolationLevel: 1, sessionId, sessionEpoch, topics };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const sent: { response: FetchResponse | null } = { response: null };
  const fail = (error: unknown): void => {
    throw error;
  };
  const context = { listenerName: 'PLAINTEXT', clientAddress: 'a', mayReplicate: true, authorize: () => 0, fail };
  cluster.broker(1).replicas.handleFetch(request, 12, context, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  return sent;
}

function partitionsOf({ response }: { response: FetchResponse | null }) {
  return response!.responses
    .flatMap(({ partitions }) => partitions)
    .map(({ errorCode, records }) => ({ errorCode, bytes: (records as Buffer | null)?.length ?? 0 }));
}

function slowSyncs(broker: TestBroker): void {
  broker.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 700 : 0) };
}

/** A log with all below the high watermark, of which the last record is cut all the same, after an unclean election. */
async function cutBelowHighWatermark(): Promise<TestBroker> {
  const broker = await start();
  for (let each = 0; each < 6; each++) await broker.produce([`record-${each}`]);
  await cluster.clock.advance(5000);
  slowSyncs(broker);
  broker.replicas.partitionOf(ORDERS)!.truncateTo(5);
  expect(broker.log().whenTruncated()).not.toBeNull();
  return broker;
}

test('a read_committed consumer that comes while a log settles gets what is committed once it has', async () => {
  await cutBelowHighWatermark();
  const opening = consume(0, 0, 2);
  await cluster.clock.advance(500);
  expect(partitionsOf(opening)).toEqual([{ errorCode: ErrorCode.NONE, bytes: 0 }]);
  const next = consume(opening.response!.sessionId, 1, null, 30_000);
  await cluster.until(() => next.response !== null, 20_000);
  expect(partitionsOf(next)).toEqual([{ errorCode: ErrorCode.NONE, bytes: expect.any(Number) as number }]);
  expect(partitionsOf(next)[0]!.bytes).toBeGreaterThan(0);
});

test('the end for a read_committed consumer is answered once the log has settled', async () => {
  const { replicas } = await cutBelowHighWatermark();
  let answer: unknown = null;
  const query = { isolation: 'READ_COMMITTED', currentLeaderEpoch: -1, fetchOnlyFromLeader: true } as const;
  void replicas.fetchOffsetForTimestamp(ORDERS, LATEST_TIMESTAMP, query).then((found) => (answer = found));
  await settle();
  expect(answer).toBeNull();
  await cluster.until(() => answer !== null, 20_000);
  expect(answer).toMatchObject({ errorCode: ErrorCode.NONE, offset: 5 });
});

test('a partition whose cut never settles is answered once its disk is seen to hang, and at once from then on', async () => {
  const broker = await start();
  for (let each = 0; each < 6; each++) await broker.produce([`record-${each}`]);
  await cluster.clock.advance(5000);
  broker.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 1e9 : 0) };
  broker.replicas.partitionOf(ORDERS)!.truncateTo(5);
  const query = { isolation: 'READ_COMMITTED', currentLeaderEpoch: -1, fetchOnlyFromLeader: true } as const;
  const ask = (timestamp: number): { errorCode: number | null } => {
    const answer: { errorCode: number | null } = { errorCode: null };
    void broker.replicas
      .fetchOffsetForTimestamp(ORDERS, timestamp, query)
      .then((found) => Object.assign(answer, found));
    return answer;
  };
  const [end, byTime] = [ask(LATEST_TIMESTAMP), ask(5)];
  await cluster.clock.advance(10_000);
  expect(end.errorCode).toBeNull();
  // Clients wait for 30 s.
  await cluster.clock.advance(18_000);
  expect([end.errorCode, byTime.errorCode]).toEqual([ErrorCode.OFFSET_NOT_AVAILABLE, ErrorCode.OFFSET_NOT_AVAILABLE]);
  const [again, earliest] = [ask(LATEST_TIMESTAMP), ask(EARLIEST_TIMESTAMP)];
  await cluster.clock.advance(1);
  expect([again.errorCode, earliest.errorCode]).toEqual([ErrorCode.OFFSET_NOT_AVAILABLE, ErrorCode.NONE]);
  broker.fs.pace = null;
  await cluster.clock.advance(1e9);
  const mended = ask(LATEST_TIMESTAMP);
  await cluster.clock.advance(1);
  expect(mended).toMatchObject({ errorCode: ErrorCode.NONE, offset: 5 });
});

test('a read_committed consumer that waits at an open transaction is told when retention deletes it', async () => {
  const broker = await start({
    config: { 'transaction.partition.verification.enable': 'false' },
    topicConfig: { 'segment.bytes': '2000', 'retention.bytes': '3000' },
  });
  const log = broker.log();
  const append = (records: Buffer): unknown => log.appendAsLeader(records, { leaderEpoch: 0 });
  append(batch({ values: ['hangs'], producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }));
  for (let each = 0; each < 20; each++) append(batch({ values: ['x'.repeat(500)] }));
  log.updateHighWatermark(21);
  const waiting = consume(0, 0, 0, 60_000);
  await cluster.clock.advance(100);
  expect(waiting.response).toBeNull();
  expect(log.deleteOldSegments()).toBeGreaterThan(0);
  await cluster.clock.advance(1);
  expect(partitionsOf(waiting)).toEqual([{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, bytes: 0 }]);
});

test('a follower that cut its log appends once that has settled, also what another leader sends', async () => {
  const broker = await start({ brokers: 3 });
  await Promise.all([broker.produce(['replicated']), cluster.clock.advance(1500)]);
  cluster.cut(1, 2);
  cluster.cut(1, 3);
  await broker.produce(['lost'], 1);
  slowSyncs(broker);
  cluster.elect(2, [1, 2, 3]);
  await cluster.clock.advance(100);
  cluster.heal();
  const log = broker.log();
  await cluster.until(() => log.logEndOffset === 1, 5000);
  expect(log.whenTruncated()).not.toBeNull();
  const wasReady: boolean[] = [];
  const { appendAsFollower } = UnifiedLog.prototype;
  jest.spyOn(UnifiedLog.prototype, 'appendAsFollower').mockImplementation(function (this: UnifiedLog, records) {
    if (this === log) wasReady.push(this.isReadyForAppends);
    return appendAsFollower.call(this, records);
  });
  cluster.elect(3, [1, 2, 3]);
  await cluster.broker(3).produce(['next'], 1);
  await cluster.until(() => log.logEndOffset === 2, 20_000);
  expect(wasReady).toEqual([true]);
});
