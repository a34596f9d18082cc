import { EventQueue, type Logger } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';

/** A block of producer ids, as the controller hands them out. */
export interface ProducerIdsBlock {
  readonly firstProducerId: number;
  readonly length: number;
}

/** Asks the controller for the next block; rejects when that failed. */
export type AllocateProducerIds = () => Promise<ProducerIdsBlock>;

/** When a block is used up to here, the next one is asked for ahead of need. */
const PREFETCH_THRESHOLD = 0.9;
const RETRY_BACKOFF_MS = 50;

/**
 * Gives out producer ids from blocks of the controller (Kafka's `RPCProducerIdManager`, KIP-730). While no block is there a caller is
 * told COORDINATOR_LOAD_IN_PROGRESS and tries again, as with Kafka.
 */
export class ProducerIdManager {
  private current: ProducerIdsBlock | null = null;
  private next: ProducerIdsBlock | null = null;
  private used = 0;
  private requesting = false;
  private backoffUntilMs = -Infinity;
  private readonly queue = new EventQueue((error) =>
    this.logger.warn('Having a block of producer ids allocated failed', { error }),
  );

  constructor(
    private readonly allocate: AllocateProducerIds,
    private readonly monotonicMs: () => number,
    private readonly logger: Logger,
  ) {}

  /** The next id, or an error code below zero is never returned: `errorCode` tells. */
  generateProducerId(): { errorCode: number; producerId: number } {
    if (this.current === null || this.used >= this.current.length) {
      if (this.next === null) {
        this.maybeRequestNextBlock();
        return { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 };
      }
      this.current = this.next;
      this.next = null;
      this.used = 0;
    }
    const producerId = this.current.firstProducerId + this.used++;
    if (this.used >= this.current.length * PREFETCH_THRESHOLD) this.maybeRequestNextBlock();
    return { errorCode: ErrorCode.NONE, producerId };
  }

  private maybeRequestNextBlock(): void {
    if (this.requesting || this.next !== null || this.monotonicMs() < this.backoffUntilMs) return;
    this.requesting = true;
    this.queue.put(async () => {
      try {
        this.next = await this.allocate();
      } catch (error) {
        this.backoffUntilMs = this.monotonicMs() + RETRY_BACKOFF_MS;
        throw error;
      } finally {
        this.requesting = false;
      }
    });
  }
}
