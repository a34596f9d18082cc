export {
  BrokerConfig,
  definitionOf,
  parseZooKeeperConnect,
  type BrokerConfigName,
  type BrokerConfigValues,
  type ParsedBrokerConfig,
  type ZooKeeperConnect,
} from './broker-config.js';
export { TopicConfig, topicDefinitionOf, validateTopicConfig, type TopicConfigName } from './topic-config.js';
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
