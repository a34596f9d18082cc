import { EventQueue, type Logger } from '../common/index.js';
import type { ProtocolAtLeast } from '../config/index.js';
import { ErrorCode } from '../protocol/index.js';

/** A block of producer ids, as the controller hands them out. */
export interface ProducerIdsBlock {
  readonly firstProducerId: number;
  readonly length: number;
}

/** Asks the controller for the next block; rejects when that failed. */
export type AllocateProducerIds = () => Promise<ProducerIdsBlock>;

/**
 * Chooses where blocks come from: the controller (KIP-730), or with an inter-broker protocol before that ZooKeeper itself, as Kafka's
 * `ZkProducerIdManager` does; a controller of such a version closes the connection on AllocateProducerIds.
 */
export function producerIdsFrom(
  atLeast: ProtocolAtLeast,
  controller: AllocateProducerIds,
  zooKeeper: () => Promise<{ readonly firstProducerId: number; readonly lastProducerId: number }>,
): AllocateProducerIds {
  if (atLeast('3.0-IV0')) return controller;
  return async () => {
    const { firstProducerId, lastProducerId } = await zooKeeper();
    return { firstProducerId, length: lastProducerId - firstProducerId + 1 };
  };
}

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
