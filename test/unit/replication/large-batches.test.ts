/** Appends of batches that take long to look into: in their order, without holding up anyone, and as the topic is when it is their turn. */
import { ErrorCode } from '../../../src/protocol/index.js';
import { AppendAllowance, BatchBuilder, iterateBatches, type Compression } from '../../../src/records/index.js';
import type { AppendResult } from '../../../src/replication/index.js';
import type { TopicPartition } from '../../../src/cluster/index.js';
import { batchOf, ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

const OTHER: TopicPartition = { topic: 'orders', partition: 1 };
const MiB = 1024 * 1024;

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 1, ...options });
  await cluster.create([...cluster.brokers.keys()], [ORDERS, OTHER]);
  await cluster.clock.advance(1000);
};
afterEach(() => cluster.stop());

function large(compression: Compression = 'lz4', sequence = -1): Buffer {
  const builder = new BatchBuilder({
    compression,
    ...(sequence >= 0 && { producerId: 9, producerEpoch: 0, baseSequence: sequence }),
  });
  for (let i = 0; i < 4; i++) {
    builder.append({ timestamp: 1_700_000_000_000, key: null, value: Buffer.alloc(5 * MiB, `${i}`) });
  }
  return builder.build();
}

interface Call {
  readonly entries: readonly { readonly tp: TopicPartition; readonly records: Buffer }[];
  readonly acks?: number;
  readonly address?: string;
  readonly onDone?: () => void;
}

function append({ entries, acks = 1, address, onDone }: Call): { results: AppendResult[] | null; isDone: boolean } {
  const call: { results: AppendResult[] | null; isDone: boolean } = { results: null, isDone: false };
  const appended = cluster.broker(1).replicas.appendRecords({
    timeoutMs: 30_000,
    requiredAcks: acks,
    internalTopicsAllowed: false,
    origin: 'client',
    entries,
    allowance: new AppendAllowance(address),
    onComplete: (results) => {
      expect(call.results).toBeNull();
      call.results = results;
    },
  });
  if (appended)
    void appended.then(() => {
      call.isDone = true;
      onDone?.();
    });
  else call.isDone = true;
  return call;
}

/** Other threads work by the real clock. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await cluster.clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const endOf = (tp: TopicPartition): number => cluster.broker(1).log(tp).logEndOffset;

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'a large batch of %s is appended later than those beside it, and answered with them in their order',
  async (codec) => {
    await start();
    const records = large(codec);
    const sent = Buffer.from(records);
    const call = append({
      entries: [
        { tp: ORDERS, records },
        { tp: OTHER, records: batchOf(['a', 'b']) },
      ],
    });
    expect(endOf(OTHER)).toBe(2);
    expect(endOf(ORDERS)).toBe(0);
    expect(call).toEqual({ results: null, isDone: false });
    await until(() => call.isDone);
    expect(call.results).toMatchObject([
      { tp: ORDERS, errorCode: 0, baseOffset: 0, lastOffset: 3 },
      { tp: OTHER, errorCode: 0, baseOffset: 0, lastOffset: 1 },
    ]);
    const read = await cluster.broker(1).log().read(0, 1e9, 'LOG_END', true);
    const bytes = Buffer.isBuffer(read.records) ? read.records : Buffer.concat(read.records);
    expect(bytes.subarray(61).equals(sent.subarray(61))).toBe(true);
    expect([...iterateBatches(bytes)].map(({ lastOffset }) => lastOffset)).toEqual([3]);
  },
);

test('two of one request are both appended, and their followers waited for', async () => {
  await start({ brokers: 2 });
  const call = append({
    entries: [
      { tp: ORDERS, records: large() },
      { tp: OTHER, records: large('zstd') },
    ],
    acks: -1,
  });
  await until(() => call.results !== null);
  expect(call.results).toMatchObject([
    { tp: ORDERS, errorCode: 0, lastOffset: 3 },
    { tp: OTHER, errorCode: 0, lastOffset: 3 },
  ]);
  for (const tp of [ORDERS, OTHER]) expect(cluster.broker(2).log(tp).logEndOffset).toBe(4);
});

test('those that are appended later are waited for as well', async () => {
  await start({ brokers: 2 });
  cluster.cut(1, 2);
  const call = append({ entries: [{ tp: ORDERS, records: large() }], acks: -1 });
  await until(() => call.isDone);
  expect([endOf(ORDERS), call.results]).toEqual([4, null]);
  cluster.heal();
  await until(() => call.results !== null);
  expect(call.results).toMatchObject([{ tp: ORDERS, errorCode: 0, lastOffset: 3 }]);
  expect(cluster.broker(2).log().logEndOffset).toBe(4);
});

test('the sequences of a producer are checked when it is the batch’s turn', async () => {
  await start();
  const first = append({ entries: [{ tp: ORDERS, records: large('lz4', 0) }] });
  await until(() => first.isDone);
  const again = append({ entries: [{ tp: ORDERS, records: large('lz4', 0) }] });
  await until(() => again.isDone);
  const next = append({ entries: [{ tp: ORDERS, records: large('lz4', 4) }] });
  await until(() => next.isDone);
  expect(first.results).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
  expect(again.results).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
  expect(next.results).toMatchObject([{ errorCode: 0, baseOffset: 4 }]);
  expect(endOf(ORDERS)).toBe(8);
});

test('a topic that is compacted by the time asks for keys', async () => {
  await start();
  const call = append({ entries: [{ tp: ORDERS, records: large() }] });
  const log = cluster.broker(1).log();
  log.updateConfig({ ...log.config, cleanupPolicy: { compact: true, delete: false } });
  await until(() => call.isDone);
  expect(call.results).toMatchObject([{ errorCode: ErrorCode.INVALID_RECORD, baseOffset: -1 }]);
  expect(call.results![0]!.recordErrors).toHaveLength(4);
  expect(endOf(ORDERS)).toBe(0);
});

test('a topic that is of another codec by the time gets the batch in it', async () => {
  await start();
  const call = append({ entries: [{ tp: ORDERS, records: large('lz4') }] });
  const log = cluster.broker(1).log();
  log.updateConfig({ ...log.config, compressionType: 'zstd' });
  await until(() => call.isDone);
  expect(call.results).toMatchObject([{ errorCode: 0, baseOffset: 0, lastOffset: 3 }]);
  const read = await log.read(0, 1e9, 'LOG_END', true);
  const bytes = Buffer.isBuffer(read.records) ? read.records : Buffer.concat(read.records);
  const [batch] = [...iterateBatches(bytes)];
  expect(batch).toMatchObject({ compression: 'zstd', lastOffset: 3, partitionLeaderEpoch: 0, count: 4 });
  expect(batch!.isValidCrc()).toBe(true);
  expect([...batch!.records()].map(({ value }) => value![0])).toEqual([48, 49, 50, 51]);
});

test('a batch whose partition is led elsewhere by the time is refused', async () => {
  await start({ brokers: 2 });
  const call = append({ entries: [{ tp: ORDERS, records: large() }] });
  cluster.elect(2);
  await until(() => call.isDone);
  expect(call.results).toMatchObject([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
  expect(endOf(ORDERS)).toBe(0);
});

test('what is wrong with a large batch is answered as with a small one', async () => {
  await start();
  const records = large();
  records.writeInt32BE(5, 57);
  records.writeInt32BE(4, 23);
  const [batch] = [...iterateBatches(records)];
  batch!.recomputeCrc();
  const call = append({ entries: [{ tp: ORDERS, records }] });
  await until(() => call.isDone);
  expect(call.results).toMatchObject([{ errorCode: ErrorCode.INVALID_RECORD }]);
  expect(endOf(ORDERS)).toBe(0);
});

test('small compressed batches are appended within the call', async () => {
  await start();
  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const builder = new BatchBuilder({ compression });
    builder.append({ timestamp: 1, key: null, value: Buffer.alloc(100_000, 'log line ') });
    const call = append({ entries: [{ tp: ORDERS, records: builder.build() }] });
    expect(call).toMatchObject({ isDone: true, results: [{ errorCode: 0 }] });
  }
});

test('a follower does not look into a large batch', async () => {
  await start({ brokers: 2 });
  const records = large();
  // Content that is no lz4 at all: the leader did not see it either.
  records.fill(0xff, 61);
  const [batch] = [...iterateBatches(records)];
  batch!.partitionLeaderEpoch = 0;
  batch!.recomputeCrc();
  expect(cluster.broker(2).log().appendAsFollower(records)).toMatchObject({ lastOffset: 3 });
});

test('large batches of one address hold up those of another one by one of them at a time', async () => {
  await start();
  const done: string[] = [];
  const senders = ['a', 'a', 'a', 'a', 'a', 'a', 'b'];
  senders.forEach((address, at) => {
    const entries = [{ tp: at % 2 === 0 ? ORDERS : OTHER, records: large() }];
    append({ entries, address, onDone: () => done.push(address) });
  });
  await until(() => done.length === senders.length);
  expect(done.indexOf('b')).toBeLessThan(5);
});
