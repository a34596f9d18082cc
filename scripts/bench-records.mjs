// Measures what a broker does to every produced batch: CRC, walk and validation of 16 KB batches of 100 byte records.
import { loadSources } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

readCommandLine();
const { BatchBuilder, BatchView, RecordCursor, crc32c, validateForAppend } = await loadSources(
  `export * from './src/records/index.js';`,
);

const NOW = 1_700_000_000_000;
const options = {
  topicPartition: 'bench-0',
  origin: 'client',
  maxMessageBytes: 1_048_588,
  nextOffset: 0,
  partitionLeaderEpoch: 0,
  nowMs: NOW,
  targetCompression: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number(0x7fffffffffffffffn),
  timestampAfterMaxMs: Number(0x7fffffffffffffffn),
  compactedTopic: false,
};

function batchOf(compression) {
  const builder = new BatchBuilder({ compression, producerId: 1, producerEpoch: 0, baseSequence: 0 });
  let seed = 1;
  while (builder.uncompressedSizeInBytes < 16_384 - 110) {
    const value = Buffer.alloc(100);
    // Letters that an LZ codec finds about half redundant.
    for (let i = 0; i < value.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      value[i] = i % 2 === 0 ? 97 : 97 + (seed >>> 28);
    }
    builder.append({ timestamp: NOW + builder.count, key: null, value });
  }
  const uncompressed = builder.uncompressedSizeInBytes;
  return { bytes: builder.build(), uncompressed, count: builder.count };
}

function measure(title, uncompressedBytes, count, step) {
  for (let i = 0; i < 2_000; i++) step();
  const start = process.hrtime.bigint();
  let rounds = 0;
  while (process.hrtime.bigint() - start < 1_000_000_000n) {
    for (let i = 0; i < 200; i++) step();
    rounds += 200;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const megabytes = (rounds * uncompressedBytes) / seconds / 1e6;
  const micros = (seconds / rounds) * 1e6;
  console.log(
    `${title.padEnd(28)} ${megabytes.toFixed(0).padStart(6)} MB/s uncompressed ${micros.toFixed(2).padStart(8)} µs a batch ${((micros * 1000) / count).toFixed(1).padStart(7)} ns a record`,
  );
}

const plain = batchOf('none');
const view = new BatchView(plain.bytes);
measure('CRC-32C', plain.uncompressed, plain.count, () => crc32c(plain.bytes, 21, plain.bytes.length));
measure('walk', plain.uncompressed, plain.count, () => {
  const cursor = new RecordCursor(plain.bytes, 61, plain.bytes.length);
  for (let i = 0; i < plain.count; i++) cursor.next();
});
measure('iterate with objects', plain.uncompressed, plain.count, () => {
  for (const record of view.records()) if (record.offset < 0) throw new Error('no such offset');
});
for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  const { bytes, uncompressed, count } = batchOf(compression);
  measure(`validate ${compression} (${bytes.length} B)`, uncompressed, count, () => {
    new BatchView(bytes).baseOffset = 0;
    validateForAppend(bytes, options);
  });
}
measure('recompress none to lz4', plain.uncompressed, plain.count, () => {
  new BatchView(plain.bytes).baseOffset = 0;
  validateForAppend(plain.bytes, { ...options, targetCompression: 'lz4' });
});
