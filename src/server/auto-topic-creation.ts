import type { Logger } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { ErrorCode, errorMessage, type CreateTopicsRequest } from '../protocol/index.js';
import {
  GROUP_METADATA_TOPIC,
  isInternalTopic,
  whyInvalidTopicName,
  TRANSACTION_STATE_TOPIC,
} from '../cluster/index.js';

const MAX_FAILURES = 1000;

type CreatableTopic = CreateTopicsRequest['topics'][number];

/** Creates topics by writing them to ZooKeeper (`ZkAdminManager.createTopics`). */
export interface TopicCreator {
  /** With `timeoutMs` 0 it answers REQUEST_TIMED_OUT for what was written, without waiting for leaders. */
  createTopics(
    topics: readonly CreatableTopic[],
    options: { timeoutMs: number; validateOnly: boolean },
  ): Promise<readonly { name: string; errorCode: number }[]>;
}

/** What Metadata answers for a topic that was to be created. */
export interface AutoCreationResult {
  readonly name: string;
  readonly errorCode: number;
  readonly isInternal: boolean;
}

/**
 * Makes topics that clients ask for and that do not exist: on Metadata with `auto.create.topics.enable`, and the internal topics when
 * a coordinator is looked for. Any broker writes them itself in ZooKeeper mode (Kafka's `DefaultAutoTopicCreationManager`).
 */
export class AutoTopicCreation {
  private readonly inFlight = new Set<string>();
  /** Why a topic could not be made when it was last tried. Clients ask again and again; each reason is logged once. */
  private readonly failures = new Map<string, number>();

  constructor(
    private readonly config: () => BrokerConfig,
    private readonly creator: TopicCreator,
    private readonly internalTopicConfigs: (topic: string) => ReadonlyMap<string, string>,
    private readonly logger: Logger,
  ) {}

  /** Results in no order. A topic that is just being created answers UNKNOWN_TOPIC_OR_PARTITION, a created one LEADER_NOT_AVAILABLE. */
  async createTopics(names: Iterable<string>): Promise<AutoCreationResult[]> {
    const results: AutoCreationResult[] = [];
    const add = (name: string, errorCode: number): void =>
      void results.push({ name, errorCode, isInternal: isInternalTopic(name) });
    const creatable: CreatableTopic[] = [];
    for (const name of names) {
      if (whyInvalidTopicName(name) !== null) add(name, ErrorCode.INVALID_TOPIC_EXCEPTION);
      else if (this.inFlight.has(name)) add(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      else creatable.push(this.creatableTopic(name));
    }
    if (creatable.length === 0) return results;
    for (const { name } of creatable) this.inFlight.add(name);
    try {
      const outcomes = await this.creator.createTopics(creatable, { timeoutMs: 0, validateOnly: false });
      for (const { name, errorCode } of outcomes) {
        const isThere = errorCode === ErrorCode.TOPIC_ALREADY_EXISTS || errorCode === ErrorCode.REQUEST_TIMED_OUT;
        add(name, isThere ? ErrorCode.LEADER_NOT_AVAILABLE : errorCode);
        this.noteOutcome(name, isThere ? ErrorCode.NONE : errorCode);
      }
    } finally {
      for (const { name } of creatable) this.inFlight.delete(name);
    }
    return results;
  }

  private noteOutcome(topic: string, errorCode: number): void {
    if (errorCode === ErrorCode.NONE) {
      this.failures.delete(topic);
    } else if (this.failures.get(topic) !== errorCode) {
      // Names come from clients: what is remembered of them is bounded.
      if (this.failures.size >= MAX_FAILURES) this.failures.clear();
      this.failures.set(topic, errorCode);
      this.logger.warn('A topic that is asked for cannot be created', { topic, error: errorMessage(errorCode) });
    }
  }

  private creatableTopic(name: string): CreatableTopic {
    const config = this.config();
    const topic = (numPartitions: number, replicationFactor: number): CreatableTopic => ({
      name,
      numPartitions,
      replicationFactor,
      assignments: [],
      configs: [...this.internalTopicConfigs(name)].map(([key, value]) => ({ name: key, value })),
    });
    switch (name) {
      case GROUP_METADATA_TOPIC:
        return topic(config.get('offsets.topic.num.partitions'), config.get('offsets.topic.replication.factor'));
      case TRANSACTION_STATE_TOPIC:
        return topic(
          config.get('transaction.state.log.num.partitions'),
          config.get('transaction.state.log.replication.factor'),
        );
      default:
        return topic(config.get('num.partitions'), config.get('default.replication.factor'));
    }
  }
}
