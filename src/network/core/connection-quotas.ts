import { assert } from '../../common/index.js';

/** The bounds on connections as they are now: each is read again for each connection, since they can change while the broker runs. */
export interface ConnectionLimits {
  /** `max.connections` */
  maxConnections(): number;
  /** `listener.name.X.max.connections` (KIP-402); absent: only all listeners together are bounded. */
  maxConnectionsOfListener?(listenerName: string): number;
  /** `max.connections.per.ip`, or what its overrides say of the address. */
  maxConnectionsOf(address: string): number;
}

/**
 * What becomes of a connection: it is taken; taken at the cost of another, since its listener is protected; it waits for a place; or it is
 * refused, since its address has too many.
 */
export type Admission = 'admitted' | 'admittedForAnother' | 'waits' | 'refused';

/** Counts connections by listener and address, and decides about new ones (Kafka's `ConnectionQuotas`). */
export class ConnectionQuotas {
  private readonly byListener = new Map<string, number>();
  private readonly byAddress = new Map<string, number>();
  private total = 0;

  constructor(
    private readonly limits: ConnectionLimits,
    /** Lets connections in though `max.connections` is reached. */
    private readonly isProtected: (listenerName: string) => boolean,
  ) {}

  /** How many connections there are beyond `max.connections`, which has been lowered. */
  get excess(): number {
    return this.total - this.limits.maxConnections();
  }

  /** Decides, and counts the connection if it is admitted. */
  admit(listenerName: string, address: string): Admission {
    if ((this.byAddress.get(address) ?? 0) >= this.limits.maxConnectionsOf(address)) return 'refused';
    const maxOfListener = this.limits.maxConnectionsOfListener?.(listenerName) ?? Infinity;
    if ((this.byListener.get(listenerName) ?? 0) >= maxOfListener) return 'waits';
    const isFull = this.total >= this.limits.maxConnections();
    if (isFull && !this.isProtected(listenerName)) return 'waits';
    this.count(listenerName, address, 1);
    return isFull ? 'admittedForAnother' : 'admitted';
  }

  /** A connection that was admitted is gone. */
  release(listenerName: string, address: string): void {
    this.count(listenerName, address, -1);
  }

  private count(listenerName: string, address: string, change: number): void {
    this.total += change;
    assert(this.total >= 0, 'a connection is counted off once');
    add(this.byListener, listenerName, change);
    add(this.byAddress, address, change);
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
