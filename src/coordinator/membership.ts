import { assert, unreachable, type Logger } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import { ORDINARY_MEMBER_BYTES, type GroupMetadata } from './core/group-metadata.js';
import { MemberMetadata, NO_ASSIGNMENT, type MemberProtocol } from './core/member-metadata.js';
import { bytesOf } from './core/member-room.js';
import type { GroupStore } from './group-store.js';
import { currentGeneration, type Rebalance } from './rebalance.js';
import { joinError, syncError, UNKNOWN_MEMBER_ID, type JoinGroupResult, type SyncGroupResult } from './core/results.js';

/** So many members are let go for one that joins, in one step. */
const MAX_LET_GO = 1000;

/** A JoinGroup as the coordinator sees it, whatever its version. */
export interface JoinRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** From version 4 on a dynamic member gets its id first, and joins with it (KIP-394). */
  readonly requireKnownMemberId: boolean;
  /** From version 9 on a returning static leader can be told to leave the assignment as it is (KIP-814). */
  readonly supportSkippingAssignment: boolean;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly MemberProtocol[];
  readonly reason: string;
}

export interface SyncRequest {
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** By member id; only the leader's counts. Parts of the request, which are copied when they are kept. */
  readonly assignments: ReadonlyMap<string, Buffer>;
}

/** What JoinGroup, SyncGroup, Heartbeat and LeaveGroup do to a group that is known, in Kafka's order of refusals. */
export class Membership {
  constructor(
    private readonly limits: { readonly maxSize: number; readonly maxMemberBytes: number },
    private readonly store: GroupStore,
    private readonly rebalance: Rebalance,
    private readonly newUuid: () => string,
    private readonly log: Logger,
  ) {}

  /** Gives the id of the member that may wait. */
  join(group: GroupMetadata, request: JoinRequest, respond: (result: JoinGroupResult) => void): string {
    let { memberId } = request;
    if (!this.hasRoomFor(group, request)) {
      respond(joinError(request.memberId, ErrorCode.GROUP_MAX_SIZE_REACHED));
    } else if (!this.accepts(group, request.memberId)) {
      group.remove(request.memberId);
      respond(joinError(UNKNOWN_MEMBER_ID, ErrorCode.GROUP_MAX_SIZE_REACHED));
    } else if (request.memberId === UNKNOWN_MEMBER_ID) {
      memberId = this.joinAsNew(group, request, respond);
    } else {
      this.joinAsKnown(group, request, respond);
    }
    if (group.is('PreparingRebalance')) this.rebalance.maybeCompleteJoin(group);
    return memberId;
  }

  sync(group: GroupMetadata, request: SyncRequest, respond: (result: SyncGroupResult) => void): void {
    const refusal = this.refuseSync(group, request);
    if (refusal !== ErrorCode.NONE) {
      respond(syncError(refusal));
      return;
    }
    const member = group.get(request.memberId);
    switch (group.state) {
      case 'PreparingRebalance':
        respond(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
        return;
      case 'CompletingRebalance':
        member.awaitingSync = respond;
        this.rebalance.removePendingSync(group, member.memberId);
        if (group.isLeader(member.memberId)) this.storeAssignment(group, request);
        return;
      case 'Stable':
        this.rebalance.removePendingSync(group, member.memberId);
        respond({
          errorCode: ErrorCode.NONE,
          protocolType: group.protocolType,
          protocolName: group.protocolName,
          assignment: member.assignment,
        });
        this.rebalance.heartbeat(group, member);
        return;
      case 'Empty':
      case 'Dead':
        respond(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
        return;
      default:
        unreachable(group.state);
    }
  }

  heartbeat(group: GroupMetadata, memberId: string, groupInstanceId: string | null, generationId: number): number {
    if (group.is('Dead')) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const refusal = refuseMember(group, memberId, groupInstanceId);
    if (refusal !== ErrorCode.NONE) return refusal;
    if (generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION;
    if (group.is('Empty')) return ErrorCode.UNKNOWN_MEMBER_ID;
    this.rebalance.heartbeat(group, group.get(memberId));
    return group.is('PreparingRebalance') ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
  }

  /** Lets one member go: by its id, or, for an administrator, by the name of a static one. */
  leave(group: GroupMetadata, memberId: string, groupInstanceId: string | null, reason: string): number {
    if (memberId === UNKNOWN_MEMBER_ID) {
      const current = groupInstanceId === null ? null : group.staticMemberId(groupInstanceId);
      if (current === null) return ErrorCode.UNKNOWN_MEMBER_ID;
      this.removeLeaving(group, current, reason);
      return ErrorCode.NONE;
    }
    if (group.isPendingMember(memberId)) {
      this.rebalance.removePendingMember(group, memberId);
      return ErrorCode.NONE;
    }
    const refusal = refuseMember(group, memberId, groupInstanceId);
    if (refusal === ErrorCode.NONE) this.removeLeaving(group, memberId, reason);
    return refusal;
  }

  private removeLeaving(group: GroupMetadata, memberId: string, reason: string): void {
    this.log.info('Member has left the group', { group: group.groupId, memberId, reason });
    this.rebalance.removeMember(
      group,
      group.get(memberId),
      `Removing member ${memberId} on LeaveGroup; client reason: ${reason}`,
    );
  }

  /**
   * What a member names is kept for as long as it lives, half an hour without a word from it. All share what there is, and those that bring much
   * have a part of it at most. No one is turned away for what it has already.
   */
  private hasRoomFor(group: GroupMetadata, request: JoinRequest): boolean {
    const asked = memberOf(request, request.memberId);
    const currentId = returningMemberId(group, request);
    const current = currentId !== null && group.has(currentId) ? group.get(currentId) : null;
    const bytes = asked.keptBytes;
    const currentBytes = current?.keptBytes ?? 0;
    if (current && bytes <= currentBytes) return true;
    if (!this.maySpare(bytes, currentBytes)) return false;
    return this.makeRoom((current ?? asked).clientHost, current ? bytes - currentBytes : bytesOf(asked));
  }

  /** Those that bring much have enough left of their part. */
  private maySpare(bytes: number, currentBytes: number): boolean {
    if (bytes <= ORDINARY_MEMBER_BYTES) return true;
    let usedBytes = currentBytes > ORDINARY_MEMBER_BYTES ? -currentBytes : 0;
    for (const { largeMemberBytes } of this.store.each()) usedBytes += largeMemberBytes;
    return usedBytes + bytes <= this.limits.maxMemberBytes;
  }

  /** Members whose clients are gone go first: no one hears of it, and a client that comes back is told that it is unknown, and joins anew. */
  private makeRoom(address: string, bytes: number): boolean {
    const { memberRoom } = this.store;
    for (let left = MAX_LET_GO; !memberRoom.hasRoomFor(address, bytes); left--) {
      const oldest = memberRoom.oldestAbandoned;
      if (!oldest || left === 0) return false;
      const [member, group] = oldest;
      assert(member.isAwaitingJoin, 'whose client is gone waits for the others');
      this.log.debug('No room for members; removing one whose client is gone', {
        group: group.groupId,
        memberId: member.memberId,
      });
      this.rebalance.removeMember(group, member, `removing member ${member.memberId}, whose client is gone`);
    }
    return true;
  }

  /**
   * While a rebalance is prepared those that wait are counted, not the members: the group may already be above a limit that was lowered,
   * and the last to come are then the ones turned away.
   */
  private accepts(group: GroupMetadata, memberId: string): boolean {
    if (group.is('Empty') || group.is('Dead')) return true;
    const isMember = group.has(memberId);
    if (group.is('PreparingRebalance')) {
      return (isMember && group.get(memberId).isAwaitingJoin) || group.numAwaitingJoin < this.limits.maxSize;
    }
    return isMember || group.size < this.limits.maxSize;
  }

  private joinAsNew(group: GroupMetadata, request: JoinRequest, respond: (result: JoinGroupResult) => void): string {
    if (group.is('Dead')) {
      respond(joinError(UNKNOWN_MEMBER_ID, ErrorCode.COORDINATOR_NOT_AVAILABLE));
      return UNKNOWN_MEMBER_ID;
    }
    if (!group.supportsProtocols(request.protocolType, request.protocols)) {
      respond(joinError(UNKNOWN_MEMBER_ID, ErrorCode.INCONSISTENT_GROUP_PROTOCOL));
      return UNKNOWN_MEMBER_ID;
    }
    const newMemberId = `${headOf(request.groupInstanceId ?? request.clientId)}-${this.newUuid()}`;
    const oldMemberId = returningMemberId(group, request);
    if (oldMemberId !== null) {
      this.replaceStatic(group, request, oldMemberId, newMemberId, respond);
    } else if (request.groupInstanceId === null && request.requireKnownMemberId) {
      this.rebalance.addPendingMember(group, newMemberId, request.sessionTimeoutMs);
      respond(joinError(newMemberId, ErrorCode.MEMBER_ID_REQUIRED));
    } else {
      this.rebalance.addMember(group, memberOf(request, newMemberId), respond, request.reason);
    }
    return newMemberId;
  }

  private joinAsKnown(group: GroupMetadata, request: JoinRequest, respond: (result: JoinGroupResult) => void): void {
    const { memberId } = request;
    if (group.is('Dead')) {
      respond(joinError(memberId, ErrorCode.COORDINATOR_NOT_AVAILABLE));
      return;
    }
    if (!group.supportsProtocols(request.protocolType, request.protocols)) {
      respond(joinError(memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL));
      return;
    }
    if (group.isPendingMember(memberId)) {
      this.rebalance.addMember(
        group,
        memberOf({ ...request, groupInstanceId: null }, memberId),
        respond,
        request.reason,
      );
      return;
    }
    const refusal = refuseMember(group, memberId, request.groupInstanceId);
    if (refusal !== ErrorCode.NONE) {
      respond(joinError(memberId, refusal));
      return;
    }
    const member = group.get(memberId);
    const update = (why: string): void =>
      this.rebalance.updateMember(
        group,
        member,
        request,
        respond,
        `${why} during ${group.state}; client reason: ${request.reason}`,
      );
    switch (group.state) {
      case 'PreparingRebalance':
        update(`Member ${memberId} joining group`);
        return;
      case 'CompletingRebalance':
        // The same words again mean that the answer got lost.
        if (!member.matches(request.protocols)) update(`Updating metadata for member ${memberId}`);
        else {
          const members = group.isLeader(memberId) ? group.membersForLeader() : [];
          respond({ ...currentGeneration(group, memberId), members });
        }
        return;
      case 'Stable':
        // A leader asks for a rebalance by joining: topics may have changed.
        if (group.isLeader(memberId)) update(`Leader ${memberId} re-joining group`);
        else if (!member.matches(request.protocols)) update(`Updating metadata for member ${memberId}`);
        else respond(currentGeneration(group, memberId));
        return;
      case 'Empty':
      case 'Dead':
        respond(joinError(memberId, ErrorCode.UNKNOWN_MEMBER_ID));
        return;
      default:
        unreachable(group.state);
    }
  }

  /** A static member is back under a new id. In a stable group that changes nothing for the others (KIP-345). */
  private replaceStatic(
    group: GroupMetadata,
    request: JoinRequest,
    oldMemberId: string,
    newMemberId: string,
    respond: (result: JoinGroupResult) => void,
  ): void {
    const instanceId = request.groupInstanceId!;
    const oldLeaderId = group.leaderId;
    const member = group.replaceStaticMember(instanceId, oldMemberId, newMemberId);
    this.rebalance.heartbeat(group, member);
    const old = { ...pickTimeouts(member), protocols: member.supportedProtocols };
    group.update(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs, respond);
    this.log.info('Static member is back', {
      group: group.groupId,
      instanceId,
      oldMemberId,
      newMemberId,
      state: group.state,
    });
    if (group.is('CompletingRebalance')) {
      // The leader may already be assigning partitions to the old id.
      this.rebalance.prepare(
        group,
        `Updating metadata for static member ${newMemberId} with instance id ${instanceId}`,
      );
      return;
    }
    if (!group.is('Stable')) return;
    if (group.selectProtocol() !== group.protocolName) {
      this.rebalance.maybePrepare(group, `The protocol changes because static member ${instanceId} joined with others`);
      return;
    }
    const assignment = new Map(group.allMembers().map(({ memberId, assignment: current }) => [memberId, current]));
    const { generationId } = group;
    this.store.storeGroup(group, assignment, (errorCode) => {
      // A rebalance that began while the record was being replicated answers, as does whatever removed the member.
      if (!group.is('Stable') || group.generationId !== generationId || !group.has(newMemberId)) return;
      if (errorCode !== ErrorCode.NONE) {
        group.update(member, old.protocols, old.rebalanceTimeoutMs, old.sessionTimeoutMs, null);
        this.rebalance.heartbeat(group, group.replaceStaticMember(instanceId, newMemberId, oldMemberId));
        respond({ ...currentGeneration(group, UNKNOWN_MEMBER_ID), leaderId: oldLeaderId ?? '', errorCode });
        return;
      }
      const isLeader = group.isLeader(newMemberId);
      group.answerJoin(
        member,
        request.supportSkippingAssignment
          ? {
              ...currentGeneration(group, newMemberId),
              skipAssignment: isLeader,
              members: isLeader ? group.membersForLeader() : [],
            }
          : // An older client that saw itself as leader would assign in vain; it is shown the old leader's id.
            { ...currentGeneration(group, newMemberId), leaderId: oldLeaderId ?? '' },
      );
    });
  }

  private refuseSync(group: GroupMetadata, request: SyncRequest): number {
    if (group.is('Dead')) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const refusal = refuseMember(group, request.memberId, request.groupInstanceId);
    if (refusal !== ErrorCode.NONE) return refusal;
    if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION;
    const isOther = (asked: string | null, actual: string | null): boolean => asked !== null && asked !== actual;
    if (isOther(request.protocolType, group.protocolType) || isOther(request.protocolName, group.protocolName)) {
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    }
    return ErrorCode.NONE;
  }

  private storeAssignment(group: GroupMetadata, { assignments, memberId: leader }: SyncRequest): void {
    const { generationId } = group;
    const brought = new Map<string, Buffer>();
    let forgotten = 0;
    let bytes = 0;
    for (const { memberId } of group.allMembers()) {
      const own = assignments.get(memberId);
      if (!own) forgotten++;
      brought.set(memberId, own ?? NO_ASSIGNMENT);
      bytes += own?.length ?? 0;
    }
    this.log.info('Assignment received from leader', {
      group: group.groupId,
      generation: generationId,
      leader,
      members: group.size,
      withoutAssignment: forgotten,
    });
    let assignment: ReadonlyMap<string, Buffer> = brought;
    const onStored = (errorCode: number): void => {
      // Somebody may have joined while the record was being replicated.
      if (!group.is('CompletingRebalance') || generationId !== group.generationId) return;
      if (errorCode === ErrorCode.NONE) {
        this.rebalance.setAssignments(group, assignment);
        return;
      }
      this.rebalance.resetAssignments(group, errorCode);
      this.rebalance.maybePrepare(group, `Error ${errorCode} when storing group assignment during SyncGroup`);
    };
    const { clientHost } = group.get(leader);
    if (this.store.mayFit(group, brought)) {
      if (!this.makeRoom(clientHost, bytes)) {
        // They may all try again.
        onStored(ErrorCode.COORDINATOR_NOT_AVAILABLE);
        return;
      }
      assignment = new Map([...brought].map(([memberId, own]) => [memberId, Buffer.from(own)]));
    }
    // It counts with whoever brought it until it is its members'.
    const { memberRoom } = this.store;
    memberRoom.change(clientHost, bytes);
    this.store.storeGroup(group, assignment, (errorCode) => {
      memberRoom.change(clientHost, -bytes);
      onStored(errorCode);
    });
  }
}

/** NONE for a member of the group; a static one must be known under this very id, else a newer process has taken its place. */
export function refuseMember(group: GroupMetadata, memberId: string, groupInstanceId: string | null): number {
  if (groupInstanceId !== null) {
    const current = group.staticMemberId(groupInstanceId);
    if (current === null) return ErrorCode.UNKNOWN_MEMBER_ID;
    if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
  }
  return group.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
}

/** As much of a name as a member's id begins with. Kafka has all of it, up to 32 KiB in each id that it hands out. */
function headOf(name: string): string {
  return /^.{0,255}/su.exec(name)![0];
}

/** Why a client joins or leaves, as the log says it: Kafka writes all of it, up to 32 KiB as often as a client likes. */
export function reasonOf(reason: string | null): string {
  return headOf(reason ?? 'not provided');
}

/** Whose place the request takes; that of a new member is no one's. A static one that has restarted has no id yet. */
function returningMemberId(group: GroupMetadata, { memberId, groupInstanceId }: JoinRequest): string | null {
  if (memberId !== UNKNOWN_MEMBER_ID) return memberId;
  return groupInstanceId === null ? null : group.staticMemberId(groupInstanceId);
}

function memberOf(request: JoinRequest, memberId: string): MemberMetadata {
  return new MemberMetadata(
    memberId,
    request.groupInstanceId,
    request.clientId,
    request.clientHost,
    request.rebalanceTimeoutMs,
    request.sessionTimeoutMs,
    request.protocolType,
    request.protocols,
  );
}

function pickTimeouts({ rebalanceTimeoutMs, sessionTimeoutMs }: MemberMetadata): {
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
} {
  return { rebalanceTimeoutMs, sessionTimeoutMs };
}
