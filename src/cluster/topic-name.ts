/** What a topic may be called: `org.apache.kafka.common.internals.Topic`. */

export const MAX_TOPIC_NAME_LENGTH = 249;
const PATTERN = /^[a-zA-Z0-9._-]+$/;

export const GROUP_METADATA_TOPIC = '__consumer_offsets';
export const TRANSACTION_STATE_TOPIC = '__transaction_state';
/** KRaft's log; nobody may create a topic of that name. */
export const CLUSTER_METADATA_TOPIC = '__cluster_metadata';

/** Null for a name that may be used, else Kafka's sentence. */
export function whyInvalidTopicName(name: string): string | null {
  const reason = reasonOf(name);
  return reason === null ? null : `Topic name is invalid: ${reason}`;
}

/** Topics that only the cluster itself writes to. */
export function isInternalTopic(name: string): boolean {
  return name === GROUP_METADATA_TOPIC || name === TRANSACTION_STATE_TOPIC;
}

/** True when metrics could not tell the two names apart: they differ in dots and underscores only. */
export function collides(a: string, b: string): boolean {
  return a.replaceAll('.', '_') === b.replaceAll('.', '_');
}

export function hasCollisionChars(name: string): boolean {
  return name.includes('_') || name.includes('.');
}

function reasonOf(name: string): string | null {
  if (name === '') return 'the empty string is not allowed';
  if (name === '.' || name === '..') return `'${name}' is not allowed`;
  if (name.length > MAX_TOPIC_NAME_LENGTH)
    return `the length of '${name}' is longer than the max allowed length ${MAX_TOPIC_NAME_LENGTH}`;
  if (!PATTERN.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  }
  return null;
}
