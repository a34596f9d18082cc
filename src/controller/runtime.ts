import type { Clock, LogFields, Logger, Random } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { isZkError, type ZkStores, type ZnodeFormatError } from '../zookeeper/index.js';
import type { ControlVersions } from './core/control-versions.js';
import type { ControllerContext } from './core/controller-context.js';
import type { RequestBatch } from './core/request-batch.js';
import type { ControllerChannelManager } from './channel-manager.js';
import type { PartitionStateMachine } from './partition-state-machine.js';
import type { PartitionStore } from './partition-store.js';
import type { ReplicaStateMachine } from './replica-state-machine.js';
import type { StateChangeLog } from './state-change-log.js';
import type { TopicDeletionManager } from './topic-deletion-manager.js';
import type { ControllerWatches } from './watches.js';

/** What kind of work the controller is at (Kafka's `ControllerState`): the value of its metric. */
export const CONTROLLER_STATES = {
  Idle: 0,
  ControllerChange: 1,
  BrokerChange: 2,
  TopicChange: 3,
  TopicDeletion: 4,
  AlterPartitionReassignment: 5,
  AutoLeaderBalance: 6,
  ManualLeaderBalance: 7,
  ControlledShutdown: 8,
  IsrChange: 9,
  LeaderAndIsrResponseReceived: 10,
  LogDirChange: 11,
  ControllerShutdown: 12,
  UncleanLeaderElectionEnable: 13,
  TopicUncleanLeaderElectionEnable: 14,
  ListPartitionReassignment: 15,
  UpdateMetadataResponseReceived: 16,
  UpdateFeatures: 17,
} as const;
export type ControllerState = keyof typeof CONTROLLER_STATES;

/** One cause for the controller to act. Events are handled one at a time, each to its end. */
export interface ControllerEvent {
  readonly name: string;
  readonly state: ControllerState;
  /** It reads a list, and the watch of later changes is set by that read: when ZooKeeper refuses it, it is handled again after a while. */
  readonly isReadAgain?: true;
  /** Called whether or not this broker is the controller. What it adds to the batch is sent when it has ended. */
  process(controller: ControllerRuntime): Promise<void> | void;
  /** Called instead when the session, or the controller, ended while the event waited: answers whoever waits for it. */
  preempt?(): void;
}

/** The parts of the controller that events work with. */
export interface ControllerRuntime {
  readonly brokerId: number;
  /** As it is now; dynamic changes replace it. */
  readonly config: BrokerConfig;
  /** By `inter.broker.protocol.version`, which no dynamic change touches. */
  readonly versions: ControlVersions;
  readonly clock: Clock;
  readonly random: Random;
  readonly context: ControllerContext;
  readonly stores: ZkStores;
  readonly partitionStore: PartitionStore;
  readonly batch: RequestBatch;
  readonly channels: ControllerChannelManager;
  readonly partitions: PartitionStateMachine;
  readonly replicas: ReplicaStateMachine;
  readonly deletions: TopicDeletionManager;
  readonly watches: ControllerWatches;
  readonly log: Logger;
  readonly stateChanges: StateChangeLog;
  readonly isActive: boolean;
  put(event: ControllerEvent): void;
  /** Sends what the batch holds now. For the places where one request must be on its way before what the next one says. */
  flush(): Promise<void>;
}

/** They are told of with every change: of thousands so many, and that there are more. */
const MAX_TOLD = 20;
const MAX_TOLD_LENGTH = 500;

/** One that an ACL is the reason of says where and what is missing; the place in our code tells no more. */
export function told(error: unknown): LogFields {
  return isZkError(error, 'NoAuth') ? { reason: error.message } : { error };
}

/**
 * Removes what has been read. False when an ACL forbids it: then it stays, and nothing else suffers. (Kafka does not look at how such removals
 * end, but at whether another is the controller.)
 */
export async function tidyUp(log: Logger, removal: Promise<void>): Promise<boolean> {
  try {
    await removal;
    return true;
  } catch (error) {
    if (!isZkError(error, 'NoAuth')) throw error;
    log.error('Leaving what an ACL does not let this broker remove', told(error));
    return false;
  }
}

/** Tells of nodes that no one can read. What they are about is left as it is until they are mended; everything else goes on. */
export function tellUnreadable(log: Logger, unreadable: Iterable<ZnodeFormatError>): void {
  let count = 0;
  for (const { message } of unreadable) {
    if (++count > MAX_TOLD) continue;
    log.error('Passing over a znode that cannot be read', { reason: message.slice(0, MAX_TOLD_LENGTH) });
  }
  if (count > MAX_TOLD) log.error('Passing over more znodes that cannot be read', { count: count - MAX_TOLD });
}
