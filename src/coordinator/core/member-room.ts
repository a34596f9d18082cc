import { AddressShares } from '../../common/index.js';
import type { GroupMetadata } from './group-metadata.js';
import type { MemberMetadata } from './member-metadata.js';

/** A member's objects and timer, and its places in maps, besides what it brought. */
const MEMBER_BYTES = 1700;

/**
 * What the members of all groups of this broker take, by the address that they came from. Each is counted from the time that its group is here, and
 * it is in it, until either ends.
 */
export class MemberRoom {
  private readonly shares: AddressShares;
  /** Those whose JoinGroup waits while their client is gone, who was so first in front. */
  private readonly abandoned = new Map<MemberMetadata, GroupMetadata>();

  constructor(maxBytes: number) {
    this.shares = new AddressShares(maxBytes, 'kept');
  }

  get usedBytes(): number {
    return this.shares.total;
  }

  hasRoomFor(address: string, bytes: number): boolean {
    return this.shares.hasRoomFor(address, bytes);
  }

  count(member: MemberMetadata, by: 1 | -1): void {
    this.shares.count(member.clientHost, by * bytesOf(member));
    if (by < 0) this.abandoned.delete(member);
  }

  /** For something that members of an address keep, or will keep, besides. */
  change(address: string, bytes: number): void {
    this.shares.count(address, bytes);
  }

  onAbandoned(group: GroupMetadata, member: MemberMetadata): void {
    this.abandoned.set(member, group);
  }

  /** Its JoinGroup is answered, or another one waits. */
  onJoinChanged(member: MemberMetadata): void {
    this.abandoned.delete(member);
  }

  get oldestAbandoned(): readonly [MemberMetadata, GroupMetadata] | null {
    return this.abandoned.entries().next().value ?? null;
  }
}

export function bytesOf(member: MemberMetadata): number {
  return MEMBER_BYTES + member.keptBytes + member.assignment.length;
}
