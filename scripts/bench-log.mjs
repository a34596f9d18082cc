// Measures a log on the real disk: appends of 16 KB batches, reads at the tail and from the file, and the start with many partitions.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSources } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

readCommandLine();
const log = await loadSources(`
  export * from './src/log/index.js';
  export { BatchBuilder } from './src/records/index.js';
  export { nodeFileSystem, systemClock, systemRandom, silentLogger } from './src/common/index.js';`);

const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'bench-log-'));
const WEEK = 7 * 24 * 3600 * 1000;
const config = {
  segmentBytes: 1024 ** 3,
  segmentMs: WEEK,
  maxSegmentMs: WEEK,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 ** 2,
  indexIntervalBytes: 4096,
  retentionMs: WEEK,
  retentionBytes: -1,
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  maxMessageBytes: 1_048_588,
  cleanupPolicy: { compact: false, delete: true },
  compressionType: 'producer',
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
};
const newManager = () =>
  new log.LogManager({
    fs: log.nodeFileSystem,
    clock: log.systemClock,
    random: log.systemRandom,
    logger: log.silentLogger,
    logDirs: [dir],
    defaultConfig: config,
    retentionCheckIntervalMs: 300_000,
    flushSchedulerIntervalMs: Number.MAX_SAFE_INTEGER,
    flushOffsetCheckpointIntervalMs: 60_000,
    flushStartOffsetCheckpointIntervalMs: 60_000,
    producerIdExpirationMs: 86_400_000,
    producerIdExpirationCheckIntervalMs: 600_000,
    maxTransactionTimeoutMs: 900_000,
    transactionVerificationEnabled: true,
  });

function batchOf(bytes) {
  const builder = new log.BatchBuilder({ initialCapacity: 2 * bytes });
  const value = Buffer.alloc(100, 'x');
  const now = Date.now();
  let count = 0;
  for (let size = 61; size < bytes - 120; size += 109, count++) builder.append({ timestamp: now, key: null, value });
  return { batch: builder.build(), count };
}

const { batch, count } = batchOf(16_384);
const rate = (ms, n, bytes) =>
  `${((n * bytes) / 2 ** 20 / (ms / 1000)).toFixed(0)} MB/s, ${((n * count) / (ms / 1000) / 1e6).toFixed(2)} million records/s, ${((ms * 1000) / n).toFixed(1)} µs each`;

let manager = newManager();
await manager.startup();
const one = manager.getOrCreateLog({ topic: 'bench', partition: 0 }, { isNew: true });

function appendTimes(n, target, records) {
  const started = performance.now();
  for (let at = 0; at < n; at++) {
    const frame = Buffer.allocUnsafeSlow(records.length);
    records.copy(frame);
    frame.writeBigInt64BE(0n, 0);
    target.appendAsLeader(frame, { leaderEpoch: 0 });
  }
  return performance.now() - started;
}
appendTimes(2000, one, batch);
const N = 40_000;
console.log(`append 16 KB: ${rate(appendTimes(N, one, batch), N, batch.length)}`);
const small = batchOf(300).batch;
appendTimes(1000, one, small);
console.log(`append 300 B: ${((appendTimes(50_000, one, small) * 1000) / 50_000).toFixed(1)} µs each`);

one.updateHighWatermark(one.logEndOffset);
const tailFrom = one.logEndOffset - 10_000;
let started = performance.now();
for (let at = 0; at < 20_000; at++) one.read(tailFrom + (at % 9000), 1 << 20, 'HIGH_WATERMARK', true);
console.log(`tail read: ${(((performance.now() - started) * 1000) / 20_000).toFixed(1)} µs each`);

started = performance.now();
let offset = 0;
let bytes = 0;
while (offset < 1_000_000) {
  const { records } = await one.read(offset, 1 << 20, 'HIGH_WATERMARK', true);
  for (const part of Buffer.isBuffer(records) ? [records] : records) {
    bytes += part.length;
    for (let at = 0; at < part.length; at += 12 + part.readInt32BE(at + 8)) {
      offset = Number(part.readBigInt64BE(at)) + part.readInt32BE(at + 23) + 1;
    }
  }
}
const coldMs = performance.now() - started;
console.log(`cold read of 1 MB at a time: ${(bytes / 2 ** 20 / (coldMs / 1000)).toFixed(0)} MB/s`);

// Files cannot be made while the disk is busy with what the roll began to sync.
await one.flush(true);
started = performance.now();
const PARTITIONS = 2000;
for (let partition = 0; partition < PARTITIONS; partition++) {
  const tp = { topic: 'many', partition };
  manager.getOrCreateLog(tp, { isNew: true, topicId: 'sx7Ghl93TiaCGaLSE2wsQw' }).maybeAssignEpochStartOffset(0, 0);
}
console.log(`create ${PARTITIONS} partitions: ${(performance.now() - started).toFixed(0)} ms`);
for (let partition = 0; partition < PARTITIONS; partition++) {
  appendTimes(1, manager.getLog({ topic: 'many', partition }), small);
}
console.log(`rss ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`);
started = performance.now();
await manager.shutdown();
console.log(`shut down: ${(performance.now() - started).toFixed(0)} ms`);
started = performance.now();
manager = newManager();
await manager.startup();
console.log(`start with ${readdirSync(dir).length} partitions: ${(performance.now() - started).toFixed(0)} ms`);
rmSync(dir, { recursive: true });
process.exit(0);
