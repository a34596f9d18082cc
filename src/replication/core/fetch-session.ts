/**
 * Incremental fetch sessions on the side that answers (KIP-227; Kafka's `FetchSession.scala`).
 *
 * A session remembers what its client asked of each partition, so that a request names only what changed and a response only what is
 * new. Which of a session's partitions may have something new, its `FetchSet` knows.
 */
import { AddressShares, type Random, type Steps } from '../../common/index.js';
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

/** For whom a session is kept, or a large fetch that waits. */
export interface SessionHolder {
  /** A broker, by more than its word: its sessions are not evicted for consumers', nor do they share their room. */
  readonly privileged: boolean;
  readonly address: string;
}

export class FetchSession {
  /** The size at the last use: what counts of it, and by which it is compared for eviction. */
  cachedSize = 0;
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
    readonly holder: SessionHolder,
    readonly set: FetchSet,
    readonly usesTopicIds: boolean,
    readonly creationMs: number,
  ) {
    this.lastUsedMs = creationMs;
  }

  get privileged(): boolean {
    return this.holder.privileged;
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
  /** Fetches without a session that wait are kept as sessions are, and count with them. */
  private readonly consumersRoom: AddressShares;
  private readonly followersRoom: AddressShares;
  evictions = 0;

  constructor(
    readonly maxEntries: number,
    private readonly random: Random,
    /** Called for each session that ends, so that the shell lets go of its partitions. */
    private readonly onRemoved: (session: FetchSession) => void = () => undefined,
    private readonly evictionMs = EVICTION_MS,
    /** Of all that is kept for consumers together; and as many for followers. */
    maxPartitions = Infinity,
  ) {
    this.consumersRoom = new AddressShares(maxPartitions, 'kept');
    this.followersRoom = new AddressShares(maxPartitions, 'kept');
  }

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
  maybeCreate(nowMs: number, holder: SessionHolder, set: FetchSet, usesTopicIds: boolean): FetchSession | null {
    const { size } = set.partitions;
    if (set.hasLongNames || size > MAX_SESSION_PARTITIONS || !this.makeRoom(nowMs, holder, size)) return null;
    if (this.sessions.size >= this.maxEntries && !this.tryEvict(nowMs, holder.privileged, size)) return null;
    const session = new FetchSession(this.newSessionId(), holder, set, usesTopicIds, nowMs);
    this.sessions.set(session.id, session);
    this.touch(session, nowMs);
    return session;
  }

  /** The session has grown beyond what there is room for, or can be made. One that was given names of no topics has, too. */
  hasOutgrown(session: FetchSession, nowMs: number): boolean {
    const { cachedSize, holder, size } = session;
    if (session.set.hasLongNames) return true;
    if (size <= cachedSize) return false;
    return size > MAX_SESSION_PARTITIONS || !this.makeRoom(nowMs, holder, size - cachedSize, session);
  }

  /** A fetch of so many partitions, outside of a session, is to wait: false when there is no room for that. */
  beginWait(nowMs: number, holder: SessionHolder, size: number): boolean {
    if (size > MAX_SESSION_PARTITIONS || !this.makeRoom(nowMs, holder, size)) return false;
    this.roomOf(holder).count(holder.address, size);
    return true;
  }

  endWait(holder: SessionHolder, size: number): void {
    this.roomOf(holder).count(holder.address, -size);
  }

  private roomOf({ privileged }: SessionHolder): AddressShares {
    return privileged ? this.followersRoom : this.consumersRoom;
  }

  /** Whether there is room for so many partitions more. Sessions that were not used for long give theirs, the oldest first. */
  private makeRoom(nowMs: number, holder: SessionHolder, size: number, growing?: FetchSession): boolean {
    const room = this.roomOf(holder);
    if (room.hasRoomFor(holder.address, size)) return true;
    // Sessions of others do not end for what would not fit nevertheless.
    if (!room.mayHold(size + (growing?.cachedSize ?? 0))) return false;
    for (const session of this.sessions.values()) {
      if (nowMs - session.lastUsedMs <= this.evictionMs) return false;
      if (session.privileged !== holder.privileged || session === growing) continue;
      this.evict(session);
      if (room.hasRoomFor(holder.address, size)) return true;
    }
    return false;
  }

  /** The session was used, or changed its size. */
  touch(session: FetchSession, nowMs: number): void {
    this.sessions.delete(session.id);
    this.sessions.set(session.id, session);
    session.lastUsedMs = nowMs;
    this.resize(session, session.size);
    const isOld = nowMs - session.creationMs > this.evictionMs;
    session.evictableByAll = isOld;
    session.evictableByPrivileged = !session.privileged || isOld;
  }

  remove(session: FetchSession): void {
    if (this.sessions.get(session.id) !== session) return;
    this.sessions.delete(session.id);
    this.resize(session, 0);
    session.isEnded = true;
    for (const partition of session.set.partitions.values()) partition.endRest();
    this.onRemoved(session);
  }

  private resize(session: FetchSession, size: number): void {
    const change = size - session.cachedSize;
    session.cachedSize = size;
    this.partitionCount += change;
    this.roomOf(session.holder).count(session.holder.address, change);
  }

  private evict(session: FetchSession): void {
    this.remove(session);
    this.evictions++;
  }

  /**
   * Frees a slot for a session of `size` partitions: by the one unused for longest if that is stale, else by the least worthy among those
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
    this.evict(victim);
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
  if (session.size === 0 || cache.hasOutgrown(session, nowMs)) {
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
