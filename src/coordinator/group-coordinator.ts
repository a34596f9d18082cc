import type { TopicPartition } from '../cluster/index.js';
import {
  BROKER_SLICES,
  forEachInSteps,
  runInSlices,
  setPeriodicTimer,
  startInSlices,
  type Clock,
  type Logger,
  type MetricsRegistry,
  type Random,
  type Steps,
  type Timer,
} from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import {
  ErrorCode,
  type DescribeGroupsResponse,
  type HeartbeatRequest,
  type JoinGroupRequest,
  type JoinGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  type ListGroupsResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  type OffsetFetchResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
} from '../protocol/index.js';
import { addInt64, toInt64, type CompressionType, type Int64 } from '../records/index.js';
import { GroupOffsetRequests, type AllOffsets, type Committer } from './group-offset-requests.js';
import { MAX_KEY_LENGTH } from './core/member-metadata.js';
import { codesOf, flatten, withCodes, type CommitValues } from './commit-lists.js';
import { GroupStore, UNUSED_BYTES, type OffsetCommit, type TransactionalProducer } from './group-store.js';
import { Membership, reasonOf, type SyncRequest } from './membership.js';
import type { PartitionWriter } from './ports.js';
import { Rebalance } from './rebalance.js';
import { joinError, syncError, type JoinGroupResult, type SyncGroupResult } from './core/results.js';

/** What a request says of its client, besides its body. */
export interface GroupRequestContext {
  readonly apiVersion: number;
  readonly clientId: string;
  /** As Kafka prints it: a slash and the address. */
  readonly clientHost: string;
}

type FetchedTopics = OffsetFetchResponse['groups'][number]['topics'];
type DescribedGroup = DescribeGroupsResponse['groups'][number];
type ListedGroup = ListGroupsResponse['groups'][number];

/** A client offers a handful. They are compared in one step, and kept for as long as the member lives. */
const MAX_PROTOCOLS = 1000;
/** Of what members may take: for those that were given an id and have not joined; and as much for groups that no one has used yet. */
const UNUSED_SHARE = 0.125;
/** And for all members, those that bring much and the others. One address may have half of it. */
const ALL_MEMBERS_SHARE = 3;
/** Of lists that a request names. */
const ITEMS_A_STEP = 64;

/** Any other is kept as it was given. */
const NO_LEADER_EPOCH = -1;

/** Offset commits of old versions carried compression ids; the config still does. */
const COMPRESSION_BY_ID: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/**
 * Consumer groups: who is in them, who owns what, and how far each has read (Kafka's `GroupCoordinator`). Its state is a cache of
 * `__consumer_offsets`; it serves the groups of those partitions that its broker leads. `server` calls it from the request handlers and
 * when leadership of that topic moves. Authorization is the handlers' matter.
 */
export class GroupCoordinator {
  private readonly store: GroupStore;
  private readonly membership: Membership;
  private readonly rebalance: Rebalance;
  private readonly offsets: GroupOffsetRequests;
  private readonly minSessionTimeoutMs: number;
  private readonly maxSessionTimeoutMs: number;
  private readonly maxSize: number;
  private readonly expiryIntervalMs: number;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private expiryTimer: Timer | null = null;
  private isActive = false;

  constructor(options: {
    config: BrokerConfig;
    writer: PartitionWriter;
    clock: Clock;
    random: Random;
    logger: Logger;
    metrics: MetricsRegistry;
    /** What members may take all together before one with much to keep is refused; what nobody uses yet may take a quarter of it besides. */
    maxMemberBytes: number;
  }) {
    const { config, writer, clock, random, logger, metrics } = options;
    this.clock = clock;
    this.logger = logger;
    const { offsets, minSessionTimeoutMs, maxSessionTimeoutMs, maxSize, initialRebalanceDelayMs } = config.groups;
    this.minSessionTimeoutMs = minSessionTimeoutMs;
    this.maxSessionTimeoutMs = maxSessionTimeoutMs;
    this.maxSize = maxSize;
    this.expiryIntervalMs = offsets.retentionCheckIntervalMs;
    const maxUnusedBytes = Math.floor(options.maxMemberBytes * UNUSED_SHARE);
    this.store = new GroupStore(
      {
        offsetMetadataMaxBytes: offsets.metadataMaxBytes,
        loadBufferBytes: offsets.loadBufferBytes,
        offsetsRetentionMs: offsets.retentionMs,
        commitTimeoutMs: offsets.commitTimeoutMs,
        commitRequiredAcks: offsets.commitRequiredAcks,
        compression: COMPRESSION_BY_ID[offsets.compressionId] ?? 'none',
        maxUnusedGroupBytes: maxUnusedBytes,
        maxMemberBytes: options.maxMemberBytes * ALL_MEMBERS_SHARE,
      },
      writer,
      clock,
      logger,
    );
    const maxPending = Math.floor(maxUnusedBytes / UNUSED_BYTES);
    this.rebalance = new Rebalance(initialRebalanceDelayMs, maxPending, this.store, clock, logger);
    this.membership = new Membership(
      { maxSize: this.maxSize, maxMemberBytes: options.maxMemberBytes },
      this.store,
      this.rebalance,
      () => formatUuid(random),
      logger,
    );
    this.offsets = new GroupOffsetRequests(this.store, this.rebalance);
    metrics.gauge('kafka.coordinator.group:NumGroups', () => this.store.all().length);
    metrics.gauge('kafka.coordinator.group:NumOffsets', () =>
      this.store.all().reduce((sum, { offsets }) => sum + offsets.size, 0),
    );
  }

  /** `__consumer_offsets` has so many partitions, or will be created with them; told before `startup`, and for each topic that takes the name. */
  setPartitionCount(partitionCount: number): void {
    this.store.setPartitionCount(partitionCount);
  }

  /** Begins to serve. */
  startup(): void {
    this.isActive = true;
    this.expiryTimer = setPeriodicTimer(this.clock, this.expiryIntervalMs, () => this.removeExpired());
  }

  /** Answers COORDINATOR_NOT_AVAILABLE from now on. Parked requests end with their connections. */
  async shutdown(): Promise<void> {
    this.isActive = false;
    this.expiryTimer?.cancel();
    await this.store.stop();
  }

  /** The partition of `__consumer_offsets` whose leader coordinates the group. */
  partitionFor(groupId: string): number {
    return this.store.partitionFor(groupId);
  }

  /** This broker leads a partition of `__consumer_offsets` in leader epoch `coordinatorEpoch`; it may be said again. */
  onElection(partition: number, coordinatorEpoch: number): void {
    this.store.onElection(partition, coordinatorEpoch, (group) => this.rebalance.onLoaded(group, this.maxSize));
  }

  /** It leads the partition no more, if it did, in whichever way it lost it. */
  onResignation(partition: number): void {
    this.store.onResignation(partition, (group) => this.rebalance.onUnloaded(group));
  }

  private removeExpired(): void {
    const onError = (error: unknown): void => this.logger.error('Could not remove expired offsets', { error });
    startInSlices(this.clock, this.store.removeExpired(), () => undefined, onError);
  }

  /** Topics are gone: so are their offsets, once this has resolved. No topic may be made in their place before. */
  onPartitionsDeleted(topicPartitions: readonly TopicPartition[]): Promise<void> {
    return runInSlices(this.clock, this.store.removePartitions(topicPartitions), BROKER_SLICES);
  }

  /** A transaction marker was appended to these partitions of `__consumer_offsets`. */
  onTransactionCompleted(producerId: Int64, partitions: ReadonlySet<number>, isCommit: boolean): void {
    this.store.onTransactionCompleted(producerId, partitions, isCommit);
  }

  /** `giveUp` is to be called when the client is gone: its member is the first to go when there is no room for others. */
  joinGroup(
    context: GroupRequestContext,
    request: JoinGroupRequest,
  ): { readonly ended: Promise<JoinGroupResponse>; readonly giveUp: () => void } {
    const { groupId } = request;
    let giveUp!: () => void;
    const ended = new Promise<JoinGroupResponse>((resolve) => {
      const respond = joinAnswer(context.apiVersion, resolve);
      const memberId = this.join(context, request, respond);
      giveUp = giveUpJoin(this.store, groupId, memberId, respond);
    });
    return { ended, giveUp };
  }

  /** Gives the id of the member that may wait. */
  private join(
    context: GroupRequestContext,
    request: JoinGroupRequest,
    respond: (result: JoinGroupResult) => void,
  ): string {
    const refuseWith = (errorCode: number): string => {
      respond(joinError(request.memberId, errorCode));
      return request.memberId;
    };
    const refusal = this.refuse(request.groupId, false);
    if (refusal !== ErrorCode.NONE) return refuseWith(refusal);
    if ((request.groupInstanceId?.length ?? 0) > MAX_KEY_LENGTH) return refuseWith(ErrorCode.INVALID_REQUEST);
    if (
      request.protocols.length > MAX_PROTOCOLS ||
      request.protocolType.length > MAX_KEY_LENGTH ||
      request.protocols.some(({ name }) => name.length > MAX_KEY_LENGTH)
    ) {
      return refuseWith(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    }
    const { sessionTimeoutMs } = request;
    if (sessionTimeoutMs < this.minSessionTimeoutMs || sessionTimeoutMs > this.maxSessionTimeoutMs) {
      return refuseWith(ErrorCode.INVALID_SESSION_TIMEOUT);
    }
    const group = request.memberId === '' ? this.store.getOrCreate(request.groupId) : this.store.get(request.groupId);
    if (!group) return refuseWith(ErrorCode.UNKNOWN_MEMBER_ID);
    return this.membership.join(
      group,
      {
        memberId: request.memberId,
        groupInstanceId: request.groupInstanceId,
        requireKnownMemberId: context.apiVersion >= 4 && request.groupInstanceId === null,
        supportSkippingAssignment: context.apiVersion >= 9,
        clientId: context.clientId,
        clientHost: context.clientHost,
        // Version 0 has no rebalance timeout of its own.
        rebalanceTimeoutMs: context.apiVersion === 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
        sessionTimeoutMs,
        protocolType: request.protocolType,
        protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
        reason: reasonOf(request.reason || null),
      },
      respond,
    );
  }

  /** Assignments are the leader's to bring: those for members are looked up in steps. */
  *syncGroup(request: SyncGroupRequest): Steps<Promise<SyncGroupResponse>> {
    const assignments = new Map<string, Buffer>();
    if (this.store.get(request.groupId)?.isLeader(request.memberId)) {
      yield* forEachInSteps(request.assignments, ({ memberId, assignment }) => {
        if (this.store.get(request.groupId)?.has(memberId)) assignments.set(memberId, assignment);
      });
    }
    return new Promise((resolve) => this.sync({ ...request, assignments }, syncAnswer(resolve)));
  }

  private sync(request: SyncRequest & { readonly groupId: string }, respond: (result: SyncGroupResult) => void): void {
    const refusal = this.refuse(request.groupId, false);
    const group = this.store.get(request.groupId);
    if (refusal === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) {
      // The rebalance was lost with the old coordinator; members can rejoin without finding the new one.
      respond(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
    } else if (refusal !== ErrorCode.NONE) {
      respond(syncError(refusal));
    } else if (!group) {
      respond(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
    } else {
      this.membership.sync(group, request, respond);
    }
  }

  /** The error code of the answer. */
  heartbeat({ groupId, memberId, groupInstanceId, generationId }: HeartbeatRequest): number {
    const refusal = this.refuse(groupId, false);
    // While the group loads its sessions have not begun.
    if (refusal === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return ErrorCode.NONE;
    if (refusal !== ErrorCode.NONE) return refusal;
    const group = this.store.get(groupId);
    if (!group) return ErrorCode.UNKNOWN_MEMBER_ID;
    return this.membership.heartbeat(group, memberId, groupInstanceId, generationId);
  }

  *leaveGroup(context: GroupRequestContext, request: LeaveGroupRequest): Steps<LeaveGroupResponse> {
    const isOfMany = context.apiVersion >= 3;
    const leaving = isOfMany ? request.members : [{ memberId: request.memberId, groupInstanceId: null, reason: null }];
    const members: LeaveGroupResponse['members'] = [];
    const refusal = this.refuse(request.groupId, false);
    if (refusal !== ErrorCode.NONE) return { throttleTimeMs: 0, errorCode: refusal, members: [] };
    const group = this.store.get(request.groupId);
    for (const { memberId, groupInstanceId, reason } of leaving) {
      if (members.length % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield;
      if (group?.is('Dead')) return { throttleTimeMs: 0, errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, members: [] };
      const ofMember = group
        ? this.membership.leave(group, memberId, groupInstanceId, reasonOf(reason))
        : ErrorCode.UNKNOWN_MEMBER_ID;
      members.push({ memberId, groupInstanceId, errorCode: ofMember });
    }
    if (isOfMany) return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, members };
    // Before version 3 the one member's error is the error.
    return { throttleTimeMs: 0, errorCode: members[0]!.errorCode, members: [] };
  }

  /**
   * What is committed is encoded in steps, and appended in one. A partition may be named once. `isThere` is asked again in the step that appends:
   * of one that was deleted meanwhile the offsets have been removed, and this one would come behind the tombstones.
   */
  *commitOffsets(
    context: GroupRequestContext,
    request: OffsetCommitRequest,
    isThere: (topicPartition: TopicPartition) => boolean = () => true,
  ): Steps<Promise<OffsetCommitResponse>> {
    const nowMs = this.clock.nowMs();
    const retentionMs = context.apiVersion >= 2 && context.apiVersion <= 4 ? request.retentionTimeMs : -1n;
    const commits = yield* flatten(request.topics, ({ partitionIndex, ...partition }): CommitValues => ({
      partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch === NO_LEADER_EPOCH ? null : partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestampMs: partition.commitTimestamp === -1n ? nowMs : toInt64(partition.commitTimestamp),
      expireTimestampMs: retentionMs === -1n ? null : addInt64(nowMs, toInt64(retentionMs)),
    }));
    const committer = {
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      generationId: request.generationIdOrMemberEpoch,
    };
    const isCurrent = ({ topicPartition }: OffsetCommit): boolean => isThere(topicPartition);
    let encoded = yield* this.store.encodeOffsets(request.groupId, commits, null);
    while (!encoded.commits.every(isCurrent)) {
      encoded = yield* this.store.encodeOffsets(request.groupId, encoded.commits.filter(isCurrent), null);
    }
    return new Promise((resolve) => {
      const respond = (codes: number[]): void =>
        resolve({ throttleTimeMs: 0, topics: withCodes(request.topics, codesOf(commits, encoded.commits, codes)) });
      const refusal = this.refuse(request.groupId, true);
      if (refusal !== ErrorCode.NONE) respond(encoded.commits.map(() => refusal));
      else this.offsets.commit(request.groupId, committer, encoded, respond);
    });
  }

  *commitTransactionalOffsets(request: TxnOffsetCommitRequest): Steps<Promise<TxnOffsetCommitResponse>> {
    const nowMs = this.clock.nowMs();
    const commits = yield* flatten(request.topics, ({ partitionIndex, ...partition }): CommitValues => ({
      partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch === NO_LEADER_EPOCH ? null : partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestampMs: nowMs,
      expireTimestampMs: null,
    }));
    const producer: TransactionalProducer = {
      producerId: toInt64(request.producerId),
      producerEpoch: request.producerEpoch,
    };
    const committer: Committer = request;
    const encoded = yield* this.store.encodeOffsets(request.groupId, commits, producer);
    return new Promise((resolve) => {
      const respond = (codes: number[]): void =>
        resolve({ throttleTimeMs: 0, topics: withCodes(request.topics, codes) });
      const refusal = this.refuse(request.groupId, false);
      if (refusal !== ErrorCode.NONE) respond(commits.map(() => refusal));
      else this.offsets.commitTransactional(request.groupId, committer, producer, encoded, respond);
    });
  }

  /** How many groups there are here. */
  get numGroups(): number {
    return this.store.numGroups;
  }

  numMembers(groupId: string): number {
    return this.store.get(groupId)?.size ?? 0;
  }

  /** How many committed offsets the group has. */
  numOffsets(groupId: string): number {
    return this.store.get(groupId)?.offsets.size ?? 0;
  }

  /** All offsets that a group has committed; an error code when it is not this coordinator's to tell. */
  fetchAllOffsets(groupId: string, requireStable: boolean): AllOffsets | { readonly errorCode: number } {
    const errorCode = this.refuse(groupId, true);
    return errorCode === ErrorCode.NONE ? this.offsets.fetchAll(groupId, requireStable) : { errorCode };
  }

  /** Committed offsets of these partitions. */
  fetchOffsets(
    groupId: string,
    topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[],
    requireStable: boolean,
  ): { errorCode: number; topics: FetchedTopics } {
    const errorCode = this.refuse(groupId, true);
    if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] };
    return {
      errorCode,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({
          partitionIndex,
          ...this.offsets.fetch(groupId, { topic: name, partition: partitionIndex }, requireStable),
        })),
      })),
    };
  }

  *deleteOffsets({ groupId, topics }: OffsetDeleteRequest): Steps<OffsetDeleteResponse> {
    const refusal = this.refuse(groupId, false);
    const partitions: TopicPartition[] = [];
    for (const { name, partitions: ofTopic } of topics) {
      yield* forEachInSteps(ofTopic, ({ partitionIndex }) => {
        partitions.push({ topic: name, partition: partitionIndex });
      });
      yield;
    }
    const result =
      refusal === ErrorCode.NONE ? yield* this.offsets.delete(groupId, partitions) : { errorCode: refusal };
    if ('errorCode' in result) return { errorCode: result.errorCode, throttleTimeMs: 0, topics: [] };
    return { errorCode: ErrorCode.NONE, throttleTimeMs: 0, topics: withCodes(topics, result.errorCodes) };
  }

  /**
   * The groups of this coordinator, to be gone through bit by bit. `led` are the partitions that this broker leads as the metadata have it, which
   * a broker that starts is told before it is told to lead: Kafka's lists no groups meanwhile, and says that these are all.
   */
  listGroups(led: Iterable<number>): { readonly errorCode: number; readonly groups: Iterable<ListedGroup> } {
    if (!this.isActive) return { errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, groups: [] };
    const isWhole = !this.store.isLoading && this.store.areOwned(led);
    const errorCode = isWhole ? ErrorCode.NONE : ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
    return { errorCode, groups: this.listed() };
  }

  private *listed(): Iterable<ListedGroup> {
    for (const { groupId, protocolType, state } of this.store.each()) {
      yield { groupId, protocolType: protocolType ?? '', groupState: state };
    }
  }

  /** One group as DescribeGroups shows it; an unknown one is `Dead`. What the client may do with it is for the handler to add. */
  describeGroup(groupId: string): DescribedGroup {
    const described = {
      errorCode: this.refuse(groupId, true),
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
      authorizedOperations: -2147483648,
    };
    if (described.errorCode !== ErrorCode.NONE) return described;
    const group = this.store.get(groupId);
    if (!group) return { ...described, groupState: 'Dead' };
    const isStable = group.is('Stable');
    return {
      ...described,
      groupState: group.state,
      protocolType: group.protocolType ?? '',
      protocolData: isStable ? (group.protocolName ?? '') : '',
      members: group.allMembers().map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: (isStable ? member.metadataFor(group.protocolName ?? '') : null) ?? Buffer.alloc(0),
        memberAssignment: isStable ? member.assignment : Buffer.alloc(0),
      })),
    };
  }

  /** Removes an empty group with its offsets, and gives the error code of the answer. */
  *deleteGroup(groupId: string): Steps<number> {
    const refusal = this.refuse(groupId, true);
    if (refusal !== ErrorCode.NONE) return refusal;
    const group = this.store.get(groupId);
    if (!group || group.is('Dead')) {
      return this.store.isKnownToBeAbsent(groupId) ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NOT_COORDINATOR;
    }
    if (!group.is('Empty')) return ErrorCode.NON_EMPTY_GROUP;
    group.transitionTo('Dead', this.clock.nowMs());
    return (yield* this.store.cleanUp(group, group.offsets.removeAll())) ? ErrorCode.NONE : ErrorCode.NOT_COORDINATOR;
  }

  /** NONE when the group is this coordinator's to serve. Only those that store and show offsets may have the empty name. */
  private refuse(groupId: string, mayBeEmpty: boolean): number {
    if ((groupId === '' && !mayBeEmpty) || groupId.length > MAX_KEY_LENGTH) return ErrorCode.INVALID_GROUP_ID;
    if (!this.isActive) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    if (this.store.isGroupLoading(groupId)) return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
    return this.store.isLocal(groupId) ? ErrorCode.NONE : ErrorCode.NOT_COORDINATOR;
  }
}

/** Made apart from the request: whoever keeps it while the member waits is not to keep all that the member has sent. */
function joinAnswer(
  apiVersion: number,
  resolve: (response: JoinGroupResponse) => void,
): (result: JoinGroupResult) => void {
  return (result) => resolve(joinResponse(apiVersion, result));
}

/** And whoever is told that the client is gone, likewise. */
function giveUpJoin(
  store: GroupStore,
  groupId: string,
  memberId: string,
  respond: (result: JoinGroupResult) => void,
): () => void {
  return () => store.get(groupId)?.onAbandoned(memberId, respond);
}

/** Apart from its request, likewise. */
function syncAnswer(resolve: (response: SyncGroupResponse) => void): (result: SyncGroupResult) => void {
  return (result) => resolve({ throttleTimeMs: 0, ...result });
}

function joinResponse(apiVersion: number, result: JoinGroupResult): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: result.errorCode,
    generationId: result.generationId,
    protocolType: result.protocolType,
    protocolName: result.protocolName ?? (apiVersion >= 7 ? null : ''),
    leader: result.leaderId,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: [...result.members],
  };
}

/** A random id in the form of Java's `UUID.toString`. */
function formatUuid(random: Random): string {
  const bytes = random.nextBytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
