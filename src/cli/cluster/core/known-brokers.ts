/** What a broker's metadata lack of what is waited for: a controller that lives, or some of the brokers; null when nothing. */
export function lacking<B extends { readonly nodeId: number }, E>(
  { brokers, controllerId }: { readonly brokers: readonly B[]; readonly controllerId: number },
  expected: readonly E[],
  isSame: (broker: B, expected: E) => boolean,
): 'controller' | readonly E[] | null {
  if (!brokers.some(({ nodeId }) => nodeId === controllerId)) return 'controller';
  const unknown = expected.filter((each) => !brokers.some((broker) => isSame(broker, each)));
  return unknown.length === 0 ? null : unknown;
}
