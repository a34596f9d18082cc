/** A breach of one of our own invariants: a bug. It is never caught to carry on; the broker stops (docs/ARCHITECTURE.md). */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Checks one of our own invariants, in production too. What comes from outside is validated instead, never asserted. On hot paths the message
 * is a function, for a template is put together on every call.
 */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message());
}

/** Marks a place that the types prove unreachable, so that a new member of a union fails to compile there. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
