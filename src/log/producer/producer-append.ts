/** What batches do to the state of their producers: checking an append, and replaying a log. */
import { parseEndTxnMarker, type BatchView, type Int64 } from '../../records/index.js';
import type { CompletedTxn, ProducerAppendInfo } from '../core/producer-append-info.js';
import type { BatchMetadata, ProducerStateEntry } from '../core/producer-state-entry.js';
import type { ProducerStateManager } from '../core/producer-state-manager.js';
import type { RefusedBatches } from '../core/refused-batches.js';
import { LogError } from '../core/log-error.js';
import type { AppendOrigin, VerificationGuard } from '../core/log-append-info.js';
import { LogOffsetMetadata } from '../core/log-offset-metadata.js';

/** What an append will do to the producers' state once it is written. */
export interface ProducerUpdates {
  readonly appends: ReadonlyMap<Int64, ProducerAppendInfo>;
  readonly completedTxns: readonly CompletedTxn[];
  /** The batch was appended before. */
  readonly duplicate: BatchMetadata | null;
}

/** What most appends do. */
export const NO_PRODUCER_UPDATES: ProducerUpdates = { appends: new Map(), completedTxns: [], duplicate: null };

/** Collects the updates of one append, batch by batch, checking each (`UnifiedLog.analyzeAndValidateProducerState`). */
export class ProducerAppend {
  private readonly appends = new Map<Int64, ProducerAppendInfo>();
  private readonly completedTxns: CompletedTxn[] = [];

  constructor(
    private readonly state: ProducerStateManager,
    private readonly origin: AppendOrigin,
    private readonly verificationGuard: VerificationGuard | null,
    /** Completes the remembered batches of a producer of which only the last is known. */
    private readonly restoreHistory: (entry: ProducerStateEntry) => void,
    /** What clients may not overtake. */
    private readonly refused: RefusedBatches | null,
  ) {}

  get updates(): ProducerUpdates {
    return { appends: this.appends, completedTxns: this.completedTxns, duplicate: null };
  }

  /**
   * Takes a batch that will lie at `position` of the segment. Gives the earlier batch when it is a retry; then nothing of the append is to
   * be written. Throws what `ProducerAppendInfo` throws, and INVALID_TXN_STATE for a transaction that was not verified.
   */
  add(batch: BatchView, segmentBaseOffset: number, position: number): BatchMetadata | null {
    if (!batch.hasProducerId) return null;
    const { producerId } = batch;
    if (this.origin === 'client') {
      const entry = this.state.lastEntry(producerId);
      const duplicate = entry && this.findDuplicate(entry, batch);
      if (duplicate) return duplicate;
      if (this.refused) ensureOvertakesNone(this.refused, batch);
      if (batch.isTransactional && (entry?.currentTxnFirstOffset ?? null) === null) this.ensureVerified(producerId);
    }
    const at = batch.isTransactional ? new LogOffsetMetadata(batch.baseOffset, segmentBaseOffset, position) : null;
    let append = this.appends.get(producerId);
    if (!append) this.appends.set(producerId, (append = this.state.prepareUpdate(producerId, this.origin)));
    const completed = applyTo(append, batch, at);
    if (batch.isTransactional) this.state.clearVerification(producerId);
    if (completed) this.completedTxns.push(completed);
    return null;
  }

  private findDuplicate(entry: ProducerStateEntry, batch: BatchView): BatchMetadata | undefined {
    const { producerEpoch, baseSequence, lastSequence } = batch;
    const known = entry.findDuplicate(producerEpoch, baseSequence, lastSequence);
    if (known || !entry.historyIncomplete || producerEpoch !== entry.producerEpoch) return known;
    if (baseSequence === entry.lastSequence + 1) return undefined;
    this.restoreHistory(entry);
    return entry.findDuplicate(producerEpoch, baseSequence, lastSequence);
  }

  private ensureVerified(producerId: Int64): void {
    if (!this.state.config.transactionVerificationEnabled) return;
    const expected = this.state.verificationGuard(producerId);
    if (this.verificationGuard !== null && this.verificationGuard === expected) return;
    throw new LogError('INVALID_TXN_STATE', 'Record was not part of an ongoing transaction');
  }
}

function ensureOvertakesNone(refused: RefusedBatches, { producerId, producerEpoch, baseSequence }: BatchView): void {
  const overtaken = refused.overtaken(producerId, producerEpoch, baseSequence);
  if (overtaken === null) return;
  throw new LogError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Out of order sequence number for producer ${producerId}: ${baseSequence} (incoming seq. number), ` +
      `${overtaken} was refused and is not in the log yet`,
  );
}

/** Replays a batch that is in the log already. `onAborted` is told of a transaction that its marker aborts. */
export function replayBatch(
  state: ProducerStateManager,
  batch: BatchView,
  onAborted?: (txn: CompletedTxn, lastStableOffset: number) => void,
): void {
  if (!batch.hasProducerId) return;
  const append = state.prepareUpdate(batch.producerId, 'replication');
  const completed = applyTo(append, batch, null);
  state.update(append);
  if (!completed) return;
  if (completed.isAborted) onAborted?.(completed, state.lastStableOffset(completed));
  state.completeTxn(completed);
}

function applyTo(append: ProducerAppendInfo, batch: BatchView, at: LogOffsetMetadata | null): CompletedTxn | null {
  if (!batch.isControl) {
    append.appendDataBatch(batch, at);
    return null;
  }
  // A control batch whose record the cleaner removed ends nothing.
  for (const record of batch.records()) {
    const { type, coordinatorEpoch } = parseEndTxnMarker(record);
    const marker = { isAbort: type === 'ABORT', coordinatorEpoch };
    return append.appendEndTxnMarker(marker, batch.producerEpoch, batch.baseOffset, record.timestampInt64);
  }
  return null;
}
