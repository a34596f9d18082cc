import { partitionKey, type LeaderAndIsr, type TopicPartition } from '../../cluster/index.js';
import type { Clock, Logger, Timer, Uuid } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import type { AlterPartitionResult, AlterPartitionSender } from '../../replication/index.js';
import { ANY_VERSION, isZkError, type ZkStores } from '../../zookeeper/index.js';

/** How often changes that the controller was not told of are looked at (`IsrChangePropagationConfig`). */
const CHECK_INTERVAL_MS = 2_500;
/** So long after a change others are waited for, that one notification tells of them all; */
const LINGER_MS = 5_000;
/** but no longer than this after the last notification. */
const MAX_DELAY_MS = 60_000;

export interface ZkAlterPartitionManagerOptions {
  readonly stores: ZkStores;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes ISR changes to ZooKeeper itself and tells the controller of them by notifications, as leaders do below
 * `inter.broker.protocol.version` 2.7-IV2: the controller may be a broker that knows no AlterPartition yet (Kafka's
 * `ZkAlterPartitionManager`).
 */
export class ZkAlterPartitionManager implements AlterPartitionSender {
  /** By `partitionKey`: what the controller was not told of yet. */
  private readonly changed = new Map<string, TopicPartition>();
  private lastChangeMs: number;
  private lastPropagationMs: number;
  private timer: Timer | null = null;
  private isClosed = false;

  constructor(private readonly options: ZkAlterPartitionManagerOptions) {
    this.lastChangeMs = this.lastPropagationMs = options.clock.monotonicMs();
  }

  submit(
    tp: TopicPartition,
    _topicId: Uuid | null,
    leaderAndIsr: LeaderAndIsr,
    controllerEpoch: number,
    onResult: (result: AlterPartitionResult) => void,
  ): void {
    void this.write(tp, leaderAndIsr, controllerEpoch).then((result) => {
      if (!this.isClosed && result) onResult(result);
    });
  }

  /** Writes nothing more; what waits gets no answer. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  /** Null when the session was closed: no one waits for the answer any more. */
  private async write(
    tp: TopicPartition,
    leaderAndIsr: LeaderAndIsr,
    controllerEpoch: number,
  ): Promise<AlterPartitionResult | null> {
    const { stores, clock, logger } = this.options;
    const key = partitionKey(tp);
    const states = new Map([[key, leaderAndIsr]]);
    try {
      // Under the epoch of the controller that made this broker the leader, whoever is controller now.
      const { finished } = await stores.partitionStates.updateLeaderAndIsr(states, controllerEpoch, ANY_VERSION);
      const written = finished.get(key);
      if (written === undefined || written instanceof Error) {
        logger.info('An ISR change was refused by ZooKeeper', { partition: key, error: written ?? 'BadVersion' });
        return { errorCode: ErrorCode.INVALID_UPDATE_VERSION, leaderAndIsr: null };
      }
      this.changed.set(key, tp);
      this.lastChangeMs = clock.monotonicMs();
      this.checkLater();
      return { errorCode: 0, leaderAndIsr: written };
    } catch (error) {
      if (isZkError(error, 'Closed')) return null;
      // It may have been written: the repetition finds out, and counts it as done.
      logger.info('An ISR change was not answered by ZooKeeper, and is tried again', { partition: key, error });
      return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, leaderAndIsr: null };
    }
  }

  private checkLater(): void {
    if (this.isClosed || this.timer) return;
    const check = (): void => {
      this.timer = null;
      void this.maybePropagate();
    };
    this.timer = this.options.clock.setTimer(CHECK_INTERVAL_MS, check, { background: true });
  }

  private async maybePropagate(): Promise<void> {
    const { stores, clock, logger } = this.options;
    const nowMs = clock.monotonicMs();
    const isDue = this.lastChangeMs + LINGER_MS < nowMs || this.lastPropagationMs + MAX_DELAY_MS < nowMs;
    if (isDue) {
      const told = [...this.changed];
      this.changed.clear();
      try {
        await stores.notifications.propagateIsrChanges(told.map(([, tp]) => tp));
        this.lastPropagationMs = nowMs;
      } catch (error) {
        if (isZkError(error, 'Closed')) return;
        logger.warn('Telling the controller of ISR changes did not succeed, and is tried again', { error });
        for (const [key, tp] of told) this.changed.set(key, tp);
      }
    }
    if (this.changed.size > 0) this.checkLater();
  }
}
