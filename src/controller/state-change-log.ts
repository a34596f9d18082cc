import type { Logger } from '../common/index.js';
import type { LeaderAndIsr, LeaderIsrAndControllerEpoch } from '../cluster/index.js';
import type { ControllerOptions } from './controller-options.js';
import type { ControllerContext, PartitionEntry, PartitionReplica } from './core/controller-context.js';
import { type OutgoingRequest } from './core/request-batch.js';
import { validPreviousPartitionStates, type PartitionState } from './core/partition-state.js';
import { validPreviousReplicaStates, type ReplicaState } from './core/replica-state.js';
import { ApiKey } from '../protocol/index.js';

/** A state change that the cluster's situation, not a bug of ours, did not let happen (Kafka's `StateChangeFailedException`). */
export class StateChangeFailedError extends Error {
  override readonly name = 'StateChangeFailedError';

  /** Without a stack: it tells nothing of the cluster, and thousands are made at once. */
  constructor(message: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Writes the state change log in Kafka's words (`state.change.logger`): every change the controller makes, once, with the
 * controller epoch in front and the leader epoch in the state. Leaders and ISRs are `info`; steps that only prepare are `trace`. A change
 * that an operator has to look into is told in the controller's log too.
 */
export class StateChangeLog {
  readonly logger: Logger;
  private readonly controllerLogger: Logger;
  private readonly controllerId: number;

  constructor(
    { stateChangeLogger, logger, config }: ControllerOptions,
    private readonly context: ControllerContext,
  ) {
    this.logger = stateChangeLogger;
    this.controllerLogger = logger;
    this.controllerId = config.brokerId;
  }

  partitionIsNew(partition: PartitionEntry): void {
    this.info(
      `Changed partition ${key(partition)} state from ${partition.state} to NewPartition with assigned replicas ` +
        partition.assignment.replicas.join(','),
    );
  }

  partitionIsOnline(partition: PartitionEntry, state: LeaderAndIsr): void {
    this.info(
      `Changed partition ${key(partition)} from ${partition.state} to OnlinePartition with state ${describe(state)}`,
    );
  }

  partitionChanged(partition: PartitionEntry, to: PartitionState): void {
    if (!this.logger.isEnabled('trace')) return;
    this.logger.trace(`${this.prefix}Changed partition ${key(partition)} state from ${partition.state} to ${to}`);
  }

  partitionChangeFailed(partition: PartitionEntry, to: PartitionState, error: unknown): void {
    // Whoever stops a broker need not act on each partition that has no other replica: the state machine counts them in one line.
    const isGrave = !(error instanceof StateChangeFailedError);
    this.logger[isGrave ? 'error' : 'info'](
      `${this.prefix}Controller ${this.controllerId} epoch ${this.context.epoch} failed to change state for partition ` +
        `${key(partition)} from ${partition.state} to ${to}`,
      { error: withoutStack(error) },
    );
    if (isGrave)
      this.controllerLogger.error('Failed to change the state of a partition', {
        partition: key(partition),
        to,
        error,
      });
  }

  partitionChangeInvalid(partition: PartitionEntry, to: PartitionState): void {
    this.partitionChangeFailed(
      partition,
      to,
      new Error(
        `Partition ${key(partition)} should be in one of ${validPreviousPartitionStates(to).join(',')} states before ` +
          `moving to ${to} state. Instead it is in ${partition.state} state`,
      ),
    );
  }

  replicaChanged({ partition, replica }: PartitionReplica, from: ReplicaState, to: ReplicaState): void {
    if (!this.logger.isEnabled('trace')) return;
    this.logger.trace(
      `${this.prefix}Changed state of replica ${replica} for partition ${key(partition)} from ${from} to ${to}`,
    );
  }

  replicaLeftIsr({ partition, replica }: PartitionReplica, state: LeaderIsrAndControllerEpoch): void {
    this.info(
      `Partition ${key(partition)} state changed to ${describeWithController(state)} after removing replica ` +
        `${replica} from the ISR as part of transition to OfflineReplica`,
    );
  }

  replicaChangeFailed(of: PartitionReplica, from: ReplicaState, to: ReplicaState, error: unknown): void {
    const isGrave = !(error instanceof StateChangeFailedError);
    this.logger[isGrave ? 'error' : 'warn'](
      `${this.prefix}Controller ${this.controllerId} epoch ${this.context.epoch} initiated state change of replica ` +
        `${of.replica} for partition ${key(of.partition)} from ${from} to ${to} failed`,
      { error: withoutStack(error) },
    );
    if (!isGrave) return;
    const partition = key(of.partition);
    this.controllerLogger.error('Failed to change the state of a replica', {
      partition,
      replica: of.replica,
      to,
      error,
    });
  }

  replicaChangeInvalid(of: PartitionReplica, from: ReplicaState, to: ReplicaState): void {
    this.replicaChangeFailed(
      of,
      from,
      to,
      new Error(
        `Replica [Topic=${of.partition.topic},Partition=${of.partition.partition},Replica=${of.replica}] should be in ` +
          `the ${validPreviousReplicaStates(to).join(',')} states before moving to ${to} state. Instead it is in ` +
          `${from} state`,
      ),
    );
  }

  isrChanged(partition: PartitionEntry, state: LeaderAndIsr): void {
    this.info(`Changed the ISR of partition ${key(partition)} to ${describe(state)} as its leader asked`);
  }

  leaderEpochRaised(partition: PartitionEntry, state: LeaderAndIsr): void {
    this.info(
      `Updated leader epoch for partition ${key(partition)} being reassigned to ${state.leaderEpoch}, ` +
        `zkVersion=${state.partitionEpoch}`,
    );
  }

  replicasAreOffline(partitions: readonly PartitionEntry[], broker: number): void {
    this.info(`Mark replicas ${partitions.map(key).join(',')} on broker ${broker} as offline`);
  }

  /** What goes out to brokers: counts at `info`, each partition's state at `trace`. */
  sending(requests: readonly OutgoingRequest[]): void {
    const told: number[] = [];
    let toldPartitions = 0;
    for (const { brokerId, request } of requests) {
      if (request.apiKey === ApiKey.UpdateMetadata) {
        told.push(brokerId);
        toldPartitions = partitionStatesOf(request).length;
      } else if (request.apiKey === ApiKey.LeaderAndIsr) {
        const { topicStates = [], ungroupedPartitionStates = [] } = request.body;
        const states = [...ungroupedPartitionStates, ...topicStates.flatMap((topic) => topic.partitionStates ?? [])];
        const leaders = states.filter(({ leader }) => leader === brokerId).length;
        this.info(
          `Sending LeaderAndIsr request to broker ${brokerId} with ${leaders} become-leader and ` +
            `${states.length - leaders} become-follower partitions`,
        );
      } else {
        const count = partitionStatesOf(request).length;
        this.info(`Sending StopReplica request for ${count} replicas to broker ${brokerId}`);
      }
      if (this.logger.isEnabled('trace')) this.traceRequest(brokerId, request);
    }
    if (told.length > 0) {
      this.info(`Sending UpdateMetadata request to brokers ${told.join(',')} for ${toldPartitions} partitions`);
    }
  }

  receivedError(api: string, brokerId: number, errorName: string): void {
    this.logger.warn(`${this.prefix}Received error ${errorName} in ${api} response from broker ${brokerId}`);
  }

  private traceRequest(brokerId: number, request: OutgoingRequest['request']): void {
    for (const { topic, partition, state } of partitionStatesOf(request)) {
      this.logger.trace(
        `${this.prefix}Sending request of API ${request.apiKey} to broker ${brokerId} for partition ` +
          `${topic}-${partition}: ${JSON.stringify(state)}`,
      );
    }
  }

  private info(message: string): void {
    if (this.logger.isEnabled('info')) this.logger.info(this.prefix + message);
  }

  private get prefix(): string {
    return `[Controller id=${this.controllerId} epoch=${this.context.epoch}] `;
  }
}

/** A leader and ISR as the log prints them. */
export function describe(state: LeaderAndIsr): string {
  return (
    `LeaderAndIsr(leader=${state.leader}, leaderEpoch=${state.leaderEpoch}, isr=${state.isr.join(',')}, ` +
    `leaderRecoveryState=${recoveryState(state)}, partitionEpoch=${state.partitionEpoch})`
  );
}

function describeWithController({ leaderAndIsr: state, controllerEpoch }: LeaderIsrAndControllerEpoch): string {
  return (
    `(Leader:${state.leader},ISR:${state.isr.join(',')},LeaderRecoveryState:${recoveryState(state)},` +
    `LeaderEpoch:${state.leaderEpoch},ZkVersion:${state.partitionEpoch},ControllerEpoch:${controllerEpoch})`
  );
}

/** Of what the cluster's situation forbids, the sentence says all, and thousands of partitions say it at once. */
function withoutStack(error: unknown): unknown {
  return error instanceof StateChangeFailedError ? error.message : error;
}

function recoveryState({ recovering }: LeaderAndIsr): string {
  return recovering ? 'RECOVERING' : 'RECOVERED';
}

function key({ topic, partition }: PartitionEntry): string {
  return `${topic}-${partition}`;
}

interface ToldPartition {
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly state: unknown;
}

/** What a request tells about partitions, from whichever field its version has. */
function partitionStatesOf({ apiKey, body }: OutgoingRequest['request']): ToldPartition[] {
  const grouped = (body.topicStates ?? []).flatMap(({ topicName, partitionStates = [] }) =>
    partitionStates.map((state) => ({ topic: topicName, partition: state.partitionIndex, state })),
  );
  if (apiKey !== ApiKey.StopReplica) {
    const ungrouped = body.ungroupedPartitionStates ?? [];
    return [
      ...grouped,
      ...ungrouped.map((state) => ({ topic: state.topicName, partition: state.partitionIndex, state })),
    ];
  }
  const state = { deletePartition: body.deletePartitions };
  const byTopic = (body.topics ?? []).flatMap(({ name, partitionIndexes = [] }) =>
    partitionIndexes.map((partition) => ({ topic: name, partition, state })),
  );
  const single = body.ungroupedPartitions ?? [];
  return [
    ...grouped,
    ...byTopic,
    ...single.map(({ topicName, partitionIndex }) => ({ topic: topicName, partition: partitionIndex, state })),
  ];
}
