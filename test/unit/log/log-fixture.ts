/** Logs over a simulated disk and clock, and batches to put into them. */
import { seededRandom, silentLogger, type Clock, type Random } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedFileSystem, type CrashKind } from '../../../src/testing/index.js';
import type { BatchView } from '../../../src/records/index.js';
import { BatchBuilder, forEachBatch } from '../../../src/records/index.js';
import type { FetchDataInfo, LogConfig, LogManagerOptions, UnifiedLog } from '../../../src/log/index.js';
import { LogManager } from '../../../src/log/index.js';

export const TOPIC_ID = 'sx7Ghl93TiaCGaLSE2wsQw';

export const LOG_CONFIG: LogConfig = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 24 * 3600 * 1000,
  isIncomplete: false,
  maxSegmentMs: 7 * 24 * 3600 * 1000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
  retentionMs: -1,
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

export interface LogWorld {
  readonly fs: SimulatedFileSystem;
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** Of the process that runs now: its timers die with it. */
  process: { alive: boolean };
}

/** The process dies, or the machine, with all timers that were set. */
export function crash(world: LogWorld, kind: CrashKind): void {
  world.process.alive = false;
  world.process = { alive: true };
  world.fs.crash(kind, world.random);
}

function clockOfProcess({ clock, process }: LogWorld): Clock {
  const whileAlive = (task: () => void) => () => {
    if (process.alive) task();
  };
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, task) => clock.setTimer(delayMs, whileAlive(task)),
    defer: (task) => clock.defer(whileAlive(task)),
  };
}

export function newWorld(seed = 1): LogWorld {
  const clock = new SimulatedClock();
  return {
    fs: new SimulatedFileSystem(() => clock.nowMs()),
    clock,
    random: seededRandom(seed),
    process: { alive: true },
  };
}

export function newManager(world: LogWorld, options: Partial<LogManagerOptions> = {}): LogManager {
  return new LogManager({
    fs: world.fs,
    random: world.random,
    clock: clockOfProcess(world),
    logger: silentLogger,
    logDirs: ['/data'],
    defaultConfig: LOG_CONFIG,
    retentionCheckIntervalMs: 300_000,
    flushSchedulerIntervalMs: Number.MAX_SAFE_INTEGER,
    flushOffsetCheckpointIntervalMs: 60_000,
    flushStartOffsetCheckpointIntervalMs: 60_000,
    producerIdExpirationMs: 86_400_000,
    producerIdExpirationCheckIntervalMs: 600_000,
    maxTransactionTimeoutMs: 900_000,
    transactionVerificationEnabled: false,
    ...options,
  });
}

export async function startManager(world: LogWorld, options: Partial<LogManagerOptions> = {}): Promise<LogManager> {
  const manager = newManager(world, options);
  const started = manager.startup();
  await world.clock.advance(0);
  await started;
  return manager;
}

export interface BatchSpec {
  readonly values?: readonly string[];
  readonly timestamp?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
}

export function batch({ values = ['v'], timestamp = 1_700_000_000_000, ...options }: BatchSpec = {}): Buffer {
  const builder = new BatchBuilder({ baseOffset: 0, ...options });
  for (const value of values) builder.append({ timestamp, key: null, value: Buffer.from(value) });
  return builder.build();
}

/** `count` records, each with its number as value. */
export function numbered(from: number, count: number, spec: BatchSpec = {}): Buffer {
  return batch({ values: Array.from({ length: count }, (_, index) => `${from + index}`), ...spec });
}

export function bytesOf(fetch: FetchDataInfo): Buffer {
  return Buffer.isBuffer(fetch.records) ? fetch.records : Buffer.concat(fetch.records as readonly Buffer[]);
}

export interface ReadRecord {
  readonly offset: number;
  readonly value: string;
  readonly timestamp: number;
}

/** The records of a fetch, those included that its first batch has before the offset asked for. */
export function recordsOf(bytes: Buffer): ReadRecord[] {
  const records: ReadRecord[] = [];
  forEachBatch(bytes, (view: BatchView) => {
    view.ensureValid();
    if (view.isControl) return;
    for (const { offset, value, timestamp } of view.records()) {
      records.push({ offset, value: value?.toString() ?? '', timestamp });
    }
  });
  return records;
}

/** Everything in the log from `from` on, by as many reads as it takes. */
export async function readAll(log: UnifiedLog, from = log.logStartOffset, maxBytes = 1 << 20): Promise<ReadRecord[]> {
  const all: ReadRecord[] = [];
  let offset = from;
  while (offset < log.logEndOffset) {
    const bytes = bytesOf(await log.read(offset, maxBytes, 'LOG_END', true));
    if (bytes.length === 0) break;
    const next = offset;
    all.push(...recordsOf(bytes).filter((record) => record.offset >= next));
    forEachBatch(bytes, (view) => {
      offset = view.nextOffset;
    });
  }
  return all;
}
