import type { Logger } from '../common/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import { replicasOf, type ControllerContext, type PartitionReplica } from './core/controller-context.js';
import type { RequestBatch } from './core/request-batch.js';
import { planDeletions, planReplicaDeletions } from './core/topic-deletion.js';
import type { PartitionStateMachine } from './partition-state-machine.js';
import { endsTerm } from './partition-store.js';
import type { ReplicaStateMachine } from './replica-state-machine.js';

/** What the deletion of topics needs of the controller around it (Kafka's `DeletionClient`). */
export interface DeletionPorts {
  readonly isDeleteTopicEnabled: () => boolean;
  /** Stops listening to the topic's znode, so that its removal is no event. */
  readonly mutePartitionModifications: (topic: string) => void;
  readonly flush: () => Promise<void>;
  /** Calls `retryFailedDeletions` after a while. */
  readonly retryLater: () => void;
}

/**
 * Deletes topics step by step (Kafka's `TopicDeletionManager`): partitions go to NonExistentPartition, brokers are told to drop the
 * topic from their metadata, replicas are stopped and then deleted, and when every one has answered, the znodes go. It halts while a
 * replica's broker is down, and goes on when that is over. Where it stands is in the context; after a change of controller it begins
 * again from `/admin/delete_topics`, at once and with the brokers that are up: clients are told no more of a topic that is queued, and no one is
 * elected for it, so it must not wait for what these would bring about. (Kafka's new controller waits for all of its brokers.)
 */
export class TopicDeletionManager {
  /** Topics that brokers could not delete, to be tried again. */
  private readonly failed = new Set<string>();

  constructor(
    private readonly context: ControllerContext,
    private readonly stores: ZkStores,
    private readonly partitions: PartitionStateMachine,
    private readonly replicas: ReplicaStateMachine,
    private readonly batch: RequestBatch,
    private readonly ports: DeletionPorts,
    private readonly log: Logger,
  ) {}

  /** Takes over what was asked for before this term. With `delete.topic.enable` off the requests are dropped. */
  async init(topics: readonly string[]): Promise<void> {
    if (this.ports.isDeleteTopicEnabled()) {
      this.context.queueTopicDeletion(topics.filter((topic) => !this.context.unreadableTopics.has(topic)));
    } else if (topics.length > 0) {
      this.log.info('Removing topic deletions since delete topic is disabled', { topics });
      await this.stores.deletions.deleteTopicDeletions(topics, this.context.epochZkVersion);
    }
  }

  async tryTopicDeletion(): Promise<void> {
    if (this.ports.isDeleteTopicEnabled()) await this.resumeDeletions();
  }

  async enqueueTopicsForDeletion(topics: readonly string[]): Promise<void> {
    if (!this.ports.isDeleteTopicEnabled()) return;
    this.context.queueTopicDeletion(topics);
    await this.resumeDeletions();
  }

  /** What halted the deletion of these topics may be over: a broker came back. */
  async resumeDeletionForTopics(topics: Iterable<string>): Promise<void> {
    if (!this.ports.isDeleteTopicEnabled()) return;
    const queued = [...topics].filter((topic) => this.context.isTopicQueuedUpForDeletion(topic));
    if (queued.length === 0) return;
    for (const topic of queued) this.context.topicsIneligibleForDeletion.delete(topic);
    await this.resumeDeletions();
  }

  /** Replicas could not be deleted: their broker is down, or it answered with an error. Their topics halt. */
  async failReplicaDeletion(replicas: readonly PartitionReplica[]): Promise<void> {
    if (!this.ports.isDeleteTopicEnabled()) return;
    const failed = replicas.filter(({ partition }) => this.context.isTopicQueuedUpForDeletion(partition.topic));
    if (failed.length === 0) return;
    await this.replicas.handleStateChanges(failed, 'ReplicaDeletionIneligible');
    this.markTopicIneligibleForDeletion(
      new Set(failed.map(({ partition }) => partition.topic)),
      'replica deletion failure',
    );
    for (const { partition } of failed) this.failed.add(partition.topic);
    this.ports.retryLater();
    await this.resumeDeletions();
  }

  /**
   * Tries again what brokers answered with an error: on a slow disk the deletion was durable a little after the answer, and no one would say so.
   * (Kafka's controller waits until a broker starts.)
   */
  async retryFailedDeletions(): Promise<void> {
    const topics = [...this.failed];
    this.failed.clear();
    await this.resumeDeletionForTopics(topics);
  }

  /** Brokers answered that the replicas are deleted. The topic goes with the last of them. */
  async completeReplicaDeletion(replicas: readonly PartitionReplica[]): Promise<void> {
    const deleted = replicas.filter(({ partition }) => this.isTopicQueuedUpForDeletion(partition.topic));
    await this.replicas.handleStateChanges(deleted, 'ReplicaDeletionSuccessful');
    await this.resumeDeletions();
  }

  /** Halts the deletion of those of the topics that are queued for it. */
  private markTopicIneligibleForDeletion(topics: Iterable<string>, reason: string): void {
    if (!this.ports.isDeleteTopicEnabled()) return;
    const halted = [...topics].filter((topic) => this.context.isTopicQueuedUpForDeletion(topic));
    for (const topic of halted) this.context.topicsIneligibleForDeletion.add(topic);
    if (halted.length > 0) this.log.info('Halted deletion of topics', { topics: halted, reason });
  }

  isTopicQueuedUpForDeletion(topic: string): boolean {
    return this.ports.isDeleteTopicEnabled() && this.context.isTopicQueuedUpForDeletion(topic);
  }

  private async resumeDeletions(): Promise<void> {
    if (this.context.topicsToBeDeleted.size === 0) return;
    const { complete, retry, start } = planDeletions(this.context);
    await this.completeDeletions(complete);
    if (retry.length > 0) {
      const failed = retry.flatMap((topic) => this.context.replicasInState(topic, 'ReplicaDeletionIneligible'));
      await this.replicas.handleStateChanges(failed, 'OfflineReplica');
    }
    if (start.length > 0) await this.onTopicDeletion(start);
  }

  /** One that cannot be completed now is tried again later. Nothing of the others is left for the next event, which must find them done. */
  private async completeDeletions(topics: readonly string[]): Promise<void> {
    const outcomes = await Promise.allSettled(topics.map((topic) => this.completeDeleteTopic(topic)));
    const errors = outcomes.map((outcome): unknown => (outcome.status === 'rejected' ? outcome.reason : null));
    for (const error of errors) if (endsTerm(error)) throw error;
    errors.forEach((error, i) => {
      if (error === null) return;
      this.log.warn('Cannot complete the deletion of a topic, trying again later', { topic: topics[i]!, error });
      this.failed.add(topics[i]!);
      this.ports.retryLater();
    });
  }

  private async completeDeleteTopic(topic: string): Promise<void> {
    // Muted first: else its removal would be taken for a change of partitions, after a topic of the same name was made again.
    this.ports.mutePartitionModifications(topic);
    const deleted = this.context.replicasInState(topic, 'ReplicaDeletionSuccessful');
    await this.replicas.handleStateChanges(deleted, 'NonExistentReplica');
    const { epochZkVersion } = this.context;
    // The config before the topic (the session is first in, first out): one made again as soon as the name is free keeps its own.
    await Promise.all([
      this.stores.configs.deleteTopicConfigs([topic], epochZkVersion),
      this.stores.topics.deleteTopic(topic, epochZkVersion),
    ]);
    // The request for the deletion goes last: a controller that dies in between leaves it to the next one.
    await this.stores.deletions.deleteTopicDeletions([topic], epochZkVersion);
    this.context.removeTopic(topic);
    this.log.info('Deletion of topic successfully completed', { topic });
  }

  private async onTopicDeletion(topics: readonly string[]): Promise<void> {
    this.log.info('Deletion of topics (re)started', { topics });
    const unseen = topics.filter((topic) => !this.context.topicsWithDeletionStarted.has(topic));
    const partitions = unseen.flatMap((topic) => this.context.partitionsOf(topic));
    // A reassignment that failed half-way has not told these of themselves. To be deleted they must be something.
    const untold = replicasOf(partitions).filter((it) => this.context.replicaState(it) === 'NonExistentReplica');
    await this.replicas.handleStateChanges(untold, 'NewReplica');
    await this.partitions.handleStateChanges(partitions, 'OfflinePartition');
    await this.partitions.handleStateChanges(partitions, 'NonExistentPartition');
    // After these steps, so that the count of offline partitions has seen them.
    for (const topic of unseen) this.context.topicsWithDeletionStarted.add(topic);

    // Brokers drop the topics from their metadata before they lose the replicas.
    this.batch.addUpdateMetadata(
      this.context.liveOrShuttingDownBrokerIds,
      topics.flatMap((topic) => this.context.partitionsOf(topic)),
    );
    await this.ports.flush();

    const { dead, toDelete, halted } = planReplicaDeletions(this.context, topics);
    await this.replicas.handleStateChanges(dead, 'ReplicaDeletionIneligible');
    // Stopped everywhere before anything is deleted: a follower must not fetch from a leader that is going.
    await this.replicas.handleStateChanges(toDelete, 'OfflineReplica');
    await this.ports.flush();
    await this.replicas.handleStateChanges(toDelete, 'ReplicaDeletionStarted');
    this.markTopicIneligibleForDeletion(halted, 'offline replicas');
  }
}
