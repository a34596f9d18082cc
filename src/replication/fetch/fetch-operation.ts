import { runAtOnce, startInSlices, type Clock, type Steps, type Timer } from '../../common/index.js';
import { ReadInterest } from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { AnswerRoom } from './answer-room.js';
import {
  INVALID_SESSION_ID,
  nextEpoch,
  type FetchContext,
  type FetchSession,
  type FetchSessionCache,
  type SessionHolder,
} from '../core/fetch-session.js';
import type { CachedPartition } from '../core/fetch-set.js';
import { Change } from '../core/partition-change.js';
import type { FetchRead, ReadResult } from './fetch-reader.js';
import { sliceLimitsOf, type FetchSlices } from './fetch-slices.js';
import type { FetchCallContext, FetchParams, FetchUnderWay } from './fetch.js';
import type { WatchedPartitions } from './watched-partitions.js';

export type ServableContext = Exclude<FetchContext, { kind: 'error' }>;

/** What an operation needs of those who look after all of them. */
export interface FetchOperationHost {
  readonly clock: Clock;
  readonly slices: FetchSlices;
  readonly partitions: WatchedPartitions;
  readonly sessions: FetchSessionCache;
  /** Numbers the operations in the order in which they arrive, from 1. */
  nextArrival(): number;
  onWaiting(operation: FetchOperation): void;
  /** One of its partitions changed while it waits: `maybeComplete` is to be called soon. */
  onTouched(operation: FetchOperation): void;
  onEnded(operation: FetchOperation, session: FetchSession | null): void;
}

/** How a fetch is answered. `results` are those of all its partitions, or in a session those with something new. */
export type FetchResponder = (
  sessionId: number,
  results: readonly ReadResult[],
  errorCode: number,
  /** The answer is not to be sent before. */
  delayMs?: number,
) => void;

/** What waits for so few is as much a part of its connection. */
const UNCOUNTED_PARTITIONS = 5;
/** How long an answer is kept back whose fetch would wait, had it room: its client comes again as soon as it has it. */
const WANT_OF_ROOM_DELAY_MS = 250;

/**
 * One Fetch request from its arrival to its answer (Kafka's `DelayedFetch`, with what `KafkaApis` does around it). It ends once: with an
 * answer, or with `call.fail` when something is thrown that should not be.
 */
export class FetchOperation implements FetchUnderWay {
  readonly isBeginning = null;
  private state: 'reading' | 'waiting' | 'done' = 'reading';
  private timer: Timer | null = null;
  private isTimeUp = false;
  private readonly fetch: FetchRead;
  private readonly interest: ReadInterest;
  /** What may have something for it while it waits: what was not at its end when it was read, or has changed since. */
  private readonly open = new Set<CachedPartition>();
  /** For whom it counts in `FetchSessionCache`'s room, without a session: while it waits, and with the one that begins. */
  private holder: SessionHolder;
  private countedPartitions = 0;
  private answerDelayMs = 0;
  private readonly wakesOn: number;
  /** The session that begins with this fetch. */
  private begun: FetchSession | null = null;
  /** While an answer is made in steps: what counts as told already. */
  private selected: { readonly results: readonly ReadResult[]; readonly count: number } | null = null;
  private readonly touched = (partition: CachedPartition, change: number): void => {
    this.open.add(partition);
    if (this.state === 'waiting' && (change & this.wakesOn) !== 0) this.host.onTouched(this);
  };

  constructor(
    private readonly host: FetchOperationHost,
    private readonly params: FetchParams,
    private readonly context: ServableContext,
    private readonly call: FetchCallContext,
    private readonly respond: FetchResponder,
    private readonly onWaiting: () => void,
  ) {
    this.holder = { privileged: params.privileged, address: call.clientAddress };
    this.interest = new ReadInterest(params.privileged ? 'broker' : 'fetch', params.room);
    this.fetch = { params, authorize: call.authorize, interest: this.interest, arrival: host.nextArrival() };
    // As in Kafka a new high watermark alone does not wake a follower, nor an append a consumer: it cannot read that yet.
    this.wakesOn = Change.State | (params.isolation === 'LOG_END' ? Change.Appended : Change.HighWatermark);
  }

  private get session(): FetchSession | null {
    return this.context.kind === 'incremental' ? this.context.session : null;
  }

  start(): void {
    const { set } = this.context;
    const requestMs = this.host.clock.monotonicMs();
    set.onTouched = this.touched;
    this.read(true, (results, isLater) => {
      // Only now: what a resting follower is asked about its last fetch is the one before this.
      set.times.lastFetchTimeMs = requestMs;
      this.afterFirstRead(results, isLater);
    });
  }

  get isPrivileged(): boolean {
    return this.params.privileged;
  }

  /** @internal from TouchedFetches */
  get openPartitions(): number {
    return this.isTimeUp ? this.context.set.dirty.size : this.open.size;
  }

  /** @internal from TouchedFetches: a partition changed while the fetch waits, or its time is up. */
  *maybeComplete(): Steps<void> {
    if (this.isTimeUp) return this.complete();
    const { partitionsAStep } = this.host.slices;
    let available = 0;
    let looked = 0;
    try {
      // What changes meanwhile stands last, and is looked at, too, or touches the fetch again.
      for (const partition of this.open) {
        if (++looked % partitionsAStep === 0) yield;
        if (this.state !== 'waiting') return;
        // Nothing that happens makes it available: as in Kafka it was answered for when the fetch came.
        if (partition.isRefused) continue;
        available += this.host.partitions.availableBytes(partition, this.fetch);
        if (available >= this.params.minBytes) return this.complete();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Reads once more and answers: there is enough now, or the time is up. */
  complete(): void {
    if (this.state !== 'waiting') return;
    this.guarded(() => {
      this.endWait();
      this.state = 'reading';
      this.read(false, (results) => this.finish(results));
    });
  }

  get isDone(): boolean {
    return this.state === 'done';
  }

  /** Its client is gone: no one is answered. What its session has not been told is read again for the next request in that. */
  giveUp(): void {
    if (this.state === 'done') return;
    this.takeBack();
    this.dropBegun();
    this.end();
  }

  /** The client has sent another request in the same session, or in place of that, without waiting for this one. */
  abandon(): void {
    if (this.state === 'done') return;
    this.takeBack();
    this.end();
    this.respond(this.session?.id ?? INVALID_SESSION_ID, [], ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  }

  /** Reads what may have something to tell. With `isFirst` followers' positions are recorded: once a request, not again after it waited. */
  private read(isFirst: boolean, then: (results: readonly ReadResult[], isLater: boolean) => void): void {
    this.guarded(() => {
      const partitions = [...this.context.set.dirty];
      const fetch = { ...this.fetch, updateFetchState: isFirst };
      const results = this.isLarge(partitions.length)
        ? this.host.partitions.readInTurns(partitions, fetch)
        : this.host.partitions.read(partitions, fetch);
      if (!(results instanceof Promise)) {
        then(results, false);
        return;
      }
      results.then(
        (read) =>
          this.guarded(() => {
            if (this.state === 'reading') then(read, true);
          }),
        (error: unknown) => this.fail(error),
      );
    });
  }

  private afterFirstRead(results: readonly ReadResult[], isLater: boolean): void {
    this.inSteps(results.length, this.lookOver(results), (mustWait) => {
      if (!mustWait) {
        this.finish(results);
        return;
      }
      this.wait();
      // What came while the disk was read, or others ran, has woken no one: the fetch was not waiting yet.
      if (isLater || this.isLarge(results.length)) this.host.onTouched(this);
    });
  }

  /**
   * Whether the fetch is to wait; then what has nothing to tell rests. What was refused before its log was asked makes nobody hurry, but a
   * fetch of many such partitions, which a client may make up, is answered at once (Kafka keeps it).
   */
  private *lookOver(results: readonly ReadResult[]): Steps<boolean> {
    const { params, context } = this;
    const { partitionsAStep } = this.host.slices;
    let bytes = 0;
    let refused = 0;
    let isUrgent = params.maxWaitMs <= 0;
    for (let at = 0; at < results.length; at++) {
      if (at % partitionsAStep === partitionsAStep - 1) {
        yield;
        if (this.state !== 'reading') return false;
      }
      const { cached, sizeInBytes, errorCode, divergingEpoch, preferredReadReplica } = results[at]!;
      bytes += sizeInBytes;
      if (cached.isRefused) refused++;
      else if (errorCode !== ErrorCode.NONE || divergingEpoch || preferredReadReplica !== -1) isUrgent = true;
    }
    const { size } = context.set.partitions;
    // What no broker asks for counts with what consumers keep.
    if (2 * refused > size) this.holder = { ...this.holder, privileged: false };
    const hasNoneToWaitFor = refused === size || this.isLarge(refused);
    if (isUrgent || hasNoneToWaitFor || bytes >= params.minBytes || !this.mayWait(bytes)) return false;
    for (let at = 0; at < results.length; at++) {
      if (at % partitionsAStep === partitionsAStep - 1) {
        yield;
        if (this.state !== 'reading') return false;
      }
      const result = results[at]!;
      const { cached } = result;
      if (result.endToRestAt === null || result.changes !== cached.changes) this.open.add(cached);
      if (!cached.mustRespond(result)) this.maybeRest(result, this.session);
    }
    return true;
  }

  /** A fetch without a session is kept like a session while it waits, as far as there is room. Else nothing is kept but its answer, a little. */
  private mayWait(foundBytes: number): boolean {
    const { set } = this.context;
    const { size } = set.partitions;
    if (this.session || (size <= UNCOUNTED_PARTITIONS && !set.hasLongNames)) return true;
    const { clock, sessions } = this.host;
    if (set.hasLongNames || !sessions.beginWait(clock.monotonicMs(), this.holder, size)) {
      // The more partitions, the longer it takes to ask for them again. Records are kept for no one: they count nowhere until they are sent.
      const delayMs = Math.min(this.params.maxWaitMs, Math.max(WANT_OF_ROOM_DELAY_MS, size));
      this.answerDelayMs = foundBytes > 0 ? 0 : delayMs;
      return false;
    }
    this.countedPartitions = size;
    return true;
  }

  private endWait(): void {
    this.timer?.cancel();
    const partitions = this.countedPartitions;
    this.countedPartitions = 0;
    this.host.sessions.endWait(this.holder, partitions);
  }

  /** Goes on with what the steps come to, at once when there are few; not when the fetch has ended meanwhile. */
  private inSteps<T>(count: number, steps: Steps<T>, then: (result: T) => void): void {
    if (!this.isLarge(count)) {
      then(runAtOnce(steps));
      return;
    }
    const goOn = (result: T): void =>
      this.guarded(() => {
        if (this.state === 'reading') then(result);
      });
    const { clock, slices } = this.host;
    const limits = sliceLimitsOf(slices, this.params.privileged);
    startInSlices(clock, steps, goOn, (error) => this.fail(error), limits);
  }

  /** So many partitions are looked at in slices. */
  private isLarge(count: number): boolean {
    return count > this.host.slices.partitionsAtOnce;
  }

  private wait(): void {
    this.state = 'waiting';
    this.interest.letGo();
    this.host.onWaiting(this);
    this.onWaiting();
    // Thousands that came together are over together.
    const onTimeUp = (): void => {
      this.isTimeUp = true;
      this.host.onTouched(this);
    };
    this.timer = this.host.clock.setTimer(this.params.maxWaitMs, onTimeUp, { background: true });
  }

  private finish(results: readonly ReadResult[]): void {
    const { context, host } = this;
    switch (context.kind) {
      case 'sessionless':
        this.answerWithoutSession(results);
        return;
      case 'full': {
        const { set, usesTopicIds } = context;
        const session = host.sessions.maybeCreate(host.clock.monotonicMs(), this.holder, set, usesTopicIds);
        if (!session) {
          this.answerWithoutSession(results);
          return;
        }
        this.begun = session;
        // All are told, whatever is news: the client knows nothing of the session before.
        this.inSteps(results.length, this.selectNews(results, session, new AnswerRoom()), () => {
          this.end(session);
          this.respond(session.id, results, ErrorCode.NONE);
        });
        return;
      }
      case 'incremental': {
        const { session } = context;
        if (session.epoch !== nextEpoch(context.requestEpoch)) {
          this.end();
          this.respond(session.id, [], ErrorCode.INVALID_FETCH_SESSION_EPOCH);
          return;
        }
        const room = new AnswerRoom(this.isPrivileged ? Infinity : this.interest.availableBytes);
        this.inSteps(results.length, this.selectNews(results, session, room), (news) => {
          this.end();
          this.respond(session.id, news, ErrorCode.NONE);
        });
      }
    }
  }

  private answerWithoutSession(results: readonly ReadResult[]): void {
    const room = new AnswerRoom();
    for (const result of results) room.take(result);
    this.hold(room);
    this.end();
    this.respond(INVALID_SESSION_ID, results, ErrorCode.NONE, this.answerDelayMs);
  }

  /** Until the answer is given, what it takes counts as what was read for it does. */
  private hold({ isCounted, bytes }: AnswerRoom): void {
    if (!isCounted || this.isPrivileged) return;
    this.interest.keepFound(bytes);
    this.interest.count();
  }

  /**
   * The results that tell the client something new. What has nothing more to tell rests; what there is no room to tell of does not, and has its turn
   * with the next request. In steps, between which the client may give up on the request: then nothing of it counts as told (`takeBack`).
   */
  private *selectNews(results: readonly ReadResult[], session: FetchSession, room: AnswerRoom): Steps<ReadResult[]> {
    const { set } = this.context;
    const { partitionsAStep } = this.host.slices;
    const news: ReadResult[] = [];
    const selected = (this.selected = { results, count: 0 });
    for (let at = 0; at < results.length; at++) {
      if (at % partitionsAStep === partitionsAStep - 1) {
        yield;
        if (this.state !== 'reading') return [];
      }
      const result = results[at]!;
      const { cached } = result;
      selected.count = at + 1;
      if (cached.mustRespond(result)) {
        if (!room.take(result)) continue;
        news.push(result);
        cached.answered(result);
        if (result.sizeInBytes > 0) set.moveToEnd(cached);
      }
      this.maybeRest(result, session);
    }
    if (room.isFull) {
      for (let at = 0; at < news.length; at++) {
        if (at % partitionsAStep === partitionsAStep - 1) {
          yield;
          if (this.state !== 'reading') return [];
        }
        set.moveToEnd(news[at]!.cached);
      }
    }
    this.selected = null;
    this.hold(room);
    return news;
  }

  /** The answer that was being made is not given: what was to be told in it is read and told again. */
  private takeBack(): void {
    const { selected } = this;
    this.selected = null;
    if (!selected) return;
    for (let at = 0; at < selected.count; at++) {
      const { cached } = selected.results[at]!;
      cached.untold();
      this.context.set.wake(cached);
    }
  }

  /** Only in a session does anything rest: other fetches are over with their answer. */
  private maybeRest(result: ReadResult, session: FetchSession | null): void {
    if (session && !session.isEnded) this.host.partitions.maybeRest(result, this.fetch);
  }

  /** Whatever is thrown on the way ends this fetch, and no other. */
  private guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.takeBack();
    this.dropBegun();
    if (this.state !== 'done') this.end();
    this.call.fail(error);
  }

  /** The client never hears of the session that was to begin. */
  private dropBegun(): void {
    if (this.begun) this.host.sessions.remove(this.begun);
  }

  /** Watches nothing any more, but for the session that goes on. */
  private end(begun: FetchSession | null = null): void {
    this.state = 'done';
    this.endWait();
    this.interest.end();
    const { set } = this.context;
    if (set.onTouched === this.touched) set.onTouched = null;
    const session = begun ?? this.session;
    if (!session || session.isEnded) this.host.partitions.release(set);
    this.host.onEnded(this, this.session);
  }
}
