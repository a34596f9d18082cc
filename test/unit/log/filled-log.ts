/** Logs of several segments filled from a seed, and what is in them, for comparisons with a walk over everything. */
import { seededRandom } from '../../../src/common/index.js';
import type { LogConfig, LogManager, UnifiedLog } from '../../../src/log/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import { LOG_CONFIG } from './log-fixture.js';

export const TP = { topic: 'orders', partition: 0 };

/** Segments large enough that reads use their indexes, which have an entry every few batches. */
export const SEVERAL_SEGMENTS: LogConfig = { ...LOG_CONFIG, segmentBytes: 60_000, indexIntervalBytes: 900 };

export interface FilledBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly sizeInBytes: number;
  readonly segmentBaseOffset: number;
  readonly position: number;
  readonly records: readonly { readonly offset: number; readonly timestamp: number }[];
}

export interface FillOptions {
  readonly seed: number;
  readonly batches: number;
  readonly config?: LogConfig;
  /** Of each record; beyond 16 KiB a batch is larger than what a cold read takes besides what was asked. */
  readonly valueBytes?: (random: () => number) => number;
}

/** Appends batches of 1 to 4 records whose timestamps mostly grow, in steps that leave many equal. */
export function fillLog(manager: LogManager, options: FillOptions): { log: UnifiedLog; batches: FilledBatch[] } {
  const random = seededRandom(options.seed);
  const log = manager.getOrCreateLog(TP, { config: options.config ?? SEVERAL_SEGMENTS, isNew: true });
  const batches: FilledBatch[] = [];
  let timestamp = 1_000_000;
  for (let at = 0; at < options.batches; at++) {
    const builder = new BatchBuilder({});
    const timestamps: number[] = [];
    const count = 1 + random.nextInt(4);
    for (let index = 0; index < count; index++) {
      timestamp += random.nextInt(3) === 0 ? 1 : 0;
      const own = random.nextInt(8) === 0 ? timestamp - random.nextInt(20) : timestamp;
      timestamps.push(own);
      const length = options.valueBytes?.(() => random.nextDouble()) ?? 200 + random.nextInt(300);
      builder.append({ timestamp: own, key: null, value: Buffer.alloc(length, at) });
    }
    const records = builder.build();
    const info = log.appendAsLeader(records, { leaderEpoch: Math.floor((at * 4) / options.batches) });
    const { messageOffset, segmentBaseOffset, relativePositionInSegment } = info.firstOffset!;
    batches.push({
      baseOffset: messageOffset,
      lastOffset: info.lastOffset,
      sizeInBytes: records.length,
      segmentBaseOffset,
      position: relativePositionInSegment,
      records: timestamps.map((own, index) => ({ offset: messageOffset + index, timestamp: own })),
    });
  }
  log.updateHighWatermark(log.logEndOffset);
  return { log, batches };
}
