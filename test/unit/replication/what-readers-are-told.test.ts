/** What fetches and ListOffsets are told when the log, the role or the place of the replica changes under them. */
import type { FetchDataInfo } from '../../../src/log/index.js';
import { UnifiedLog } from '../../../src/log/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import type { ReplicaQuota } from '../../../src/replication/index.js';
import { ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

const VERSION = 12;

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 2, ...options });
  await cluster.create([...cluster.brokers.keys()]);
};
afterEach(() => {
  cluster.stop();
  jest.restoreAllMocks();
});

interface Asked {
  readonly fetchOffset?: number;
  readonly currentLeaderEpoch?: number;
  readonly logStartOffset?: number;
  readonly lastFetchedEpoch?: number;
}

/** Sends a fetch of one partition to broker 1; `response` is there once it is answered. */
function fetch(asked: Asked, over: FetchRequestInput = {}): { response: FetchResponse | null } {
  const { fetchOffset = 0, currentLeaderEpoch = -1, logStartOffset = -1, lastFetchedEpoch = -1 } = asked;
  const partition = {
    partition: 0,
    fetchOffset: BigInt(fetchOffset),
    logStartOffset: BigInt(logStartOffset),
    currentLeaderEpoch,
    lastFetchedEpoch,
    partitionMaxBytes: 1 << 20,
  };
  const topics = [{ topic: ORDERS.topic, partitions: [partition] }];
  const input = { maxWaitMs: 60_000, minBytes: 1, topics, ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, VERSION), VERSION);
  const sent: { response: FetchResponse | null } = { response: null };
  const context = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: (error: unknown) => {
      throw error;
    },
  };
  cluster.broker(1).replicas.handleFetch(request, VERSION, context, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, VERSION), VERSION);
  });
  return sent;
}

const first = ({ response }: { response: FetchResponse | null }) => response!.responses[0]!.partitions[0]!;
const sizeOf = (sent: { response: FetchResponse | null }): number =>
  (first(sent).records as Buffer | null)?.length ?? 0;

describe('a fetch that waits', () => {
  test.each([
    { title: 'a consumer', over: {} },
    { title: 'a follower', over: { replicaId: 2 } },
  ])('of $title is answered when its leader epoch is over, not when its time is', async ({ over }) => {
    await start();
    cluster.cut(1, 2);
    const waiting = fetch({ currentLeaderEpoch: 0 }, over);
    await cluster.clock.advance(10);
    expect(waiting.response).toBeNull();
    cluster.elect(1);
    await cluster.clock.advance(10);
    expect(first(waiting).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
  });

  test('of a follower behind the end of a log that was cut is answered at once', async () => {
    await start();
    cluster.cut(1, 2);
    await cluster.broker(1).produce(['a', 'b'], 1);
    const waiting = fetch({ fetchOffset: 2 }, { replicaId: 2 });
    await cluster.clock.advance(10);
    expect(waiting.response).toBeNull();
    cluster.broker(1).replicas.partitionOf(ORDERS)!.truncateTo(1);
    await cluster.clock.advance(10);
    expect(first(waiting).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  });

  test('of a consumer that has read what was cut meanwhile is answered at once', async () => {
    await start({ brokers: 1 });
    await cluster.broker(1).produce(['a'], 1);
    cluster.elect(1);
    await cluster.clock.advance(10);
    await cluster.broker(1).produce(['b'], 1);
    const waiting = fetch({ fetchOffset: 2, lastFetchedEpoch: 1 });
    await cluster.clock.advance(10);
    expect(waiting.response).toBeNull();
    cluster.broker(1).replicas.partitionOf(ORDERS)!.truncateTo(1);
    await cluster.clock.advance(10);
    expect(first(waiting).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  });
});

test('an offset before the log start is out of range, also where its epoch is none of the log', async () => {
  await start({ brokers: 1 });
  const broker = cluster.broker(1);
  for (const value of ['a', 'b', 'c']) await broker.produce([value], 1);
  for (let at = 0; at < 2; at++) {
    cluster.elect(1);
    await cluster.clock.advance(10);
  }
  await broker.produce(['d'], 1);
  broker.log().maybeIncrementLogStartOffset(2, 'a test');
  const answers = [1, 2].map((fetchOffset) => first(fetch({ fetchOffset, lastFetchedEpoch: 1 }, { maxWaitMs: 0 })));
  expect(answers).toMatchObject([
    { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE },
    { errorCode: ErrorCode.NONE, divergingEpoch: { epoch: 0, endOffset: 3n } },
  ]);
});

test('a follower that is throttled by its leader asks again only when its wait is over', async () => {
  const exceeded: ReplicaQuota = { isThrottled: () => true, isQuotaExceeded: () => true, record: () => undefined };
  const free: ReplicaQuota = { isThrottled: () => false, isQuotaExceeded: () => false, record: () => undefined };
  let leader = free;
  const quota: ReplicaQuota = {
    isThrottled: (tp) => leader.isThrottled(tp),
    isQuotaExceeded: () => leader.isQuotaExceeded(),
    record: () => undefined,
  };
  await start({
    extras: () => ({ quotas: { leader: quota, follower: free } }),
    config: { 'replica.lag.time.max.ms': '2000', 'replica.fetch.wait.max.ms': '500' },
  });
  cluster.cut(1, 2);
  await cluster.broker(1).produce(['a'], 1);
  await cluster.until(() => cluster.stateOf().isr.length === 1);
  leader = exceeded;
  cluster.heal();
  await cluster.clock.advance(5000);
  const before = cluster.fetchCount;
  for (let at = 0; at < 100; at++) {
    void cluster.broker(1).produce(['b'], 1);
    await cluster.clock.advance(100);
  }
  expect(cluster.broker(2).log().logEndOffset).toBe(0);
  expect(cluster.fetchCount - before).toBeLessThanOrEqual(10_000 / 500 + 2);
});

describe('a read that waits for the disk', () => {
  /** Lets the next read of a log wait until it is told to go on. */
  function holdNextRead(): () => void {
    const read = UnifiedLog.prototype.read;
    let goOn!: () => void;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const hold = jest.spyOn(UnifiedLog.prototype, 'read');
    hold.mockImplementationOnce(async function (this: UnifiedLog, ...args: Parameters<UnifiedLog['read']>) {
      const found: FetchDataInfo = await read.apply(this, args);
      await held;
      return found;
    });
    return goOn;
  }

  test('is not answered for a role that ended meanwhile', async () => {
    await start();
    cluster.cut(1, 2);
    await cluster.broker(1).produce(['a'], 1);
    const goOn = holdNextRead();
    const reading = fetch({ fetchOffset: 1, logStartOffset: 0 }, { replicaId: 2, maxWaitMs: 0 });
    cluster.elect(1);
    const follower = cluster.broker(1).replicas.partitionOf(ORDERS)!.replica(2)!;
    const known = follower.logEndOffset;
    goOn();
    await cluster.clock.advance(10);
    expect(first(reading).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    // What was said to the leader of the last epoch is not believed in this one.
    expect(follower.logEndOffset).toBe(known);
    expect(cluster.broker(1).log().highWatermark).toBe(0);
  });

  test('of a follower is measured by where the log ended when it asked, not by what came while it waited', async () => {
    await start();
    cluster.cut(1, 2);
    await cluster.broker(1).produce(['a', 'b'], 1);
    await cluster.clock.advance(1000);
    const goOn = holdNextRead();
    fetch({ fetchOffset: 0, logStartOffset: 0 }, { replicaId: 2, maxWaitMs: 0 });
    await cluster.broker(1).produce(['c'], 1);
    goOn();
    await cluster.clock.advance(0);
    const readMs = cluster.clock.monotonicMs();
    await cluster.clock.advance(5000);
    fetch({ fetchOffset: 2, logStartOffset: 0 }, { replicaId: 2, maxWaitMs: 0 });
    expect(cluster.broker(1).replicas.partitionOf(ORDERS)!.replica(2)!.lastCaughtUpTimeMs).toBe(readMs);
  });

  test('is not answered from a log that was replaced meanwhile', async () => {
    await start({ brokers: 1, logDirs: ['/logs/a', '/logs/b'] });
    const broker = cluster.broker(1);
    await broker.produce(['a'], 1);
    const goOn = holdNextRead();
    const reading = fetch({}, { maxWaitMs: 0 });
    const target = broker.log().parentDir === '/logs/a' ? '/logs/b' : '/logs/a';
    expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
    await cluster.until(() => broker.log().parentDir === target);
    goOn();
    await cluster.clock.advance(10);
    expect(first(reading).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(sizeOf(fetch({}))).toBeGreaterThan(0);
  });
});

test('a consumer is not sent to the replica of its rack for an offset that the replica has deleted', async () => {
  await start({ config: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' } });
  for (const value of ['a', 'b', 'c']) void cluster.broker(1).produce([value], 1);
  await cluster.until(() => cluster.broker(1).log().highWatermark === 3);
  cluster.cut(1, 2);
  fetch({ fetchOffset: 3, logStartOffset: 2 }, { replicaId: 2, maxWaitMs: 0 });
  const sentTo = (fetchOffset: number): number =>
    first(fetch({ fetchOffset }, { rackId: 'rack-2', maxWaitMs: 0 })).preferredReadReplica;
  expect([0, 1, 2].map(sentTo)).toEqual([-1, -1, 2]);
});

test('a consumer is not sent to a replica of its rack that is not in sync', async () => {
  await start({
    config: {
      'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
      'replica.lag.time.max.ms': '2000',
    },
  });
  void cluster.broker(1).produce(['a'], 1);
  await cluster.until(() => cluster.broker(1).log().highWatermark === 1);
  const sentTo = (): number => first(fetch({}, { rackId: 'rack-2', maxWaitMs: 0 })).preferredReadReplica;
  expect(sentTo()).toBe(2);
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['b'], 1);
  await cluster.until(() => cluster.stateOf().isr.length === 1);
  expect(sentTo()).toBe(-1);
});

describe('ListOffsets', () => {
  const query = { currentLeaderEpoch: -1, fetchOnlyFromLeader: true } as const;
  const ask = (timestamp: number, isolation: 'READ_UNCOMMITTED' | 'READ_COMMITTED' | null) =>
    cluster.broker(1).replicas.fetchOffsetForTimestamp(ORDERS, timestamp, { ...query, isolation });

  test('gives clients the end that is committed, and replicas that of the log', async () => {
    await start();
    void cluster.broker(1).produce(['a'], 1);
    await cluster.until(() => cluster.broker(1).log().highWatermark === 1);
    cluster.cut(1, 2);
    await cluster.broker(1).produce(['b'], 1);
    expect(await ask(-1, 'READ_UNCOMMITTED')).toMatchObject({ errorCode: 0, offset: 1 });
    expect(await ask(-1, 'READ_COMMITTED')).toMatchObject({ errorCode: 0, offset: 1 });
    expect(await ask(-1, null)).toMatchObject({ errorCode: 0, offset: 2 });
    // Nor do they find a record by its time that is not.
    expect(await ask(1_700_000_000_000, 'READ_UNCOMMITTED')).toMatchObject({ offset: 0 });
    expect(await ask(-3, 'READ_UNCOMMITTED')).toMatchObject({ offset: 0 });
  });

  test('gives a reader of committed records the end of what is decided', async () => {
    await start({ brokers: 1 });
    await cluster.broker(1).produce(['a'], 1);
    const builder = new BatchBuilder({ producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true });
    builder.append({ timestamp: 1_700_000_000_001, key: null, value: Buffer.from('open') });
    cluster.broker(1).replicas.partitionOf(ORDERS)!.appendRecordsToLeader(builder.build(), 'coordinator', 1, null);
    expect(await ask(-1, 'READ_UNCOMMITTED')).toMatchObject({ offset: 2 });
    expect(await ask(-1, 'READ_COMMITTED')).toMatchObject({ offset: 1 });
    // The first record that is not visible is not found by its time either.
    expect(await ask(1_700_000_000_001, 'READ_UNCOMMITTED')).toMatchObject({ offset: 1 });
    expect(await ask(1_700_000_000_001, 'READ_COMMITTED')).toMatchObject({ errorCode: 0, offset: -1 });
  });

  test.each([-2, -4])('gives the start (%i) of a log in which nothing is committed yet', async (timestamp) => {
    await start();
    expect(await ask(timestamp, 'READ_UNCOMMITTED')).toMatchObject({ errorCode: 0, offset: 0, timestamp: -1 });
    cluster.cut(1, 2);
    await cluster.broker(1).produce(['a'], 1);
    cluster.elect(1);
    // Where the end may still go back, the start does not.
    expect(await ask(-1, 'READ_UNCOMMITTED')).toMatchObject({ errorCode: ErrorCode.OFFSET_NOT_AVAILABLE });
    expect(await ask(timestamp, 'READ_UNCOMMITTED')).toMatchObject({ errorCode: 0, offset: 0 });
    expect(await ask(timestamp, 'READ_COMMITTED')).toMatchObject({ errorCode: 0, offset: 0 });
  });
});
