export {
  ANY_VERSION,
  CREATOR_ALL_ACL,
  OPEN_ACL_UNSAFE,
  PERMS,
  READ_ACL_UNSAFE,
  type Acl,
  type CreateMode,
  type CreateOptions,
  type MultiOp,
  type MultiResult,
  type StateChangeHandler,
  type Stat,
  type Watcher,
  type WatchEvent,
  type WatchEventType,
  type ZkClient,
  type ZkState,
  type ZkStateChange,
  type ZNodeChangeHandler,
  type ZNodeChildChangeHandler,
} from './core/zk-client.js';
export { ZooKeeperClient, type ZooKeeperClientOptions } from './client/zookeeper-client.js';
export { parseConnectString, type ConnectString } from './connect-string.js';
export {
  EmbeddedZooKeeper,
  type EmbeddedMember,
  type EmbeddedZooKeeperOptions,
  type Replica,
  type ReplicaRequest,
} from './embedded/server.js';
export {
  ZooKeeperCore,
  type CoreOptions,
  type CoreRequest,
  type CoreResponse,
  type FiredWatch,
} from './embedded/core.js';
export { ControllerMovedError, isZkError, ZkError, ZnodeFormatError, type ZkErrorCode } from './core/errors.js';
export { defaultAcl, PERSISTENT_PATHS } from './defaults.js';
export {
  brokerSequenceIdZnode,
  clusterIdZnode,
  consumersZnode,
  featureZnode,
  type FinalizedFeatures,
} from './znodes/cluster.js';
export { brokerIdsZnode, brokerIdZnode, type BrokerRegistration } from './znodes/broker.js';
export {
  controllerEpochZnode,
  controllerZnode,
  producerIdBlockZnode,
  type ControllerRegistration,
  type ProducerIdBlock,
} from './znodes/controller.js';
export {
  isNameOfTopicZnode,
  topicPartitionsZnode,
  topicPartitionZnode,
  topicsZnode,
  topicZnode,
} from './znodes/topic.js';
export { partitionStateZnode } from './znodes/partition-state.js';
export {
  CONFIG_TYPES,
  configChangeZnode,
  configEntityZnode,
  configTypeZnode,
  DEFAULT_ENTITY,
  type ConfigChange,
  type ConfigType,
} from './znodes/config.js';
export {
  deleteTopicsZnode,
  isrChangeZnode,
  logDirEventZnode,
  preferredReplicaElectionZnode,
  reassignPartitionsZnode,
  type PartitionReassignments,
} from './znodes/admin.js';
export { ACL_RESOURCE_TYPES, aclChangeZnode, aclZnode, delegationTokenZnode } from './znodes/security.js';
export { decodeJson, encodeJson, type JsonObject, type JsonValue } from './znodes/json.js';
export {
  nodeOf,
  refused,
  Store,
  type NodesRead,
  type StoreOptions,
  type Write,
  type WriteOutcome,
} from './stores/store.js';
export { ZkStores } from './stores/stores.js';
export { ClusterStore } from './stores/cluster-store.js';
export { BrokerStore } from './stores/broker-store.js';
export { ControllerStore, type ControllerEpoch, type FormerEpochs } from './stores/controller-store.js';
export { TopicStore } from './stores/topic-store.js';
export { PartitionStateStore, type UpdateLeaderAndIsrResult } from './stores/partition-state-store.js';
export { ConfigStore, type ConfigUpdate } from './stores/config-store.js';
export { DeletionStore, ElectionStore, ReassignmentStore } from './stores/admin-store.js';
export { NotificationStore } from './stores/notification-store.js';
export { PRODUCER_ID_BLOCK_SIZE, ProducerIdStore } from './stores/producer-id-store.js';
export { ChangeNotificationListener, type ChangeNotificationOptions } from './stores/change-notifications.js';
