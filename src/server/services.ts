import type { Clock, Logger, MetricsRegistry, Random } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import type { Controller } from '../controller/index.js';
import type { GroupCoordinator } from '../coordinator/index.js';
import type { LogManager } from '../log/index.js';
import type { ReplicaManager } from '../replication/index.js';
import type { Authorizer, Quotas } from '../security/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import type { ConfigAdmin } from './admin/config-admin.js';
import type { TopicAdmin } from './admin/topic-admin.js';
import type { AutoTopicCreation } from './auto-topic-creation.js';
import type { LargeRequests } from './large-requests.js';
import type { ControlOrder } from './control-order.js';
import type { MetadataCache } from './metadata-cache.js';
import type { ProducerIdManager } from './producer-id-manager.js';
import type { TopicConfigs } from './topic-configs.js';

/**
 * The parts of a running broker that request handlers work with. Made once by `Broker`, whose lifetime it has. Handlers take what they
 * need from their `RequestContext`, which offers the same names.
 */
export interface BrokerServices {
  readonly brokerId: number;
  readonly clusterId: string;
  /** The configuration as it is now: it changes while the broker runs. */
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the controller told us and what became of it (`state.change.logger`). */
  readonly stateChangeLogger: Logger;
  readonly metrics: MetricsRegistry;
  readonly metadata: MetadataCache;
  readonly replicas: ReplicaManager;
  /** The memory for requests of thousands of elements. */
  readonly largeRequests: LargeRequests;
  /** Which commands of the controller count, and whose turn it is. */
  readonly controlOrder: ControlOrder;
  readonly logs: LogManager;
  /** There were none at the start, or `meta.properties` said that they are of this cluster. */
  readonly hasLogsOfItsCluster: boolean;
  readonly topicConfigs: TopicConfigs;
  readonly groups: GroupCoordinator;
  readonly controller: Controller;
  readonly stores: ZkStores;
  readonly autoTopicCreation: AutoTopicCreation;
  readonly producerIds: ProducerIdManager;
  readonly topicAdmin: TopicAdmin;
  readonly configAdmin: ConfigAdmin;
  readonly authorizer: Authorizer;
  readonly quotas: Quotas;
  /** The czxid of our registration; -1 before it. */
  readonly brokerEpoch: bigint;
  /** What ApiVersions lists. */
  readonly offeredApis: readonly {
    readonly apiKey: number;
    readonly minVersion: number;
    readonly maxVersion: number;
  }[];
  /** The version of `/feature`; -1 while it is not known. */
  readonly finalizedFeaturesEpoch: number;
  /** A bug of ours showed itself: the broker cannot go on. */
  onFatalError(error: unknown): void;
}
