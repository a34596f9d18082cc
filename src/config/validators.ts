import type { ConfigValidator } from './definition.js';
import { trim } from './java-text.js';

/** `NonNullValidator`: an empty string will do. */
export const nonNullString: ConfigValidator = {
  description: 'non-null string',
  check: (_name, value) => (value === null ? 'entry must be non null' : null),
};

/** The voters of a KRaft quorum, which nobody has here; Kafka's rule is that the value must be a list. */
export const nonEmptyList: ConfigValidator = {
  description: 'non-empty list',
  check: (_name, value) => (value === null ? 'Value must be non-null' : null),
};

/** `*`, or `partition:broker` pairs (`ThrottledReplicaListValidator`). */
export const throttledReplicas: ConfigValidator = {
  description: '[partitionId]:[brokerId],[partitionId]:[brokerId],...',
  check(name, value) {
    const items = (value as readonly string[]).map(trim);
    if (items.join('') === '*' || items.every((item) => /^([0-9]+:[0-9]+)?$/.test(item))) return null;
    return `${name} must be the literal '*' or a list of replicas in the following format: ${throttledReplicas.description}`;
  },
};
