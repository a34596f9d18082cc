import { NetworkError } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type FindCoordinatorResponse,
  type HeartbeatResponse,
  type JoinGroupResponse,
  type OffsetCommitResponse,
  type OffsetFetchResponse,
  type SyncGroupResponse,
} from '../../../src/protocol/index.js';
import type { SimulatedClient } from './client.js';

const SESSION_TIMEOUT_MS = 6_000;
const REBALANCE_TIMEOUT_MS = 4_000;
const HEARTBEAT_MS = 1_000;
const RETRY_MS = 200;
/** How a member leaves of its own: politely, or by falling silent. */
const DEPARTURE_PROBABILITY = 0.01;

/** Who was told that it owns what, and what was committed, over all members of a group. */
export class GroupHistory {
  /** By generation and partition. */
  private readonly owners = new Map<string, string>();
  private readonly commits = new Map<number, PartitionCommits>();

  constructor(
    readonly group: string,
    readonly topic: string,
    readonly partitions: number,
    private readonly onViolation: (message: string) => void,
  ) {}

  /** A member got its assignment. */
  assigned(member: string, generation: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      const key = `${generation} ${partition}`;
      const other = this.owners.get(key);
      if (other !== undefined && other !== member) {
        this.violation(`partition ${partition} has two owners in generation ${generation}: ${other} and ${member}`);
      }
      this.owners.set(key, member);
    }
  }

  /** A member is none any more. A group that was empty may be forgotten, and its generations begin again. */
  left(member: string): void {
    for (const [key, owner] of this.owners) if (owner === member) this.owners.delete(key);
  }

  commitsOf(partition: number): PartitionCommits {
    let commits = this.commits.get(partition);
    if (!commits) this.commits.set(partition, (commits = new PartitionCommits()));
    return commits;
  }

  /** A committed offset was read: it must be the last that was acknowledged when it was asked for, or one of uncertain fate, or later. */
  fetched(partition: number, offset: number, acknowledgedBefore: number): void {
    const commits = this.commitsOf(partition);
    if (offset >= acknowledgedBefore || commits.uncertain.has(offset)) return;
    this.violation(`partition ${partition}: ${offset} is committed, but ${acknowledgedBefore} was acknowledged before`);
  }

  violation(message: string): void {
    this.onViolation(`${this.group}: ${message}`);
  }
}

class PartitionCommits {
  /** The highest offset ever sent: each commit has a greater one. */
  next = 0;
  acknowledged = -1;
  /** Sent without a clear answer: they may have been written, or be written yet. */
  readonly uncertain = new Set<number>();
}

/**
 * A consumer of a group: joins, leads when it is told to, heartbeats, commits an ever growing offset for each partition that it owns, and
 * sometimes leaves or falls silent.
 */
export class GroupMember {
  private coordinator = -1;
  private memberId = '';
  private generation = -1;
  private owned: number[] = [];
  private stopped = false;
  private stayHere = false;

  constructor(
    private readonly client: SimulatedClient,
    private readonly name: string,
    private readonly history: GroupHistory,
  ) {
    void this.live();
  }

  /** Leaves no more of its own, and commits nothing new. */
  settle(): void {
    this.stayHere = true;
  }

  stop(): void {
    this.stopped = true;
  }

  /** In the group, with what it owns; null while it is not. */
  get membership(): { readonly generation: number; readonly partitions: readonly number[] } | null {
    return this.generation < 0 ? null : { generation: this.generation, partitions: this.owned };
  }

  private async live(): Promise<void> {
    const { client } = this;
    while (!this.stopped) {
      try {
        if (this.coordinator < 0) await this.findCoordinator();
        else if (this.generation < 0) await this.join();
        else await this.work();
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        this.coordinator = -1;
        await client.pause(RETRY_MS);
      }
    }
  }

  private async findCoordinator(): Promise<void> {
    const { client, history } = this;
    const response = await client.send<FindCoordinatorResponse>(
      client.anyBroker(),
      ApiKey.FindCoordinator,
      { keyType: 0, coordinatorKeys: [history.group] },
      null,
      'group',
    );
    const found = response.coordinators[0];
    if (found?.errorCode === 0) {
      this.coordinator = found.nodeId;
      return;
    }
    if (found && found.errorCode !== ErrorCode.COORDINATOR_NOT_AVAILABLE) {
      history.violation(`FindCoordinator was answered with ${errorName(found.errorCode)}`);
    }
    await client.pause(RETRY_MS);
  }

  private async join(): Promise<void> {
    const { client, history, name } = this;
    const joined = await this.ask<JoinGroupResponse>(ApiKey.JoinGroup, {
      groupId: history.group,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'simulated', metadata: Buffer.from(name) }],
    });
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.memberId = joined.memberId;
      return;
    }
    if (joined.errorCode !== 0) return this.refused(joined.errorCode, 'JoinGroup');
    this.memberId = joined.memberId;
    const isLeader = joined.leader === joined.memberId;
    const synced = await this.ask<SyncGroupResponse>(ApiKey.SyncGroup, {
      groupId: history.group,
      generationId: joined.generationId,
      memberId: this.memberId,
      protocolType: 'consumer',
      protocolName: 'simulated',
      assignments: isLeader ? this.assign(joined.members.map(({ memberId }) => memberId)) : [],
    });
    if (synced.errorCode !== 0) return this.refused(synced.errorCode, 'SyncGroup');
    this.generation = joined.generationId;
    this.owned = synced.assignment.length === 0 ? [] : (JSON.parse(synced.assignment.toString()) as number[]);
    history.assigned(this.memberId, this.generation, this.owned);
    client.settings.trace.add(name, `owns ${this.owned.join(',')} in generation ${this.generation}`);
    await this.readCommitted();
  }

  private assign(members: readonly string[]): { memberId: string; assignment: Buffer }[] {
    const { partitions } = this.history;
    return members.map((memberId, index) => {
      const mine = Array.from({ length: partitions }, (_, partition) => partition).filter(
        (partition) => partition % members.length === index,
      );
      return { memberId, assignment: Buffer.from(JSON.stringify(mine)) };
    });
  }

  private async readCommitted(): Promise<void> {
    const { history, owned } = this;
    if (owned.length === 0) return;
    const before = new Map(owned.map((partition) => [partition, history.commitsOf(partition).acknowledged]));
    const response = await this.ask<OffsetFetchResponse>(ApiKey.OffsetFetch, {
      groups: [{ groupId: history.group, topics: [{ name: history.topic, partitionIndexes: owned }] }],
    });
    const group = response.groups[0];
    if (!group || group.errorCode !== 0) return this.refused(group?.errorCode ?? 0, 'OffsetFetch');
    for (const { partitionIndex, committedOffset, errorCode } of group.topics[0]?.partitions ?? []) {
      if (errorCode === 0) history.fetched(partitionIndex, Number(committedOffset), before.get(partitionIndex)!);
    }
  }

  private async work(): Promise<void> {
    const { client, history } = this;
    await client.pause(HEARTBEAT_MS * (0.5 + client.random.nextDouble()));
    if (!this.stayHere && client.random.nextDouble() < DEPARTURE_PROBABILITY) return this.depart();
    const heartbeat = await this.ask<HeartbeatResponse>(ApiKey.Heartbeat, {
      groupId: history.group,
      generationId: this.generation,
      memberId: this.memberId,
    });
    if (heartbeat.errorCode !== 0) return this.refused(heartbeat.errorCode, 'Heartbeat');
    for (const partition of this.owned) {
      if (this.generation < 0 || this.stayHere) return;
      await this.commit(partition);
    }
  }

  private async commit(partition: number): Promise<void> {
    const { history } = this;
    const commits = history.commitsOf(partition);
    const offset = ++commits.next;
    commits.uncertain.add(offset);
    const response = await this.ask<OffsetCommitResponse>(ApiKey.OffsetCommit, {
      groupId: history.group,
      generationIdOrMemberEpoch: this.generation,
      memberId: this.memberId,
      topics: [
        {
          name: history.topic,
          partitions: [{ partitionIndex: partition, committedOffset: BigInt(offset), committedMetadata: '' }],
        },
      ],
    });
    const errorCode = response.topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR;
    if (errorCode === 0) {
      commits.acknowledged = Math.max(commits.acknowledged, offset);
      commits.uncertain.delete(offset);
      return;
    }
    // These say that nothing was written; of others that is not known.
    if (errorCode === ErrorCode.ILLEGAL_GENERATION || errorCode === ErrorCode.UNKNOWN_MEMBER_ID) {
      commits.uncertain.delete(offset);
    }
    this.refused(errorCode, 'OffsetCommit');
  }

  private async depart(): Promise<void> {
    const { client, history } = this;
    const { memberId } = this;
    const isPolite = client.random.nextInt(2) === 0;
    client.settings.trace.add(this.name, isPolite ? 'leaves the group' : 'falls silent');
    this.forget();
    if (isPolite) {
      await this.ask(ApiKey.LeaveGroup, { groupId: history.group, members: [{ memberId }] });
    }
    await client.pause(10_000 * client.random.nextDouble());
  }

  private refused(errorCode: number, what: string): void {
    switch (errorCode) {
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      case ErrorCode.REQUEST_TIMED_OUT:
        this.coordinator = -1;
        break;
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
      // A broker that has just started may lead before it knows of all topics.
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        break;
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.generation = -1;
        break;
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.forget();
        break;
      default:
        this.history.violation(`${this.name}: ${what} was answered with ${errorName(errorCode)}`);
        this.forget();
    }
  }

  private forget(): void {
    this.history.left(this.memberId);
    this.generation = -1;
    this.memberId = '';
    this.owned = [];
  }

  private async ask<T extends object>(apiKey: number, body: object): Promise<T> {
    const { client } = this;
    const response = await client.send<T>(this.coordinator, apiKey, body, null, 'group');
    // Refusals come at once: do not turn in circles.
    await client.pause(5);
    return response;
  }
}
