import type { AuthorizableContext } from './authorizer.js';

/** What is metered: bytes produced, bytes fetched, time spent on requests, mutations asked of the controller (KIP-13, 124, 599). */
export type QuotaKind = 'produce' | 'fetch' | 'request' | 'controllerMutation';

/** Meters clients. Every handler that Kafka throttles tells it what it did. */
export interface Quotas {
  /** Counts `amount` for the sender, and says for how many milliseconds it is to be held back: 0 for not at all. */
  recordAndThrottleMs(kind: QuotaKind, context: AuthorizableContext, amount: number): number;
}

/** A cluster without quotas. */
export const noQuotas: Quotas = { recordAndThrottleMs: () => 0 };
