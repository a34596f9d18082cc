/**
 * Incremental fetch sessions on the side that answers (KIP-227; Kafka's `FetchSession.scala`).
 *
 * A session remembers what its client asked of each partition, so that a request names only what changed and a response only what is
 * new. Which of a session's partitions may have something new, its `FetchSet` knows.
 */
import { assert, type Random, type Steps } from '../../common/index.js';
import { FetchSet, type CachedPartition, type PartitionRequest } from './fetch-set.js';

export const INVALID_SESSION_ID = 0;
/** The epoch that asks for a new session. */
export const INITIAL_EPOCH = 0;
/** The epoch that ends a session, or does without one. */
export const FINAL_EPOCH = -1;
const MAX_EPOCH = 0x7fffffff;

/** A session that was not used for this long may be evicted by any other; one younger than this is safe from its equals. */
export const EVICTION_MS = 120_000;

/** More partitions than a broker has are no session: what nobody uses for minutes would keep hundreds of bytes for each of them. */
export const MAX_SESSION_PARTITIONS = 200_000;

/** The epoch of the request after the one with `epoch`. Skips 0, which would ask for a new session. */
export function nextEpoch(epoch: number): number {
  if (epoch < 0) return FINAL_EPOCH;
  return epoch === MAX_EPOCH ? 1 : epoch + 1;
}

/** True when a request with that epoch names all its partitions. */
export function isFullRequest(epoch: number): boolean {
  return epoch === INITIAL_EPOCH || epoch === FINAL_EPOCH;
}

export class FetchSession {
  /** The size at the last use, by which it is compared for eviction. */
  cachedSize = -1;
  evictableByAll = false;
  evictableByPrivileged = false;
  /** The epoch that the next request must carry. */
  epoch = nextEpoch(INITIAL_EPOCH);
  /** It was closed or evicted. A request that is still served in it lets nothing rest any more. */
  isEnded = false;
  /** A request is bringing it up to date. */
  isChanging = false;
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
  /** In large fetches without a session that wait: they are kept as those of sessions are. */
  private waitingCount = 0;
  evictions = 0;

  constructor(
    readonly maxEntries: number,
    private readonly random: Random,
    /** Called for each session that ends, so that the shell lets go of its partitions. */
    private readonly onRemoved: (session: FetchSession) => void = () => undefined,
    private readonly evictionMs = EVICTION_MS,
    /** Of all sessions together; those of followers count, and are not refused for it. */
    private readonly maxPartitions = Infinity,
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
    if (this.isTooLarge(privileged, set.partitions.size, 0)) return null;
    if (this.sessions.size >= this.maxEntries && !this.tryEvict(nowMs, privileged, set.partitions.size)) return null;
    const session = new FetchSession(this.newSessionId(), privileged, set, usesTopicIds, nowMs);
    this.sessions.set(session.id, session);
    this.touch(session, nowMs);
    return session;
  }

  /** The session has grown beyond what there is room for. */
  hasOutgrown(session: FetchSession): boolean {
    const { cachedSize, privileged, size } = session;
    return size > cachedSize && this.isTooLarge(privileged, size, cachedSize);
  }

  /** A fetch of so many partitions, outside of a session, is to wait: false when there is no room for that. */
  beginWait(privileged: boolean, size: number): boolean {
    if (this.isTooLarge(privileged, size, 0)) return false;
    this.waitingCount += size;
    return true;
  }

  endWait(size: number): void {
    this.waitingCount -= size;
    assert(this.waitingCount >= 0, 'a fetch ends its wait once');
  }

  private isTooLarge(privileged: boolean, size: number, countedSize: number): boolean {
    if (size > MAX_SESSION_PARTITIONS) return true;
    return !privileged && this.partitionCount + this.waitingCount - countedSize + size > this.maxPartitions;
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
    session.isEnded = true;
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

/** What `newFetchContextInSteps` needs of a request. */
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

export interface FetchContextOptions {
  /** The partition has left the session. */
  readonly onForgotten?: (partition: CachedPartition) => void;
  /** The session is this request's from now on: whoever serves another one in it must have done with its partitions when this returns. */
  readonly onTaken?: (session: FetchSession) => void;
  readonly partitionsAStep?: number;
}

/**
 * Finds the session of a request and brings it up to date (Kafka's `FetchManager.newContext`), in steps. The first one takes the session and its
 * epoch: until the last one every other request in it is refused. Between the steps it may be closed or evicted, as it may while a request waits.
 */
export function* newFetchContextInSteps(
  cache: FetchSessionCache,
  nowMs: number,
  request: FetchSessionRequest,
  { onForgotten, onTaken, partitionsAStep = PARTITIONS_A_STEP }: FetchContextOptions,
): Steps<FetchContext> {
  const usesTopicIds = request.version >= FIRST_VERSION_WITH_TOPIC_IDS;
  const session = request.sessionId === INVALID_SESSION_ID ? undefined : cache.get(request.sessionId);
  if (isFullRequest(request.epoch)) {
    if (session) cache.remove(session);
    const set = new FetchSet();
    yield* putAll(set, request.partitions, partitionsAStep);
    return request.epoch === FINAL_EPOCH ? { kind: 'sessionless', set } : { kind: 'full', set, usesTopicIds };
  }
  if (!session) return { kind: 'error', error: 'FETCH_SESSION_ID_NOT_FOUND' };
  if (session.epoch !== request.epoch || session.isChanging) {
    return { kind: 'error', error: 'INVALID_FETCH_SESSION_EPOCH' };
  }
  if (session.usesTopicIds !== usesTopicIds) return { kind: 'error', error: 'FETCH_SESSION_TOPIC_ID_ERROR' };
  session.epoch = nextEpoch(session.epoch);
  onTaken?.(session);
  session.isChanging = true;
  yield* putAll(session.set, request.partitions, partitionsAStep);
  for (let at = 0; at < request.forgotten.length; at++) {
    if (at % partitionsAStep === partitionsAStep - 1) yield;
    const removed = session.set.remove(request.forgotten[at]!);
    if (removed) onForgotten?.(removed);
  }
  session.isChanging = false;
  if (session.size === 0 || cache.hasOutgrown(session)) {
    cache.remove(session);
    const set = new FetchSet();
    yield* putAll(set, request.partitions, partitionsAStep);
    return { kind: 'sessionless', set };
  }
  if (!session.isEnded) cache.touch(session, nowMs);
  return { kind: 'incremental', set: session.set, session, requestEpoch: request.epoch };
}

/** Putting one into a set takes half a microsecond. */
const PARTITIONS_A_STEP = 128;

function* putAll(set: FetchSet, partitions: readonly PartitionRequest[], partitionsAStep: number): Steps<void> {
  for (let at = 0; at < partitions.length; at++) {
    if (at % partitionsAStep === partitionsAStep - 1) yield;
    set.put(partitions[at]!);
  }
}
