import { assert } from '../common/index.js';
import type { UnifiedLog } from '../log/index.js';
import { errorName } from '../protocol/index.js';
import { Change } from './core/partition-change.js';
import { highWatermarkOf, outOfSyncReplicas, shouldJoinIsr, type IsrView } from './core/high-watermark.js';
import {
  outcomeOfError,
  outcomeOfUpdate,
  prepareExpand,
  prepareShrink,
  UNKNOWN_ISR,
  type PartitionState,
  type PendingIsr,
} from './core/partition-state.js';
import { Replica } from './core/replica.js';
import type { Partition } from './partition.js';
import type { PartitionContext } from './partition-context.js';
import type { AlterPartitionResult } from './ports.js';

const ALTER_PARTITION_RETRY_MS = 50;

/**
 * The followers of a partition that this broker leads: how far they are, who is in sync, and what that makes of the high watermark.
 * Part of a `Partition`; empty while the broker follows.
 */
export class PartitionIsr {
  state: PartitionState = UNKNOWN_ISR;
  private readonly followers = new Map<number, Replica>();

  constructor(
    private readonly partition: Partition,
    private readonly context: PartitionContext,
  ) {}

  get hasFollowers(): boolean {
    return this.followers.size > 0;
  }

  replica(replicaId: number): Replica | undefined {
    return this.followers.get(replicaId);
  }

  replicas(): Iterable<Replica> {
    return this.followers.values();
  }

  /** LeaderAndIsr makes this broker the leader: whatever was proposed before is void. */
  lead(isr: readonly number[], replicaIds: readonly number[]): void {
    this.state = { kind: 'Committed', isr, recovering: false };
    for (const id of replicaIds) {
      if (id !== this.context.brokerId && !this.followers.has(id)) this.followers.set(id, new Replica(id));
    }
    for (const [id, replica] of this.followers) {
      if (replicaIds.includes(id)) continue;
      replica.endRest();
      this.followers.delete(id);
    }
  }

  /** The broker does not lead any more: the followers are another's. */
  forget(recovering = false): void {
    this.state = { kind: 'Committed', isr: [], recovering };
    for (const replica of this.followers.values()) replica.endRest();
    this.followers.clear();
  }

  /** True when the high watermark rose. The caller tells those who wait. */
  maybeIncrementHighWatermark(nowMs: number): boolean {
    const log = this.partition.leaderLog;
    if (!log) return false;
    const next = this.hasFollowers
      ? highWatermarkOf(this.followers.values(), this.view(log, nowMs))
      : log.logEndOffsetMetadata;
    if (!next || next.messageOffset <= log.highWatermark) return false;
    assert(next.messageOffset <= log.logEndOffset, 'the high watermark never lies beyond the log end');
    return log.maybeIncrementHighWatermark(next) !== null;
  }

  /** The follower has fetched: proposes that it joins the ISR, if it has caught up and no other change is under way. */
  maybeExpand(replica: Replica, nowMs: number): void {
    const { state, partition } = this;
    const log = partition.leaderLog;
    if (!log || state.kind !== 'Committed' || state.isr.includes(replica.brokerId)) return;
    const at = { highWatermark: log.highWatermark, leaderEpochStartOffset: partition.leaderEpochStartOffset };
    if (!shouldJoinIsr(replica, at, this.view(log, nowMs))) return;
    this.submit(prepareExpand(state, replica.brokerId, this.epochs()));
  }

  /** Proposes that followers which have fallen behind leave the ISR. False when nothing is left to watch for. */
  maybeShrink(): boolean {
    const { state, partition, context } = this;
    const log = partition.leaderLog;
    if (!log || !this.hasFollowers) return false;
    // One change at a time: when this one is decided, the partition is noted as lagging again.
    if (state.kind !== 'Committed') return false;
    const outOfSync = outOfSyncReplicas((id) => this.followers.get(id), context.brokerId, this.view(log));
    if (outOfSync.length === 0) return this.hasLaggingFollower;
    context.logger.info('Shrinking ISR', {
      partition: partition.key,
      from: state.isr,
      outOfSync: outOfSync.map((id) => {
        const replica = this.followers.get(id);
        const lagMs = replica && context.clock.monotonicMs() - replica.lastCaughtUpTimeMs;
        return { id, endOffset: replica?.logEndOffset, lagMs };
      }),
      highWatermark: log.highWatermark,
      endOffset: log.logEndOffset,
    });
    this.submit(prepareShrink(state, outOfSync, this.epochs()));
    return true;
  }

  /** A follower in the ISR is not at the log end. False while a change is under way: it is looked at when that is decided. */
  get hasLaggingFollower(): boolean {
    const { state, partition, context } = this;
    const log = partition.leaderLog;
    if (!log || !this.hasFollowers || state.kind !== 'Committed') return false;
    const { logEndOffset } = log;
    return state.isr.some((id) => id !== context.brokerId && this.followers.get(id)?.logEndOffset !== logEndOffset);
  }

  private view(log: UnifiedLog, nowMs = this.context.clock.monotonicMs()): IsrView {
    return {
      state: this.state,
      leaderEnd: log.logEndOffsetMetadata,
      nowMs,
      maxLagMs: this.context.maxLagMs(),
      isEligible: (brokerId) => this.context.metadata.hasAliveBroker(brokerId),
    };
  }

  private epochs(): { leaderId: number; leaderEpoch: number; partitionEpoch: number } {
    const { leaderEpoch, partitionEpoch } = this.partition;
    return { leaderId: this.context.brokerId, leaderEpoch, partitionEpoch };
  }

  private submit(proposal: PendingIsr): void {
    const { partition, context } = this;
    assert(partition.isLeader, 'only the leader changes the ISR');
    this.state = proposal;
    const { tp, topicId, controllerEpoch } = partition;
    context.alterPartition.submit(tp, topicId, proposal.sent, controllerEpoch, (result) =>
      this.onResult(proposal, result),
    );
  }

  private onResult(proposal: PendingIsr, result: AlterPartitionResult): void {
    // Another state has been set since: by LeaderAndIsr, or because the replica was stopped.
    if (this.state !== proposal) return;
    const { partition, context } = this;
    const { logger, clock } = context;
    const error = errorName(result.errorCode);
    const outcome = result.leaderAndIsr
      ? outcomeOfUpdate(result.leaderAndIsr, partition)
      : outcomeOfError(proposal, error);
    if (outcome.kind !== 'committed') context.failedIsrUpdates.add();
    switch (outcome.kind) {
      case 'committed': {
        this.state = outcome.state;
        partition.isrCommitted(outcome.partitionEpoch);
        (proposal.kind === 'PendingExpandIsr' ? context.isrExpands : context.isrShrinks).add();
        const { isr } = outcome.state;
        logger.info('ISR updated', { partition: partition.key, isr, partitionEpoch: outcome.partitionEpoch });
        // Who has joined may be behind the log end, and nothing needs to be appended for it to fall out again.
        context.onLagging(partition);
        const change = this.maybeIncrementHighWatermark(clock.monotonicMs()) ? Change.HighWatermark : 0;
        // A follower that came back while its leaving was under way rests as if it were in sync: its next fetch must be looked at.
        context.onChange(partition, Change.State | change);
        break;
      }
      case 'reverted':
        logger.info('The controller rejected an ISR change', {
          partition: partition.key,
          isr: proposal.sent.isr,
          error,
        });
        this.state = outcome.state;
        context.onLagging(partition);
        break;
      case 'awaitMetadata':
      case 'ignored':
        logger.debug('An ISR change has no effect: newer metadata is awaited', { partition: partition.key, error });
        break;
      case 'retry': {
        const { isr } = proposal.sent;
        logger.warn('An ISR change failed and is tried again', { partition: partition.key, isr, error });
        const retry = (): void => {
          if (this.state === proposal) this.submit(proposal);
        };
        clock.setTimer(ALTER_PARTITION_RETRY_MS, retry, { background: true });
        break;
      }
    }
  }
}
