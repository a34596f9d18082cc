export {
  BrokerConfig,
  type BrokerConfigName,
  type BrokerConfigValues,
  type ParsedBrokerConfig,
  type Texts,
} from './broker-config.js';
export { definitionOf, isSensitive, type DynamicScope } from './config-names.js';
export { changedNames } from './reconfiguration.js';
export { documentationOf, NO_DOCUMENTATION } from './documentation.js';
export { loggableBrokerConfig, loggableTopicConfig } from './loggable.js';
export { VariableResolver, type VariableSources } from './config-providers.js';
export {
  applyDynamicConfig,
  refuseDynamicPasswords,
  usableDynamicTexts,
  validateDynamicConfig,
  type AppliedDynamicConfig,
  type DynamicTexts,
} from './dynamic-broker-config.js';
export type { GroupsConfig, OffsetsConfig } from './parts/groups.js';
export type { LogDefaults } from './parts/log.js';
export type { ConnectionLimits, ListenerConnectionLimits, NetworkConfig } from './parts/network.js';
export type { FetcherConfig, ReplicationConfig } from './parts/replication.js';
export { parseZooKeeperConnect, type ZooKeeperConfig, type ZooKeeperConnect } from './parts/zookeeper.js';
export {
  TopicConfig,
  topicDefinitionOf,
  validateTopicConfig,
  whyInvalidTopicValue,
  type TopicConfigName,
} from './topic-config.js';
export { splitAtEachComma } from './java-text.js';
export { ConfigError, parseValue, checkValue, valueToText } from './value.js';
export {
  parseListeners,
  parseCsvList,
  parseCsvMap,
  type ListenerEndPoint,
  type ListenerSecurityProtocol,
} from './listeners.js';
export { noEffectNotes, reasonOfNoEffect, reasonOfNoTopicEffect, type NoEffectNote } from './no-effect.js';
export { readPropertiesFile } from './properties-file.js';
export { METADATA_VERSIONS, resolveMetadataVersion } from './metadata-version.js';
export { versionIn, type ProtocolAtLeast, type VersionTable } from './version-table.js';
export {
  ConfigSource,
  describeTopicConfig,
  describeBrokerConfig,
  describeBrokerDefaults,
  type ConfigDescription,
  type ConfigSynonym,
} from './describe.js';
export { BROKER_CONFIGS } from './definitions/broker.js';
export { OTTLA_CONFIGS } from './definitions/ottla.js';
export { TOPIC_CONFIGS, BROKER_SYNONYMS, type BrokerSynonym } from './definitions/topic.js';
export { DYNAMIC_ONLY_BROKER_CONFIGS, USER_CONFIGS, CLIENT_CONFIGS, IP_CONFIGS } from './definitions/entities.js';
export {
  type ConfigDefinition,
  type ConfigTable,
  type ConfigType,
  type ConfigValue,
  type UpdateMode,
} from './definition.js';
