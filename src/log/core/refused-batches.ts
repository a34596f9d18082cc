import type { Int64 } from '../../records/index.js';

/** So long a producer may take to send again: the default of its `delivery.timeout.ms`, after which Java's gives the batch up. */
const HELD_OPEN_MS = 2 * 60 * 1000;
/** Of one log. Beyond it the one that was refused first may be overtaken. */
const MAX_PRODUCERS = 1000;
/** Sequences are of 31 bits, and begin again at 0. */
const SEQUENCES = 2 ** 31;

interface RefusedBatch {
  readonly epoch: number;
  /** The first that the log did not get. */
  readonly sequence: number;
  readonly untilMs: number;
}

/**
 * Batches of idempotent producers that were refused before they came to their log, by producer. A log takes a producer that it does not know with
 * any sequence: the batch behind a refused one would be the first there, and the refused one out of order for good. So what comes later than
 * a refused one is refused as out of order, which the producer sends again behind it; until that one is in, or the producer has a new epoch
 * (it does when it gives a batch up), or has not sent it again for two minutes.
 */
export class RefusedBatches {
  /** The one that ends next is first. */
  private readonly byProducer = new Map<Int64, RefusedBatch>();

  get size(): number {
    return this.byProducer.size;
  }

  note(producerId: Int64, epoch: number, sequence: number, monotonicMs: number): void {
    const known = this.byProducer.get(producerId);
    if (known && (known.epoch > epoch || (known.epoch === epoch && isBehind(sequence, known.sequence)))) return;
    this.byProducer.delete(producerId);
    this.byProducer.set(producerId, { epoch, sequence, untilMs: monotonicMs + HELD_OPEN_MS });
    if (this.byProducer.size > MAX_PRODUCERS) this.forget(this.byProducer.keys().next().value!);
  }

  /** The sequence that the batch would overtake; null when there is none. */
  overtaken(producerId: Int64, epoch: number, sequence: number): number | null {
    const refused = this.byProducer.get(producerId);
    return refused?.epoch === epoch && isBehind(sequence, refused.sequence) ? refused.sequence : null;
  }

  /** Something of the producer is in the log, whose state tells from now on what is in order. */
  forget(producerId: Int64): void {
    this.byProducer.delete(producerId);
  }

  removeExpired(monotonicMs: number): void {
    for (const [producerId, { untilMs }] of this.byProducer) {
      if (untilMs > monotonicMs) return;
      this.byProducer.delete(producerId);
    }
  }
}

function isBehind(sequence: number, other: number): boolean {
  const distance = (sequence - other + SEQUENCES) % SEQUENCES;
  return distance > 0 && distance < SEQUENCES / 2;
}
