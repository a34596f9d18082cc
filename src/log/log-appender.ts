/** Appending to a log: checking, numbering, rolling, and the producers' state. */
import { partitionKey } from '../cluster/index.js';
import {
  analyzeRecords,
  BatchView,
  forEachBatch,
  validateForAppend,
  type AppendValidationOptions,
  type PreparedAppend,
} from '../records/index.js';
import { MAX_RELATIVE_OFFSET } from './segment/abstract-index.js';
import { firstOffsetOf, type BatchMetadata } from './core/producer-state-entry.js';
import type { ProducerStateManager } from './core/producer-state-manager.js';
import { shouldRoll } from './core/roll.js';
import type { LeaderEpochFileCache } from './checkpoints/leader-epoch-file-cache.js';
import type { LocalLog } from './local-log.js';
import type { AppendAsLeaderOptions, AppendOrigin, LogAppendInfo, VerificationGuard } from './core/log-append-info.js';
import { LogError, UnexpectedAppendOffsetError } from './core/log-error.js';
import type { LogFlusher } from './manager/log-flusher.js';
import { LogOffsetMetadata } from './core/log-offset-metadata.js';
import type { LogSegment } from './segment/log-segment.js';
import { NO_PRODUCER_UPDATES, ProducerAppend, type ProducerUpdates } from './producer/producer-append.js';
import { restoreProducerHistory } from './producer/producer-history.js';
import type { ProducerSnapshots } from './producer/producer-snapshots.js';
import type { StableOffsets } from './stable-offsets.js';
import { prepareAppend } from './unpacking.js';

/** What an append touches. */
export interface LogAppenderParts {
  readonly local: LocalLog;
  readonly epochs: LeaderEpochFileCache;
  readonly producers: ProducerStateManager;
  readonly snapshots: ProducerSnapshots;
  readonly offsets: StableOffsets;
  readonly flusher: LogFlusher;
}

/** Records that passed the checks of an append, and where they belong. */
interface ValidatedRecords {
  readonly records: Buffer;
  readonly firstOffset: number;
  readonly info: LogAppendInfo;
}

/** The appends of one log (`UnifiedLog.append`); the log's own state is all it has. */
export class LogAppender {
  private readonly local: LocalLog;
  private readonly epochs: LeaderEpochFileCache;
  private readonly producers: ProducerStateManager;
  private readonly snapshots: ProducerSnapshots;
  private readonly offsets: StableOffsets;
  private readonly flusher: LogFlusher;
  private readonly name: string;

  constructor(parts: LogAppenderParts) {
    ({ local: this.local, epochs: this.epochs, producers: this.producers, snapshots: this.snapshots } = parts);
    ({ offsets: this.offsets, flusher: this.flusher } = parts);
    this.name = partitionKey(this.local.topicPartition);
  }

  /** See `UnifiedLog`. */
  appendAsLeader(records: Buffer, options: AppendAsLeaderOptions): LogAppendInfo {
    const { leaderEpoch, origin = 'client', verificationGuard = null } = options;
    this.local.ensureOpen();
    const validated = this.validateAsLeader(records, options);
    if (validated.info.shallowCount === 0) return validated.info;
    this.local.onStorage('assigning a leader epoch to', () => this.epochs.assign(leaderEpoch, validated.firstOffset));
    return this.appendValidated(validated, origin, verificationGuard);
  }

  /** See `UnifiedLog`. */
  appendAsFollower(records: Buffer): LogAppendInfo {
    this.local.ensureOpen();
    const validated = this.validateAsFollower(records);
    if (validated.info.shallowCount === 0) return validated.info;
    // Such as this broker's own, assigned when it became leader: beside it, the epochs of records that are there would be dropped.
    this.forgetEpochsAhead();
    try {
      return this.local.onStorage('appending records to', () => {
        forEachBatch(validated.records, (batch) => {
          if (batch.partitionLeaderEpoch >= 0) this.epochs.assign(batch.partitionLeaderEpoch, batch.baseOffset);
          // The leader writes a message format of before 0.11: it knows no epochs, and what this log knows of them says nothing of its records.
          else if (batch.magic < 2) this.epochs.clear();
        });
        return this.appendValidated(validated, 'replication', null);
      });
    } catch (error) {
      // For want of a file handle, say: the log lives on, and tells its leader which epoch it ends with.
      this.forgetEpochsAhead();
      throw error;
    }
  }

  /** The epochs of records that are not, or not yet, in the log. */
  private forgetEpochsAhead(): void {
    this.epochs.cutToLog(this.local.logEndOffset);
  }

  /** See `UnifiedLog`. */
  prepareAppend(records: Buffer, options: AppendAsLeaderOptions): Promise<PreparedAppend> {
    return prepareAppend(this.local.context.clock, records, this.validationOptions(options));
  }

  private validationOptions(options: AppendAsLeaderOptions): AppendValidationOptions {
    const { config } = this.local;
    return {
      topicPartition: this.name,
      origin: options.origin ?? 'client',
      maxMessageBytes: config.maxMessageBytes,
      nextOffset: this.local.logEndOffset,
      partitionLeaderEpoch: options.leaderEpoch,
      nowMs: this.local.context.clock.nowMs(),
      targetCompression: config.compressionType,
      timestampType: config.messageTimestampType,
      timestampBeforeMaxMs: config.messageTimestampBeforeMaxMs,
      timestampAfterMaxMs: config.messageTimestampAfterMaxMs,
      compactedTopic: config.cleanupPolicy.compact,
      work: options.work,
      prepared: options.prepared,
      allowance: options.allowance,
    };
  }

  private validateAsLeader(records: Buffer, options: AppendAsLeaderOptions): ValidatedRecords {
    const { leaderEpoch } = options;
    const validation = validateForAppend(records, this.validationOptions(options));
    return {
      records: validation.buffer,
      firstOffset: validation.firstOffset,
      info: {
        firstOffset: null,
        lastOffset: validation.lastOffset,
        lastLeaderEpoch: leaderEpoch,
        maxTimestamp: validation.maxTimestamp,
        offsetOfMaxTimestamp: validation.offsetOfMaxTimestamp,
        logAppendTime: validation.logAppendTimeMs,
        logStartOffset: this.offsets.logStartOffset,
        sourceCompression: validation.sourceCompression,
        shallowCount: validation.batchCount,
        validBytes: validation.validBytes,
        duplicate: false,
        leaderHwChange: 'none',
      },
    };
  }

  private validateAsFollower(records: Buffer): ValidatedRecords {
    const analysis = analyzeRecords(records, {
      topicPartition: this.name,
      origin: 'replication',
      maxMessageBytes: this.local.config.maxMessageBytes,
      ignoreRecordSize: true,
    });
    const info: LogAppendInfo = {
      firstOffset: null,
      lastOffset: analysis.lastOffset,
      lastLeaderEpoch: analysis.lastLeaderEpoch,
      maxTimestamp: analysis.maxTimestamp,
      offsetOfMaxTimestamp: analysis.offsetOfMaxTimestamp,
      logAppendTime: -1,
      logStartOffset: this.offsets.logStartOffset,
      sourceCompression: analysis.sourceCompression,
      shallowCount: analysis.batchCount,
      validBytes: analysis.validBytes,
      duplicate: false,
      leaderHwChange: 'none',
    };
    const firstOffset = analysis.firstOffset ?? analysis.lastOffsetOfFirstBatch;
    if (analysis.batchCount > 0) {
      // No segment holds offsets so far apart; a leader's read ends with its segment.
      if (!analysis.offsetsMonotonic || analysis.lastOffset - firstOffset > MAX_RELATIVE_OFFSET) {
        throw new LogError('OFFSETS_OUT_OF_ORDER', `Out of order offsets found in append to ${this.name}`);
      }
      if (firstOffset < this.local.logEndOffset) {
        throw new UnexpectedAppendOffsetError(
          `Unexpected offset in append to ${this.name}. First offset ${firstOffset} is less than the next offset ` +
            `${this.local.logEndOffset}, last offset in append: ${analysis.lastOffset}. Log start offset = ${this.offsets.logStartOffset}`,
          firstOffset,
          analysis.lastOffset,
        );
      }
    }
    const valid = analysis.validBytes === records.length ? records : records.subarray(0, analysis.validBytes);
    return { records: valid, firstOffset, info };
  }

  private appendValidated(
    { records, firstOffset, info }: ValidatedRecords,
    origin: AppendOrigin,
    verificationGuard: VerificationGuard | null,
  ): LogAppendInfo {
    if (records.length > this.local.config.segmentBytes) {
      throw new LogError(
        'RECORD_LIST_TOO_LARGE',
        `Message batch size is ${records.length} bytes in append to partition ${this.name}, ` +
          `which exceeds the maximum configured segment size of ${this.local.config.segmentBytes}.`,
      );
    }
    return this.local.onStorage('appending records to', () => {
      this.flusher.beforeAppend();
      const segment = this.maybeRoll(records.length, firstOffset, info);
      const position = segment.sizeInBytes;
      const updates = this.checkProducers(records, origin, verificationGuard, segment.baseOffset, position);
      if (updates.duplicate) {
        // It may have been written, and refused as the flush after it failed.
        this.flushIfDue();
        return asDuplicate(info, updates.duplicate);
      }
      info.firstOffset = new LogOffsetMetadata(firstOffset, segment.baseOffset, position);
      // With an abort marker two files are written. Both can be before one is: a marker without its entry would show aborted records.
      if (updates.completedTxns.length > 0 && updates.completedTxns.some((txn) => txn.isAborted)) {
        segment.txnIndex.keepingOpen(() => this.write(records, firstOffset, info, updates, segment));
      } else this.write(records, firstOffset, info, updates, segment);
      this.flushIfDue();
      return info;
    });
  }

  /** `flush.messages` */
  private flushIfDue(): void {
    if (this.local.unflushedMessages >= this.local.config.flushMessages) this.flusher.flushSync();
  }

  private write(
    records: Buffer,
    firstOffset: number,
    info: LogAppendInfo,
    updates: ProducerUpdates,
    segment: LogSegment,
  ): void {
    this.local.append(records, firstOffset, info.lastOffset, info.maxTimestamp, info.offsetOfMaxTimestamp);
    this.offsets.followLogEnd();
    this.applyProducerUpdates(updates, segment);
    this.producers.mapEndOffset = info.lastOffset + 1;
  }

  private checkProducers(
    records: Buffer,
    origin: AppendOrigin,
    verificationGuard: VerificationGuard | null,
    segmentBaseOffset: number,
    position: number,
  ): ProducerUpdates {
    // Most appends are one batch of a producer without an id: nothing is built for them.
    const first = new BatchView(records);
    if (!first.hasProducerId && first.sizeInBytes === records.length) return NO_PRODUCER_UPDATES;
    const { producers, local } = this;
    const append = new ProducerAppend(
      producers,
      origin,
      verificationGuard,
      (entry) => restoreProducerHistory(local.segments, entry, this.offsets.logStartOffset),
      producers.hasRefused ? producers.refusedBatches(local.context.clock.monotonicMs()) : null,
    );
    let duplicate: BatchMetadata | null = null;
    forEachBatch(records, (batch) => {
      duplicate ??= append.add(batch, segmentBaseOffset, position + batch.offset);
    });
    if (!duplicate) return append.updates;
    producers.forgetRefused(first.producerId);
    return { ...NO_PRODUCER_UPDATES, duplicate };
  }

  private applyProducerUpdates({ appends, completedTxns }: ProducerUpdates, segment: LogSegment): void {
    if (appends.size === 0) return;
    for (const append of appends.values()) this.producers.update(append);
    for (const txn of completedTxns) {
      if (txn.isAborted) {
        segment.txnIndex.append({ ...txn, lastStableOffset: this.producers.lastStableOffset(txn) });
      }
      this.producers.completeTxn(txn);
    }
    this.offsets.updateFirstUnstableOffset();
  }

  private maybeRoll(appendSizeInBytes: number, firstOffset: number, info: LogAppendInfo): LogSegment {
    const segment = this.local.segments.active;
    const { config } = this.local;
    const rolls = shouldRoll({
      segmentSizeInBytes: segment.sizeInBytes,
      appendSizeInBytes,
      maxSegmentBytes: config.segmentBytes,
      timeWaitedMs: segment.timeWaitedForRoll(this.local.context.clock.nowMs(), info.maxTimestamp),
      maxSegmentMs: config.maxSegmentMs - segment.rollJitterMs,
      isIndexFull: segment.isIndexFull,
      fitsRelativeOffset: segment.canConvertToRelativeOffset(info.lastOffset),
    });
    return rolls ? this.roll(this.nameOfNext(firstOffset, info.lastOffset)) : segment;
  }

  /**
   * Where the last batch ends, whatever gap the leader's cleaner has left before the records. (`UnifiedLog.maybeRoll` names it by the first
   * offset, where that is known.) Only offsets that the new segment's indexes could not hold from there have it begin with them.
   */
  private nameOfNext(firstOffset: number, lastOffset: number): number {
    const { nextBaseOffset } = this.local;
    return lastOffset - nextBaseOffset <= MAX_RELATIVE_OFFSET ? nextBaseOffset : firstOffset;
  }

  /** Begins a new segment at the log end, or at `expectedNextOffset` if that is greater; the old one is made durable in the background. */
  roll(expectedNextOffset: number): LogSegment {
    const segment = this.local.roll(expectedNextOffset);
    this.producers.mapEndOffset = segment.baseOffset;
    this.snapshots.take(this.producers);
    this.offsets.followLogEnd();
    this.local.context.scheduler.scheduleOnce('flush-log', () => this.flusher.flush(segment.baseOffset, false));
    return segment;
  }
}

/** What the append of a retried batch answers: nothing was written. */
function asDuplicate(info: LogAppendInfo, duplicate: BatchMetadata): LogAppendInfo {
  return {
    ...info,
    firstOffset: new LogOffsetMetadata(firstOffsetOf(duplicate)),
    lastOffset: duplicate.lastOffset,
    logAppendTime: duplicate.timestamp,
    duplicate: true,
  };
}
