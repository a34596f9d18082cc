/**
 * Incremental fetch sessions on the side that answers (KIP-227; Kafka's `FetchSession.scala`).
 *
 * A session remembers what its client asked of each partition, so that a request names only what changed and a response only what is
 * new. Kafka still walks all partitions of the session on every fetch. Here a session also knows which partitions could have something
 * new: the `dirty` ones. All others rest, and cost nothing until something happens to them (`FetchSet.touch`).
 */
import { ZERO_UUID, type Random, type Uuid } from '../../common/index.js';
import type { LogOffsetMetadata } from '../../log/index.js';
import type { FetchTimes, Replica } from './replica.js';

export const INVALID_SESSION_ID = 0;
/** The epoch that asks for a new session. */
export const INITIAL_EPOCH = 0;
/** The epoch that ends a session, or does without one. */
export const FINAL_EPOCH = -1;
const MAX_EPOCH = 0x7fffffff;

/** A session that was not used for this long may be evicted by any other; one younger than this is safe from its equals. */
export const EVICTION_MS = 120_000;

/** The epoch of the request after the one with `epoch`. Skips 0, which would ask for a new session. */
export function nextEpoch(epoch: number): number {
  if (epoch < 0) return FINAL_EPOCH;
  return epoch === MAX_EPOCH ? 1 : epoch + 1;
}

/** True when a request with that epoch names all its partitions. */
export function isFullRequest(epoch: number): boolean {
  return epoch === INITIAL_EPOCH || epoch === FINAL_EPOCH;
}

/** What a request asks of a partition. -1 stands for an absent epoch or offset. */
export interface PartitionRequest {
  /** Null when the topic id is not known here (yet). */
  readonly topic: string | null;
  /** `ZERO_UUID` below v13. */
  readonly topicId: Uuid;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly logStartOffset: number;
  readonly maxBytes: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
}

/** The part of an answer that decides whether it must be sent. */
export interface PartitionAnswer {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  readonly sizeInBytes: number;
  readonly divergingEpoch: object | null;
  readonly preferredReadReplica: number;
}

/** What can happen to a partition that a fetch cares about; bits, for several may happen at once. */
export const Change = {
  /** The log end moved. */
  Appended: 1,
  HighWatermark: 2,
  /** Leader, epoch, log start or anything else: whoever waits should look. */
  State: 4,
  /** A follower's log start rose: only DeleteRecords waits for that. */
  LowWatermark: 8,
} as const;

/** A partition within a fetch, and what its client was last told of it. */
export class CachedPartition {
  topic: string | null;
  readonly topicId: Uuid;
  readonly partition: number;
  fetchOffset = -1;
  logStartOffset = -1;
  maxBytes = 0;
  currentLeaderEpoch = -1;
  lastFetchedEpoch = -1;
  /** What the client was last told; -1 before. */
  sentHighWatermark = -1;
  sentLogStartOffset = -1;
  /** Grows with each touch, so that a read which took time can tell whether its finding still holds. */
  changes = 0;
  /** Where `fetchOffset` lies on disk, as of the last read. */
  startMetadata: LogOffsetMetadata | null = null;
  /** The follower whose times are the session's while this partition rests. */
  restingReplica: Replica | null = null;
  /** The shell's registration for changes of the partition; null while there is none. */
  watchKey: string | null = null;

  constructor(
    readonly owner: FetchSet,
    request: PartitionRequest,
  ) {
    this.topic = request.topic;
    this.topicId = request.topicId;
    this.partition = request.partition;
    this.update(request);
  }

  update(request: PartitionRequest): void {
    if (this.topic === null) this.topic = request.topic;
    this.fetchOffset = request.fetchOffset;
    this.logStartOffset = request.logStartOffset;
    this.maxBytes = request.maxBytes;
    this.currentLeaderEpoch = request.currentLeaderEpoch;
    this.lastFetchedEpoch = request.lastFetchedEpoch;
  }

  /** Whether the answer tells the client anything that it does not know. */
  mustRespond(answer: PartitionAnswer): boolean {
    return (
      answer.sizeInBytes > 0 ||
      answer.highWatermark !== this.sentHighWatermark ||
      answer.logStartOffset !== this.sentLogStartOffset ||
      answer.preferredReadReplica !== -1 ||
      answer.errorCode !== 0 ||
      answer.divergingEpoch !== null
    );
  }

  /**
   * Remembers what the client is being told. After an error the high watermark is told anew; also after a diverging epoch, where a
   * follower truncates and takes nothing else from the answer (a Kafka leader does not repeat it, and its follower stays behind).
   */
  answered(answer: PartitionAnswer): void {
    const isTaken = answer.errorCode === 0 && answer.divergingEpoch === null;
    this.sentHighWatermark = isTaken ? answer.highWatermark : -1;
    this.sentLogStartOffset = answer.logStartOffset;
  }

  /** The partition leaves its fetch, or must be looked at: the follower's times are its own again. */
  endRest(): void {
    this.restingReplica?.endRestIn(this.owner.times);
    this.restingReplica = null;
  }
}

/** The key of a partition inside a fetch: by topic id when there is one, for the name may yet be unknown. */
export function cachedKey(topicId: Uuid, topic: string | null, partition: number): string {
  return `${topicId === ZERO_UUID ? topic : topicId}:${partition}`;
}

/** The partitions of one fetch, or of all fetches of a session. */
export class FetchSet {
  readonly partitions = new Map<string, CachedPartition>();
  /** Those that may have something to tell, in the order in which they will be read. */
  readonly dirty = new Set<CachedPartition>();
  /** When the client last asked. Resting followers count as having fetched then. */
  readonly times: FetchTimes = { lastFetchTimeMs: 0 };
  /** Set while a fetch waits for data: called when a partition becomes worth looking at, or changes again. */
  onTouched: ((partition: CachedPartition, change: number) => void) | null = null;

  constructor(requests: readonly PartitionRequest[] = []) {
    for (const request of requests) this.put(request);
  }

  /** Takes what a request says of a partition; true when the partition is new here. It will be read. */
  put(request: PartitionRequest): boolean {
    const key = cachedKey(request.topicId, request.topic, request.partition);
    const cached = this.partitions.get(key);
    if (cached) {
      cached.update(request);
      this.dirty.add(cached);
      return false;
    }
    const added = new CachedPartition(this, request);
    this.partitions.set(key, added);
    this.dirty.add(added);
    return true;
  }

  /** Gives the removed one, or undefined when there was none. */
  remove(key: string): CachedPartition | undefined {
    const cached = this.partitions.get(key);
    if (!cached) return undefined;
    this.partitions.delete(key);
    this.dirty.delete(cached);
    cached.endRest();
    return cached;
  }

  /** Something (`Change`) happened to the partition: it will be read by the next fetch, or by the one that waits. */
  touch(partition: CachedPartition, change: number): void {
    partition.changes++;
    this.dirty.add(partition);
    this.onTouched?.(partition, change);
  }

  /** The partition has nothing to tell until it is touched. */
  rest(partition: CachedPartition): void {
    this.dirty.delete(partition);
  }

  /** Reads it after the others next time, for fairness: it has just been served. */
  moveToEnd(partition: CachedPartition): void {
    this.dirty.delete(partition);
    this.dirty.add(partition);
  }
}

export class FetchSession {
  /** The size at the last use, by which it is compared for eviction. */
  cachedSize = -1;
  evictableByAll = false;
  evictableByPrivileged = false;
  /** The epoch that the next request must carry. */
  epoch = nextEpoch(INITIAL_EPOCH);
  lastUsedMs: number;

  constructor(
    readonly id: number,
    /** Followers' sessions are not evicted for consumers'. */
    readonly privileged: boolean,
    readonly set: FetchSet,
    readonly usesTopicIds: boolean,
    readonly creationMs: number,
  ) {
    this.lastUsedMs = creationMs;
  }

  get size(): number {
    return this.set.partitions.size;
  }
}

/** All sessions of a broker, at most `maxEntries` (`max.incremental.fetch.session.cache.slots`). */
export class FetchSessionCache {
  /** In order of last use: the first is the one unused for longest. */
  private readonly sessions = new Map<number, FetchSession>();
  private partitionCount = 0;
  evictions = 0;

  constructor(
    readonly maxEntries: number,
    private readonly random: Random,
    /** Called for each session that ends, so that the shell lets go of its partitions. */
    private readonly onRemoved: (session: FetchSession) => void = () => undefined,
    private readonly evictionMs = EVICTION_MS,
  ) {}

  get size(): number {
    return this.sessions.size;
  }

  /** Partitions in all sessions. */
  get totalPartitions(): number {
    return this.partitionCount;
  }

  get(sessionId: number): FetchSession | undefined {
    return this.sessions.get(sessionId);
  }

  /** Makes a session when there is room, or room can be made. Null when not: the client goes on without. */
  maybeCreate(nowMs: number, privileged: boolean, set: FetchSet, usesTopicIds: boolean): FetchSession | null {
    if (this.sessions.size >= this.maxEntries && !this.tryEvict(nowMs, privileged, set.partitions.size)) return null;
    const session = new FetchSession(this.newSessionId(), privileged, set, usesTopicIds, nowMs);
    this.sessions.set(session.id, session);
    this.touch(session, nowMs);
    return session;
  }

  /** The session was used, or changed its size. */
  touch(session: FetchSession, nowMs: number): void {
    this.sessions.delete(session.id);
    this.sessions.set(session.id, session);
    session.lastUsedMs = nowMs;
    if (session.cachedSize !== -1) this.partitionCount -= session.cachedSize;
    session.cachedSize = session.size;
    this.partitionCount += session.cachedSize;
    const isOld = nowMs - session.creationMs > this.evictionMs;
    session.evictableByAll = isOld;
    session.evictableByPrivileged = !session.privileged || isOld;
  }

  remove(session: FetchSession): void {
    if (this.sessions.get(session.id) !== session) return;
    this.sessions.delete(session.id);
    this.partitionCount -= session.cachedSize;
    for (const partition of session.set.partitions.values()) partition.endRest();
    this.onRemoved(session);
  }

  /**
   * Makes room for a session of `size` partitions: by the one unused for longest if that is stale, else by the least worthy among those
   * that may be evicted for the new one — consumers' before followers', small before large — if it is less worthy than the new one.
   */
  private tryEvict(nowMs: number, privileged: boolean, size: number): boolean {
    const [oldest] = this.sessions.values();
    if (!oldest) return false;
    let victim: FetchSession | null = null;
    if (nowMs - oldest.lastUsedMs > this.evictionMs) {
      victim = oldest;
    } else {
      for (const session of this.sessions.values()) {
        const isEvictable = privileged ? session.evictableByPrivileged : session.evictableByAll;
        if (isEvictable && (!victim || compareWorth(session, victim) < 0)) victim = session;
      }
      if (!victim || compareWorth({ privileged, cachedSize: size, id: 0 }, victim) < 0) return false;
    }
    this.remove(victim);
    this.evictions++;
    return true;
  }

  private newSessionId(): number {
    for (;;) {
      const id = 1 + this.random.nextInt(MAX_EPOCH - 1);
      if (!this.sessions.has(id)) return id;
    }
  }
}

interface Worth {
  readonly privileged: boolean;
  readonly cachedSize: number;
  readonly id: number;
}

function compareWorth(a: Worth, b: Worth): number {
  return Number(a.privileged) - Number(b.privileged) || a.cachedSize - b.cachedSize || a.id - b.id;
}

/** How a request is to be served. */
export type FetchContext =
  | {
      readonly kind: 'error';
      readonly error: 'FETCH_SESSION_ID_NOT_FOUND' | 'INVALID_FETCH_SESSION_EPOCH' | 'FETCH_SESSION_TOPIC_ID_ERROR';
    }
  | { readonly kind: 'sessionless'; readonly set: FetchSet }
  /** All partitions are answered; then a session may begin. */
  | { readonly kind: 'full'; readonly set: FetchSet; readonly usesTopicIds: boolean }
  | {
      readonly kind: 'incremental';
      readonly set: FetchSet;
      readonly session: FetchSession;
      readonly requestEpoch: number;
    };

/** What `newFetchContext` needs of a request. */
export interface FetchSessionRequest {
  readonly version: number;
  readonly sessionId: number;
  readonly epoch: number;
  readonly partitions: readonly PartitionRequest[];
  /** Keys (`cachedKey`) of those to forget. */
  readonly forgotten: readonly string[];
}

/** Below this version a request names its topics, from it on it gives their ids. */
const FIRST_VERSION_WITH_TOPIC_IDS = 13;

/**
 * Finds the session of a request and brings it up to date (Kafka's `FetchManager.newContext`). `onForgotten` is called for each
 * partition that leaves the session.
 */
export function newFetchContext(
  cache: FetchSessionCache,
  nowMs: number,
  request: FetchSessionRequest,
  onForgotten: (partition: CachedPartition) => void = () => undefined,
): FetchContext {
  const usesTopicIds = request.version >= FIRST_VERSION_WITH_TOPIC_IDS;
  const session = request.sessionId === INVALID_SESSION_ID ? undefined : cache.get(request.sessionId);
  if (isFullRequest(request.epoch)) {
    if (session) cache.remove(session);
    const set = new FetchSet(request.partitions);
    return request.epoch === FINAL_EPOCH ? { kind: 'sessionless', set } : { kind: 'full', set, usesTopicIds };
  }
  if (!session) return { kind: 'error', error: 'FETCH_SESSION_ID_NOT_FOUND' };
  if (session.epoch !== request.epoch) return { kind: 'error', error: 'INVALID_FETCH_SESSION_EPOCH' };
  if (session.usesTopicIds !== usesTopicIds) return { kind: 'error', error: 'FETCH_SESSION_TOPIC_ID_ERROR' };
  for (const partition of request.partitions) session.set.put(partition);
  for (const key of request.forgotten) {
    const removed = session.set.remove(key);
    if (removed) onForgotten(removed);
  }
  if (session.size === 0) {
    cache.remove(session);
    return { kind: 'sessionless', set: new FetchSet(request.partitions) };
  }
  cache.touch(session, nowMs);
  session.epoch = nextEpoch(session.epoch);
  return { kind: 'incremental', set: session.set, session, requestEpoch: request.epoch };
}
