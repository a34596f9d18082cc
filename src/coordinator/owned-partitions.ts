import { EventQueue, type Clock, type Logger, type Timer } from '../common/index.js';

/** Before a partition that could not be read is read again. */
const RETRY_MS = 1000;
/** One failure out of so many is logged: a line a minute for a partition whose disk goes on refusing. */
const FAILURES_A_LOG_LINE = 60;

/** Reads a partition and puts what it holds to use; false when this broker does not lead it any more. Throws when it cannot be read now. */
export type LoadPartition = (isWanted: () => boolean) => Promise<boolean>;

/** This broker was made the leader of a partition: in force until it is told something newer about it. */
interface Election {
  readonly partition: number;
  readonly coordinatorEpoch: number;
  readonly load: LoadPartition;
  failures: number;
  retryTimer: Timer | null;
}

/**
 * The partitions of a coordinator's topic that this broker has taken over: those that it leads and whose state it has loaded. Loads and
 * unloads take turns (`GroupMetadataManager.scheduler` in Kafka).
 *
 * A partition that cannot be read (its log was replaced by a move, the process may open no more files) stays *loading* and is read again: what
 * failed to load is not empty. Kafka serves it all the same, and consumers of a group whose commits were not read start at
 * `auto.offset.reset`. Between two tries other partitions have their turns.
 */
export class OwnedPartitions {
  private readonly loading = new Set<number>();
  private readonly owned = new Set<number>();
  private readonly coordinatorEpochs = new Map<number, number>();
  private readonly elections = new Map<number, Election>();
  private readonly queue: EventQueue;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.queue = new EventQueue((error) => this.log.error('Loading or unloading a partition failed', { error }));
  }

  isOwned(partition: number): boolean {
    return this.owned.has(partition);
  }

  isLoading(partition: number): boolean {
    return this.loading.has(partition);
  }

  get isAnyLoading(): boolean {
    return this.loading.size > 0;
  }

  /** Takes over a partition that this broker now leads. */
  onElection(partition: number, coordinatorEpoch: number, load: LoadPartition): void {
    if (!this.maybeUpdateEpoch(partition, coordinatorEpoch)) return;
    this.endElection(partition);
    const election: Election = { partition, coordinatorEpoch, load, failures: 0, retryTimer: null };
    this.elections.set(partition, election);
    this.queue.put(() => this.takeOver(election));
  }

  /** Gives up a partition that this broker leads no more. `coordinatorEpoch` is null when the partition is deleted. */
  onResignation(partition: number, coordinatorEpoch: number | null, unload: (wasOwned: boolean) => void): void {
    if (!this.maybeUpdateEpoch(partition, coordinatorEpoch)) return;
    this.endElection(partition);
    this.queue.put(() => {
      const wasOwned = this.owned.delete(partition);
      this.loading.delete(partition);
      unload(wasOwned);
    });
  }

  /** Resolves when nothing is being loaded. */
  stop(): Promise<void> {
    for (const partition of [...this.elections.keys()]) this.endElection(partition);
    return this.queue.close();
  }

  private async takeOver(election: Election): Promise<void> {
    const { partition, coordinatorEpoch } = election;
    if (!this.isInForce(election) || this.owned.has(partition)) return;
    this.loading.add(partition);
    let isLed: boolean;
    try {
      isLed = await election.load(() => this.isInForce(election));
    } catch (error) {
      this.retryLater(election, error);
      return;
    }
    // What was told meanwhile waits for its turn, and finds the partition loading.
    if (!this.isInForce(election)) return;
    this.loading.delete(partition);
    if (isLed) {
      this.owned.add(partition);
    } else {
      this.log.warn('A partition was not taken over: it is not here, or not led by this broker any more', {
        partition,
        coordinatorEpoch,
      });
    }
  }

  private retryLater(election: Election, error: unknown): void {
    if (!this.isInForce(election)) return;
    const { partition, coordinatorEpoch, failures } = election;
    if (failures % FAILURES_A_LOG_LINE === 0) {
      this.log.error('Failed to load a partition; trying again', { partition, coordinatorEpoch, failures, error });
    }
    election.failures++;
    const again = (): void => void this.queue.put(() => this.takeOver(election));
    election.retryTimer = this.clock.setTimer(RETRY_MS, again, { background: true });
  }

  private isInForce(election: Election): boolean {
    return this.elections.get(election.partition) === election;
  }

  private endElection(partition: number): void {
    this.elections.get(partition)?.retryTimer?.cancel();
    this.elections.delete(partition);
  }

  /** True when `epoch` is the newest known of the partition (or there is none to compare, as for a deletion). */
  private maybeUpdateEpoch(partition: number, epoch: number | null): boolean {
    if (epoch === null) return true;
    const current = this.coordinatorEpochs.get(partition);
    if (current !== undefined && epoch < current) {
      this.log.info('Passed over an outdated change of coordinator', { partition, epoch, current });
      return false;
    }
    this.coordinatorEpochs.set(partition, epoch);
    return true;
  }
}
