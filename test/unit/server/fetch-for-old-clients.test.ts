import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { BatchBuilder, type CompressionType } from '../../../src/records/index.js';
import { call } from './request-call.js';

const RECORDS = Buffer.from('records');

async function fetch(version: number, compressionType: string, records: Buffer | Buffer[] = RECORDS) {
  const partitions = [
    { partitionIndex: 0, errorCode: ErrorCode.NONE, highWatermark: 5n, records },
    { partitionIndex: 1, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, highWatermark: -1n, records: Buffer.alloc(0) },
  ];
  const services = {
    topicConfigs: { configOf: () => ({ compressionType }) },
    replicas: {
      handleFetch: (_body: object, _version: number, _context: object, respond: (answer: object) => void) =>
        respond({ responses: [{ topic: 'orders', partitions }] }),
    },
  };
  const { answer } = await call({ apiKey: ApiKey.Fetch, version, body: { replicaId: -1 }, services });
  const [response] = (answer as { responses: { partitions: { errorCode: number; records: Buffer | null }[] }[] })
    .responses;
  return response!.partitions.map(({ errorCode, records }) => [errorCode, records?.length ?? 0]);
}

const OTHER = [ErrorCode.NOT_LEADER_OR_FOLLOWER, 0];

test.each([
  { version: 3, compressionType: 'producer', first: [ErrorCode.UNSUPPORTED_VERSION, 0] },
  { version: 4, compressionType: 'producer', first: [ErrorCode.NONE, RECORDS.length] },
  { version: 3, compressionType: 'zstd', first: [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 0] },
  { version: 4, compressionType: 'zstd', first: [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 0] },
  { version: 9, compressionType: 'zstd', first: [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 0] },
  { version: 10, compressionType: 'zstd', first: [ErrorCode.NONE, RECORDS.length] },
])(
  'a client of Fetch v$version reads a topic compressed by $compressionType: $first',
  async ({ version, compressionType, first }) => {
    expect(await fetch(version, compressionType)).toEqual([first, OTHER]);
  },
);

test.each([
  { compression: 'zstd', errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE },
  { compression: 'lz4', errorCode: ErrorCode.UNSUPPORTED_VERSION },
] as const)('a client of Fetch v3 is told why it gets no batch of $compression', async ({ compression, errorCode }) => {
  const batch = batchOf(compression);
  expect(await fetch(3, 'producer', batch)).toEqual([[errorCode, 0], OTHER]);
  expect(await fetch(3, 'producer', [batch, batchOf('none')])).toEqual([[errorCode, 0], OTHER]);
});

function batchOf(compression: CompressionType): Buffer {
  const builder = new BatchBuilder({ compression });
  builder.append({ timestamp: 1, key: null, value: Buffer.alloc(100) });
  return builder.build();
}
