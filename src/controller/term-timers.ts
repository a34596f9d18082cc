import type { Clock, Timer } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { autoPreferredReplicaLeaderElection } from './events/leader-election.js';
import { topicDeletionRetry } from './events/topic-deletion.js';
import type { ControllerEvent } from './runtime.js';

/** After the election, Kafka waits as long before it first looks at the balance of leaders. */
const FIRST_REBALANCE_DELAY_MS = 5_000;
const DELETION_RETRY_DELAY_MS = 60_000;

/** What a term does from time to time. It ends with the term. */
export class TermTimers {
  private rebalance: Timer | null = null;
  private deletion: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly config: () => BrokerConfig,
    private readonly isActive: () => boolean,
    private readonly put: (event: ControllerEvent) => void,
  ) {}

  /** The balance of leaders is looked at, again and again (`auto.leader.rebalance.enable`). */
  startRebalancing(): void {
    this.scheduleRebalance(FIRST_REBALANCE_DELAY_MS);
  }

  /** Topics that could not be deleted are tried again, once. */
  retryDeletions(): void {
    const retry = (): void => {
      this.deletion = null;
      this.put(topicDeletionRetry);
    };
    this.deletion ??= this.clock.setTimer(DELETION_RETRY_DELAY_MS, retry, { background: true });
  }

  cancel(): void {
    this.rebalance?.cancel();
    this.rebalance = null;
    this.deletion?.cancel();
    this.deletion = null;
  }

  private scheduleRebalance(delayMs: number): void {
    this.rebalance?.cancel();
    this.rebalance = null;
    if (!this.isActive() || !this.config().get('auto.leader.rebalance.enable')) return;
    const again = (): void => {
      this.scheduleRebalance(this.config().get('leader.imbalance.check.interval.seconds') * 1000);
    };
    const event = autoPreferredReplicaLeaderElection(again);
    this.rebalance = this.clock.setTimer(delayMs, () => this.put(event), { background: true });
  }
}
