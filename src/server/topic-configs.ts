import { TopicConfig, type BrokerConfig } from '../config/index.js';
import type { Logger } from '../common/index.js';
import type { ConfigStore } from '../zookeeper/index.js';

/**
 * The effective configurations of topics that have replicas here. The overrides are read from ZooKeeper before a topic's first log is
 * made, because no notification tells of those that a topic was created with; later changes come by notification.
 */
export class TopicConfigs {
  private readonly byTopic = new Map<string, TopicConfig>();
  private readonly known = new Set<string>();
  private defaults: TopicConfig;
  /** Grows with each load that is asked for, and each topic that is forgotten. */
  private step = 0;
  /** Reads that are under way or wait for their turn. */
  private reads = 0;
  /** Topics forgotten meanwhile, by the step at which: what was asked for before it is over. */
  private readonly forgottenAt = new Map<string, number>();
  private lastRead: Promise<unknown> = Promise.resolve();

  constructor(
    private broker: BrokerConfig,
    private readonly store: ConfigStore,
    private readonly logger: Logger,
  ) {
    this.defaults = TopicConfig.create(broker);
  }

  /** What a topic without overrides has. */
  get defaultConfig(): TopicConfig {
    return this.defaults;
  }

  /** The defaults, when nothing else was read. */
  configOf(topic: string): TopicConfig {
    return this.byTopic.get(topic) ?? this.defaults;
  }

  /** Those that differ from the defaults. */
  get overridden(): ReadonlyMap<string, TopicConfig> {
    return this.byTopic;
  }

  /** Those of the topics of which nothing was read yet. */
  unknownOf(topics: Iterable<string>): string[] {
    return [...topics].filter((topic) => !this.known.has(topic));
  }

  /** Reads the overrides of these topics again. */
  load(topics: Iterable<string>): Promise<void> {
    const askedAt = ++this.step;
    return this.inTurn(async () => {
      const overrides = await this.store.configs('topics', topics);
      for (const [topic, texts] of overrides) {
        // Forgotten since: what is read may be of the topic that was deleted, and its successor's would never be read.
        if ((this.forgottenAt.get(topic) ?? 0) < askedAt) this.set(topic, texts);
      }
    });
  }

  /**
   * Reads one topic again and returns what it has now. It is remembered only of a topic that has replicas here: no one would tell that
   * another one was deleted, and made again with other configurations.
   */
  reload(topic: string): Promise<TopicConfig> {
    return this.inTurn(async () => {
      const overrides = await this.store.config('topics', topic);
      if (!this.known.has(topic)) return this.parsed(topic, overrides) ?? this.defaults;
      this.set(topic, overrides);
      return this.configOf(topic);
    });
  }

  /** The topic has no replica here any more; should it come again, its configuration is read again. */
  forget(topic: string): void {
    this.known.delete(topic);
    this.byTopic.delete(topic);
    if (this.reads > 0) this.forgottenAt.set(topic, ++this.step);
  }

  /** The broker's own configuration changed, and with it what topics inherit. */
  updateBrokerConfig(broker: BrokerConfig): void {
    this.broker = broker;
    this.defaults = TopicConfig.create(broker);
    for (const [topic, config] of this.byTopic) this.set(topic, config.overrides);
  }

  /**
   * One read after the other: of two that are answered in one go, the older might be taken over last, and no further notification would come.
   */
  private inTurn<T>(read: () => Promise<T>): Promise<T> {
    this.reads++;
    const turn = this.lastRead.then(read, read).finally(() => {
      if (--this.reads === 0) this.forgottenAt.clear();
    });
    this.lastRead = turn;
    return turn;
  }

  private set(topic: string, overrides: ReadonlyMap<string, string>): void {
    this.known.add(topic);
    if (overrides.size === 0) {
      this.byTopic.delete(topic);
      return;
    }
    const config = this.parsed(topic, overrides);
    // What was in force stays so.
    if (config) this.byTopic.set(topic, config);
  }

  /** Null for what is invalid: someone wrote it into ZooKeeper by hand. */
  private parsed(topic: string, overrides: ReadonlyMap<string, string>): TopicConfig | null {
    try {
      return TopicConfig.create(this.broker, overrides);
    } catch (error) {
      this.logger.error('Ignoring an invalid topic configuration', { topic, error });
      return null;
    }
  }
}
