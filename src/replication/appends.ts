import { assert, type Counter } from '../common/index.js';
import type { VerificationGuard } from '../log/index.js';
import { ErrorCode, errorName } from '../protocol/index.js';
import { BatchView, RECORD_BATCH_OVERHEAD, RecordValidationError } from '../records/index.js';
import { isInternalTopic, type TopicPartition } from '../cluster/index.js';
import type { AppendCall, AppendEntry, AppendResult } from './append.js';
import { Change } from './core/partition-change.js';
import type { ProducePurgatory } from './delayed-operations.js';
import { anyErrorCodeOf } from './errors.js';
import type { Partition } from './partition.js';
import type { TransactionVerifier } from './ports.js';

export interface AppendsOptions {
  readonly partitionOrError: (tp: TopicPartition) => Partition | number;
  readonly purgatory: ProducePurgatory;
  readonly onChange: (partition: Partition, change: number) => void;
  /** Null when `transaction.partition.verification.enable` is off. */
  readonly verifier: () => TransactionVerifier | null;
  readonly bytesIn: Counter;
  readonly messagesIn: Counter;
  readonly failedProduceRequests: Counter;
  readonly onRefused: (tp: TopicPartition, error: Error) => void;
  /** Something else than a refusal came of an append. */
  readonly onUnexpected: (tp: TopicPartition, error: unknown) => void;
}

/** What verification with the transaction coordinator gave for an entry: a guard to append under, or an error. */
type Verification = { readonly guard: VerificationGuard | null } | { readonly refusal: AppendResult };

const UNVERIFIED: Verification = { guard: null };

/**
 * Appends records to partitions that this broker leads (Kafka's `ReplicaManager.appendRecords`). Without waiting for followers or for
 * the transaction coordinator it is done when the call returns.
 */
export class Appends {
  constructor(private readonly options: AppendsOptions) {}

  append(call: AppendCall): void {
    if (call.requiredAcks !== -1 && call.requiredAcks !== 0 && call.requiredAcks !== 1) {
      call.onComplete(call.entries.map(({ tp }) => refusal(tp, ErrorCode.INVALID_REQUIRED_ACKS)));
      return;
    }
    const verifier = this.options.verifier();
    if (!verifier || !call.transactionalId) this.appendEntries(call, null);
    else this.verifyThenAppend(call, call.transactionalId, verifier);
  }

  /**
   * The first records of a producer in a partition since its last transaction are only appended once the coordinator has confirmed that
   * the partition is part of the present one (KIP-890): a late record must not begin a transaction that nobody will end.
   */
  private verifyThenAppend(call: AppendCall, transactionalId: string, verifier: TransactionVerifier): void {
    const verifications: Verification[] = [];
    const unverified: { index: number; tp: TopicPartition; guard: VerificationGuard }[] = [];
    let producer: { producerId: number; producerEpoch: number } | null = null;
    for (const [index, { tp, records }] of call.entries.entries()) {
      verifications.push(UNVERIFIED);
      const batch = firstBatch(records);
      if (!batch || !batch.hasProducerId || !batch.isTransactional) continue;
      const producerId = Number(batch.producerId);
      if (producer && producer.producerId !== producerId) {
        const error = ErrorCode.INVALID_PRODUCER_ID_MAPPING;
        call.onComplete(call.entries.map((entry) => refusal(entry.tp, error)));
        return;
      }
      producer = { producerId, producerEpoch: batch.producerEpoch };
      const partition = this.options.partitionOrError(tp);
      const log = typeof partition === 'number' ? null : partition.leaderLog;
      // The append itself gives the error of a partition that is not led here.
      if (!log) continue;
      try {
        const guard = log.maybeStartTransactionVerification(producerId, batch.baseSequence, batch.producerEpoch);
        if (guard) unverified.push({ index, tp, guard });
      } catch (error) {
        verifications[index] = { refusal: this.failure(tp, log.logStartOffset, error) };
      }
    }
    if (!producer || unverified.length === 0) {
      this.appendEntries(call, verifications);
      return;
    }
    const partitions = unverified.map(({ tp }) => tp);
    verifier.verify({ transactionalId, ...producer }, partitions, (errorCodes) => {
      assert(errorCodes.length === unverified.length, 'the coordinator answers for every partition');
      unverified.forEach(({ index, tp, guard }, at) => {
        const errorCode = errorCodes[at]!;
        verifications[index] = errorCode === ErrorCode.NONE ? { guard } : { refusal: unverifiedRefusal(tp, errorCode) };
      });
      this.appendEntries(call, verifications);
    });
  }

  private appendEntries(call: AppendCall, verifications: readonly Verification[] | null): void {
    const { entries, requiredAcks } = call;
    const results: AppendResult[] = [];
    const required: { index: number; key: string; offset: number }[] = [];
    const changed: { partition: Partition; change: number }[] = [];
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!;
      const verification = verifications?.[index] ?? UNVERIFIED;
      if ('refusal' in verification) {
        results.push(verification.refusal);
        continue;
      }
      const partition = this.writablePartition(call, entry);
      if (typeof partition === 'number') {
        results.push(refusal(entry.tp, partition));
        continue;
      }
      try {
        const info = partition.appendRecordsToLeader(entry.records, call.origin, requiredAcks, verification.guard);
        const isRaised = info.leaderHwChange === 'increased';
        changed.push({ partition, change: isRaised ? Change.Appended | Change.HighWatermark : Change.Appended });
        let errorCode: number = ErrorCode.NONE;
        if (requiredAcks === -1) {
          const offset = info.lastOffset + 1;
          if (partition.logOrThrow().highWatermark >= offset) errorCode = partition.acknowledgement();
          else required.push({ index, key: partition.key, offset });
        }
        this.options.bytesIn.add(info.validBytes);
        const baseOffset = info.firstOffset?.messageOffset ?? -1;
        if (baseOffset >= 0) this.options.messagesIn.add(info.lastOffset - baseOffset + 1);
        results.push({
          tp: entry.tp,
          errorCode,
          errorMessage: null,
          baseOffset,
          lastOffset: info.lastOffset,
          logAppendTimeMs: info.logAppendTime,
          logStartOffset: info.logStartOffset,
          recordErrors: [],
        });
      } catch (error) {
        results.push(this.failure(entry.tp, partition.leaderLog?.logStartOffset ?? -1, error));
      }
    }
    // In this order: what waits can be found by what is announced, and whoever the append concerns is told before the client is
    // answered, for an answer that throws must not keep it from them.
    const mustWait = required.length > 0;
    if (mustWait) this.options.purgatory.wait(results, required, call.timeoutMs, call.onComplete);
    for (const { partition, change } of changed) this.options.onChange(partition, change);
    if (!mustWait) call.onComplete(results);
  }

  private writablePartition(call: AppendCall, { tp }: AppendEntry): Partition | number {
    if (!call.internalTopicsAllowed && isInternalTopic(tp.topic)) return ErrorCode.INVALID_TOPIC_EXCEPTION;
    return this.options.partitionOrError(tp);
  }

  private failure(tp: TopicPartition, logStartOffset: number, error: unknown): AppendResult {
    const errorCode = anyErrorCodeOf(error, () => this.options.onUnexpected(tp, error));
    if (PLAIN_ERRORS.has(errorCode)) return refusal(tp, errorCode);
    this.options.failedProduceRequests.add();
    if (error instanceof Error) this.options.onRefused(tp, error);
    const answer = { ...refusal(tp, errorCode), logStartOffset };
    if (!(error instanceof RecordValidationError)) return answer;
    return { ...answer, recordErrors: error.recordErrors, errorMessage: error.message };
  }
}

/** Refusals that are part of everyday life: Kafka neither logs them nor answers the log start. */
const PLAIN_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.KAFKA_STORAGE_ERROR,
]);

function refusal(tp: TopicPartition, errorCode: number): AppendResult {
  return {
    tp,
    errorCode,
    errorMessage: null,
    baseOffset: -1,
    lastOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
  };
}

/** Errors of the coordinator's, which would send the producer looking for another one, become one that it simply retries. */
function unverifiedRefusal(tp: TopicPartition, errorCode: number): AppendResult {
  switch (errorCode) {
    case ErrorCode.INVALID_TXN_STATE:
      return { ...refusal(tp, errorCode), errorMessage: 'Partition was not added to the transaction' };
    case ErrorCode.CONCURRENT_TRANSACTIONS:
    case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode.COORDINATOR_NOT_AVAILABLE:
    case ErrorCode.NOT_COORDINATOR:
      return {
        ...refusal(tp, ErrorCode.NOT_ENOUGH_REPLICAS),
        errorMessage: `Unable to verify the partition has been added to the transaction. Underlying error: ${errorName(errorCode)}`,
      };
    default:
      return refusal(tp, errorCode);
  }
}

/** The first batch, or null when the bytes are no batch: the append says what is wrong with them. */
function firstBatch(records: Buffer): BatchView | null {
  return records.length < RECORD_BATCH_OVERHEAD ? null : new BatchView(records);
}
