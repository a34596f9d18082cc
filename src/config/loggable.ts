import type { Texts } from './broker-config.js';
import { isSensitive } from './config-names.js';
import { topicDefinitionOf } from './topic-config.js';

/** What stands in a log for a secret (`Password.HIDDEN`). */
const HIDDEN = '[hidden]';

/** Values of a broker as a log may show them: secrets, and what is not known, are hidden (`KafkaConfig.loggableValue`). */
export function loggableBrokerConfig(texts: Texts): Record<string, string> {
  return Object.fromEntries([...texts].map(([name, text]) => [name, isSensitive(name) ? HIDDEN : text]));
}

/** The same for those of a topic. */
export function loggableTopicConfig(texts: Texts): Record<string, string> {
  return Object.fromEntries([...texts].map(([name, text]) => [name, topicDefinitionOf(name) ? text : HIDDEN]));
}
