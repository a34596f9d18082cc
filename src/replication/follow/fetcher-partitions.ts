import type { Uuid } from '../../common/index.js';
import type { PartitionFetchState } from './fetcher-state.js';

/**
 * The partitions of one fetcher, and which of them the next request has to look at: those that changed, not all
 * (Kafka's `PartitionStates`).
 */
export class FetcherPartitions {
  /** Left out of requests by the quota; looked at again every time. */
  readonly throttled = new Set<string>();
  private readonly states = new Map<string, PartitionFetchState>();
  private readonly truncating = new Set<string>();
  /** Those that may differ from what the session holds, removed ones among them. */
  private readonly changed = new Set<string>();
  private readonly topics = new Map<Uuid, { readonly name: string; readonly keys: Set<string> }>();
  /** Topics that may have no partition left. */
  private readonly leftTopics = new Set<Uuid>();

  get size(): number {
    return this.states.size;
  }

  /** The greatest number of records that any partition is behind. */
  get maxLag(): number {
    let max = 0;
    for (const { lag } of this.states.values()) max = Math.max(max, lag ?? 0);
    return max;
  }

  /** Some partition has yet to ask where to truncate. */
  get isTruncatingUnderWay(): boolean {
    return this.truncatingNow().length > 0;
  }

  get(key: string): PartitionFetchState | undefined {
    return this.states.get(key);
  }

  all(): Iterable<PartitionFetchState> {
    return this.states.values();
  }

  /** The name of a topic that is fetched by its id, or was by the last request. */
  topicName(topicId: Uuid): string | undefined {
    return this.topics.get(topicId)?.name;
  }

  /** The partition is where `state` says from now on. */
  put(state: PartitionFetchState): void {
    const before = this.states.get(state.key);
    this.states.set(state.key, state);
    this.changed.add(state.key);
    if (before?.topicId !== state.topicId) {
      this.leaveTopic(before);
      this.joinTopic(state);
    }
    if (state.phase === 'Truncating') this.truncating.add(state.key);
    else this.truncating.delete(state.key);
  }

  /** The lag says nothing to the leader: the partition need not be asked for anew. */
  updateLag(state: PartitionFetchState, lag: number): void {
    this.states.set(state.key, { ...state, lag });
  }

  remove(key: string): void {
    const state = this.states.get(key);
    if (!state) return;
    this.states.delete(key);
    this.leaveTopic(state);
    this.truncating.delete(key);
    this.throttled.delete(key);
    this.changed.add(key);
  }

  /** Something that goes into requests, other than the state, changed. */
  markChanged(key: string): void {
    if (this.states.has(key)) this.changed.add(key);
  }

  clear(): void {
    this.states.clear();
    this.topics.clear();
    this.leftTopics.clear();
    this.truncating.clear();
    this.throttled.clear();
  }

  /** The keys to look at for the next request: all for a full one. From then on nothing has changed. */
  takeChanged(isFull: boolean): string[] {
    for (const key of this.throttled) this.changed.add(key);
    const keys = isFull ? [...this.states.keys()] : [...this.changed];
    this.changed.clear();
    // The request that is being made forgets what was removed, so its answer names none of that.
    for (const topicId of this.leftTopics) if (this.topics.get(topicId)?.keys.size === 0) this.topics.delete(topicId);
    this.leftTopics.clear();
    return keys;
  }

  /** Those that are to be truncated now. */
  truncatingNow(): PartitionFetchState[] {
    const found: PartitionFetchState[] = [];
    for (const key of this.truncating) {
      const state = this.states.get(key)!;
      if (state.delayedUntilMs === null) found.push(state);
    }
    return found;
  }

  private joinTopic({ topicId, tp, key }: PartitionFetchState): void {
    if (topicId === null) return;
    let topic = this.topics.get(topicId);
    if (!topic) this.topics.set(topicId, (topic = { name: tp.topic, keys: new Set() }));
    topic.keys.add(key);
  }

  private leaveTopic(state: PartitionFetchState | undefined): void {
    if (!state || state.topicId === null) return;
    this.topics.get(state.topicId)?.keys.delete(state.key);
    this.leftTopics.add(state.topicId);
  }
}
