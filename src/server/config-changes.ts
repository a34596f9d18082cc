import type { Clock, Logger } from '../common/index.js';
import {
  applyDynamicConfig,
  changedNames,
  loggableTopicConfig,
  type BrokerConfig,
  type DynamicTexts,
} from '../config/index.js';
import type { Controller } from '../controller/index.js';
import type { LogManager } from '../log/index.js';
import type { ReplicaManager } from '../replication/index.js';
import {
  ChangeNotificationListener,
  configChangeZnode,
  DEFAULT_ENTITY,
  ZnodeFormatError,
  type ZkStores,
} from '../zookeeper/index.js';
import { haveSameTexts, type TopicConfigs } from './topic-configs.js';

/** The parts of the broker that a change of configuration reaches. */
export interface ConfigTargets {
  readonly brokerId: number;
  readonly stores: ZkStores;
  readonly topicConfigs: TopicConfigs;
  readonly logs: LogManager;
  readonly replicas: ReplicaManager;
  readonly controller: Controller;
  readonly clock: Clock;
  readonly logger: Logger;
  config(): BrokerConfig;
  /** Parts that read the configuration of the moment have it from here on. */
  setConfig(config: BrokerConfig): void;
  /** Listens where it is configured to now, and tells others where this broker is reached. */
  updateListeners(): Promise<void>;
}

/**
 * The configuration with what stands for this broker, and for all, in ZooKeeper. What may not stand there, or cannot be, has no effect and
 * costs nothing else; the log names it. `since`: what is in force, when this is a change to it; the same is returned when nothing changed.
 */
export async function withDynamicConfig(
  config: BrokerConfig,
  brokerId: number,
  stores: Pick<ZkStores, 'configs'>,
  logger: Logger,
  since: BrokerConfig | null = null,
): Promise<BrokerConfig> {
  const textsOf = async (entity: string, before: DynamicTexts['own']): Promise<DynamicTexts['own']> => {
    try {
      return await stores.configs.config('brokers', entity);
    } catch (error) {
      if (!(error instanceof ZnodeFormatError)) throw error;
      logger.error('Ignoring an unreadable broker configuration', { entity, error });
      return before;
    }
  };
  const [defaults, own] = await Promise.all([
    textsOf(DEFAULT_ENTITY, config.dynamicDefaultTexts),
    textsOf(String(brokerId), config.dynamicBrokerTexts),
  ]);
  const { config: next, ignored } = applyDynamicConfig(config, { defaults, own }, since);
  for (const { sentence, names, error } of ignored) {
    logger.error(sentence, { broker: brokerId, configs: names, ...(error && { error }) });
  }
  const isSame =
    haveSameTexts(next.dynamicDefaultTexts, config.dynamicDefaultTexts) &&
    haveSameTexts(next.dynamicBrokerTexts, config.dynamicBrokerTexts);
  return isSame ? config : next;
}

/**
 * Takes changed configurations of topics and brokers over (Kafka's `ZkConfigManager` and its handlers): as their notifications come, and all
 * again when it begins to listen, and after each loss of the session. Notifications live for 15 minutes, and logs may recover for longer.
 */
export class ConfigChanges {
  private readonly listener: ChangeNotificationListener;
  /** Broker configurations are read one after the other: of two reads the older must not be taken over last. */
  private lastBrokerChange: Promise<unknown> = Promise.resolve();

  constructor(private readonly targets: ConfigTargets) {
    const { stores, clock, logger } = targets;
    this.listener = new ChangeNotificationListener(stores.zk, {
      parent: configChangeZnode.parent,
      prefix: configChangeZnode.prefix,
      clock,
      logger,
      onNotification: (data) => this.onNotification(data),
      onMissed: () => this.readAllAgain(),
    });
  }

  /** Resolves when the notifications that were there have been handled, and what is configured has been read again. */
  start(): Promise<void> {
    return this.listener.start();
  }

  close(): Promise<void> {
    return this.listener.close();
  }

  private async onNotification(data: Buffer | null): Promise<void> {
    const change = configChangeZnode.decode(data);
    if (!change) return;
    const [type, ...rest] = change.entityPath.split('/');
    const name = rest.join('/');
    if (type === 'topics') await this.onTopicChange(name);
    else if (type === 'brokers' && (name === DEFAULT_ENTITY || name === String(this.targets.brokerId))) {
      await this.onBrokerChange();
    }
    // Quotas of users, clients and addresses are not there.
  }

  /** Topics first: what a broker's change does to their logs then goes by what they have now. */
  private async readAllAgain(): Promise<void> {
    const { topicConfigs } = this.targets;
    for (const topic of await topicConfigs.reloadAll()) this.takeOver(topic);
    await this.onBrokerChange();
  }

  private async onTopicChange(topic: string): Promise<void> {
    const { topicConfigs } = this.targets;
    this.takeOver(topic, await topicConfigs.reload(topic));
  }

  private takeOver(topic: string, now = this.targets.topicConfigs.configOf(topic)): void {
    const { logs, controller, logger } = this.targets;
    logs.updateTopicConfig(topic, now);
    const overrides = loggableTopicConfig(now.overrides);
    logger.info('Processing a changed topic configuration', { topic, overrides });
    if (now.overrides.has('unclean.leader.election.enable') && now.uncleanLeaderElectionEnable) {
      controller.enableTopicUncleanLeaderElection(topic);
    }
  }

  private onBrokerChange(): Promise<void> {
    const change = this.lastBrokerChange.then(
      () => this.takeOverBrokerConfig(),
      () => this.takeOverBrokerConfig(),
    );
    this.lastBrokerChange = change;
    return change;
  }

  private async takeOverBrokerConfig(): Promise<void> {
    const { brokerId, stores, logger } = this.targets;
    const before = this.targets.config();
    const config = await withDynamicConfig(before, brokerId, stores, logger, before);
    if (config !== before) await this.apply(config, before);
    // Also when nothing has changed: a listener whose port was taken gets another try.
    await this.targets.updateListeners();
  }

  /** By now the new configuration has been checked for all parts; each takes what is its own of what has changed. */
  private async apply(config: BrokerConfig, before: BrokerConfig): Promise<void> {
    const { brokerId, topicConfigs, logs, replicas, controller, logger } = this.targets;
    this.targets.setConfig(config);
    logs.reconfigureProducerState(config.logs);
    replicas.updateConfig(config);
    controller.updateConfig(config);
    if (topicConfigs.updateBrokerConfig(config)) {
      logs.reconfigureDefaultLogConfig(topicConfigs.defaultConfig);
      await logs.updateTopicConfigs((topic) => topicConfigs.configOf(topic));
    }
    logger.info('Took over a changed broker configuration', {
      broker: brokerId,
      configs: changedNames(before, config).sort(),
    });
  }
}
