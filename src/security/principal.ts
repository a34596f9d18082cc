/** Who sent a request (`KafkaPrincipal`). */
export interface Principal {
  /** `User`, unless a principal builder makes others. */
  readonly type: string;
  readonly name: string;
}

/** Whoever comes by a listener that authenticates nobody. */
export const ANONYMOUS: Principal = { type: 'User', name: 'ANONYMOUS' };

/** `User:alice`, as ACLs and logs write it. */
export function principalName(principal: Principal): string {
  return `${principal.type}:${principal.name}`;
}
