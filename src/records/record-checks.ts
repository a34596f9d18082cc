/** What a leader asks of each record of a batch of magic 2 (`LogValidator.validateRecord`), however its bytes are come by. */
import { AppendAllowance } from './append-allowance.js';
import type { BatchView, TimestampType } from './batch-view.js';
import { InvalidRecordError } from './errors.js';
import { addInt64, subtractInt64, type Int64 } from './int64.js';
import type { RecordCursor } from './record.js';
import { RecordErrors } from './record-errors.js';

/** Sums of numbers below it are exact. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

export interface RecordConditions {
  /** For messages. */
  readonly topicPartition: string;
  readonly nowMs: number;
  readonly timestampType: TimestampType;
  readonly timestampBeforeMaxMs: Int64;
  readonly timestampAfterMaxMs: Int64;
  readonly compactedTopic: boolean;
  /** What the other batches of the request have left. */
  readonly allowance?: AppendAllowance | undefined;
}

/** What the header of a batch needs to know of its records. */
export interface RecordFacts {
  /** -1 for none. */
  readonly maxTimestamp: Int64;
  /** Index of the first record with `maxTimestamp`, -1 for none. */
  readonly indexOfMaxTimestamp: number;
  /** False when the offset deltas are not 0, 1, 2 …: some clients leave them wrong, and the batch is written again. */
  readonly offsetsAreConsecutive: boolean;
}

/** A record that was passed; a `RecordCursor` is one. */
export interface PassedRecord {
  readonly timestampDelta: Int64;
  readonly offsetDelta: number;
  /** Negative for null. */
  readonly keySize: number;
  readonly valueSize: number;
}

/** Collects what is wrong with the records of one batch, and what its header needs: give it each, then `finish`. */
export class RecordChecks implements RecordFacts {
  maxTimestamp: Int64 = -1;
  indexOfMaxTimestamp = -1;
  offsetsAreConsecutive = true;
  /** Where the records lie, when they were had at once. */
  content: { readonly bytes: Buffer; readonly start: number; readonly end: number } | null = null;
  private readonly baseTimestamp: Int64;
  private readonly logAppendTime: Int64 | null;
  private readonly checksRange: boolean;
  private readonly errors: RecordErrors;

  /** Throws `InvalidRecordError` for a count that no batch has. */
  constructor(
    private readonly batch: BatchView,
    private readonly conditions: RecordConditions,
  ) {
    const { count } = batch;
    if (count < 0) throw new InvalidRecordError(`Found invalid record count ${count} in magic v2 batch`);
    this.baseTimestamp = batch.baseTimestamp;
    this.logAppendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : null;
    this.checksRange = conditions.timestampType === 'CreateTime';
    this.errors = new RecordErrors(conditions.topicPartition, conditions.allowance ?? new AppendAllowance());
  }

  /**
   * Adds all records, which `cursor` is to pass. Nearly every record has nothing wrong and a time that is a number: for those it costs what the cursor
   * costs. The others are added one by one.
   */
  addAll(cursor: RecordCursor, count: number): void {
    const { baseTimestamp, conditions } = this;
    const { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs, compactedTopic } = conditions;
    // NaN for a batch whose times are no plain ones: nothing is within it then.
    const base = typeof baseTimestamp === 'number' && this.logAppendTime === null ? baseTimestamp : NaN;
    const earliest = this.checksRange ? Math.max(-MAX_NUMBER, nowMs - Number(timestampBeforeMaxMs)) : -MAX_NUMBER;
    const latest = this.checksRange ? Math.min(MAX_NUMBER, nowMs + Number(timestampAfterMaxMs)) : MAX_NUMBER;
    const leastKeySize = compactedTopic ? 0 : -Infinity;
    let greatest = -1;
    let indexOfGreatest = -1;
    for (let index = 0; index < count; index++) {
      cursor.next();
      const delta = cursor.timestampDelta;
      const timestamp = typeof delta === 'number' ? base + delta : NaN;
      if (
        timestamp > earliest &&
        timestamp < latest &&
        cursor.offsetDelta === index &&
        cursor.keySize >= leastKeySize
      ) {
        if (timestamp > greatest) {
          greatest = timestamp;
          indexOfGreatest = index;
        }
      } else this.add(index, cursor);
    }
    if (greatest > this.maxTimestamp) {
      this.maxTimestamp = greatest;
      this.indexOfMaxTimestamp = indexOfGreatest;
    }
  }

  add(index: number, record: PassedRecord): void {
    const { logAppendTime, conditions } = this;
    const timestamp = logAppendTime ?? addInt64(this.baseTimestamp, record.timestampDelta);
    if (record.offsetDelta !== index) this.offsetsAreConsecutive = false;
    if (conditions.compactedTopic && record.keySize < 0) this.errors.noKey(index);
    else if (this.checksRange && timestamp !== -1) {
      if (isOutOfRange(timestamp, conditions)) {
        this.errors.timestampOutOfRange(index, timestamp, this.offsetOf(record), conditions);
      }
    } else if (logAppendTime !== null) this.errors.timestampType(index, timestamp, this.offsetOf(record), record);
    if (timestamp > this.maxTimestamp) {
      this.maxTimestamp = timestamp;
      this.indexOfMaxTimestamp = index;
    }
  }

  /** Throws `RecordValidationError` when any record was refused. */
  finish(): void {
    this.errors.throwIfAny();
  }

  private offsetOf({ offsetDelta }: PassedRecord): number {
    return this.batch.baseOffset + offsetDelta;
  }
}

/** The difference wraps as Java's does: with an unlimited `after`, the least of all timestamps is in range. */
export function isOutOfRange(
  timestamp: Int64,
  { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs }: Omit<RecordConditions, 'topicPartition'>,
): boolean {
  const difference = subtractInt64(nowMs, timestamp);
  return difference > timestampBeforeMaxMs || subtractInt64(0, difference) > timestampAfterMaxMs;
}
