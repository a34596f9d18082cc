import { ConfigError, TopicConfig, whyInvalidTopicValue, type BrokerConfig } from '../config/index.js';
import type { Logger } from '../common/index.js';
import { ZnodeFormatError, type ConfigStore } from '../zookeeper/index.js';

/**
 * The effective configurations of topics that have replicas here. The overrides are read from ZooKeeper before a topic's first log is
 * made, because no notification tells of those that a topic was created with; later changes come by notification.
 */
export class TopicConfigs {
  private readonly byTopic = new Map<string, TopicConfig>();
  private readonly known = new Set<string>();
  private defaults: TopicConfig;
  /** Those of `byTopic` that were made under a former configuration of the broker: made again when they are asked for. */
  private readonly outdated = new Set<string>();
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
    if (this.outdated.has(topic)) this.set(topic, this.byTopic.get(topic)!.overrides);
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
  async load(topics: Iterable<string>): Promise<void> {
    await this.read([...topics]);
  }

  /** Reads the overrides of all topics that have replicas here again. Gives those that have changed. */
  reloadAll(): Promise<string[]> {
    return this.read([...this.known]);
  }

  /**
   * Reads one topic again and returns what it has now. It is remembered only of a topic that has replicas here: no one would tell that
   * another one was deleted, and made again with other configurations.
   */
  reload(topic: string): Promise<TopicConfig> {
    return this.inTurn(async () => {
      const overrides = await this.store.config('topics', topic);
      if (!this.known.has(topic)) return this.parsed(topic, overrides);
      this.set(topic, overrides);
      return this.configOf(topic);
    });
  }

  /** The topic has no replica here any more; should it come again, its configuration is read again. */
  forget(topic: string): void {
    this.known.delete(topic);
    this.byTopic.delete(topic);
    this.outdated.delete(topic);
    if (this.reads > 0) this.forgottenAt.set(topic, ++this.step);
  }

  /**
   * The broker's own configuration changed. True when that changes what topics inherit. Those with overrides are made again one by one, as they
   * are asked for: there may be thousands.
   */
  updateBrokerConfig(broker: BrokerConfig): boolean {
    const defaults = TopicConfig.create(broker);
    this.broker = broker;
    if (defaults.equals(this.defaults)) return false;
    this.defaults = defaults;
    for (const topic of this.byTopic.keys()) this.outdated.add(topic);
    return true;
  }

  private read(topics: readonly string[]): Promise<string[]> {
    const askedAt = ++this.step;
    return this.inTurn(async () => {
      const changed: string[] = [];
      for (const [topic, texts] of await this.overridesOf(topics)) {
        // Forgotten since: what is read may be of the topic that was deleted, and its successor's would never be read.
        if ((this.forgottenAt.get(topic) ?? 0) < askedAt && this.set(topic, texts)) changed.push(topic);
      }
      return changed;
    });
  }

  /** One topic's unreadable node is that topic's trouble: what was in force there stays so. */
  private async overridesOf(topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    try {
      return await this.store.configs('topics', topics);
    } catch (error) {
      if (!(error instanceof ZnodeFormatError)) throw error;
    }
    const read = new Map<string, ReadonlyMap<string, string>>();
    for (const topic of topics) {
      try {
        read.set(topic, await this.store.config('topics', topic));
      } catch (error) {
        if (!(error instanceof ZnodeFormatError)) throw error;
        this.logger.error('Ignoring an unreadable topic configuration', { topic, error });
        read.set(topic, this.byTopic.get(topic)?.overrides ?? new Map<string, string>());
      }
    }
    return read;
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

  /** True when that changes something. */
  private set(topic: string, overrides: ReadonlyMap<string, string>): boolean {
    const before = this.byTopic.get(topic);
    const isUpToDate = before ? !this.outdated.delete(topic) : this.known.has(topic);
    this.known.add(topic);
    if (isUpToDate && haveSameTexts(before?.overrides ?? NO_OVERRIDES, overrides)) return false;
    if (overrides.size === 0) {
      this.byTopic.delete(topic);
      return true;
    }
    this.byTopic.set(topic, this.parsed(topic, overrides));
    return true;
  }

  /**
   * What someone wrote into ZooKeeper by hand, and cannot be, costs no other value: the default of another one might delete what was to be
   * kept. Where there was a value before, it stays in force.
   */
  private parsed(topic: string, overrides: ReadonlyMap<string, string>): TopicConfig {
    try {
      return TopicConfig.create(this.broker, overrides);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    const usable = new Map(overrides);
    for (const [name, text] of overrides) {
      const error = whyInvalidTopicValue(name, text);
      if (error === null) continue;
      const before = this.byTopic.get(topic)?.overrides.get(name);
      if (before === undefined) usable.delete(name);
      else usable.set(name, before);
      this.logger.error('Ignoring an invalid value in the configuration of a topic', { topic, config: name, error });
    }
    return TopicConfig.create(this.broker, usable);
  }
}

const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

function haveSameTexts(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, text]) => other.get(name) === text);
}
