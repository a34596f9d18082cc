/** What a leader asks of each record of a batch of magic 2 (`LogValidator.validateRecord`), however its bytes are come by. */
import { AppendAllowance } from './append-allowance.js';
import type { BatchView, TimestampType } from './batch-view.js';
import { InvalidRecordError } from './errors.js';
import { addInt64, subtractInt64, type Int64 } from './int64.js';
import type { RecordCursor } from './record.js';
import { RecordErrors } from './record-errors.js';
import type { StepWork } from './step-work.js';

/** Sums of numbers below it are exact. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
const INT64_MAX = 0x7fffffffffffffffn;
const INT64_MIN = -INT64_MAX - 1n;

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
  offsetsAreConsecutive = true;
  /** Where the records lie, when they were had at once. */
  content: { readonly bytes: Buffer; readonly start: number; readonly end: number } | null = null;
  private readonly checksRange: boolean;
  /** All records have the time that a broker gave the batch. */
  private readonly isStamped: boolean;
  /** Times are looked at as what they are beyond it: sums beyond 2^53 take ten times as long as all else that is done for a record. */
  private readonly baseTimestamp: Int64;
  private readonly deltas: DeltaRange;
  private readonly leastKeySize: number;
  /** Of those in `deltas`. */
  private greatestDelta: number;
  private indexOfGreatestDelta = -1;
  /** Of the others. */
  private greatest: Int64 = -1;
  private indexOfGreatest = -1;
  private readonly errors: RecordErrors;

  /** Throws `InvalidRecordError` for a count that no batch has. */
  constructor(
    private readonly batch: BatchView,
    private readonly conditions: RecordConditions,
  ) {
    const { count } = batch;
    if (count < 0) throw new InvalidRecordError(`Found invalid record count ${count} in magic v2 batch`);
    this.checksRange = conditions.timestampType === 'CreateTime';
    this.isStamped = batch.timestampType === 'LogAppendTime';
    this.baseTimestamp = this.isStamped ? batch.maxTimestamp : batch.baseTimestamp;
    const isRefused = this.isStamped && (!this.checksRange || this.baseTimestamp === -1);
    this.deltas = isRefused ? NO_DELTAS : deltaRange(this.baseTimestamp, conditions);
    this.leastKeySize = conditions.compactedTopic ? 0 : -Infinity;
    this.greatestDelta = this.deltas.ofNoTime;
    this.errors = new RecordErrors(conditions.topicPartition, conditions.allowance ?? new AppendAllowance());
  }

  /** Adds all records, which `cursor` is to pass. `work` counts those that take longer than the others. */
  addAll(cursor: RecordCursor, count: number, work: StepWork | undefined): void {
    const { isStamped, leastKeySize } = this;
    const { least, most } = this.deltas;
    let { greatestDelta, indexOfGreatestDelta } = this;
    for (let index = 0; index < count; index++) {
      cursor.next();
      const delta = isStamped ? 0 : cursor.timestampDelta;
      if (cursor.offsetDelta !== index) this.offsetsAreConsecutive = false;
      if (typeof delta === 'number' && delta > least && delta < most && cursor.keySize >= leastKeySize) {
        if (delta > greatestDelta) {
          greatestDelta = delta;
          indexOfGreatestDelta = index;
        }
      } else {
        work?.unusualRecord();
        this.addUnusual(index, cursor);
      }
    }
    this.greatestDelta = greatestDelta;
    this.indexOfGreatestDelta = indexOfGreatestDelta;
  }

  /** Adds one. */
  add(index: number, record: PassedRecord): void {
    const delta = this.isStamped ? 0 : record.timestampDelta;
    const { least, most } = this.deltas;
    if (record.offsetDelta !== index) this.offsetsAreConsecutive = false;
    if (typeof delta !== 'number' || delta <= least || delta >= most || record.keySize < this.leastKeySize) {
      this.addUnusual(index, record);
    } else if (delta > this.greatestDelta) {
      this.greatestDelta = delta;
      this.indexOfGreatestDelta = index;
    }
  }

  /** One that has something wrong, or a time that takes long to look at. */
  private addUnusual(index: number, record: PassedRecord): void {
    const { isStamped, conditions } = this;
    const timestamp = isStamped ? this.baseTimestamp : addInt64(this.baseTimestamp, record.timestampDelta);
    if (conditions.compactedTopic && record.keySize < 0) this.errors.noKey(index);
    else if (this.checksRange && timestamp !== -1) {
      if (isOutOfRange(timestamp, conditions)) {
        this.errors.timestampOutOfRange(index, timestamp, this.offsetOf(record), conditions);
      }
    } else if (isStamped) this.errors.timestampType(index, timestamp, this.offsetOf(record), record);
    if (timestamp > this.greatest) {
      this.greatest = timestamp;
      this.indexOfGreatest = index;
    }
  }

  /** Throws `RecordValidationError` when any record was refused. */
  finish(): void {
    this.errors.throwIfAny();
  }

  get maxTimestamp(): Int64 {
    const usual = this.greatestUsual;
    return usual > this.greatest ? usual : this.greatest;
  }

  get indexOfMaxTimestamp(): number {
    const usual = this.greatestUsual;
    if (usual > this.greatest) return this.indexOfGreatestDelta;
    if (usual === this.greatest && usual !== -1) return Math.min(this.indexOfGreatestDelta, this.indexOfGreatest);
    return this.indexOfGreatest;
  }

  private get greatestUsual(): Int64 {
    return this.indexOfGreatestDelta < 0 ? -1 : addInt64(this.baseTimestamp, this.greatestDelta);
  }

  private offsetOf({ offsetDelta }: PassedRecord): number {
    return this.batch.baseOffset + offsetDelta;
  }
}

/** Times by what they are beyond a base, as numbers whose comparison says what that of the times would. */
interface DeltaRange {
  /** Those between the two are of times in range; others may be. */
  readonly least: number;
  readonly most: number;
  /** Of -1, which is no time: only greater ones count. */
  readonly ofNoTime: number;
}

const NO_DELTAS: DeltaRange = { least: Infinity, most: -Infinity, ofNoTime: -1 };

function deltaRange(base: Int64, conditions: RecordConditions): DeltaRange {
  const { nowMs, timestampType, timestampBeforeMaxMs, timestampAfterMaxMs } = conditions;
  const checksRange = timestampType === 'CreateTime';
  if (typeof base === 'number') {
    const earliest = checksRange ? nowMs - Number(timestampBeforeMaxMs) : -Infinity;
    const latest = checksRange ? nowMs + Number(timestampAfterMaxMs) : Infinity;
    const least = Math.max(-MAX_NUMBER, earliest) - base;
    const most = Math.min(MAX_NUMBER, latest) - base;
    return { least: Math.max(-MAX_NUMBER, least), most: Math.min(MAX_NUMBER, most), ofNoTime: -1 - base };
  }
  const beyond = (time: bigint): number => clampedNumber(time - base);
  const earliest = checksRange ? greater(BigInt(nowMs) - BigInt(timestampBeforeMaxMs), INT64_MIN) : INT64_MIN;
  const latest = checksRange ? lesser(BigInt(nowMs) + BigInt(timestampAfterMaxMs), INT64_MAX) : INT64_MAX;
  return { least: beyond(earliest), most: beyond(latest), ofNoTime: base > 0n ? -Infinity : Infinity };
}

/** The difference wraps as Java's does: with an unlimited `after`, the least of all timestamps is in range. */
export function isOutOfRange(
  timestamp: Int64,
  { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs }: Omit<RecordConditions, 'topicPartition'>,
): boolean {
  const difference = subtractInt64(nowMs, timestamp);
  return difference > timestampBeforeMaxMs || subtractInt64(0, difference) > timestampAfterMaxMs;
}

/** The nearest number that is exact. */
function clampedNumber(value: bigint): number {
  return Math.max(-MAX_NUMBER, Math.min(MAX_NUMBER, Number(value)));
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
