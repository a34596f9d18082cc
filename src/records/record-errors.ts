/** Refusals of single records, with Kafka's words for each (`LogValidator.validateRecord`). */
import type { AppendAllowance } from './append-allowance.js';
import { RecordValidationError, type RecordError } from './errors.js';
import type { Int64 } from './int64.js';

interface TimestampRange {
  readonly nowMs: number;
  readonly timestampBeforeMaxMs: Int64;
  readonly timestampAfterMaxMs: Int64;
}

/** The refused records of a batch. One is enough to refuse the batch, but as many as the request is allowed are named to the producer (KIP-467). */
export class RecordErrors {
  private readonly errors: RecordError[] = [];
  private anyTimestamp = false;

  constructor(
    private readonly topicPartition: string,
    private readonly allowance: AppendAllowance,
  ) {}

  get isEmpty(): boolean {
    return this.errors.length === 0;
  }

  noKey(batchIndex: number): void {
    const message = `Compacted topic cannot accept message without key in topic partition ${this.topicPartition}`;
    this.add(batchIndex, message);
  }

  wrongMagic(batchIndex: number, magic: number): void {
    const message = `Record's magic does not match outer magic ${magic} in topic partition ${this.topicPartition}`;
    this.add(batchIndex, message);
  }

  timestampOutOfRange(
    batchIndex: number,
    timestamp: Int64,
    offset: number,
    { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs }: TimestampRange,
  ): void {
    this.anyTimestamp = true;
    const earliest = javaLong(nowMs, -1n, timestampBeforeMaxMs);
    const latest = javaLong(nowMs, 1n, timestampAfterMaxMs);
    const message =
      `Timestamp ${timestamp} of message with offset ${offset} is out of range. ` +
      `The timestamp should be within [${earliest}, ${latest}]`;
    this.add(batchIndex, message);
  }

  timestampType(
    batchIndex: number,
    timestamp: Int64,
    offset: number,
    { keySize, valueSize }: { readonly keySize: number; readonly valueSize: number },
  ): void {
    this.anyTimestamp = true;
    const record =
      `DefaultRecord(offset=${offset}, timestamp=${timestamp}, ` +
      `key=${Math.max(0, keySize)} bytes, value=${Math.max(0, valueSize)} bytes)`;
    const message = `Invalid timestamp type in message ${record}. Producer should not set timestamp type to LogAppendTime.`;
    this.add(batchIndex, message);
  }

  private add(batchIndex: number, message: string): void {
    this.errors.push({ batchIndex, message });
    if (this.errors.length >= this.allowance.recordErrors) this.throwIfAny();
  }

  throwIfAny(): void {
    const { errors } = this;
    if (errors.length === 0) return;
    this.allowance.recordErrors = Math.max(1, this.allowance.recordErrors - errors.length);
    if (this.anyTimestamp) {
      throw new RecordValidationError(
        'INVALID_TIMESTAMP',
        'One or more records have been rejected due to invalid timestamp',
        errors,
      );
    }
    const shown = errors
      .slice(0, 3)
      .map(({ batchIndex, message }) => `RecordError(batchIndex=${batchIndex}, message='${message}')`)
      .join(', ');
    throw new RecordValidationError(
      'INVALID_RECORD',
      `One or more records have been rejected due to ${errors.length} record errors in total, and only showing the first three errors at most: [${shown}]`,
      errors,
    );
  }
}

const INT64_MAX = 0x7fffffffffffffffn;

/** `now ± limit` as Java computes it for a message: the unlimited default of int64 max wraps. */
function javaLong(nowMs: number, sign: bigint, limitMs: Int64): bigint {
  const limit = limitMs >= INT64_MAX ? INT64_MAX : BigInt(limitMs);
  return BigInt.asIntN(64, BigInt(nowMs) + sign * limit);
}
