import { ConfigError, TopicConfig, whyInvalidTopicValue, type BrokerConfig } from '../config/index.js';
import { ZERO_UUID, type Logger, type Uuid } from '../common/index.js';
import type { ConfigStore } from '../zookeeper/index.js';

/**
 * The effective configurations of topics that have replicas here. The overrides are read from ZooKeeper before a topic's first log is
 * made, because no notification tells of those that a topic was created with; later changes come by notification. What was read counts for
 * the topic that the controller named, by its id: another one of that name is read again, and so is each of which the start found logs, as
 * these may be of one that is gone.
 */
export class TopicConfigs {
  /** Of those that override anything, or of which not all is known. */
  private readonly byTopic = new Map<string, TopicConfig>();
  /** The topics that were read, with the id they were read for: zero when the controller gave none, null when the start found their logs. */
  private readonly known = new Map<string, Uuid | null>();
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
    this.defaults = broker.topicDefaults;
  }

  /** What a topic without overrides has. */
  get defaultConfig(): TopicConfig {
    return this.defaults;
  }

  /** The defaults, when nothing else was read. */
  configOf(topic: string): TopicConfig {
    if (this.outdated.delete(topic)) {
      const { overrides, isIncomplete } = this.byTopic.get(topic)!;
      this.byTopic.set(topic, TopicConfig.create(this.broker, overrides, isIncomplete));
    }
    return this.byTopic.get(topic) ?? this.defaults;
  }

  /** Reads the overrides of the topics that the start found logs of. Gives the configurations of those that do not have the defaults. */
  async loadAtStart(topics: Iterable<string>): Promise<ReadonlyMap<string, TopicConfig>> {
    await this.read(new Map([...topics].map((topic) => [topic, null])));
    return this.byTopic;
  }

  /** Those of the topics, ids by name, that were not read yet: of an id of zero any of that name counts. */
  unknownOf(topics: ReadonlyMap<string, Uuid>): ReadonlyMap<string, Uuid> {
    return new Map([...topics].filter(([topic, id]) => !this.isKnown(topic, id)));
  }

  /** Reads the overrides of these topics, ids by name. Of names alone whichever topic has them is meant. */
  async load(topics: ReadonlyMap<string, Uuid> | readonly string[]): Promise<void> {
    await this.read(topics instanceof Map ? topics : new Map([...topics].map((topic) => [String(topic), ZERO_UUID])));
  }

  /** Reads the overrides of all topics that have replicas here again. Gives those that have changed. */
  reloadAll(): Promise<string[]> {
    return this.inTurn(() => this.readNow(new Map(this.known), ++this.step));
  }

  /**
   * Reads one topic again and returns what it has now. It is remembered only of a topic that has replicas here: no one would tell that
   * another one was deleted, and made again with other configurations.
   */
  reload(topic: string): Promise<TopicConfig> {
    return this.inTurn(async () => {
      const overrides = await this.store.config('topics', topic);
      const id = this.known.get(topic);
      if (id === undefined) return this.next(topic, overrides, null);
      this.take(topic, id, overrides);
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
    const defaults = broker.topicDefaults;
    this.broker = broker;
    if (defaults.equals(this.defaults)) return false;
    this.defaults = defaults;
    for (const topic of this.byTopic.keys()) this.outdated.add(topic);
    return true;
  }

  private isKnown(topic: string, id: Uuid): boolean {
    const knownId = this.known.get(topic) ?? null;
    return knownId !== null && (id === ZERO_UUID || id === knownId);
  }

  private read(topics: ReadonlyMap<string, Uuid | null>): Promise<string[]> {
    const askedAt = ++this.step;
    return this.inTurn(() => this.readNow(topics, askedAt));
  }

  private async readNow(topics: ReadonlyMap<string, Uuid | null>, askedAt: number): Promise<string[]> {
    const changed: string[] = [];
    for (const [topic, overrides] of await this.overridesOf([...topics.keys()])) {
      // Forgotten since: what is read may be of the topic that was deleted, and its successor's would never be read.
      if ((this.forgottenAt.get(topic) ?? 0) >= askedAt) continue;
      if (this.take(topic, topics.get(topic)!, overrides)) changed.push(topic);
    }
    return changed;
  }

  /** One topic's unreadable node is that topic's trouble: null. */
  private async overridesOf(topics: readonly string[]): Promise<ReadonlyMap<string, Overrides | null>> {
    const { found, unreadable } = await this.store.latestConfigs('topics', topics);
    const read = new Map<string, Overrides | null>(found);
    for (const [topic, error] of unreadable) {
      this.logger.error('Ignoring an unreadable topic configuration', { topic, error });
      read.set(topic, null);
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

  /** Takes over what was read, null for what is unreadable. True when that changes something. */
  private take(topic: string, id: Uuid | null, overrides: Overrides | null): boolean {
    const isSameTopic = this.known.has(topic) && (id === null || this.isKnown(topic, id));
    const before = isSameTopic ? (this.byTopic.get(topic) ?? this.defaults) : null;
    if (id !== null || !isSameTopic) this.known.set(topic, id);
    if (before && (overrides === null || this.isAsBefore(topic, before, overrides))) return false;
    const next = this.next(topic, overrides, before);
    if (next.overrides.size === 0 && !next.isIncomplete) this.byTopic.delete(topic);
    else this.byTopic.set(topic, next);
    this.outdated.delete(topic);
    return true;
  }

  private isAsBefore(topic: string, before: TopicConfig, overrides: Overrides): boolean {
    return !before.isIncomplete && !this.outdated.has(topic) && haveSameTexts(before.overrides, overrides);
  }

  /**
   * What someone wrote into ZooKeeper by hand, and cannot be, costs no other value, and leaves in force what there was before (Kafka ignores
   * the whole change). Where nothing was, as at a start, the default might delete what was to be kept: then nothing is deleted until the
   * value is mended. Kafka does not start.
   */
  private next(topic: string, overrides: Overrides | null, before: TopicConfig | null): TopicConfig {
    if (overrides === null) return before ?? TopicConfig.create(this.broker, NO_OVERRIDES, true);
    try {
      return TopicConfig.create(this.broker, overrides);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    const usable = new Map(overrides);
    let isIncomplete = false;
    for (const [name, text] of overrides) {
      const error = whyInvalidTopicValue(name, text);
      if (error === null) continue;
      const textBefore = before?.overrides.get(name);
      if (textBefore === undefined) usable.delete(name);
      else usable.set(name, textBefore);
      const isUnknown = textBefore === undefined && (before?.isIncomplete ?? true);
      isIncomplete ||= isUnknown;
      this.logger.error(
        isUnknown
          ? 'Ignoring an invalid value in the configuration of a topic, and keeping all of its records until it is mended'
          : 'Ignoring an invalid value in the configuration of a topic',
        { topic, config: name, value: text, error },
      );
    }
    return TopicConfig.create(this.broker, usable, isIncomplete);
  }
}

type Overrides = ReadonlyMap<string, string>;

const NO_OVERRIDES: Overrides = new Map();

/** By name, in any order. */
export function haveSameTexts(one: Overrides, other: Overrides): boolean {
  return one.size === other.size && [...one].every(([name, text]) => other.get(name) === text);
}
