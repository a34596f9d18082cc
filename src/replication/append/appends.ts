import { assert, type Counter } from '../../common/index.js';
import { isOutOfHandles, type AppendMeans, type LogAppendInfo, type VerificationGuard } from '../../log/index.js';
import { ErrorCode, errorName } from '../../protocol/index.js';
import {
  AppendAllowance,
  firstBatch,
  PreparationNeededError,
  RECORD_BATCH_OVERHEAD,
  RecordValidationError,
  StepWork,
  type Int64,
  type PreparedAppend,
} from '../../records/index.js';
import { isInternalTopic, type TopicPartition } from '../../cluster/index.js';
import type { AppendCall, AppendEntry, AppendResult } from './append.js';
import { Change } from '../core/partition-change.js';
import type { ProducePurgatory } from '../delayed-operations.js';
import { anyErrorCodeOf } from '../errors.js';
import type { Partition } from '../partition.js';
import type { TransactionVerifier } from '../ports.js';

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
 * Appends records to partitions that this broker leads (Kafka's `ReplicaManager.appendRecords`). Without waiting for followers, for the
 * transaction coordinator, or for what large batches take, it is done when the call returns.
 */
export class Appends {
  constructor(private readonly options: AppendsOptions) {}

  /** Null when the records are looked at no more; else resolves when they are not: once a transaction is verified, and what is large is appended. */
  append(call: AppendCall): Promise<void> | null {
    if (call.requiredAcks !== -1 && call.requiredAcks !== 0 && call.requiredAcks !== 1) {
      call.onComplete(call.entries.map(({ tp }) => refusal(tp, ErrorCode.INVALID_REQUIRED_ACKS)));
      return null;
    }
    const verifier = this.options.verifier();
    if (!verifier || !call.transactionalId) return this.appendEntries(call, null);
    return this.verifyThenAppend(call, call.transactionalId, verifier);
  }

  /**
   * The first records of a producer in a partition since its last transaction are only appended once the coordinator has confirmed that
   * the partition is part of the present one (KIP-890): a late record must not begin a transaction that nobody will end.
   */
  private verifyThenAppend(
    call: AppendCall,
    transactionalId: string,
    verifier: TransactionVerifier,
  ): Promise<void> | null {
    const verifications: Verification[] = [];
    const unverified: { index: number; tp: TopicPartition; guard: VerificationGuard }[] = [];
    let producer: { producerId: Int64; producerEpoch: number } | null = null;
    for (const [index, { tp, records }] of call.entries.entries()) {
      verifications.push(UNVERIFIED);
      const batch = firstBatch(records);
      // The append itself says what is wrong with a batch that has no whole header.
      if (!batch || batch.sizeInBytes < RECORD_BATCH_OVERHEAD || !batch.hasProducerId || !batch.isTransactional)
        continue;
      const { producerId } = batch;
      if (producer && producer.producerId !== producerId) {
        const error = ErrorCode.INVALID_PRODUCER_ID_MAPPING;
        call.onComplete(call.entries.map((entry) => refusal(entry.tp, error)));
        return null;
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
    if (!producer || unverified.length === 0) return this.appendEntries(call, verifications);
    const partitions = unverified.map(({ tp }) => tp);
    // What a trusting verifier answers is there when its call returns.
    let atOnce = null as { readonly appended: Promise<void> | null } | null;
    let appendLate = null as ((append: () => Promise<void> | null) => void) | null;
    verifier.verify({ transactionalId, ...producer }, partitions, (errorCodes) => {
      const append = (): Promise<void> | null => {
        assert(errorCodes.length === unverified.length, 'the coordinator answers for every partition');
        unverified.forEach(({ index, tp, guard }, at) => {
          const errorCode = errorCodes[at]!;
          verifications[index] =
            errorCode === ErrorCode.NONE ? { guard } : { refusal: unverifiedRefusal(tp, errorCode) };
        });
        return this.appendEntries(call, verifications);
      };
      if (appendLate) appendLate(append);
      else atOnce = { appended: append() };
    });
    if (atOnce) return atOnce.appended;
    return new Promise<void>((resolve, reject) => {
      // Of what it throws whoever waits is told, as when there is no verifier; the verifier is not.
      appendLate = (append) => {
        try {
          resolve(append() ?? undefined);
        } catch (error) {
          reject(error as Error);
        }
      };
    });
  }

  /** Appends what takes no long work at once, and the rest, each when it is prepared. */
  private appendEntries(call: AppendCall, verifications: readonly Verification[] | null): Promise<void> | null {
    // What coordinators write is small, and is to be there when the call returns.
    const work = call.origin === 'client' ? new StepWork() : undefined;
    const allowance = call.allowance ?? new AppendAllowance();
    let large: LargeEntry[] | null = null;
    const run = new AppendRun(this.options, call);
    for (let index = 0; index < call.entries.length; index++) {
      const verification = verifications?.[index] ?? UNVERIFIED;
      if (!this.appendEntry(run, index, verification, { work, allowance }))
        (large ??= []).push({ index, verification });
    }
    if (!large) {
      run.finish();
      return null;
    }
    return this.appendLarge(run, large, allowance);
  }

  /** False when it is more than the step may do: nothing is done then. */
  private appendEntry(run: AppendRun, index: number, verification: Verification, means: AppendMeans): boolean {
    const { call } = run;
    const entry = call.entries[index]!;
    if ('refusal' in verification) {
      run.results[index] = verification.refusal;
      return true;
    }
    const partition = this.writablePartition(call, entry);
    if (typeof partition === 'number') {
      run.results[index] = refusal(entry.tp, partition);
      return true;
    }
    try {
      const { origin, requiredAcks } = call;
      const info = partition.appendRecordsToLeader(entry.records, origin, requiredAcks, verification.guard, means);
      run.add(index, partition, info);
    } catch (error) {
      if (error instanceof PreparationNeededError) return false;
      run.results[index] = this.failure(entry.tp, partition.leaderLog?.logStartOffset ?? -1, error);
      // Over in a moment: what comes next may be appended.
      if (call.origin === 'client' && isOutOfHandles(error)) partition.leaderLog?.noteRefused(entry.records);
    }
    return true;
  }

  /**
   * The entries that are done are announced, and wait for followers, by themselves; so does each of the others. Whoever called waits for them, so
   * that nothing of the same producer comes in between.
   */
  private async appendLarge(done: AppendRun, large: readonly LargeEntry[], allowance: AppendAllowance): Promise<void> {
    const { call } = done;
    const results: AppendResult[] = [];
    let missing = call.entries.length;
    const complete = (indexes: readonly number[], some: readonly AppendResult[]): void => {
      indexes.forEach((index) => (results[index] = some[index]!));
      missing -= indexes.length;
      if (missing === 0) call.onComplete(results);
    };
    const later = new Set(large.map(({ index }) => index));
    const first = call.entries.flatMap((_entry, index) => (later.has(index) ? [] : [index]));
    done.finish((some) => complete(first, some));
    for (const { index, verification } of large) {
      const run = new AppendRun(this.options, call);
      const prepare = (): Promise<PreparedAppend | null> => this.prepare(run, index, allowance);
      // Prepared again if the topic was configured otherwise meanwhile.
      for (let prepared = await prepare(); prepared; prepared = await prepare()) {
        if (this.appendEntry(run, index, verification, { work: new StepWork(), prepared, allowance })) break;
      }
      run.finish((some) => complete([index], some));
    }
  }

  /** Null when the entry is refused meanwhile. */
  private async prepare(run: AppendRun, index: number, allowance: AppendAllowance): Promise<PreparedAppend | null> {
    const { call } = run;
    const entry = call.entries[index]!;
    const partition = this.writablePartition(call, entry);
    if (typeof partition === 'number') {
      run.results[index] = refusal(entry.tp, partition);
      return null;
    }
    try {
      return await partition.prepareAppend(entry.records, call.origin, allowance);
    } catch (error) {
      run.results[index] = this.failure(entry.tp, partition.leaderLog?.logStartOffset ?? -1, error);
      return null;
    }
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

/** An entry that takes long work, by its place in the call. */
interface LargeEntry {
  readonly index: number;
  readonly verification: Verification;
}

/** Appends of one step: what they give, whom they concern, and what has to be replicated. */
class AppendRun {
  /** By the place of the entry in the call. */
  readonly results: AppendResult[] = [];
  private readonly required: { index: number; key: string; offset: number }[] = [];
  private readonly changed: { partition: Partition; change: number }[] = [];

  constructor(
    private readonly options: AppendsOptions,
    readonly call: AppendCall,
  ) {}

  add(index: number, partition: Partition, info: LogAppendInfo): void {
    const { options } = this;
    const isRaised = info.leaderHwChange === 'increased';
    this.changed.push({ partition, change: isRaised ? Change.Appended | Change.HighWatermark : Change.Appended });
    let errorCode: number = ErrorCode.NONE;
    if (this.call.requiredAcks === -1) {
      const offset = info.lastOffset + 1;
      if (partition.logOrThrow().highWatermark >= offset) errorCode = partition.acknowledgement();
      else this.required.push({ index, key: partition.key, offset });
    }
    options.bytesIn.add(info.validBytes);
    const baseOffset = info.firstOffset?.messageOffset ?? -1;
    if (baseOffset >= 0) options.messagesIn.add(info.lastOffset - baseOffset + 1);
    this.results[index] = {
      tp: partition.tp,
      errorCode,
      errorMessage: null,
      baseOffset,
      lastOffset: info.lastOffset,
      logAppendTimeMs: info.logAppendTime,
      logStartOffset: info.logStartOffset,
      recordErrors: [],
    };
  }

  /**
   * In this order: what waits can be found by what is announced, and whoever the append concerns is told before the client is answered, for an
   * answer that throws must not keep it from them.
   */
  finish(onComplete = this.call.onComplete): void {
    const { results, required } = this;
    const mustWait = required.length > 0;
    if (mustWait) {
      const giveUp = this.options.purgatory.wait(results, required, this.call.timeoutMs, onComplete);
      this.call.onWait?.(giveUp);
    }
    for (const { partition, change } of this.changed) this.options.onChange(partition, change);
    if (!mustWait) onComplete(results);
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
