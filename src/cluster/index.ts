export { partitionKey, parsePartitionKey, type TopicPartition } from './topic-partition.js';
export {
  NO_LEADER,
  LEADER_DURING_DELETE,
  EPOCH_DURING_DELETE,
  INITIAL_LEADER_EPOCH,
  type LeaderAndIsr,
  type LeaderIsrAndControllerEpoch,
  type ReplicaAssignment,
  type TopicAssignment,
} from './leader-and-isr.js';
export { type BrokerInfo, type BrokerEndPoint, type SecurityProtocol } from './broker-info.js';
export { murmur2, partitionForGroup, partitionForKey, partitionForTransactionalId, toPositive } from './partitioner.js';
export {
  assignReplicas,
  rackAlternatedBrokers,
  ReplicaAssignmentError,
  type AssignableBroker,
  type AssignReplicasOptions,
  type ReplicaAssignmentErrorKind,
} from './assign-replicas.js';
export {
  CLUSTER_METADATA_TOPIC,
  collides,
  GROUP_METADATA_TOPIC,
  hasCollisionChars,
  isInternalTopic,
  MAX_TOPIC_NAME_LENGTH,
  TRANSACTION_STATE_TOPIC,
  whyInvalidTopicName,
} from './topic-name.js';
export {
  type AssignableTopic,
  type AssignableTopics,
  type GroupAssignment,
  type GroupMember,
  type PartitionAssignor,
} from './assignors/assignor.js';
export { rangeAssignor } from './assignors/range.js';
export { roundRobinAssignor } from './assignors/round-robin.js';
export { cooperativeStickyAssignor, stickyAssignor } from './assignors/sticky.js';
export {
  decodeCooperativeStickyUserData,
  decodeStickyUserData,
  encodeCooperativeStickyUserData,
  encodeStickyUserData,
  type StickyMemberData,
} from './assignors/user-data.js';
