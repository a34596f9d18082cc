import type { Int64 } from '../../records/index.js';

/** Batches of a producer that are remembered, so that a retry of any of them is known: as many as a producer may have in flight. */
export const BATCHES_TO_RETAIN = 5;

const NO_EPOCH = -1;
const NO_SEQUENCE = -1;
const NO_TIMESTAMP = -1;
const SEQUENCES = 0x80000000;

/** One appended batch of a producer (`BatchMetadata`). */
export interface BatchMetadata {
  readonly lastSequence: number;
  readonly lastOffset: number;
  /** Records in the batch, less one. */
  readonly offsetDelta: number;
  readonly timestamp: Int64;
}

/** The sequence number of the batch's first record; sequences wrap from 2^31 - 1 to 0. */
export function firstSequenceOf(batch: BatchMetadata): number {
  return (batch.lastSequence - batch.offsetDelta + SEQUENCES) % SEQUENCES;
}

export function firstOffsetOf(batch: BatchMetadata): number {
  return batch.lastOffset - batch.offsetDelta;
}

/** What a log knows of one producer (`org.apache.kafka.storage.internals.log.ProducerStateEntry`). */
export class ProducerStateEntry {
  /** The last batches of the current epoch, oldest first. */
  private retained: BatchMetadata[];

  constructor(
    readonly producerId: Int64,
    public producerEpoch: number = NO_EPOCH,
    public coordinatorEpoch: number = -1,
    public lastTimestamp: Int64 = NO_TIMESTAMP,
    /** Where the transaction began that is not decided yet; null when none is open. */
    public currentTxnFirstOffset: number | null = null,
    batch: BatchMetadata | null = null,
  ) {
    this.retained = batch ? [batch] : [];
  }

  /**
   * Earlier batches of this epoch may lie in the log unremembered: the entry came from a snapshot, which holds only the last. Whoever
   * meets a sequence that is older restores them first (`restoreEarlier`).
   */
  historyIncomplete = false;

  get batches(): readonly BatchMetadata[] {
    return this.retained;
  }

  get isEmpty(): boolean {
    return this.retained.length === 0;
  }

  get firstSequence(): number {
    return this.retained.length === 0 ? NO_SEQUENCE : firstSequenceOf(this.retained[0]!);
  }

  get lastSequence(): number {
    return this.retained.at(-1)?.lastSequence ?? NO_SEQUENCE;
  }

  /** -1 when no batch is remembered. */
  get lastDataOffset(): number {
    return this.retained.at(-1)?.lastOffset ?? -1;
  }

  get lastOffsetDelta(): number {
    return this.retained.at(-1)?.offsetDelta ?? 0;
  }

  /** A copy to try an append on, without batches. */
  copyWithoutBatches(): ProducerStateEntry {
    return new ProducerStateEntry(
      this.producerId,
      this.producerEpoch,
      this.coordinatorEpoch,
      this.lastTimestamp,
      this.currentTxnFirstOffset,
    );
  }

  addBatch(producerEpoch: number, batch: BatchMetadata): void {
    this.maybeUpdateProducerEpoch(producerEpoch);
    this.addMetadata(batch);
    this.lastTimestamp = batch.timestamp;
  }

  /** A transaction ended: its marker was written under `producerEpoch`. */
  endTransaction(producerEpoch: number, coordinatorEpoch: number, timestamp: Int64): void {
    this.maybeUpdateProducerEpoch(producerEpoch);
    this.coordinatorEpoch = coordinatorEpoch;
    this.currentTxnFirstOffset = null;
    this.lastTimestamp = timestamp;
  }

  /** Takes over what an append added to a copy of this entry. */
  update(next: ProducerStateEntry): void {
    this.maybeUpdateProducerEpoch(next.producerEpoch);
    for (const batch of next.retained) this.addMetadata(batch);
    this.coordinatorEpoch = next.coordinatorEpoch;
    this.currentTxnFirstOffset = next.currentTxnFirstOffset;
    this.lastTimestamp = next.lastTimestamp;
  }

  /** The remembered batch with these sequences; undefined when it is none, or of another epoch. */
  findDuplicate(producerEpoch: number, firstSequence: number, lastSequence: number): BatchMetadata | undefined {
    if (producerEpoch !== this.producerEpoch) return undefined;
    return this.retained.find(
      (batch) => batch.lastSequence === lastSequence && firstSequenceOf(batch) === firstSequence,
    );
  }

  /** Puts batches before those remembered, oldest first; they must be of the same epoch. History is complete after it. */
  restoreEarlier(earlier: readonly BatchMetadata[]): void {
    this.retained = [...earlier, ...this.retained].slice(-BATCHES_TO_RETAIN);
    this.historyIncomplete = false;
  }

  private maybeUpdateProducerEpoch(producerEpoch: number): void {
    if (this.producerEpoch === producerEpoch) return;
    this.retained = [];
    this.historyIncomplete = false;
    this.producerEpoch = producerEpoch;
  }

  private addMetadata(batch: BatchMetadata): void {
    if (this.retained.length === BATCHES_TO_RETAIN) {
      this.retained.shift();
      this.historyIncomplete = false;
    }
    this.retained.push(batch);
  }
}
