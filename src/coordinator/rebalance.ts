import { assert, setPatientTimer, type Clock, type Logger } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import type { GroupMetadata } from './core/group-metadata.js';
import type { MemberMetadata } from './core/member-metadata.js';
import { NO_ASSIGNMENT, type MemberProtocol } from './core/member-metadata.js';
import { readSubscribedTopics } from './group-records.js';
import type { GroupStore } from './group-store.js';
import { joinError, syncError, UNKNOWN_MEMBER_ID, type JoinGroupResult } from './core/results.js';

/** A member that has no id yet cannot send heartbeats; how long its parked JoinGroup may keep it alive. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000;
/** Of those that go at once, in a line of the log. */
const MAX_NAMED = 10;
/** How long at least a group of static members waits before it looks again whether one of them has joined. */
const MIN_WAIT_AGAIN_MS = 1000;

/**
 * How a group gets from one generation to the next: waiting for members to join, for them to sync, and for their heartbeats (the
 * delayed operations of Kafka's GroupCoordinator). Whatever answers a parked request is here.
 */
export class Rebalance {
  /** Ids that were handed out and not yet joined with, and their groups; the oldest first. */
  private readonly pendingMembers = new Map<string, GroupMetadata>();

  constructor(
    private readonly initialDelayMs: number,
    private readonly maxPendingMembers: number,
    private readonly store: GroupStore,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Begins a rebalance if the group is not in one already. */
  maybePrepare(group: GroupMetadata, reason: string): void {
    if (group.canRebalance) this.prepare(group, reason);
  }

  prepare(group: GroupMetadata, reason: string): void {
    if (group.is('CompletingRebalance')) this.resetAssignments(group, ErrorCode.REBALANCE_IN_PROGRESS);
    this.cancelPendingSync(group);
    const isFirst = group.is('Empty');
    group.transitionTo('PreparingRebalance', this.clock.nowMs());
    this.log.info('Preparing to rebalance group', {
      group: group.groupId,
      oldGeneration: group.generationId,
      partition: this.store.partitionFor(group.groupId),
      reason,
    });
    if (isFirst) {
      this.awaitFirstMembers(group, this.initialDelayMs, Math.max(group.rebalanceTimeoutMs - this.initialDelayMs, 0));
    } else {
      this.awaitMembers(group);
    }
  }

  /** Ends the wait for members if all have come. The first wait of a group always lasts its time, so that more can come (KIP-134). */
  maybeCompleteJoin(group: GroupMetadata): void {
    const pending = group.pendingJoin;
    if (!pending || pending.initialRemainingMs !== null || !group.hasAllMembersJoined) return;
    pending.timer.cancel();
    group.pendingJoin = null;
    this.completeJoin(group);
  }

  addMember(
    group: GroupMetadata,
    member: MemberMetadata,
    onJoined: (result: JoinGroupResult) => void,
    reason: string,
  ): void {
    member.isNew = true;
    if (group.is('PreparingRebalance') && group.generationId === 0) group.newMemberAdded = true;
    group.add(member, onJoined);
    this.store.onUsed(group);
    this.extendSession(group, member, NEW_MEMBER_JOIN_TIMEOUT_MS);
    this.maybePrepare(group, `Adding new member ${member.memberId}; client reason: ${reason}`);
  }

  updateMember(
    group: GroupMetadata,
    member: MemberMetadata,
    update: { protocols: readonly MemberProtocol[]; rebalanceTimeoutMs: number; sessionTimeoutMs: number },
    onJoined: (result: JoinGroupResult) => void,
    reason: string,
  ): void {
    group.update(member, update.protocols, update.rebalanceTimeoutMs, update.sessionTimeoutMs, onJoined);
    this.maybePrepare(group, reason);
  }

  /** Takes a member out, and lets the others rebalance. */
  removeMember(group: GroupMetadata, member: MemberMetadata, reason: string): void {
    // A new member can expire while its JoinGroup is parked; told that it is unknown, the client tries again.
    group.answerJoin(member, joinError(UNKNOWN_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID));
    group.remove(member.memberId);
    if (group.is('Stable') || group.is('CompletingRebalance')) this.maybePrepare(group, reason);
    else if (group.is('PreparingRebalance')) this.maybeCompleteJoin(group);
  }

  /**
   * Hands out a member id that must be joined with before `timeoutMs` is over (KIP-394). Its client may be gone, so that of too many the oldest
   * go before their time: whoever still comes with one is told that it is unknown, and asks for another.
   */
  addPendingMember(group: GroupMetadata, memberId: string, timeoutMs: number): void {
    const timer = setPatientTimer(this.clock, timeoutMs, () => {
      if (group.is('Dead') || !group.isPendingMember(memberId)) return;
      this.log.info('Pending member did not join within its session timeout', { group: group.groupId, memberId });
      this.removePendingMember(group, memberId);
    });
    const cancel = (): void => {
      timer.cancel();
      this.pendingMembers.delete(memberId);
    };
    group.addPendingMember(memberId, { cancel });
    this.pendingMembers.set(memberId, group);
    if (this.pendingMembers.size <= this.maxPendingMembers) return;
    const [oldestId, itsGroup] = this.pendingMembers.entries().next().value!;
    this.log.debug('Too many members are pending; forgetting the oldest', {
      group: itsGroup.groupId,
      memberId: oldestId,
    });
    this.removePendingMember(itsGroup, oldestId);
  }

  removePendingMember(group: GroupMetadata, memberId: string): void {
    group.remove(memberId);
    if (group.is('PreparingRebalance')) this.maybeCompleteJoin(group);
  }

  /** The member was heard of: its session begins anew. */
  heartbeat(group: GroupMetadata, member: MemberMetadata): void {
    this.extendSession(group, member, member.sessionTimeoutMs);
  }

  /** The member has synced, or need not any more. */
  removePendingSync(group: GroupMetadata, memberId: string): void {
    group.pendingSyncMembers.delete(memberId);
    if (group.pendingSyncMembers.size === 0) this.cancelPendingSync(group);
  }

  /** Puts the leader's assignment in force: every member gets its own, at once or with its SyncGroup. */
  setAssignments(group: GroupMetadata, assignment: ReadonlyMap<string, Buffer>): void {
    assert(group.is('CompletingRebalance'), 'an assignment completes a rebalance');
    for (const member of group.allMembers()) group.assign(member, assignment.get(member.memberId)!);
    this.propagateAssignments(group, ErrorCode.NONE);
    group.transitionTo('Stable', this.clock.nowMs());
  }

  resetAssignments(group: GroupMetadata, errorCode: number): void {
    assert(group.is('CompletingRebalance'), 'only a generation that waits for its assignment is reset');
    for (const member of group.allMembers()) group.assign(member, NO_ASSIGNMENT);
    this.propagateAssignments(group, errorCode);
  }

  /** After loading: sessions begin, and a group that is too big since the limit was lowered rebalances. */
  onLoaded(group: GroupMetadata, maxSize: number): void {
    if (group.size > maxSize) {
      this.prepare(group, `Freshly-loaded group is over capacity (${maxSize})`);
    }
    for (const member of group.allMembers()) this.heartbeat(group, member);
  }

  /** The group moves to another coordinator: parked requests are sent there. */
  onUnloaded(group: GroupMetadata): void {
    group.transitionTo('Dead', this.clock.nowMs());
    group.cancelTimers();
    for (const member of group.allMembers()) {
      group.answerJoin(member, joinError(member.memberId, ErrorCode.NOT_COORDINATOR));
      group.answerSync(member, syncError(ErrorCode.NOT_COORDINATOR));
    }
  }

  private awaitFirstMembers(group: GroupMetadata, delayMs: number, remainingMs: number): void {
    const timer = this.clock.setTimer(
      delayMs,
      () => {
        group.pendingJoin = null;
        if (group.is('Dead')) return;
        if (group.newMemberAdded && remainingMs !== 0) {
          group.newMemberAdded = false;
          this.awaitFirstMembers(group, Math.min(this.initialDelayMs, remainingMs), Math.max(remainingMs - delayMs, 0));
        } else {
          this.completeJoin(group);
        }
      },
      { background: true },
    );
    group.pendingJoin = { timer, initialRemainingMs: remainingMs };
  }

  private awaitMembers(group: GroupMetadata, timeoutMs = group.rebalanceTimeoutMs): void {
    const timer = setPatientTimer(this.clock, timeoutMs, () => {
      group.pendingJoin = null;
      this.completeJoin(group);
    });
    group.pendingJoin = { timer, initialRemainingMs: null };
    this.maybeCompleteJoin(group);
  }

  private completeJoin(group: GroupMetadata): void {
    if (group.is('Dead')) return;
    const missing = group.notYetRejoined().filter((member) => !member.isStaticMember);
    if (missing.length > 0) {
      this.log.info('Removed dynamic members who have not joined', {
        group: group.groupId,
        count: missing.length,
        members: missing.slice(0, MAX_NAMED).map(({ memberId }) => memberId),
      });
      group.removeAll(missing.map(({ memberId }) => memberId));
    }
    if (!group.maybeElectNewJoinedLeader() && group.size > 0) {
      // Only static members are left, and none of them has joined: wait on until their sessions end.
      this.log.warn('Group could not complete its rebalance because no members rejoined', { group: group.groupId });
      // Clients may give no time at all: then Kafka's coordinator does nothing else.
      this.awaitMembers(group, Math.max(group.rebalanceTimeoutMs, MIN_WAIT_AGAIN_MS));
      return;
    }
    group.initNextGeneration(this.clock.nowMs(), readSubscribedTopics);
    if (group.is('Empty')) {
      this.log.info('Group is now empty', { group: group.groupId, generation: group.generationId });
      // If this is lost the old generation comes back with the next load, and its sessions run out.
      this.store.storeGroup(group, new Map(), () => undefined);
      return;
    }
    this.log.info('Stabilized group', {
      group: group.groupId,
      generation: group.generationId,
      partition: this.store.partitionFor(group.groupId),
      members: group.size,
    });
    const forLeader = group.membersForLeader();
    for (const member of group.allMembers()) {
      group.answerJoin(member, {
        ...currentGeneration(group, member.memberId),
        members: group.isLeader(member.memberId) ? forLeader : [],
      });
      this.heartbeat(group, member);
      member.isNew = false;
      group.pendingSyncMembers.add(member.memberId);
    }
    this.awaitSyncs(group);
  }

  /** Members that got a generation and never sync would hold everybody up; they are removed after the rebalance timeout. */
  private awaitSyncs(group: GroupMetadata): void {
    const { generationId } = group;
    group.pendingSyncTimer = setPatientTimer(this.clock, group.rebalanceTimeoutMs, () => {
      group.pendingSyncTimer = null;
      const waits = group.is('CompletingRebalance') || group.is('Stable');
      if (generationId !== group.generationId || !waits || group.pendingSyncMembers.size === 0) return;
      const late = [...group.pendingSyncMembers];
      group.removeAll(late);
      const others = late.length > MAX_NAMED ? ` and ${late.length - MAX_NAMED} others` : '';
      const named = late.slice(0, MAX_NAMED).join(', ');
      this.prepare(group, `Removing ${named}${others} on pending sync request expiration`);
    });
  }

  private cancelPendingSync(group: GroupMetadata): void {
    group.pendingSyncMembers.clear();
    group.pendingSyncTimer?.cancel();
    group.pendingSyncTimer = null;
  }

  private propagateAssignments(group: GroupMetadata, errorCode: number): void {
    const isError = errorCode !== ErrorCode.NONE;
    for (const member of group.allMembers()) {
      const answered = group.answerSync(member, {
        errorCode,
        protocolType: isError ? null : group.protocolType,
        protocolName: isError ? null : group.protocolName,
        assignment: member.assignment,
      });
      // Its session may have run out while it waited, which did not count; now it counts again.
      if (answered) this.heartbeat(group, member);
    }
  }

  /**
   * Moves the end of the member's session. The timer is left alone when it fires early enough to be set anew then: heartbeats and
   * commits come far more often than sessions end.
   */
  private extendSession(group: GroupMetadata, member: MemberMetadata, timeoutMs: number): void {
    const deadlineMs = this.clock.monotonicMs() + timeoutMs;
    const isEarlier = deadlineMs < member.sessionDeadlineMs;
    member.sessionDeadlineMs = deadlineMs;
    if (member.sessionTimer && !isEarlier) return;
    member.sessionTimer?.cancel();
    this.armSession(group, member);
  }

  private armSession(group: GroupMetadata, member: MemberMetadata): void {
    member.sessionTimer = setPatientTimer(
      this.clock,
      Math.max(0, member.sessionDeadlineMs - this.clock.monotonicMs()),
      () => {
        member.sessionTimer = null;
        if (group.is('Dead') || !group.has(member.memberId) || member.isExcusedFromHeartbeat) return;
        if (this.clock.monotonicMs() < member.sessionDeadlineMs) {
          this.armSession(group, member);
          return;
        }
        this.log.info('Member has failed, removing it from the group', {
          group: group.groupId,
          memberId: member.memberId,
        });
        this.removeMember(group, member, `removing member ${member.memberId} on heartbeat expiration`);
      },
    );
  }
}

/** The present generation as a member is told of it; only a leader that is to assign gets the members. */
export function currentGeneration(group: GroupMetadata, memberId: string): JoinGroupResult {
  return {
    errorCode: ErrorCode.NONE,
    memberId,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId ?? '',
    skipAssignment: false,
    members: [],
  };
}
