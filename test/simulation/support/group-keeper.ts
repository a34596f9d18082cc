import { NetworkError } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type DeleteGroupsResponse,
  type FindCoordinatorResponse,
  type OffsetCommitResponse,
  type OffsetFetchResponse,
} from '../../../src/protocol/index.js';
import type { SimulatedClient } from './client.js';
import { isRetriableForClient } from './client.js';
import { topicIdOf } from './cluster-state.js';
import { Violation } from './invariant.js';
import type { SimulatedCluster } from './simulated-cluster.js';

const ACT_EVERY_MS = 700;
const NONE = -1;

/**
 * Commits offsets for a topic that comes and goes, under a group that it deletes and uses again, one request after another, and reads them:
 * there is what was acknowledged last, unless an answer was lost since, or the topic went.
 */
export class GroupKeeper {
  private coordinator = -1;
  /** What was acknowledged last; `NONE` when that was a deletion, or nothing was. */
  private last = NONE;
  /** Asked for without a clear answer: it may have been done, or be done yet. */
  private readonly uncertain = new Set<number>();
  /** Deleted since the last commit: with another coordinator it may come back, for a deletion is answered before it is replicated, as Kafka's. */
  private readonly deleted = new Set<number>();
  private next = 0;
  /** The life of the topic in which the last commit was acknowledged. */
  private committedIn: string | null = null;

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly client: SimulatedClient,
    private readonly group: string,
    private readonly topic: string,
  ) {}

  workFor(ms: number): Promise<void> {
    const { client } = this;
    return client.actFor(ms, ACT_EVERY_MS, async () => {
      try {
        if (this.coordinator < 0) await this.findCoordinator();
        else
          await [() => this.commit(), () => this.commit(), () => this.read(), () => this.delete()][
            client.random.nextInt(4)
          ]!();
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        // Of a deletion it is not known.
        this.uncertain.add(NONE);
        this.coordinator = -1;
      }
    });
  }

  private async findCoordinator(): Promise<void> {
    const { client } = this;
    const request = { keyType: 0, coordinatorKeys: [this.group] };
    const response = await client.send<FindCoordinatorResponse>(
      client.anyBroker(),
      ApiKey.FindCoordinator,
      request,
      null,
      'group',
    );
    const [found] = response.coordinators;
    if (found?.errorCode === 0) this.coordinator = found.nodeId;
  }

  private async commit(): Promise<void> {
    const offset = this.next++;
    this.uncertain.add(offset);
    const life = this.life();
    const partitions = [{ partitionIndex: 0, committedOffset: BigInt(offset), committedMetadata: '' }];
    const { topics } = await this.ask<OffsetCommitResponse>(ApiKey.OffsetCommit, {
      groupId: this.group,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [{ name: this.topic, partitions }],
    });
    const { errorCode } = topics[0]!.partitions[0]!;
    if (errorCode === 0) {
      this.last = offset;
      this.deleted.clear();
      this.committedIn = life !== null && life === this.life() ? life : null;
    }
    if (errorCode === 0 || errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) this.uncertain.delete(offset);
    this.expect(errorCode, 'OffsetCommit');
  }

  private async delete(): Promise<void> {
    const { results } = await this.ask<DeleteGroupsResponse>(ApiKey.DeleteGroups, { groupsNames: [this.group] });
    const { errorCode } = results[0]!;
    if (errorCode === ErrorCode.GROUP_ID_NOT_FOUND) this.check(NONE, 'DeleteGroups');
    if (errorCode === 0) {
      this.deleted.add(this.last);
      this.last = NONE;
    } else if (errorCode !== ErrorCode.GROUP_ID_NOT_FOUND) this.uncertain.add(NONE);
    this.expect(errorCode, 'DeleteGroups', ErrorCode.GROUP_ID_NOT_FOUND);
  }

  private async read(): Promise<void> {
    const topics = [{ name: this.topic, partitionIndexes: [0] }];
    const { groups } = await this.ask<OffsetFetchResponse>(ApiKey.OffsetFetch, {
      groups: [{ groupId: this.group, topics }],
    });
    const group = groups[0]!;
    if (group.errorCode !== 0) return this.expect(group.errorCode, 'OffsetFetch');
    const { committedOffset, errorCode } = group.topics[0]!.partitions[0]!;
    if (errorCode === 0) this.check(Number(committedOffset), 'OffsetFetch');
    this.expect(errorCode, 'OffsetFetch');
  }

  /** With the topic in which they were committed offsets may go at any time. */
  private check(offset: number, what: string): void {
    const mayBeGone = this.committedIn === null || this.committedIn !== this.life();
    const possible = [this.last, ...this.uncertain, ...this.deleted, ...(mayBeGone ? [NONE] : [])];
    if (possible.includes(offset)) return;
    this.cluster.fail(
      new Violation(`${what} of ${this.group} finds ${offset}, but ${possible.join(' or ')} is committed`),
    );
  }

  /** The topic's id while it is there and stays. */
  private life(): string | null {
    const { zooKeeper } = this.cluster;
    return zooKeeper.exists(`/admin/delete_topics/${this.topic}`) ? null : topicIdOf(zooKeeper, this.topic);
  }

  private ask<T extends object>(apiKey: number, request: object): Promise<T> {
    return this.client.send<T>(this.coordinator, apiKey, request, null, 'group');
  }

  private expect(errorCode: number, api: string, ...expected: number[]): void {
    this.client.settings.trace.add(this.client.host, `${api} ${this.next - 1}: ${errorName(errorCode)}`);
    if (errorCode === 0 || expected.includes(errorCode)) return;
    if (isRetriableForClient(errorCode)) this.coordinator = -1;
    else this.cluster.fail(new Violation(`${this.group}: ${api} was answered with ${errorName(errorCode)}`));
  }
}
