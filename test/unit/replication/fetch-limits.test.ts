/** What a fetch may read and how much of it, and that waiting fetches are woken one after the other. */
import {
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder, buildEndTxnMarker } from '../../../src/records/index.js';
import { batchOf, ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

const VERSION = 12;
const BATCH_BYTES = batchOf(['x'.repeat(1000)]).length;

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 1, ...options });
  await cluster.create([1]);
};
afterEach(() => cluster.stop());

function fetch(
  over: FetchRequestInput = {},
  fetchOffset = 0,
  version = VERSION,
  maxQuotaBytes?: () => number,
): { response: FetchResponse | null } {
  const partitions = [{ partition: 0, fetchOffset: BigInt(fetchOffset), partitionMaxBytes: 1 << 20 }];
  const input = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: ORDERS.topic, partitions }], ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, version), version);
  const sent: { response: FetchResponse | null } = { response: null };
  const context = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    ...(maxQuotaBytes && { room: { availableBytes: maxQuotaBytes, hold: () => undefined } }),
    authorize: () => 0,
    fail: (error: unknown) => {
      throw error;
    },
  };
  cluster.broker(1).replicas.handleFetch(request, version, context, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, version), version);
  });
  return sent;
}

const sizeOf = ({ response }: { response: FetchResponse | null }): number =>
  (response!.responses[0]!.partitions[0]!.records as Buffer | null)?.length ?? 0;

test.each([
  { title: 'uncommitted', isolationLevel: 0, open: 'all', decided: 'all' },
  { title: 'committed', isolationLevel: 1, open: 'none', decided: 'all' },
])(
  'a reader of $title records gets $open of a transaction that is open, and $decided once it is decided',
  async (row) => {
    await start();
    const producer = { producerId: 7, producerEpoch: 0 };
    const builder = new BatchBuilder({ ...producer, baseSequence: 0, isTransactional: true });
    builder.append({ timestamp: 1, key: null, value: Buffer.from('a') });
    const records = builder.build();
    const log = cluster.broker(1).log();
    const partition = cluster.broker(1).replicas.partitionOf(ORDERS)!;
    partition.appendRecordsToLeader(records, 'coordinator', 1, null);
    expect(log.highWatermark).toBe(1);
    const read = fetch({ isolationLevel: row.isolationLevel });
    await cluster.clock.advance(1);
    expect(sizeOf(read)).toBe(row.open === 'all' ? records.length : 0);
    const marker = buildEndTxnMarker({ ...producer, type: 'COMMIT', coordinatorEpoch: 0, timestampMs: 1 });
    partition.appendRecordsToLeader(marker, 'coordinator', 1, null);
    const again = fetch({ isolationLevel: row.isolationLevel });
    await cluster.clock.advance(1);
    expect(sizeOf(again)).toBe(records.length + marker.length);
  },
);

test('a fetch gets no more than fetch.max.bytes, whatever it asks for', async () => {
  await start({ config: { 'fetch.max.bytes': String(3 * BATCH_BYTES) } });
  for (let at = 0; at < 6; at++) void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  const read = fetch({ maxBytes: 1 << 20 });
  await cluster.clock.advance(1);
  expect(sizeOf(read)).toBe(3 * BATCH_BYTES);
});

test('a fetch that waits for more than it may get is answered when it has as much as it may get', async () => {
  await start();
  const waiting = fetch({ maxWaitMs: 60_000, minBytes: 1 << 20, maxBytes: 2 * BATCH_BYTES });
  void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(10);
  expect(waiting.response).toBeNull();
  void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(10);
  expect(sizeOf(waiting)).toBe(2 * BATCH_BYTES);
});

test('a consumer that waited gets what answers may take when it is read for, not when it came', async () => {
  await start();
  let available = 4 * BATCH_BYTES;
  const waiting = fetch({ maxWaitMs: 1000, minBytes: 1 << 20 }, 0, VERSION, () => available);
  for (let at = 0; at < 3; at++) void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(10);
  expect(waiting.response).toBeNull();
  available = 2 * BATCH_BYTES;
  await cluster.clock.advance(1000);
  expect(sizeOf(waiting)).toBe(2 * BATCH_BYTES);
});

test.each([
  ['consumer', -1],
  ['follower', 2],
])('a %s gets its first batch whatever it may get, but none when that is nothing', async (_who, replicaId) => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  await cluster.create([1, 2]);
  for (let at = 0; at < 3; at++) void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(2000);
  const sizes = [2 * BATCH_BYTES, 1, 0].map((quotaBytes) => sizeOf(fetch({ replicaId }, 0, VERSION, () => quotaBytes)));
  expect(sizes).toEqual([2 * BATCH_BYTES, BATCH_BYTES, 0]);
});

test('each of several fetches that wait one after the other is woken by its record', async () => {
  await start();
  for (let offset = 0; offset < 3; offset++) {
    const waiting = fetch({ maxWaitMs: 60_000 }, offset);
    await cluster.clock.advance(10);
    expect(waiting.response).toBeNull();
    void cluster.broker(1).produce(['a'], 1);
    await cluster.clock.advance(10);
    expect(sizeOf(waiting)).toBeGreaterThan(61);
  }
});

describe('a fetch of several partitions', () => {
  const ALL = [0, 1, 2].map((partition) => ({ topic: 'orders', partition }));

  async function startWith(batches: number): Promise<void> {
    cluster = await ReplicaCluster.start({ brokers: 1 });
    await cluster.create([1], ALL);
    for (const tp of ALL)
      for (let at = 0; at < batches; at++) void cluster.broker(1).produce(['x'.repeat(1000)], 1, tp);
    await cluster.clock.advance(1);
  }

  function sizes(maxBytes: number, partitionMaxBytes: number): number[] {
    const partitions = ALL.map(({ partition }) => ({ partition, fetchOffset: 0n, partitionMaxBytes }));
    const sent = fetch({ maxBytes, topics: [{ topic: ORDERS.topic, partitions }] });
    return sent.response!.responses[0]!.partitions.map(({ records }) => (records as Buffer | null)?.length ?? 0);
  }

  test('gets no more in all than it asks for, and no more of each than it asks for that', async () => {
    await startWith(4);
    expect(sizes(5 * BATCH_BYTES, 2 * BATCH_BYTES)).toEqual([2 * BATCH_BYTES, 2 * BATCH_BYTES, BATCH_BYTES]);
    expect(sizes(5 * BATCH_BYTES, 1 << 20)).toEqual([4 * BATCH_BYTES, BATCH_BYTES, 0]);
    expect(sizes(1 << 20, BATCH_BYTES)).toEqual([BATCH_BYTES, BATCH_BYTES, BATCH_BYTES]);
  });

  test('gets one batch that is larger than it asks for, and not one of each', async () => {
    await startWith(2);
    expect(sizes(1, 1 << 20)).toEqual([BATCH_BYTES, 0, 0]);
    expect(sizes(BATCH_BYTES + 1, 1 << 20)).toEqual([BATCH_BYTES, 0, 0]);
    expect(sizes(1 << 20, 1)).toEqual([BATCH_BYTES, 0, 0]);
  });
});

test('what a partition has beyond what the fetch may get of it does not count for the bytes it waits for', async () => {
  await start();
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: Math.floor(1.5 * BATCH_BYTES) }];
  const waiting = fetch({ maxWaitMs: 500, minBytes: 3 * BATCH_BYTES, topics: [{ topic: ORDERS.topic, partitions }] });
  for (let at = 0; at < 6; at++) void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(400);
  expect(waiting.response).toBeNull();
  await cluster.clock.advance(100);
  expect(sizeOf(waiting)).toBe(BATCH_BYTES);
});

test('what belongs to an open transaction does not count for the bytes that a reader of committed records waits for', async () => {
  await start();
  const waiting = fetch({ maxWaitMs: 500, minBytes: 1000, isolationLevel: 1 });
  const builder = new BatchBuilder({ producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true });
  builder.append({ timestamp: 1, key: null, value: Buffer.alloc(3000) });
  const small = batchOf(['a']);
  void cluster.broker(1).produce(['a'], 1);
  cluster.broker(1).replicas.partitionOf(ORDERS)!.appendRecordsToLeader(builder.build(), 'coordinator', 1, null);
  await cluster.clock.advance(400);
  expect(waiting.response).toBeNull();
  await cluster.clock.advance(100);
  expect(sizeOf(waiting)).toBe(small.length);
});

test('up to version 2 a batch larger than what is asked for is not given, from then on it is', async () => {
  await start();
  void cluster.broker(1).produce(['x'.repeat(1000)], 1);
  await cluster.clock.advance(1);
  const topics = [{ topic: ORDERS.topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 10 }] }];
  expect([1, 2, 3, 4].map((version) => sizeOf(fetch({ topics }, 0, version)))).toEqual([
    0,
    0,
    BATCH_BYTES,
    BATCH_BYTES,
  ]);
});

test.each([
  { title: 'one byte', minBytes: 1 },
  { title: 'two batches', minBytes: 2 * BATCH_BYTES },
])('a fetch of $title at a log that ends in a gap waits until records come behind it', async ({ minBytes }) => {
  await start();
  const log = cluster.broker(1).log();
  const append = (baseOffset: number): number => {
    const records = batchOf(['x'.repeat(1000)]);
    records.writeBigInt64BE(BigInt(baseOffset), 0);
    return log.appendAsFollower(records).lastOffset;
  };
  append(0);
  // A cleaner took what lay between; then the log was cut inside of the gap.
  append(60);
  log.truncateTo(55);
  await cluster.clock.advance(10);
  log.updateHighWatermark(55);
  const read = fetch({ maxWaitMs: 500, minBytes }, 1);
  await cluster.clock.advance(400);
  expect(read.response).toBeNull();
  const partition = cluster.broker(1).replicas.partitionOf(ORDERS)!;
  for (let count = 0; count < 2; count++) {
    void cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      entries: [{ tp: partition.tp, records: batchOf(['x'.repeat(1000)]) }],
      onComplete: () => undefined,
    });
  }
  await cluster.clock.advance(10);
  expect(sizeOf(read)).toBe(2 * BATCH_BYTES);
});
