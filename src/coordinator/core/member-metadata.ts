import type { Timer } from '../../common/index.js';
import type { JoinGroupResult, SyncGroupResult } from './results.js';

/**
 * Of what groups are looked up by: their ids, the instance ids of members, the names of protocols. In UTF-16 units. V8 hashes longer texts by
 * their length: a look-up among a thousand of one length compares them all.
 */
export const MAX_KEY_LENGTH = 16_383;

/** Of whoever has been given nothing. */
export const NO_ASSIGNMENT = Buffer.alloc(0);

/** The objects of a protocol. */
const PROTOCOL_BYTES = 300;

/** One assignment strategy that a member offers, with what it wants the leader to know for it. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/**
 * A member of a group: what it said when it joined, what it was assigned, and the requests it waits in (`MemberMetadata` in Kafka).
 * Owned by its `GroupMetadata`.
 */
export class MemberMetadata {
  /** Of one that is in a group it is changed there (`GroupMetadata.assign`). */
  assignment: Buffer = NO_ASSIGNMENT;
  /** Set while a JoinGroup of the member is parked. */
  awaitingJoin: ((result: JoinGroupResult) => void) | null = null;
  /** Set while a SyncGroup of the member is parked. */
  awaitingSync: ((result: SyncGroupResult) => void) | null = null;
  /** It has not been part of a generation yet. Such a one can expire while its JoinGroup is parked. */
  isNew = false;
  /** When the session ends unless the member is heard of; by `Clock.monotonicMs`. */
  sessionDeadlineMs = 0;
  sessionTimer: Timer | null = null;

  constructor(
    public memberId: string,
    readonly groupInstanceId: string | null,
    readonly clientId: string,
    readonly clientHost: string,
    public rebalanceTimeoutMs: number,
    public sessionTimeoutMs: number,
    readonly protocolType: string,
    /** In order of preference. */
    public supportedProtocols: readonly MemberProtocol[],
  ) {}

  /** About what it keeps of what was sent, besides its assignment. */
  get keptBytes(): number {
    // Its id is one of these and some more, and may change.
    let bytes = 2 * this.clientId.length + 2 * (this.groupInstanceId?.length ?? 0) + this.protocolType.length;
    for (const { name, metadata } of this.supportedProtocols) bytes += PROTOCOL_BYTES + name.length + metadata.length;
    return bytes;
  }

  get isStaticMember(): boolean {
    return this.groupInstanceId !== null;
  }

  get isAwaitingJoin(): boolean {
    return this.awaitingJoin !== null;
  }

  get isAwaitingSync(): boolean {
    return this.awaitingSync !== null;
  }

  /** True when a session that has run out does not count, because the member sits in a request of a rebalance. */
  get isExcusedFromHeartbeat(): boolean {
    return !this.isNew && (this.isAwaitingJoin || this.isAwaitingSync);
  }

  /** What it said for `protocol`, or null when it does not support it. */
  metadataFor(protocol: string): Buffer | null {
    return this.supportedProtocols.find(({ name }) => name === protocol)?.metadata ?? null;
  }

  /** True when it offers the same protocols in the same order with the same metadata. */
  matches(protocols: readonly MemberProtocol[]): boolean {
    return (
      protocols.length === this.supportedProtocols.length &&
      protocols.every((protocol, i) => {
        const mine = this.supportedProtocols[i]!;
        return mine.name === protocol.name && mine.metadata.equals(protocol.metadata);
      })
    );
  }

  /** The first of its protocols that is among the candidates; null when none is. */
  vote(candidates: ReadonlySet<string>): string | null {
    return this.supportedProtocols.find(({ name }) => candidates.has(name))?.name ?? null;
  }
}
