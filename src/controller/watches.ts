import type { TopicPartition } from '../cluster/index.js';
import {
  brokerIdsZnode,
  brokerIdZnode,
  controllerZnode,
  deleteTopicsZnode,
  isrChangeZnode,
  logDirEventZnode,
  partitionStateZnode,
  preferredReplicaElectionZnode,
  reassignPartitionsZnode,
  topicsZnode,
  topicZnode,
  type ZkClient,
} from '../zookeeper/index.js';
import { brokerChange, brokerModifications } from './events/broker-change.js';
import { preferredReplicaElection } from './events/leader-election.js';
import { isrChangeNotification } from './events/isr-change.js';
import { logDirEventNotification } from './events/log-dir-event.js';
import { zkPartitionReassignment, zkPartitionReassignmentChange } from './events/reassignment.js';
import { partitionModifications, partitionStateMended, topicChange } from './events/topic-change.js';
import { topicDeletion } from './events/topic-deletion.js';
import type { ControllerEvent } from './runtime.js';

/**
 * What in ZooKeeper the controller listens to, and which event each change becomes. Registering is local; the watch is set by the next
 * read of the path, except where a method says that it checks.
 */
export class ControllerWatches {
  private readonly brokers = new Set<number>();
  private readonly topics = new Set<string>();
  private readonly unreadableStates = new Set<string>();

  constructor(
    private readonly zk: ZkClient,
    private readonly put: (event: ControllerEvent) => void,
  ) {}

  /** `/controller`: every broker listens to it, always. Sets the watch. */
  registerControllerChange(onChange: ControllerEvent, onDeletion: ControllerEvent): Promise<boolean> {
    return this.zk.registerZNodeChangeHandlerAndCheckExistence({
      path: controllerZnode.path,
      handleCreation: () => this.put(onChange),
      handleDataChange: () => this.put(onChange),
      handleDeletion: () => this.put(onDeletion),
    });
  }

  unregisterControllerChange(): void {
    this.zk.unregisterZNodeChangeHandler(controllerZnode.path);
  }

  /** What the active controller listens to from the first moment of its term, before it reads anything. */
  async registerAll(): Promise<void> {
    const children: [string, ControllerEvent][] = [
      [brokerIdsZnode.path, brokerChange],
      [topicsZnode.path, topicChange],
      [deleteTopicsZnode.path, topicDeletion],
      [logDirEventZnode.parent, logDirEventNotification],
      [isrChangeZnode.parent, isrChangeNotification],
    ];
    for (const [path, event] of children) {
      this.zk.registerZNodeChildChangeHandler({ path, handleChildChange: () => this.put(event) });
    }
    await Promise.all([this.checkPreferredReplicaElection(), this.checkPartitionReassignment()]);
  }

  /** True when a preferred election is asked for; else its node is waited for, and so it is when the node has gone. */
  checkPreferredReplicaElection(): Promise<boolean> {
    return this.zk.registerZNodeChangeHandlerAndCheckExistence({
      path: preferredReplicaElectionZnode.path,
      handleCreation: () => this.put(preferredReplicaElection),
      handleDeletion: () => this.put(preferredReplicaElection),
    });
  }

  /** True when reassignments are asked for in the node of before KIP-455; else it is waited for. When it has gone or changed, by whom it may be, it is looked at again. */
  checkPartitionReassignment(): Promise<boolean> {
    return this.zk.registerZNodeChangeHandlerAndCheckExistence({
      path: reassignPartitionsZnode.path,
      handleCreation: () => this.put(zkPartitionReassignment),
      handleDataChange: () => this.put(zkPartitionReassignmentChange),
      handleDeletion: () => this.put(zkPartitionReassignment),
    });
  }

  /** Looks again for reassignments that are asked for in that node. */
  lookForPartitionReassignment(): void {
    this.put(zkPartitionReassignment);
  }

  /** Looks again for topics that are to be deleted. */
  lookForTopicDeletions(): void {
    this.put(topicDeletion);
  }

  /** Listens to changes of the brokers' registrations. */
  registerBrokers(ids: Iterable<number>): void {
    for (const id of ids) {
      this.brokers.add(id);
      this.zk.registerZNodeChangeHandler({
        path: brokerIdZnode.path(id),
        handleDataChange: () => this.put(brokerModifications(id)),
      });
    }
  }

  unregisterBrokers(ids: Iterable<number>): void {
    for (const id of [...ids]) {
      if (this.brokers.delete(id)) this.zk.unregisterZNodeChangeHandler(brokerIdZnode.path(id));
    }
  }

  /** Listens to changes of the topics' assignments. */
  registerTopics(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.topics.add(topic);
      this.zk.registerZNodeChangeHandler({
        path: topicZnode.path(topic),
        handleDataChange: () => this.put(partitionModifications(topic)),
      });
    }
  }

  unregisterTopic(topic: string): void {
    if (this.topics.delete(topic)) this.zk.unregisterZNodeChangeHandler(topicZnode.path(topic));
  }

  /** Listens until the state of a partition, which no one can read, is written anew. */
  registerUnreadableState(partition: TopicPartition): void {
    const path = partitionStateZnode.path(partition);
    const onChange = (): void => {
      this.unregisterUnreadableState(path);
      this.put(partitionStateMended(partition));
    };
    this.unreadableStates.add(path);
    this.zk.registerZNodeChangeHandler({ path, handleDataChange: onChange, handleDeletion: onChange });
  }

  private unregisterUnreadableState(path: string): void {
    if (this.unreadableStates.delete(path)) this.zk.unregisterZNodeChangeHandler(path);
  }

  /** Stops listening to all but `/controller`. */
  unregisterAll(): void {
    for (const path of [
      brokerIdsZnode.path,
      topicsZnode.path,
      deleteTopicsZnode.path,
      logDirEventZnode.parent,
      isrChangeZnode.parent,
    ]) {
      this.zk.unregisterZNodeChildChangeHandler(path);
    }
    this.zk.unregisterZNodeChangeHandler(preferredReplicaElectionZnode.path);
    this.zk.unregisterZNodeChangeHandler(reassignPartitionsZnode.path);
    this.unregisterBrokers(this.brokers);
    for (const topic of [...this.topics]) this.unregisterTopic(topic);
    for (const path of [...this.unreadableStates]) this.unregisterUnreadableState(path);
  }
}
