/** Rules for the names of topics (`org.apache.kafka.common.internals.Topic`). */
export const GROUP_METADATA_TOPIC_NAME = '__consumer_offsets';
export const TRANSACTION_STATE_TOPIC_NAME = '__transaction_state';

const MAX_NAME_LENGTH = 249;

export function isInternalTopic(topic: string): boolean {
  return topic === GROUP_METADATA_TOPIC_NAME || topic === TRANSACTION_STATE_TOPIC_NAME;
}

/** Why a name cannot be a topic's, in Kafka's words; null when it can. */
export function topicNameProblem(topic: string): string | null {
  if (topic === '') return 'Topic name is invalid: the empty string is not allowed';
  if (topic === '.' || topic === '..') return `Topic name is invalid: '${topic}' is not allowed`;
  if (topic.length > MAX_NAME_LENGTH) {
    return `Topic name is invalid: the length of '${topic}' is longer than the max allowed length ${MAX_NAME_LENGTH}`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(topic)) {
    return `Topic name is invalid: '${topic}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  }
  return null;
}
