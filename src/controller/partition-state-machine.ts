import type { Counter, Logger } from '../common/index.js';
import { partitionKey, type LeaderAndIsr } from '../cluster/index.js';
import type { ControlVersions } from './core/control-versions.js';
import type { ControllerContext, PartitionEntry } from './core/controller-context.js';
import {
  electForControlledShutdown,
  electForOffline,
  electForReassignment,
  electPreferred,
  initialLeaderAndIsr,
  type Election,
  type ElectionStrategy,
} from './core/election.js';
import { isValidPartitionTransition, type PartitionState } from './core/partition-state.js';
import { targetReplicas } from './core/reassignment.js';
import type { RequestBatch } from './core/request-batch.js';
import { isZkError } from '../zookeeper/index.js';
import { endsTerm, piecesOf, type PartitionStore, type PartitionUpdate } from './partition-store.js';
import { StateChangeFailedError, type StateChangeLog } from './state-change-log.js';

/** How the election of one partition ended: the state that was written, or why there is none. */
export type ElectionResult = LeaderAndIsr | Error;
export type ElectionResults = ReadonlyMap<PartitionEntry, ElectionResult>;

/** Partitions that have no leader now are elected from the ISR, or uncleanly where their topic allows it. */
export const OFFLINE_ELECTION: ElectionStrategy = { kind: 'offline', allowUnclean: false };

/**
 * Moves partitions through `PARTITION_TRANSITIONS` (Kafka's `ZkPartitionStateMachine`): decides who leads, writes it to ZooKeeper, and
 * only then changes the context and adds what brokers must hear to the batch of the event.
 */
export class PartitionStateMachine {
  constructor(
    private readonly controllerId: number,
    private readonly context: ControllerContext,
    private readonly store: PartitionStore,
    private readonly batch: RequestBatch,
    private readonly stateChanges: StateChangeLog,
    private readonly log: Logger,
    private readonly uncleanElections: Counter,
    private readonly versions: ControlVersions,
  ) {}

  /** Sets the states of all partitions from what was read at the start of a term, and elects leaders for those without. */
  async startup(): Promise<void> {
    for (const partition of this.context.allPartitions()) {
      const { leadership } = partition;
      const state: PartitionState = !leadership
        ? 'NewPartition'
        : this.context.isReplicaOnline(leadership.leaderAndIsr.leader, partition)
          ? 'OnlinePartition'
          : 'OfflinePartition';
      this.context.putPartitionState(partition, state);
    }
    await this.triggerOnlinePartitionStateChange();
  }

  /** Tries to bring every new and offline partition online, or those of one topic. Topics queued for deletion are left alone. */
  triggerOnlinePartitionStateChange(topic?: string): Promise<ElectionResults> {
    const partitions = this.context.electablePartitions(['OfflinePartition', 'NewPartition'], topic);
    return this.handleStateChanges(partitions, 'OnlinePartition', OFFLINE_ELECTION);
  }

  /**
   * Moves the partitions to `target`; those from which the table allows no such step are logged and left. `strategy` is needed when
   * the target is OnlinePartition. Gives how the elections ended. Rejects only when the term of this controller is over.
   */
  async handleStateChanges(
    partitions: readonly PartitionEntry[],
    target: PartitionState,
    strategy?: ElectionStrategy,
  ): Promise<ElectionResults> {
    if (partitions.length === 0) return new Map();
    try {
      const valid: PartitionEntry[] = [];
      for (const partition of partitions) {
        if (isValidPartitionTransition(partition.state, target)) valid.push(partition);
        else this.stateChanges.partitionChangeInvalid(partition, target);
      }
      switch (target) {
        case 'NewPartition':
          for (const partition of valid) {
            this.stateChanges.partitionIsNew(partition);
            this.context.putPartitionState(partition, target);
          }
          return new Map();
        case 'OnlinePartition':
          return await this.bringOnline(valid, strategy);
        case 'OfflinePartition':
        case 'NonExistentPartition':
          for (const partition of valid) {
            this.stateChanges.partitionChanged(partition, target);
            this.context.putPartitionState(partition, target);
          }
          return new Map();
      }
    } catch (error) {
      if (endsTerm(error)) throw error;
      this.log.error('Failed to move partitions to another state', { target, partitions: partitions.length, error });
      const failure = error instanceof Error ? error : new Error(String(error));
      return new Map(partitions.map((partition) => [partition, failure]));
    }
  }

  private async bringOnline(
    partitions: readonly PartitionEntry[],
    strategy: ElectionStrategy | undefined,
  ): Promise<ElectionResults> {
    const uninitialized = partitions.filter((partition) => partition.state === 'NewPartition');
    const toElect = partitions.filter((partition) => partition.state !== 'NewPartition');
    for (const piece of piecesOf(uninitialized)) await this.initialize(piece);
    if (toElect.length === 0) return new Map();
    if (!strategy) throw new Error('moving to OnlinePartition needs an election strategy');
    const results = new Map<PartitionEntry, ElectionResult>();
    for (const piece of piecesOf(toElect)) {
      for (const [partition, result] of await this.elect(piece, strategy)) results.set(partition, result);
    }
    this.tellLeaderless(results);
    return results;
  }

  /** One line for all that wait for a replica to come back. */
  private tellLeaderless(results: ElectionResults): void {
    const leaderless = [...results].filter(([, result]) => result instanceof StateChangeFailedError);
    if (leaderless.length === 0) return;
    const [first] = leaderless[0]!;
    this.log.warn('Partitions have no leader until one of their in-sync replicas is back', {
      partitions: leaderless.length,
      first: partitionKey(first),
    });
  }

  /**
   * Writes the first state of partitions: every live replica is in sync, the first of them leads. A partition that has a state has been there
   * before, though no one could read its topic's node, or its state, until now: it goes on from there. (Kafka's controller leaves it until
   * the next one.)
   */
  private async initialize(partitions: readonly PartitionEntry[]): Promise<void> {
    const initial: PartitionUpdate[] = [];
    for (const partition of partitions) {
      const { replicas } = partition.assignment;
      const live = replicas.filter((replica) => this.context.isReplicaOnline(replica, partition));
      if (live.length > 0) {
        initial.push({ partition, next: initialLeaderAndIsr(live) });
        continue;
      }
      const error = new StateChangeFailedError(
        `Controller ${this.controllerId} epoch ${this.context.epoch} encountered error during state change of partition ` +
          `${partition.topic}-${partition.partition} from New to Online, assigned replicas are [${replicas.join(',')}], ` +
          `live brokers are [${[...this.context.liveBrokerIds].join(',')}]. No assigned replica is alive.`,
      );
      this.stateChanges.partitionChangeFailed(partition, 'OnlinePartition', error);
    }
    const results = await this.store.createPartitionStates(initial);
    const existing: PartitionEntry[] = [];
    results.forEach((result, i) => {
      const { partition } = initial[i]!;
      if (result.kind === 'failed' && isZkError(result.error, 'NodeExists')) {
        existing.push(partition);
        return;
      }
      if (result.kind !== 'written') {
        const error = result.kind === 'failed' ? result.error : new Error('the state znode has another version');
        this.stateChanges.partitionChangeFailed(partition, 'OnlinePartition', error);
        return;
      }
      this.context.putLeadership(partition, { leaderAndIsr: result.state, controllerEpoch: this.context.epoch });
      this.batch.addLeaderAndIsr(result.state.isr, partition, true);
      this.stateChanges.partitionIsOnline(partition, result.state);
      this.context.putPartitionState(partition, 'OnlinePartition');
    });
    if (existing.length > 0) await this.takeUp(existing);
  }

  /** Goes on from the states that partitions have in ZooKeeper, as at the start of a term. */
  private async takeUp(partitions: readonly PartitionEntry[]): Promise<void> {
    const failed = new Map<PartitionEntry, ElectionResult>();
    const leaderless: PartitionEntry[] = [];
    const states = await this.currentStates(partitions, true, failed);
    for (const [partition, error] of failed) {
      this.stateChanges.partitionChangeFailed(partition, 'OnlinePartition', error as Error);
    }
    for (const [partition, leaderAndIsr] of states) {
      this.context.putLeadership(partition, { leaderAndIsr, controllerEpoch: this.context.epoch });
      if (!this.context.isReplicaOnline(leaderAndIsr.leader, partition)) {
        this.context.putPartitionState(partition, 'OfflinePartition');
        leaderless.push(partition);
        continue;
      }
      this.batch.addLeaderAndIsr(this.recipients(partition, OFFLINE_ELECTION), partition, false);
      this.stateChanges.partitionIsOnline(partition, leaderAndIsr);
      this.context.putPartitionState(partition, 'OnlinePartition');
    }
    if (leaderless.length > 0) await this.elect(leaderless, OFFLINE_ELECTION);
  }

  /** Elects until every partition has a leader, or a reason for having none. Lost races for the state znode are run again. */
  private async elect(partitions: readonly PartitionEntry[], strategy: ElectionStrategy): Promise<ElectionResults> {
    const results = new Map<PartitionEntry, ElectionResult>();
    let remaining = partitions;
    // What the context holds was read or written under the partition epoch it carries, and the write is conditional on that: so the
    // first try needs no read, and finds out by a bad version that it was stale. That no one can lead is not written: it is looked at again.
    for (let reread = false; remaining.length > 0; reread = true) {
      const { finished, retry } = await this.tryElect(remaining, strategy, reread);
      for (const [partition, result] of finished) {
        results.set(partition, result);
        if (result instanceof Error) {
          this.stateChanges.partitionChangeFailed(partition, 'OnlinePartition', result);
        } else {
          this.stateChanges.partitionIsOnline(partition, result);
          this.context.putPartitionState(partition, 'OnlinePartition');
        }
      }
      remaining = retry;
    }
    return results;
  }

  private async tryElect(
    partitions: readonly PartitionEntry[],
    strategy: ElectionStrategy,
    reread: boolean,
  ): Promise<{ finished: Map<PartitionEntry, ElectionResult>; retry: PartitionEntry[] }> {
    const finished = new Map<PartitionEntry, ElectionResult>();
    const current = await this.currentStates(partitions, reread, finished);
    const unclean = await this.uncleanElectionAllowed(current, strategy, finished);

    const retry: PartitionEntry[] = [];
    const updates: (PartitionUpdate & { recipients: readonly number[] })[] = [];
    for (const [partition, state] of current) {
      if (finished.has(partition)) continue;
      const election = this.decide(partition, state, strategy, unclean.get(partition.topic) ?? false);
      if (election.kind === 'noEligibleReplica') {
        if (!reread) {
          retry.push(partition);
          continue;
        }
        const message = `Failed to elect leader for partition ${partition.topic}-${partition.partition} under strategy `;
        finished.set(partition, new StateChangeFailedError(message + nameOf(strategy)));
        continue;
      }
      if (election.unclean) this.uncleanElections.add();
      updates.push({ partition, next: election.next, recipients: this.recipients(partition, strategy) });
    }

    const written = await this.store.writePartitionStates(updates);
    written.forEach((result, i) => {
      const { partition, recipients } = updates[i]!;
      if (result.kind === 'written') {
        this.context.putLeadership(partition, { leaderAndIsr: result.state, controllerEpoch: this.context.epoch });
        this.batch.addLeaderAndIsr(recipients, partition, false);
        finished.set(partition, result.state);
      } else if (result.kind === 'badVersion') {
        retry.push(partition);
      } else {
        finished.set(partition, result.error);
      }
    });
    if (retry.length > 0)
      this.log.info('Retrying leader election', { strategy: strategy.kind, partitions: retry.length });
    return { finished, retry };
  }

  /** The states from which to elect. Partitions that have none, or a later controller's, go to `finished` with the reason. */
  private async currentStates(
    partitions: readonly PartitionEntry[],
    reread: boolean,
    finished: Map<PartitionEntry, ElectionResult>,
  ): Promise<Map<PartitionEntry, LeaderAndIsr>> {
    const current = new Map<PartitionEntry, LeaderAndIsr>();
    const unknown: PartitionEntry[] = [];
    for (const partition of partitions) {
      if (partition.leadership && !reread) current.set(partition, partition.leadership.leaderAndIsr);
      else unknown.push(partition);
    }
    const states = unknown.length > 0 ? await this.store.readPartitionStates(unknown) : [];
    states.forEach((state, i) => {
      const partition = unknown[i]!;
      const name = `${partition.topic}-${partition.partition}`;
      if (state instanceof Error) finished.set(partition, state);
      else if (state === null) {
        const message = `LeaderAndIsr information doesn't exist for partition ${name} in ${partition.state} state`;
        finished.set(partition, new StateChangeFailedError(message));
      } else if (state.controllerEpoch > this.context.epoch) {
        const message =
          `Aborted leader election for partition ${name} since the LeaderAndIsr path was already written by another ` +
          `controller. This probably means that the current controller ${this.controllerId} went through a soft failure ` +
          `and another controller was elected with epoch ${state.controllerEpoch}.`;
        finished.set(partition, new StateChangeFailedError(message));
      } else current.set(partition, state.leaderAndIsr);
    });
    return current;
  }

  /** By topic, for those with partitions that have no live replica in sync: whether one that is not in sync may lead. */
  private async uncleanElectionAllowed(
    current: ReadonlyMap<PartitionEntry, LeaderAndIsr>,
    strategy: ElectionStrategy,
    finished: Map<PartitionEntry, ElectionResult>,
  ): Promise<ReadonlyMap<string, boolean>> {
    const allowed = new Map<string, boolean>();
    if (strategy.kind !== 'offline') return allowed;
    const withoutLiveIsr: PartitionEntry[] = [];
    for (const [partition, { isr }] of current) {
      if (!isr.some((replica) => this.context.isReplicaOnline(replica, partition))) withoutLiveIsr.push(partition);
    }
    const topics = [...new Set(withoutLiveIsr.map(({ topic }) => topic))];
    if (strategy.allowUnclean) {
      for (const topic of topics) allowed.set(topic, true);
      return allowed;
    }
    if (topics.length === 0) return allowed;
    const answers = await this.store.uncleanElectionEnabled(topics);
    for (const partition of withoutLiveIsr) {
      const answer = answers.get(partition.topic)!;
      if (answer instanceof Error) finished.set(partition, answer);
      else allowed.set(partition.topic, answer);
    }
    return allowed;
  }

  private decide(
    partition: PartitionEntry,
    current: LeaderAndIsr,
    strategy: ElectionStrategy,
    allowUnclean: boolean,
  ): Election {
    const { assignment } = partition;
    const online = this.context.onlineBrokersFor(partition);
    switch (strategy.kind) {
      case 'offline':
        return electForOffline(
          current,
          assignment.replicas,
          online,
          allowUnclean,
          this.versions.isLeaderRecoverySupported,
        );
      case 'reassign':
        return electForReassignment(current, targetReplicas(assignment), online);
      case 'preferred':
        return electPreferred(current, assignment.replicas, online);
      case 'controlledShutdown':
        return electForControlledShutdown(
          current,
          assignment.replicas,
          this.context.onlineBrokersFor(partition, { includeShuttingDown: true }),
          this.context.shuttingDownBrokerIds,
        );
    }
  }

  /** Who is told of the election: the replicas that are up; for planned moves all of them. */
  private recipients(partition: PartitionEntry, strategy: ElectionStrategy): readonly number[] {
    const { assignment } = partition;
    switch (strategy.kind) {
      case 'offline': {
        const online = this.context.onlineBrokersFor(partition);
        return assignment.replicas.filter((replica) => online.has(replica));
      }
      case 'reassign':
        return targetReplicas(assignment);
      case 'preferred':
        return assignment.replicas;
      case 'controlledShutdown': {
        const online = this.context.onlineBrokersFor(partition, { includeShuttingDown: true });
        return assignment.replicas.filter((replica) => online.has(replica));
      }
    }
  }
}

function nameOf(strategy: ElectionStrategy): string {
  if (strategy.kind === 'offline') return `OfflinePartitionLeaderElectionStrategy(${strategy.allowUnclean})`;
  return STRATEGY_NAMES[strategy.kind];
}

const STRATEGY_NAMES = {
  reassign: 'ReassignPartitionLeaderElectionStrategy',
  preferred: 'PreferredReplicaPartitionLeaderElectionStrategy',
  controlledShutdown: 'ControlledShutdownPartitionLeaderElectionStrategy',
} as const;
