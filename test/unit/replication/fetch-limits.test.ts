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

function fetch(over: FetchRequestInput = {}, fetchOffset = 0): { response: FetchResponse | null } {
  const partitions = [{ partition: 0, fetchOffset: BigInt(fetchOffset), partitionMaxBytes: 1 << 20 }];
  const input = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: ORDERS.topic, partitions }], ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, VERSION), VERSION);
  const sent: { response: FetchResponse | null } = { response: null };
  const context = {
    listenerName: 'PLAINTEXT',
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
