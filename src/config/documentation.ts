/** Kafka's description of a configuration of a broker or a topic; null for one that it does not describe. */
export type Documentation = (name: string) => string | null;

/** The descriptions are loaded when someone asks for them. */
export async function documentationOf(kind: 'broker' | 'topic'): Promise<Documentation> {
  const { BROKER_DOCUMENTATION, TOPIC_DOCUMENTATION } = await import('./definitions/documentation.js');
  const table = kind === 'broker' ? BROKER_DOCUMENTATION : TOPIC_DOCUMENTATION;
  return (name) => (Object.hasOwn(table, name) ? table[name]! : null);
}

/** For who does not ask. */
export const NO_DOCUMENTATION: Documentation = () => null;
