import type { Int64 } from '../../records/index.js';
import { assert, type Timer } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { joinError, syncError, type JoinGroupResult, type SyncGroupResult } from './results.js';
import { GroupOffsets, type Removed } from './group-offsets.js';
import { mayFollow, type GroupState } from './group-state.js';
import type { MemberMetadata, MemberProtocol } from './member-metadata.js';
import type { MemberRoom } from './member-room.js';

/** `protocolType` of consumers; other users of the group protocol (Connect, schema registries) have their own. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** The topics of a member's subscription; null when it is unreadable, or names more than `maxNames`. */
export type TopicReader = (metadata: Buffer, maxNames: number) => readonly string[] | null;

/** What a member may bring without being counted. A consumer of a thousand topics keeps less. */
export const ORDINARY_MEMBER_BYTES = 64 * 1024;

/** Names are read in one step. A group whose members name more, all told, hardly fits into its record; all topics count as subscribed then. */
const MAX_SUBSCRIBED_NAMES = 100_000;

/** How a rebalance that is being prepared waits for its members (`DelayedJoin`, `InitialDelayedJoin`). */
export interface PendingJoin {
  timer: Timer;
  /** Null for an ordinary rebalance; for the first one of a group, the time by which it may still be put off. */
  readonly initialRemainingMs: number | null;
}

/** Where a group is while this broker coordinates it. When it is given up all of its groups are dead at once, however many they are. */
export interface GroupHome {
  readonly isGivenUp: boolean;
}

/**
 * One group: its members, its generation and its offsets (`GroupMetadata` in Kafka). It decides nothing about requests; the
 * coordinator does. Changed only by the coordinator that owns it, until it is `Dead`.
 */
export class GroupMetadata {
  /** When the group came to its present state; null for one read from a log of an old version. */
  stateTimestampMs: Int64 | null;
  protocolType: string | null = null;
  protocolName: string | null = null;
  generationId = 0;
  readonly offsets = new GroupOffsets();
  /** A member came while the first rebalance was being delayed: it may be put off further. */
  newMemberAdded = false;
  pendingJoin: PendingJoin | null = null;
  pendingSyncTimer: Timer | null = null;
  readonly pendingSyncMembers = new Set<string>();

  private currentState: GroupState;
  private leader: string | null = null;
  private readonly members = new Map<string, MemberMetadata>();
  private readonly staticMembers = new Map<string, string>();
  private readonly pendingMembers = new Map<string, Timer>();
  private awaitingJoinCount = 0;
  /** How many members support each; none of which no member is left that does. */
  private readonly protocolCounts = new Map<string, number>();
  /** About what those members that are not ordinary keep of what they sent, besides their assignments. */
  largeMemberBytes = 0;
  private subscribed: ReadonlySet<string> | null = null;
  private room: MemberRoom | null = null;
  home: GroupHome | null = null;

  constructor(
    readonly groupId: string,
    initialState: 'Empty' | 'Stable',
    nowMs: number,
  ) {
    this.currentState = initialState;
    this.stateTimestampMs = nowMs;
  }

  get state(): GroupState {
    return this.home?.isGivenUp ? 'Dead' : this.currentState;
  }

  get size(): number {
    return this.members.size;
  }

  get leaderId(): string | null {
    return this.leader;
  }

  set leaderId(memberId: string | null) {
    this.leader = memberId;
  }

  get numAwaitingJoin(): number {
    return this.awaitingJoinCount;
  }

  /** Topics that the members of the generation subscribe to; null when the group is none of consumers, or unreadable. */
  get subscribedTopics(): ReadonlySet<string> | null {
    return this.subscribed;
  }

  get isConsumerGroup(): boolean {
    return this.protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  /** No one has ever joined or committed. Members may have been given ids. */
  get isUnused(): boolean {
    return this.is('Empty') && this.generationId === 0 && !this.offsets.isNotEmpty;
  }

  is(state: GroupState): boolean {
    return this.state === state;
  }

  has(memberId: string): boolean {
    return this.members.has(memberId);
  }

  get(memberId: string): MemberMetadata {
    const member = this.members.get(memberId);
    assert(member, `member ${memberId} is in group ${this.groupId}`);
    return member;
  }

  allMembers(): MemberMetadata[] {
    return [...this.members.values()];
  }

  /** Its members count there from now on; null when the group is here no more. */
  countIn(room: MemberRoom | null): void {
    for (const member of this.members.values()) {
      this.room?.count(member, -1);
      room?.count(member, 1);
    }
    this.room = room;
  }

  /** The client whose JoinGroup waits with this answer is gone. */
  onAbandoned(memberId: string, answer: (result: JoinGroupResult) => void): void {
    const member = this.members.get(memberId);
    if (member?.awaitingJoin === answer) this.room?.onAbandoned(this, member);
  }

  isLeader(memberId: string): boolean {
    return this.leader === memberId;
  }

  transitionTo(state: GroupState, nowMs: number): void {
    assert(mayFollow(this.state, state), `group ${this.groupId} may go from ${this.state} to ${state}`);
    this.currentState = state;
    this.stateTimestampMs = nowMs;
  }

  /** The group may begin a rebalance: it is not in the midst of preparing one, and not dead. */
  get canRebalance(): boolean {
    return mayFollow(this.state, 'PreparingRebalance');
  }

  add(member: MemberMetadata, onJoined: ((result: JoinGroupResult) => void) | null = null): void {
    if (member.groupInstanceId !== null) {
      assert(!this.staticMembers.has(member.groupInstanceId), 'a static member is added once');
      this.staticMembers.set(member.groupInstanceId, member.memberId);
    }
    if (this.members.size === 0) this.protocolType = member.protocolType;
    assert(this.protocolType === member.protocolType, 'members of a group agree on the protocol type');
    this.leader ??= member.memberId;
    this.members.set(member.memberId, member);
    this.count(member, 1);
    this.removePendingMember(member.memberId);
    this.setAwaitingJoin(member, onJoined);
  }

  remove(memberId: string): void {
    this.removeAll([memberId]);
  }

  /** The leader is chosen when all are out: V8 walks over the holes of a map whose first entries were deleted. */
  removeAll(memberIds: Iterable<string>): void {
    for (const memberId of memberIds) this.takeOut(memberId);
    if (this.leader !== null && !this.members.has(this.leader)) this.leader = this.members.keys().next().value ?? null;
  }

  private takeOut(memberId: string): void {
    const member = this.members.get(memberId);
    if (member) {
      this.members.delete(memberId);
      this.count(member, -1);
      if (member.isAwaitingJoin) this.awaitingJoinCount--;
      member.sessionTimer?.cancel();
      if (member.groupInstanceId !== null) this.staticMembers.delete(member.groupInstanceId);
    }
    this.removePendingMember(memberId);
    this.pendingSyncMembers.delete(memberId);
  }

  update(
    member: MemberMetadata,
    protocols: readonly MemberProtocol[],
    rebalanceTimeoutMs: number,
    sessionTimeoutMs: number,
    onJoined: ((result: JoinGroupResult) => void) | null,
  ): void {
    this.count(member, -1);
    member.supportedProtocols = protocols;
    this.count(member, 1);
    member.rebalanceTimeoutMs = rebalanceTimeoutMs;
    member.sessionTimeoutMs = sessionTimeoutMs;
    this.setAwaitingJoin(member, onJoined);
  }

  /** Gives a static member a new id after its restart. Requests of the old one that are parked are fenced. */
  replaceStaticMember(groupInstanceId: string, oldMemberId: string, newMemberId: string): MemberMetadata {
    const member = this.get(oldMemberId);
    this.members.delete(oldMemberId);
    this.answerJoin(member, joinError(oldMemberId, ErrorCode.FENCED_INSTANCE_ID));
    this.answerSync(member, syncError(ErrorCode.FENCED_INSTANCE_ID));
    member.memberId = newMemberId;
    this.members.set(newMemberId, member);
    if (this.isLeader(oldMemberId)) this.leader = newMemberId;
    this.staticMembers.set(groupInstanceId, newMemberId);
    return member;
  }

  staticMemberId(groupInstanceId: string): string | null {
    return this.staticMembers.get(groupInstanceId) ?? null;
  }

  isPendingMember(memberId: string): boolean {
    return this.pendingMembers.has(memberId);
  }

  /** Remembers an id that was handed out and not yet joined with (KIP-394); `expiry` forgets it. */
  addPendingMember(memberId: string, expiry: Timer): void {
    this.pendingMembers.set(memberId, expiry);
  }

  /** Every known member sits in a JoinGroup, and none that was given an id is still to come. */
  get hasAllMembersJoined(): boolean {
    return this.members.size === this.awaitingJoinCount && this.pendingMembers.size === 0;
  }

  notYetRejoined(): MemberMetadata[] {
    return this.allMembers().filter((member) => !member.isAwaitingJoin);
  }

  /** Keeps the leader if it has joined, else takes any member that has. False when nobody has, or the group is empty. */
  maybeElectNewJoinedLeader(): boolean {
    if (this.leader === null) return false;
    if (this.get(this.leader).isAwaitingJoin) return true;
    const joined = this.allMembers().find((member) => member.isAwaitingJoin);
    if (joined) this.leader = joined.memberId;
    return joined !== undefined;
  }

  /** The longest time that any member wants to be waited for. */
  get rebalanceTimeoutMs(): number {
    return this.allMembers().reduce((longest, member) => Math.max(longest, member.rebalanceTimeoutMs), 0);
  }

  /** True when the group could take a member with these protocols: of its type, and one that all others support too. */
  supportsProtocols(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.is('Empty')) return protocolType !== '' && protocols.length > 0;
    return (
      this.protocolType === protocolType &&
      protocols.some(({ name }) => (this.protocolCounts.get(name) ?? 0) === this.members.size)
    );
  }

  /** The protocol that all support and most prefer. */
  selectProtocol(): string {
    assert(this.members.size > 0, 'a protocol is selected among members');
    const candidates = new Set(
      [...this.protocolCounts].filter(([, n]) => n === this.members.size).map(([name]) => name),
    );
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const vote = member.vote(candidates);
      assert(vote !== null, 'every member supports a candidate protocol');
      votes.set(vote, (votes.get(vote) ?? 0) + 1);
    }
    let winner = '';
    let most = 0;
    for (const [protocol, count] of votes) if (count > most) [winner, most] = [protocol, count];
    return winner;
  }

  /** Begins the next generation with the members that have joined, or none. `readTopics` reads a member's subscription. */
  initNextGeneration(nowMs: number, readTopics: TopicReader): void {
    this.generationId++;
    this.protocolName = this.members.size > 0 ? this.selectProtocol() : null;
    this.computeSubscribedTopics(readTopics);
    this.transitionTo(this.members.size > 0 ? 'CompletingRebalance' : 'Empty', nowMs);
    this.offsets.onNewGeneration();
    this.pendingSyncMembers.clear();
  }

  computeSubscribedTopics(readTopics: TopicReader): void {
    this.subscribed = null;
    if (!this.isConsumerGroup) return;
    let left = MAX_SUBSCRIBED_NAMES;
    const topics = new Set<string>();
    for (const member of this.members.values()) {
      const metadata = this.protocolName === null ? null : member.metadataFor(this.protocolName);
      const read = metadata === null ? null : readTopics(metadata, left);
      if (read === null) return;
      left -= read.length;
      for (const topic of read) topics.add(topic);
    }
    this.subscribed = topics;
  }

  /** Unknown subscriptions count as subscribed, so that nothing in use is deleted. */
  isSubscribedTo(topic: string): boolean {
    return this.subscribed === null || this.subscribed.has(topic);
  }

  /** The members as the leader needs them to assign partitions. */
  membersForLeader(): JoinGroupResult['members'] {
    assert(!this.is('Dead') && !this.is('PreparingRebalance'), 'the generation has a protocol');
    return this.allMembers().map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadataFor(this.protocolName!)!,
    }));
  }

  /** What it is to work on counts with what it brought. */
  assign(member: MemberMetadata, assignment: Buffer): void {
    this.room?.change(member.clientHost, assignment.length - member.assignment.length);
    member.assignment = assignment;
  }

  /** Answers the parked JoinGroup, if there is one. */
  answerJoin(member: MemberMetadata, result: JoinGroupResult): void {
    const answer = member.awaitingJoin;
    if (!answer) return;
    this.setAwaitingJoin(member, null);
    answer(result);
  }

  /** Answers the parked SyncGroup; false when there is none. */
  answerSync(member: MemberMetadata, result: SyncGroupResult): boolean {
    const answer = member.awaitingSync;
    if (!answer) return false;
    member.awaitingSync = null;
    answer(result);
    return true;
  }

  /** Forgets offsets that have outlived their retention (KIP-211), one by one as it is gone through, by what the group is then. */
  removeExpiredOffsets(nowMs: number, retentionMs: number): Iterable<Removed> {
    return this.offsets.removeExpired(nowMs, retentionMs, (topic, { commitTimestampMs }) => {
      if (this.protocolType === null) return commitTimestampMs;
      if (this.is('Empty')) return this.stateTimestampMs ?? commitTimestampMs;
      const isRead = !this.isConsumerGroup || !this.is('Stable') || this.isSubscribedTo(topic);
      return isRead ? null : commitTimestampMs;
    });
  }

  /** Cancels every timer of the group and its members: the end of its life here. */
  cancelTimers(): void {
    this.pendingJoin?.timer.cancel();
    this.pendingJoin = null;
    this.pendingSyncTimer?.cancel();
    this.pendingSyncTimer = null;
    for (const timer of this.pendingMembers.values()) timer.cancel();
    for (const member of this.members.values()) member.sessionTimer?.cancel();
  }

  private removePendingMember(memberId: string): void {
    this.pendingMembers.get(memberId)?.cancel();
    this.pendingMembers.delete(memberId);
  }

  private setAwaitingJoin(member: MemberMetadata, onJoined: ((result: JoinGroupResult) => void) | null): void {
    this.awaitingJoinCount += (onJoined ? 1 : 0) - (member.isAwaitingJoin ? 1 : 0);
    member.awaitingJoin = onJoined;
    this.room?.onJoinChanged(member);
  }

  private count(member: MemberMetadata, by: 1 | -1): void {
    const bytes = member.keptBytes;
    if (bytes > ORDINARY_MEMBER_BYTES) this.largeMemberBytes += by * bytes;
    this.room?.count(member, by);
    // A client may name a protocol twice; it is one supporter all the same.
    for (const name of new Set(member.supportedProtocols.map((protocol) => protocol.name))) {
      const supporters = (this.protocolCounts.get(name) ?? 0) + by;
      if (supporters > 0) this.protocolCounts.set(name, supporters);
      else this.protocolCounts.delete(name);
    }
  }
}
