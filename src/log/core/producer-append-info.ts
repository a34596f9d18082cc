import type { Int64 } from '../../records/index.js';
import type { AppendOrigin } from './log-append-info.js';
import { LogError } from './log-error.js';
import { LogOffsetMetadata } from './log-offset-metadata.js';
import { type ProducerStateEntry } from './producer-state-entry.js';

const NO_PRODUCER_EPOCH = -1;
const NO_SEQUENCE = -1;
const MAX_SEQUENCE = 0x7fffffff;

/** An open or just ended transaction of a log. */
export interface TxnMetadata {
  readonly producerId: Int64;
  readonly firstOffset: LogOffsetMetadata;
  /** The offset of its marker; null while it is open. */
  lastOffset: number | null;
}

/** A transaction that an append ended. */
export interface CompletedTxn {
  readonly producerId: Int64;
  readonly firstOffset: number;
  /** The offset of the marker. */
  readonly lastOffset: number;
  readonly isAborted: boolean;
}

/** What a control batch says about a transaction. */
export interface EndTxnMarker {
  readonly isAbort: boolean;
  readonly coordinatorEpoch: number;
}

/** The header fields of a data batch that producer state goes by. */
export interface ProducerBatch {
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly maxTimestamp: Int64;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly isTransactional: boolean;
}

/**
 * Checks the batches of one producer in one append against what is known of it, and collects what they change
 * (`org.apache.kafka.storage.internals.log.ProducerAppendInfo`). Nothing is changed until `ProducerStateManager.update`. Replicated
 * batches are taken as they are: the leader has checked them.
 */
export class ProducerAppendInfo {
  readonly startedTransactions: TxnMetadata[] = [];
  /** What the producer's entry becomes; its batches are only those appended. */
  readonly updated: ProducerStateEntry;

  constructor(
    private readonly partition: string,
    private readonly current: ProducerStateEntry,
    private readonly origin: AppendOrigin,
    /** The lowest sequence that was seen while the producer's transaction is being verified (KIP-890); null when it is not. */
    private readonly lowestVerifiedSequence: number | null,
  ) {
    this.updated = current.copyWithoutBatches();
  }

  get producerId(): Int64 {
    return this.current.producerId;
  }

  /** Throws INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER or INVALID_TXN_STATE. */
  appendDataBatch(batch: ProducerBatch, firstOffset: LogOffsetMetadata | null): void {
    this.checkProducerEpoch(batch.producerEpoch, batch.baseOffset);
    if (this.origin === 'client') this.checkSequence(batch.producerEpoch, batch.baseSequence, batch.baseOffset);
    this.updated.addBatch(batch.producerEpoch, {
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffset - batch.baseOffset,
      timestamp: batch.maxTimestamp,
    });
    const isOpen = this.updated.currentTxnFirstOffset !== null;
    if (isOpen && !batch.isTransactional) {
      throw new LogError(
        'INVALID_TXN_STATE',
        `Expected transactional write from producer ${this.producerId} at offset ${batch.baseOffset} in partition ${this.partition}`,
      );
    }
    if (!isOpen && batch.isTransactional) {
      this.updated.currentTxnFirstOffset = batch.baseOffset;
      this.startedTransactions.push({
        producerId: this.producerId,
        firstOffset: firstOffset ?? new LogOffsetMetadata(batch.baseOffset),
        lastOffset: null,
      });
    }
  }

  /** Gives the transaction that the marker ended, or null when none was open. Throws TRANSACTION_COORDINATOR_FENCED besides. */
  appendEndTxnMarker(
    marker: EndTxnMarker,
    producerEpoch: number,
    offset: number,
    timestamp: Int64,
  ): CompletedTxn | null {
    this.checkProducerEpoch(producerEpoch, offset);
    if (marker.coordinatorEpoch < this.updated.coordinatorEpoch && this.origin !== 'replication') {
      throw new LogError(
        'TRANSACTION_COORDINATOR_FENCED',
        `Invalid coordinator epoch for producerId ${this.producerId} at offset ${offset} in partition ${this.partition}: ` +
          `${marker.coordinatorEpoch} (zombie), ${this.updated.coordinatorEpoch} (current)`,
      );
    }
    const firstOffset = this.updated.currentTxnFirstOffset;
    this.updated.endTransaction(producerEpoch, marker.coordinatorEpoch, timestamp);
    if (firstOffset === null) return null;
    return { producerId: this.producerId, firstOffset, lastOffset: offset, isAborted: marker.isAbort };
  }

  private checkProducerEpoch(producerEpoch: number, offset: number): void {
    if (producerEpoch >= this.updated.producerEpoch || this.origin === 'replication') return;
    throw new LogError(
      'INVALID_PRODUCER_EPOCH',
      `Epoch of producer ${this.producerId} at offset ${offset} in ${this.partition} is ${producerEpoch}, ` +
        `which is smaller than the last seen epoch ${this.updated.producerEpoch}`,
    );
  }

  private checkSequence(producerEpoch: number, firstSequence: number, offset: number): void {
    if (this.lowestVerifiedSequence !== null && firstSequence > this.lowestVerifiedSequence) {
      throw this.outOfOrder(
        'Out of order sequence number for',
        offset,
        `${firstSequence} (incoming seq. number), ${this.lowestVerifiedSequence} (earliest seen sequence)`,
      );
    }
    if (producerEpoch !== this.updated.producerEpoch) {
      // A producer that is not known may begin anywhere: its state may have gone with its records.
      if (firstSequence !== 0 && this.updated.producerEpoch !== NO_PRODUCER_EPOCH) {
        throw this.outOfOrder(
          'Invalid sequence number for new epoch of',
          offset,
          `${producerEpoch} (request epoch), ${firstSequence} (seq. number), ${this.updated.producerEpoch} (current producer epoch)`,
        );
      }
      return;
    }
    if (this.current.producerEpoch === NO_PRODUCER_EPOCH) return;
    const lastSequence = this.lastSequence(producerEpoch);
    const isNext = firstSequence === lastSequence + 1 || (firstSequence === 0 && lastSequence === MAX_SEQUENCE);
    if (!isNext) {
      throw this.outOfOrder(
        'Out of order sequence number for',
        offset,
        `${firstSequence} (incoming seq. number), ${lastSequence} (current end sequence number)`,
      );
    }
  }

  private outOfOrder(problem: string, offset: number, found: string): LogError {
    const where = `producer ${this.producerId} at offset ${offset} in partition ${this.partition}`;
    return new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', `${problem} ${where}: ${found}`);
  }

  private lastSequence(producerEpoch: number): number {
    if (!this.updated.isEmpty) return this.updated.lastSequence;
    return producerEpoch === this.current.producerEpoch ? this.current.lastSequence : NO_SEQUENCE;
  }
}
