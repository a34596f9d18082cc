import type { Clock, Timer } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import {
  INVALID_SESSION_ID,
  nextEpoch,
  type FetchContext,
  type FetchSession,
  type FetchSessionCache,
} from './core/fetch-session.js';
import type { CachedPartition } from './core/fetch-set.js';
import { Change } from './core/partition-change.js';
import type { FetchRead, ReadResult } from './fetch-reader.js';
import type { Answer } from './fetch-wire.js';
import type { FetchCallContext, FetchParams } from './fetch.js';
import type { WatchedPartitions } from './watched-partitions.js';

export type ServableContext = Exclude<FetchContext, { kind: 'error' }>;

/** What an operation needs of those who look after all of them. */
export interface FetchOperationHost {
  readonly clock: Clock;
  readonly partitions: WatchedPartitions;
  readonly sessions: FetchSessionCache;
  onWaiting(operation: FetchOperation): void;
  /** One of its partitions changed while it waits: `maybeComplete` is to be called soon. */
  onTouched(operation: FetchOperation): void;
  onEnded(operation: FetchOperation, session: FetchSession | null): void;
}

/** How a fetch is answered. `answers` are all its partitions, or in a session those with something new. */
export type FetchResponder = (sessionId: number, answers: readonly Answer[], errorCode: number) => void;

/**
 * One Fetch request from its arrival to its answer (Kafka's `DelayedFetch`, with what `KafkaApis` does around it). It ends once: with an
 * answer, or with `call.fail` when something is thrown that should not be.
 */
export class FetchOperation {
  private state: 'reading' | 'waiting' | 'done' = 'reading';
  private timer: Timer | null = null;
  private readonly fetch: FetchRead;
  /** What was refused before its log was asked. It makes nobody hurry, and nothing that happens can make it available. */
  private readonly refused = new Set<CachedPartition>();
  private readonly wakesOn: number;
  private readonly touched = (change: number): void => {
    if (this.state === 'waiting' && (change & this.wakesOn) !== 0) this.host.onTouched(this);
  };

  constructor(
    private readonly host: FetchOperationHost,
    private readonly params: FetchParams,
    private readonly context: ServableContext,
    private readonly call: FetchCallContext,
    private readonly respond: FetchResponder,
  ) {
    this.fetch = { params, authorize: call.authorize, isOver: () => this.state === 'done' };
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
    this.read(true, (partitions, results, isLater) => {
      // Only now: what a resting follower is asked about its last fetch is the one before this.
      set.times.lastFetchTimeMs = requestMs;
      this.afterFirstRead(partitions, results, isLater);
    });
  }

  /** A partition changed while the fetch waits. */
  maybeComplete(): void {
    this.guarded(() => {
      if (this.state !== 'waiting') return;
      let available = 0;
      for (const partition of this.context.set.dirty) {
        if (this.refused.has(partition)) continue;
        available += this.host.partitions.availableBytes(partition, this.fetch);
        if (available >= this.params.minBytes) return this.complete();
      }
    });
  }

  /** Reads once more and answers: there is enough now, or the time is up. */
  complete(): void {
    if (this.state !== 'waiting') return;
    this.timer?.cancel();
    this.state = 'reading';
    this.read(false, (partitions, results) => this.finish(partitions, results));
  }

  /** The client has sent another request in the same session without waiting for this one. */
  abandon(): void {
    if (this.state === 'done') return;
    this.end();
    this.respond(this.session?.id ?? INVALID_SESSION_ID, [], ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  }

  /** Reads what may have something to tell. With `isFirst` followers' positions are recorded: once a request, not again after it waited. */
  private read(
    isFirst: boolean,
    then: (partitions: readonly CachedPartition[], results: readonly ReadResult[], isLater: boolean) => void,
  ): void {
    this.guarded(() => {
      const partitions = [...this.context.set.dirty];
      const results = this.host.partitions.read(partitions, { ...this.fetch, updateFetchState: isFirst });
      if (!(results instanceof Promise)) {
        then(partitions, results, false);
        return;
      }
      results.then(
        (read) =>
          this.guarded(() => {
            if (this.state === 'reading') then(partitions, read, true);
          }),
        (error: unknown) => this.fail(error),
      );
    });
  }

  private afterFirstRead(
    partitions: readonly CachedPartition[],
    results: readonly ReadResult[],
    isLater: boolean,
  ): void {
    const { params, context } = this;
    let bytes = 0;
    let isUrgent = params.maxWaitMs <= 0;
    results.forEach((result, at) => {
      bytes += result.sizeInBytes;
      if (result.isRefusedBeforehand) this.refused.add(partitions[at]!);
      else if (result.errorCode !== ErrorCode.NONE || result.divergingEpoch || result.preferredReadReplica !== -1) {
        isUrgent = true;
      }
    });
    const hasNoneToWaitFor = this.refused.size === context.set.partitions.size;
    if (isUrgent || hasNoneToWaitFor || bytes >= params.minBytes) {
      this.finish(partitions, results);
      return;
    }
    partitions.forEach((partition, at) => {
      const result = results[at]!;
      if (!partition.mustRespond(result)) this.maybeRest(partition, result, this.session);
    });
    this.wait();
    // What came while the disk was read has woken no one: the fetch was not waiting yet.
    if (isLater) this.maybeComplete();
  }

  private wait(): void {
    this.state = 'waiting';
    this.host.onWaiting(this);
    this.timer = this.host.clock.setTimer(this.params.maxWaitMs, () => this.complete(), { background: true });
  }

  private finish(partitions: readonly CachedPartition[], results: readonly ReadResult[]): void {
    const { context, host } = this;
    const answers = partitions.map((cached, at) => ({ cached, result: results[at]! }));
    switch (context.kind) {
      case 'sessionless':
        this.end();
        this.respond(INVALID_SESSION_ID, answers, ErrorCode.NONE);
        return;
      case 'full': {
        const isFollower = this.params.replicaId >= 0;
        const session = host.sessions.maybeCreate(
          host.clock.monotonicMs(),
          isFollower,
          context.set,
          context.usesTopicIds,
        );
        if (session) this.selectNews(answers, session);
        this.end(session);
        this.respond(session?.id ?? INVALID_SESSION_ID, answers, ErrorCode.NONE);
        return;
      }
      case 'incremental': {
        const { session } = context;
        const isOvertaken = session.epoch !== nextEpoch(context.requestEpoch);
        const news = isOvertaken ? [] : this.selectNews(answers);
        this.end();
        this.respond(session.id, news, isOvertaken ? ErrorCode.INVALID_FETCH_SESSION_EPOCH : ErrorCode.NONE);
      }
    }
  }

  /** The answers that tell the client something new. What has nothing more to tell rests. */
  private selectNews(answers: readonly Answer[], session = this.session): Answer[] {
    const { set } = this.context;
    const news: Answer[] = [];
    for (const answer of answers) {
      const { cached, result } = answer;
      if (cached.mustRespond(result)) {
        news.push(answer);
        cached.answered(result);
        if (result.sizeInBytes > 0) set.moveToEnd(cached);
      }
      this.maybeRest(cached, result, session);
    }
    return news;
  }

  /** Only in a session does anything rest: other fetches are over with their answer. */
  private maybeRest(partition: CachedPartition, result: ReadResult, session: FetchSession | null): void {
    if (session && !session.isEnded) this.host.partitions.maybeRest(partition, result, this.fetch);
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
    if (this.state !== 'done') this.end();
    this.call.fail(error);
  }

  /** Watches nothing any more, but for the session that goes on. */
  private end(begun: FetchSession | null = null): void {
    this.state = 'done';
    this.timer?.cancel();
    const { set } = this.context;
    if (set.onTouched === this.touched) set.onTouched = null;
    const session = begun ?? this.session;
    if (!session || session.isEnded) this.host.partitions.release(set);
    this.host.onEnded(this, this.session);
  }
}
