import type { Clock, Logger } from '../common/index.js';
import { ConfigError, type BrokerConfig } from '../config/index.js';
import type { Controller } from '../controller/index.js';
import type { LogManager } from '../log/index.js';
import type { ReplicaManager } from '../replication/index.js';
import { ChangeNotificationListener, configChangeZnode, DEFAULT_ENTITY, type ZkStores } from '../zookeeper/index.js';
import type { TopicConfigs } from './topic-configs.js';

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
  setConfig(config: BrokerConfig): void;
}

/** The broker's configuration with what stands for it, and for all brokers, in ZooKeeper. What is invalid there has no effect. */
export async function withDynamicConfig(
  config: BrokerConfig,
  brokerId: number,
  stores: ZkStores,
  logger: Logger,
): Promise<BrokerConfig> {
  const [defaults, own] = await Promise.all([
    stores.configs.config('brokers', DEFAULT_ENTITY),
    stores.configs.config('brokers', String(brokerId)),
  ]);
  if (defaults.size === 0 && own.size === 0) return config.withDynamic(defaults, own);
  try {
    return config.withDynamic(defaults, own);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logger.error('Ignoring an invalid dynamic broker configuration', { broker: brokerId, error });
    return config;
  }
}

/** Takes changed configurations of topics and brokers over as their notifications come (Kafka's `ZkConfigManager` and handlers). */
export class ConfigChanges {
  private readonly listener: ChangeNotificationListener;

  constructor(private readonly targets: ConfigTargets) {
    const { stores, clock, logger } = targets;
    this.listener = new ChangeNotificationListener(stores.zk, {
      parent: configChangeZnode.parent,
      prefix: configChangeZnode.prefix,
      clock,
      logger,
      onNotification: (data) => this.onNotification(data),
    });
  }

  /** Resolves when the notifications that were there have been handled. */
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

  private async onTopicChange(topic: string): Promise<void> {
    const { topicConfigs, logs, controller, logger } = this.targets;
    const now = await topicConfigs.reload(topic);
    logs.updateTopicConfig(topic, now);
    logger.info('Processing a changed topic configuration', { topic, overrides: Object.fromEntries(now.overrides) });
    if (now.overrides.get('unclean.leader.election.enable') === 'true') {
      controller.enableTopicUncleanLeaderElection(topic);
    }
  }

  private async onBrokerChange(): Promise<void> {
    const { brokerId, stores, topicConfigs, logs, replicas, controller, logger } = this.targets;
    const config = await withDynamicConfig(this.targets.config(), brokerId, stores, logger);
    this.targets.setConfig(config);
    topicConfigs.updateBrokerConfig(config);
    logs.reconfigureDefaultLogConfig(topicConfigs.defaultConfig);
    logs.updateTopicConfigs((topic) => topicConfigs.configOf(topic));
    replicas.updateConfig(config);
    controller.updateConfig(config);
    logger.info('Took over a changed broker configuration', { broker: brokerId });
  }
}
