/** Batches that hold far more than they take, on real sockets: they are taken or refused as Kafka does, and nobody else waits for them. */
import {
  ApiKey,
  ErrorCode,
  type FetchResponse,
  type ListOffsetsResponse,
  type ProduceResponse,
} from '../../src/protocol/index.js';
import {
  BatchBuilder,
  BatchView,
  iterateBatches,
  RECORD_BATCH_OVERHEAD,
  type Compression,
} from '../../src/records/index.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

const MiB = 1024 * 1024;
const PARTITIONS = 4;
const TIME = 1_700_000_000_000;
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

let one: OneBroker;
beforeAll(async () => {
  one = await startOneBroker({ 'controlled.shutdown.enable': 'false', 'message.max.bytes': '20000000' });
  await one.client('admin').send(ApiKey.CreateTopics, 5, {
    timeoutMs: 10_000,
    topics: [...CODECS, 'lies'].map((name) => ({ name, numPartitions: PARTITIONS, replicationFactor: 1 })),
  });
});
afterAll(() => one.stop());

/** Two records of `mebibytes` each. */
function large(compression: Compression, mebibytes: number): Buffer {
  const builder = new BatchBuilder({ compression });
  for (const at of [0, 1]) builder.append({ timestamp: TIME + at, key: null, value: Buffer.alloc(mebibytes * MiB) });
  return builder.build();
}

function produce(topic: string, batches: readonly Buffer[]): Promise<ProduceResponse> {
  const partitionData = batches.map((records, index) => ({ index, records }));
  const body = { acks: -1, timeoutMs: 60_000, transactionalId: null, topicData: [{ name: topic, partitionData }] };
  return one.client('large').send(ApiKey.Produce, 9, body);
}

/** How often another client was answered while the work went on. */
async function answeredBeside(work: Promise<unknown>): Promise<number> {
  const other = one.client('other');
  let isDone = false;
  void work.finally(() => (isDone = true)).catch(() => undefined);
  let answered = 0;
  while (!isDone) {
    await other.send(ApiKey.ApiVersions, 2, {});
    answered++;
  }
  await work;
  return answered;
}

describe.each(CODECS)('batches of %s that hold far more than they take', (codec) => {
  // Of zstd more than may be had at once.
  const batch = large(codec, codec === 'zstd' ? 70 : 20);

  test('are appended while others are answered, found by time and fetched', async () => {
    const producing = produce(
      codec,
      Array.from({ length: PARTITIONS }, () => batch),
    );
    expect(await answeredBeside(producing)).toBeGreaterThan(5);
    const responses = (await producing).responses[0]!.partitionResponses;
    expect(responses.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual(
      Array.from({ length: PARTITIONS }, () => [ErrorCode.NONE, 0n]),
    );
    const searching = one.client('searcher').send<ListOffsetsResponse>(ApiKey.ListOffsets, 7, {
      replicaId: -1,
      topics: [
        {
          name: codec,
          partitions: Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
            partitionIndex,
            timestamp: BigInt(TIME + 1),
          })),
        },
      ],
    });
    expect(await answeredBeside(searching)).toBeGreaterThan(5);
    const found = (await searching).topics[0]!.partitions;
    for (const partition of found)
      expect(partition).toMatchObject({ errorCode: 0, offset: 1n, timestamp: BigInt(TIME + 1) });
    const fetched = await one.client('consumer').send<FetchResponse>(ApiKey.Fetch, 11, {
      maxWaitMs: 1000,
      minBytes: 1,
      maxBytes: 50 * MiB,
      topics: [{ topic: codec, partitions: [{ partition: 3, fetchOffset: 0n, partitionMaxBytes: 50 * MiB }] }],
    });
    const records = fetched.responses[0]!.partitions[0]!.records as Buffer;
    const [stored] = [...iterateBatches(records)];
    expect(stored!.isValidCrc()).toBe(true);
    expect(stored!.bytes.subarray(RECORD_BATCH_OVERHEAD).equals(batch.subarray(RECORD_BATCH_OVERHEAD))).toBe(true);
  });
});

test('zstd batches that state a megabyte and hold 640 are refused without the memory', async () => {
  const lie = zstdLie(40_000, 16 * 1024, 1_000_000);
  const before = process.resourceUsage().maxRSS;
  const complaints = one.complaints.length;
  const producing = produce(
    'lies',
    Array.from({ length: PARTITIONS }, () => lie),
  );
  await answeredBeside(producing);
  const codes = (await producing).responses[0]!.partitionResponses.map(({ errorCode }) => errorCode);
  // Its first record is none: Kafka looks no further.
  expect(codes).toEqual(Array.from({ length: PARTITIONS }, () => ErrorCode.INVALID_RECORD));
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(256);
  expect(one.complaints.slice(complaints)).toEqual([]);
});

/** A batch whose zstd frame holds `blocks` of one byte repeated, and states less. */
function zstdLie(blocks: number, blockBytes: number, statedBytes: number): Buffer {
  const frame = Buffer.alloc(10);
  frame.writeUInt32LE(0xfd2fb528, 0);
  frame[4] = 0x80;
  frame[5] = 0x38;
  frame.writeUInt32LE(statedBytes, 6);
  const block = (isLast: number): Buffer => {
    const bytes = Buffer.alloc(4, 65);
    bytes.writeUIntLE((blockBytes << 3) | (1 << 1) | isLast, 0, 3);
    return bytes;
  };
  const content = Buffer.concat([frame, ...Array.from({ length: blocks - 1 }, () => block(0)), block(1)]);
  const builder = new BatchBuilder({});
  builder.append({ timestamp: TIME, key: null, value: null });
  const bytes = Buffer.concat([builder.build().subarray(0, RECORD_BATCH_OVERHEAD), content]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeUInt16BE(4, 21);
  new BatchView(bytes).recomputeCrc();
  return bytes;
}
