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
  /** Topics forgotten during the read that is under way: what it finds of them is over. */
  private readonly forgotten = new Set<string>();
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
    return this.inTurn(async () => {
      const overrides = await this.store.configs('topics', topics);
      for (const [topic, texts] of overrides) if (!this.forgotten.has(topic)) this.set(topic, texts);
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
    this.forgotten.add(topic);
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
    const begin = (): Promise<T> => {
      this.forgotten.clear();
      return read();
    };
    const turn = this.lastRead.then(begin, begin);
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
