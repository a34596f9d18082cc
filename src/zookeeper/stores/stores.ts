import type { Clock, Logger } from '../../common/index.js';
import type { ZkClient } from '../core/zk-client.js';
import { DeletionStore, ElectionStore, ReassignmentStore } from './admin-store.js';
import { BrokerStore } from './broker-store.js';
import { ClusterStore } from './cluster-store.js';
import { ConfigStore } from './config-store.js';
import { ControllerStore } from './controller-store.js';
import { NotificationStore } from './notification-store.js';
import { PartitionStateStore } from './partition-state-store.js';
import { ProducerIdStore } from './producer-id-store.js';
import { TopicStore } from './topic-store.js';

/** All typed stores over one session: Kafka's `KafkaZkClient`, split by subject. */
export class ZkStores {
  readonly cluster: ClusterStore;
  readonly brokers: BrokerStore;
  readonly controller: ControllerStore;
  readonly topics: TopicStore;
  readonly partitionStates: PartitionStateStore;
  readonly configs: ConfigStore;
  readonly deletions: DeletionStore;
  readonly reassignments: ReassignmentStore;
  readonly elections: ElectionStore;
  readonly notifications: NotificationStore;
  readonly producerIds: ProducerIdStore;

  constructor(
    readonly zk: ZkClient,
    options: { readonly clock: Clock; readonly logger: Logger; readonly secure?: boolean },
  ) {
    this.cluster = new ClusterStore(zk, options);
    this.brokers = new BrokerStore(zk, options);
    this.controller = new ControllerStore(zk, options.clock, options);
    this.topics = new TopicStore(zk, options);
    this.partitionStates = new PartitionStateStore(zk, options);
    this.configs = new ConfigStore(zk, options);
    this.deletions = new DeletionStore(zk, options);
    this.reassignments = new ReassignmentStore(zk, options);
    this.elections = new ElectionStore(zk, options);
    this.notifications = new NotificationStore(zk, options);
    this.producerIds = new ProducerIdStore(zk, options);
  }
}
