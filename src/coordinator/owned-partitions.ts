import { EventQueue, summedUp, type Clock, type Logger, type Timer } from '../common/index.js';

/** Before a partition that could not be read is read again. */
const RETRY_MS = 1000;
/** One failure out of so many is logged: a line a minute for a partition whose disk goes on refusing. */
const FAILURES_A_LOG_LINE = 60;

/** Loads that run at once; of more each would only take longer. */
const LOADS_AT_ONCE = 4;
/** A load whose reads take longer is passed: the disk may hang. It goes on beside the others. */
const PASSED_AFTER_MS = 1000;

/**
 * Reads a partition and puts what it holds to use; false when this broker does not lead it any more. Throws when it cannot be read now. Asks
 * `isWanted` before each read, and in the step in which it puts something to use.
 */
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
 * The partitions of a coordinator's topic that this broker has taken over: those that it leads and whose state it has loaded.
 *
 * What is told of a partition is in force at once: one that is resigned is not served for a moment longer beside its next coordinator. Only
 * what was told of the same partition is carried out in order. Kafka loads and unloads all in one thread: a read that hangs in one directory
 * keeps the partitions of the others from being taken over, and from being given up.
 *
 * What is told is never old: the replica tells it in the step in which its role changes, after it has compared epochs. None are remembered here
 * of what was given up, as Kafka does: a topic that is deleted and made again begins at epoch 0, and no broker that had coordinated by the one
 * before would do so again.
 *
 * A partition that cannot be read (its log was replaced by a move, the process may open no more files) stays *loading* and is read again: what
 * failed to load is not empty. Kafka serves it all the same, and consumers of a group whose commits were not read start at
 * `auto.offset.reset`.
 */
export class OwnedPartitions {
  private readonly loading = new Set<number>();
  private readonly owned = new Set<number>();
  private readonly elections = new Map<number, Election>();
  /** Elections whose loads have not begun, in order. */
  private readonly waiting: Election[] = [];
  private readonly running = new Set<Promise<void>>();
  /** Loads that count against `LOADS_AT_ONCE`. */
  private active = 0;
  /** Unloads, and the beginnings of loads. None waits for a disk. */
  private readonly queue: EventQueue;
  /** A broker takes or loses many partitions at once. */
  readonly log: Logger;

  constructor(
    private readonly clock: Clock,
    log: Logger,
  ) {
    this.log = summedUp(log, clock);
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

  /** Takes over a partition that this broker now leads; one that it has taken over, or is about to, it goes on with. */
  onElection(partition: number, coordinatorEpoch: number, load: LoadPartition): void {
    const isGoingOn = this.owned.has(partition) || this.loading.has(partition);
    if (isGoingOn && this.elections.get(partition)?.coordinatorEpoch === coordinatorEpoch) return;
    this.endElection(partition);
    const election: Election = { partition, coordinatorEpoch, load, failures: 0, retryTimer: null };
    this.elections.set(partition, election);
    if (this.owned.has(partition)) return;
    this.loading.add(partition);
    this.loadLater(election);
  }

  /**
   * Gives up a partition that this broker leads no more. `unload` is called if it had begun to take it over; no load that is told later begins
   * before it is done.
   */
  onResignation(partition: number, unload: (wasOwned: boolean) => void | Promise<void>): void {
    this.endElection(partition);
    const wasOwned = this.owned.delete(partition);
    const wasLoading = this.loading.delete(partition);
    if (wasOwned || wasLoading) this.queue.put(() => unload(wasOwned));
  }

  /** Resolves when nothing is being loaded. */
  async stop(): Promise<void> {
    for (const partition of [...this.elections.keys()]) this.endElection(partition);
    await this.queue.close();
    await Promise.all(this.running);
  }

  /** Behind the unloads that were told before. */
  private loadLater(election: Election): void {
    this.queue.put(() => {
      this.waiting.push(election);
      this.beginLoads();
    });
  }

  private beginLoads(): void {
    while (this.active < LOADS_AT_ONCE) {
      const election = this.waiting.shift();
      if (!election) return;
      if (!this.isInForce(election)) continue;
      const load = this.loadInTurn(election);
      this.running.add(load);
      void load.then(() => this.running.delete(load));
    }
  }

  /** Counts as active until it is over, or has had to wait for a disk for too long. */
  private async loadInTurn(election: Election): Promise<void> {
    let timer: Timer | null = null;
    let isActive = true;
    const pass = (): void => {
      timer?.cancel();
      if (!isActive) return;
      isActive = false;
      this.active--;
      this.beginLoads();
    };
    const isWanted = (): boolean => {
      timer?.cancel();
      if (isActive) timer = this.clock.setTimer(PASSED_AFTER_MS, pass, { background: true });
      return this.isInForce(election);
    };
    this.active++;
    isWanted();
    try {
      await this.takeOver(election, isWanted);
    } finally {
      pass();
    }
  }

  private async takeOver(election: Election, isWanted: () => boolean): Promise<void> {
    const { partition, coordinatorEpoch } = election;
    let isLed: boolean;
    try {
      isLed = await election.load(isWanted);
    } catch (error) {
      this.retryLater(election, error);
      return;
    }
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
    const again = (): void => this.loadLater(election);
    election.retryTimer = this.clock.setTimer(RETRY_MS, again, { background: true });
  }

  private isInForce(election: Election): boolean {
    return this.elections.get(election.partition) === election;
  }

  private endElection(partition: number): void {
    this.elections.get(partition)?.retryTimer?.cancel();
    this.elections.delete(partition);
  }
}
