import type { Logger } from '../common/index.js';
import type { LeaderAndIsr, LeaderIsrAndControllerEpoch } from '../cluster/index.js';
import type { ControllerContext, PartitionEntry, PartitionReplica } from './core/controller-context.js';
import { removeFromIsr } from './core/election.js';
import { removeReplica } from './core/reassignment.js';
import { isValidReplicaTransition, type ReplicaState } from './core/replica-state.js';
import type { RequestBatch } from './core/request-batch.js';
import { isZkError } from '../zookeeper/index.js';
import { endsTerm, piecesOf, type PartitionStore, type PartitionUpdate } from './partition-store.js';
import { StateChangeFailedError, type StateChangeLog } from './state-change-log.js';

/**
 * Moves replicas through `REPLICA_TRANSITIONS` (Kafka's `ZkReplicaStateMachine`): takes those that go offline out of their ISRs, and
 * adds what brokers must hear to the batch of the event.
 */
export class ReplicaStateMachine {
  constructor(
    private readonly context: ControllerContext,
    private readonly store: PartitionStore,
    private readonly batch: RequestBatch,
    private readonly stateChanges: StateChangeLog,
    private readonly log: Logger,
  ) {}

  /** Sets the states of all replicas at the start of a term, and tells the live ones what they are and the others' leaders. */
  async startup(): Promise<void> {
    const online: PartitionReplica[] = [];
    const offline: PartitionReplica[] = [];
    for (const partition of this.context.allPartitions()) {
      for (const replica of partition.assignment.replicas) {
        const of = { partition, replica };
        if (this.context.isReplicaOnline(replica, partition)) {
          this.context.putReplicaState(of, 'OnlineReplica');
          online.push(of);
        } else {
          // From here it may go to OfflineReplica, and if its topic is under deletion it counts as one that failed.
          this.context.putReplicaState(of, 'ReplicaDeletionIneligible');
          offline.push(of);
        }
      }
    }
    await this.handleStateChanges(online, 'OnlineReplica');
    await this.handleStateChanges(offline, 'OfflineReplica');
  }

  /**
   * Moves the replicas to `target`; those from which the table allows no such step are logged and left. Rejects only when the term of
   * this controller is over.
   */
  async handleStateChanges(replicas: readonly PartitionReplica[], target: ReplicaState): Promise<void> {
    if (replicas.length === 0) return;
    try {
      const byBroker = new Map<number, PartitionReplica[]>();
      for (const of of replicas) {
        const from = this.context.replicaState(of);
        if (!isValidReplicaTransition(from, target)) {
          this.stateChanges.replicaChangeInvalid(of, from, target);
          continue;
        }
        const list = byBroker.get(of.replica);
        if (list) list.push(of);
        else byBroker.set(of.replica, [of]);
      }
      // Broker by broker: each may be in the ISR that the one before has just shrunk.
      const ascending = [...byBroker].sort(([a], [b]) => a - b);
      for (const [broker, valid] of ascending) await this.move(broker, valid, target);
    } catch (error) {
      if (endsTerm(error)) throw error;
      this.log.error('Failed to move replicas to another state', { target, replicas: replicas.length, error });
    }
  }

  private async move(broker: number, replicas: readonly PartitionReplica[], target: ReplicaState): Promise<void> {
    switch (target) {
      case 'NewReplica':
        for (const of of replicas) this.makeNew(of);
        return;
      case 'OnlineReplica':
        for (const of of replicas) this.bringOnline(of);
        return;
      case 'OfflineReplica':
        for (const piece of piecesOf(replicas)) await this.takeOffline(broker, piece);
        return;
      case 'ReplicaDeletionStarted':
        for (const of of replicas) {
          this.change(of, target);
          this.batch.addStopReplica([of.replica], of.partition, true);
        }
        return;
      case 'ReplicaDeletionIneligible':
      case 'ReplicaDeletionSuccessful':
        for (const of of replicas) this.change(of, target);
        return;
      case 'NonExistentReplica':
        for (const of of replicas) {
          this.context.putAssignment(of.partition, removeReplica(of.partition.assignment, of.replica));
          this.change(of, target);
        }
        return;
    }
  }

  private makeNew(of: PartitionReplica): void {
    const { leadership } = of.partition;
    if (leadership?.leaderAndIsr.leader === of.replica) {
      const error = new StateChangeFailedError(
        `Replica ${of.replica} for partition ${of.partition.topic}-${of.partition.partition} cannot be moved to ` +
          'NewReplica state as it is being requested to become leader',
      );
      this.stateChanges.replicaChangeFailed(of, this.context.replicaState(of), 'NewReplica', error);
      return;
    }
    if (leadership) this.batch.addLeaderAndIsr([of.replica], of.partition, true);
    this.change(of, 'NewReplica');
  }

  private bringOnline(of: PartitionReplica): void {
    const { partition, replica } = of;
    if (this.context.replicaState(of) !== 'NewReplica') {
      if (partition.leadership) this.batch.addLeaderAndIsr([replica], partition, false);
    } else if (!partition.assignment.replicas.includes(replica)) {
      this.log.error('Adding a replica that is not part of its assignment', {
        partition: `${partition.topic}-${partition.partition}`,
        replica,
        assignment: partition.assignment.replicas,
      });
      const { assignment } = partition;
      this.context.putAssignment(partition, { ...assignment, replicas: [...assignment.replicas, replica] });
    }
    this.change(of, 'OnlineReplica');
  }

  private async takeOffline(broker: number, replicas: readonly PartitionReplica[]): Promise<void> {
    for (const { partition } of replicas) this.batch.addStopReplica([broker], partition, false);
    const led = replicas.filter(({ partition }) => partition.leadership !== undefined);
    const updated = await this.removeFromIsrs(broker, led);
    for (const of of led) {
      const result = updated.get(of.partition);
      const isBeingDeleted = this.context.isTopicQueuedUpForDeletion(of.partition.topic);
      // Who is in sync is of no use to a topic that is deleted: that its state is gone, or cannot be read, must not keep the rest of it.
      if (result === undefined && !isBeingDeleted) continue;
      if (result?.changed) this.stateChanges.replicaLeftIsr(of, result.state);
      if (!isBeingDeleted) {
        const others = of.partition.assignment.replicas.filter((replica) => replica !== broker);
        this.batch.addLeaderAndIsr(others, of.partition, false);
      }
      this.change(of, 'OfflineReplica');
    }
    for (const of of replicas) {
      if (of.partition.leadership !== undefined) continue;
      this.batch.addUpdateMetadata(this.context.liveOrShuttingDownBrokerIds, [of.partition]);
      this.change(of, 'OfflineReplica');
    }
  }

  /**
   * Takes the broker out of the ISRs that contain it and gives the states then, whether or not they changed. Partitions for which that
   * failed are logged and left out; those whose state znode is gone because their topic is being deleted are just left out.
   */
  private async removeFromIsrs(
    broker: number,
    replicas: readonly PartitionReplica[],
  ): Promise<Map<PartitionEntry, { state: LeaderIsrAndControllerEpoch; changed: boolean }>> {
    const results = new Map<PartitionEntry, { state: LeaderIsrAndControllerEpoch; changed: boolean }>();
    let remaining = replicas.map(({ partition }) => partition);
    // The first try goes by the context, as an election does; see there. That the broker is in no ISR is not written either.
    for (let reread = false; remaining.length > 0; reread = true) {
      const current = await this.currentStates(broker, remaining, reread);
      const updates: PartitionUpdate[] = [];
      const unsure: PartitionEntry[] = [];
      for (const [partition, leaderAndIsr] of current) {
        if (leaderAndIsr.isr.includes(broker)) {
          updates.push({ partition, next: removeFromIsr(leaderAndIsr, broker) });
        } else if (!reread) {
          unsure.push(partition);
        } else {
          results.set(partition, { state: this.remember(partition, leaderAndIsr), changed: false });
        }
      }
      const written = await this.store.writePartitionStates(updates);
      remaining = unsure;
      written.forEach((result, i) => {
        const { partition } = updates[i]!;
        if (result.kind === 'written') {
          results.set(partition, { state: this.remember(partition, result.state), changed: true });
        } else if (result.kind === 'badVersion') remaining.push(partition);
        else if (!isZkError(result.error, 'NoNode') || !this.context.isTopicQueuedUpForDeletion(partition.topic)) {
          this.failed(partition, broker, result.error);
        }
      });
    }
    return results;
  }

  private async currentStates(
    broker: number,
    partitions: readonly PartitionEntry[],
    reread: boolean,
  ): Promise<Map<PartitionEntry, LeaderAndIsr>> {
    if (!reread) return new Map(partitions.map((partition) => [partition, partition.leadership!.leaderAndIsr]));
    const current = new Map<PartitionEntry, LeaderAndIsr>();
    const states = await this.store.readPartitionStates(partitions);
    states.forEach((state, i) => {
      const partition = partitions[i]!;
      if (state instanceof Error) this.failed(partition, broker, state);
      else if (state === null) {
        if (this.context.isTopicQueuedUpForDeletion(partition.topic)) return;
        const message =
          `Failed to change state of replica ${broker} for partition ${partition.topic}-${partition.partition} since ` +
          'the leader and isr path in zookeeper is empty';
        this.failed(partition, broker, new StateChangeFailedError(message));
      } else if (state.controllerEpoch > this.context.epoch) {
        const message =
          'Leader and isr path written by another controller. This probably means the current controller with epoch ' +
          `${this.context.epoch} went through a soft failure and another controller was elected with epoch ` +
          `${state.controllerEpoch}. Aborting state change by this controller`;
        this.failed(partition, broker, new StateChangeFailedError(message));
      } else current.set(partition, state.leaderAndIsr);
    });
    return current;
  }

  /** A state that did not change is held under our epoch too, as Kafka's context does. */
  private remember(partition: PartitionEntry, leaderAndIsr: LeaderAndIsr): LeaderIsrAndControllerEpoch {
    const state = { leaderAndIsr, controllerEpoch: this.context.epoch };
    this.context.putLeadership(partition, state);
    return state;
  }

  private failed(partition: PartitionEntry, replica: number, error: unknown): void {
    const of = { partition, replica };
    this.stateChanges.replicaChangeFailed(of, this.context.replicaState(of), 'OfflineReplica', error);
  }

  private change(of: PartitionReplica, to: ReplicaState): void {
    this.stateChanges.replicaChanged(of, this.context.replicaState(of), to);
    this.context.putReplicaState(of, to);
  }
}
