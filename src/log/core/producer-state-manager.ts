import { assert } from '../../common/index.js';
import { subtractInt64, type Int64 } from '../../records/index.js';
import type { AppendOrigin, VerificationGuard } from './log-append-info.js';
import { LogOffsetMetadata } from './log-offset-metadata.js';
import { ProducerAppendInfo, type CompletedTxn, type TxnMetadata } from './producer-append-info.js';
import { ProducerStateEntry } from './producer-state-entry.js';
import { RefusedBatches } from './refused-batches.js';

/** A transaction this much older than its producer's longest timeout hangs: its coordinator should have ended it. */
const LATE_TRANSACTION_BUFFER_MS = 5 * 60 * 1000;

export interface ProducerStateConfig {
  /** `transaction.max.timeout.ms` */
  readonly maxTransactionTimeoutMs: number;
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number;
  /** `transaction.partition.verification.enable` */
  readonly transactionVerificationEnabled: boolean;
}

interface VerificationState {
  readonly guard: VerificationGuard;
  readonly createdMs: number;
  lowestSequence: number;
  epoch: number;
}

/**
 * What a log knows of the producers that wrote to it, up to `mapEndOffset`: their last batches, and the transactions that hold back the
 * last stable offset (the memory part of `org.apache.kafka.storage.internals.log.ProducerStateManager`; the snapshots are in
 * `producer-snapshots.ts`). Maps are made with the first producer, as most logs have none.
 */
export class ProducerStateManager {
  private readonly producers = new Map<Int64, ProducerStateEntry>();
  /** Open transactions in order of their first offset. */
  private ongoing: TxnMetadata[] = [];
  /** Ended ones whose marker the high watermark has not passed, in order of their first offset. */
  private unreplicated: TxnMetadata[] = [];
  private verification: Map<Int64, VerificationState> | null = null;
  private refused: RefusedBatches | null = null;
  private endOffset = 0;
  private forgot = false;

  constructor(
    private readonly partition: string,
    readonly config: ProducerStateConfig,
  ) {}

  /** The state is that of the log up to here. */
  get mapEndOffset(): number {
    return this.endOffset;
  }

  set mapEndOffset(offset: number) {
    this.endOffset = offset;
  }

  get activeProducers(): ReadonlyMap<Int64, ProducerStateEntry> {
    return this.producers;
  }

  /** Producers that wrote nothing for long were forgotten: that there is none does not say that the log has none. */
  get hasForgotten(): boolean {
    return this.forgot;
  }

  get isEmpty(): boolean {
    return this.producers.size === 0 && this.unreplicated.length === 0;
  }

  /** The first offset of the earliest transaction that is open, or whose end is not replicated; null when there is none. */
  get firstUnstableOffset(): LogOffsetMetadata | null {
    const open = this.ongoing[0]?.firstOffset;
    const ended = this.unreplicated[0]?.firstOffset;
    if (!open || !ended) return open ?? ended ?? null;
    return open.messageOffset < ended.messageOffset ? open : ended;
  }

  lastEntry(producerId: Int64): ProducerStateEntry | undefined {
    return this.producers.get(producerId);
  }

  /** Takes an entry of a snapshot, if it is not expired. */
  load(entry: ProducerStateEntry, nowMs: number): void {
    if (this.isExpired(entry, nowMs)) {
      this.forgot = true;
      return;
    }
    this.producers.set(entry.producerId, entry);
    if (entry.currentTxnFirstOffset !== null) {
      insertByFirstOffset(this.ongoing, {
        producerId: entry.producerId,
        firstOffset: new LogOffsetMetadata(entry.currentTxnFirstOffset),
        lastOffset: null,
      });
    }
  }

  private isExpired(entry: ProducerStateEntry, nowMs: number): boolean {
    return (
      entry.currentTxnFirstOffset === null &&
      subtractInt64(nowMs, entry.lastTimestamp) >= this.config.producerIdExpirationMs
    );
  }

  /** Forgets producers that wrote nothing for `producer.id.expiration.ms`, and verifications as old. */
  removeExpired(nowMs: number): void {
    for (const entry of this.producers.values()) {
      if (!this.isExpired(entry, nowMs)) continue;
      this.producers.delete(entry.producerId);
      this.forgot = true;
    }
    if (!this.verification) return;
    for (const [producerId, state] of this.verification) {
      if (nowMs - state.createdMs >= this.config.producerIdExpirationMs) this.verification.delete(producerId);
    }
    if (this.verification.size === 0) this.verification = null;
  }

  /** A batch was refused before it came to the log. */
  noteRefused(producerId: Int64, epoch: number, sequence: number, monotonicMs: number): void {
    (this.refused ??= new RefusedBatches()).note(producerId, epoch, sequence, monotonicMs);
  }

  /** Those that may not be overtaken; null when there are none, as nearly always. */
  refusedBatches(monotonicMs: number): RefusedBatches | null {
    this.refused?.removeExpired(monotonicMs);
    if (this.refused?.size === 0) this.refused = null;
    return this.refused;
  }

  /** True when a batch of a producer was refused; see `refusedBatches`. */
  get hasRefused(): boolean {
    return this.refused !== null;
  }

  /** Begins an append of one producer. */
  prepareUpdate(producerId: Int64, origin: AppendOrigin): ProducerAppendInfo {
    const entry = this.producers.get(producerId) ?? new ProducerStateEntry(producerId);
    return new ProducerAppendInfo(
      this.partition,
      entry,
      origin,
      this.verification?.get(producerId)?.lowestSequence ?? null,
    );
  }

  /** A batch of the producer has come that is in the log already: nothing that was refused before it is wanting. */
  forgetRefused(producerId: Int64): void {
    this.refused?.forget(producerId);
  }

  /** The append is written: what it changed holds from now on. */
  update(append: ProducerAppendInfo): void {
    this.forgetRefused(append.producerId);
    const entry = this.producers.get(append.producerId);
    if (entry) entry.update(append.updated);
    else this.producers.set(append.producerId, append.updated);
    for (const txn of append.startedTransactions) insertByFirstOffset(this.ongoing, txn);
  }

  /** How far consumers may read once `completed` has ended: up to the next transaction that is open. */
  lastStableOffset(completed: CompletedTxn): number {
    const next = this.ongoing.find((txn) => txn.producerId !== completed.producerId);
    return next ? next.firstOffset.messageOffset : completed.lastOffset + 1;
  }

  completeTxn(completed: CompletedTxn): void {
    const at = this.ongoing.findIndex((txn) => txn.firstOffset.messageOffset === completed.firstOffset);
    assert(at >= 0, `${this.partition}: the transaction that begins at ${completed.firstOffset} was started`);
    const [txn] = this.ongoing.splice(at, 1);
    txn!.lastOffset = completed.lastOffset;
    insertByFirstOffset(this.unreplicated, txn!);
  }

  /** Markers below the high watermark are on every replica that counts: their transactions hold nothing back any more. */
  onHighWatermarkUpdated(highWatermark: number): void {
    if (this.unreplicated.length > 0) this.removeUnreplicated(highWatermark);
  }

  onLogStartOffsetIncremented(logStartOffset: number): void {
    this.removeUnreplicated(logStartOffset);
    if (this.endOffset < logStartOffset) this.endOffset = logStartOffset;
  }

  /** Forgets everything; the state is that of an empty log which begins at `offset`. */
  clear(offset: number): void {
    this.producers.clear();
    this.ongoing = [];
    this.unreplicated = [];
    this.endOffset = offset;
  }

  /** True when a transaction is open for longer than any producer may keep it so (it hangs). */
  hasLateTransaction(nowMs: number): boolean {
    const oldest = this.ongoing[0];
    if (!oldest) return false;
    const lastTimestamp = this.producers.get(oldest.producerId)?.lastTimestamp ?? -1;
    const limitMs = this.config.maxTransactionTimeoutMs + LATE_TRANSACTION_BUFFER_MS;
    return lastTimestamp > 0 && subtractInt64(nowMs, lastTimestamp) > limitMs;
  }

  /** The proof that the producer's transaction is being verified, made when there is none; the lowest sequence is remembered. */
  maybeCreateVerificationGuard(producerId: Int64, sequence: number, epoch: number, nowMs: number): VerificationGuard {
    this.verification ??= new Map();
    let state = this.verification.get(producerId);
    if (!state) {
      state = { guard: { producerId }, createdMs: nowMs, lowestSequence: sequence, epoch };
      this.verification.set(producerId, state);
    } else if (epoch === state.epoch && state.lowestSequence > sequence) {
      state.lowestSequence = sequence;
    } else if (epoch > state.epoch) {
      state.epoch = epoch;
      state.lowestSequence = sequence;
    }
    return state.guard;
  }

  verificationGuard(producerId: Int64): VerificationGuard | null {
    return this.verification?.get(producerId)?.guard ?? null;
  }

  /** The transaction has begun in the log: nothing is left to be verified. */
  clearVerification(producerId: Int64): void {
    this.verification?.delete(producerId);
  }

  private removeUnreplicated(offset: number): void {
    this.unreplicated = this.unreplicated.filter((txn) => txn.lastOffset! >= offset);
  }
}

function insertByFirstOffset(list: TxnMetadata[], txn: TxnMetadata): void {
  let at = list.length;
  while (at > 0 && list[at - 1]!.firstOffset.messageOffset > txn.firstOffset.messageOffset) at--;
  list.splice(at, 0, txn);
}
