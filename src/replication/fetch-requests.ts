import type { TopicPartition } from '../cluster/index.js';
import { ZERO_UUID, type Clock, type Timer } from '../common/index.js';
import { ErrorCode, type FetchRequest, type FetchResponseInput } from '../protocol/index.js';
import {
  Change,
  FetchSet,
  INVALID_SESSION_ID,
  newFetchContext,
  nextEpoch,
  type CachedPartition,
  type FetchContext,
  type FetchSession,
  type FetchSessionCache,
} from './core/fetch-session.js';
import type { FetchWatchers } from './delayed-operations.js';
import type { FetchReader, ReadResult } from './fetch-reader.js';
import {
  FIRST_VERSION_WITH_TOPIC_IDS,
  forgottenKeys,
  requestedPartitions,
  toResponses,
  type Answer,
} from './fetch-wire.js';
import type { FetchCallContext, FetchParams, FetchPartition, FetchPartitionResult } from './fetch.js';
import type { MetadataSource } from './ports.js';

export interface FetchRequestsOptions {
  readonly clock: Clock;
  readonly metadata: MetadataSource;
  readonly reader: FetchReader;
  readonly watchers: FetchWatchers;
  readonly sessions: FetchSessionCache;
  /** `fetch.max.bytes`. */
  readonly fetchMaxBytes: () => number;
}

/** Consumers may be sent to other replicas, and may ask followers, from this version on (KIP-392). */
const FIRST_VERSION_WITH_RACK = 11;

/**
 * Serves Fetch requests: finds the session, reads what may have something to tell, and waits when that is too little (Kafka's
 * `KafkaApis.handleFetchRequest`, `ReplicaManager.fetchMessages` and `DelayedFetch`).
 *
 * An idle follower's or consumer's fetch costs a timer and two small messages, whatever the number of partitions in its session.
 */
export class FetchRequests {
  private readonly waiting = new Set<FetchOperation>();
  private readonly bySession = new Map<FetchSession, FetchOperation>();
  private readonly touched = new Set<FetchOperation>();
  private isFlushScheduled = false;

  constructor(private readonly options: FetchRequestsOptions) {}

  /** Fetches that wait for data. */
  get numDelayed(): number {
    return this.waiting.size;
  }

  handle(
    request: FetchRequest,
    version: number,
    call: FetchCallContext,
    respond: (response: FetchResponseInput) => void,
  ): void {
    const { clock, sessions, watchers, metadata } = this.options;
    const sessionRequest = {
      version,
      sessionId: request.sessionId,
      epoch: request.sessionEpoch,
      partitions: requestedPartitions(request, version, metadata),
      forgotten: forgottenKeys(request, version),
    };
    const context = newFetchContext(sessions, clock.nowMs(), sessionRequest, (gone) => watchers.unwatch(gone));
    if (context.kind === 'error') {
      respond({ errorCode: ErrorCode[context.error], sessionId: INVALID_SESSION_ID, responses: [] });
      return;
    }
    if (context.kind === 'incremental') {
      // Added to the session, or named for the first time since their topic became known.
      for (const partition of context.set.dirty) watchers.watch(partition);
      // The client gave up on the request before: it is answered as Kafka answers a duplicate.
      this.bySession.get(context.session)?.abandon();
    }
    const usesTopicIds = version >= FIRST_VERSION_WITH_TOPIC_IDS;
    const params = this.paramsOf(request, version, call);
    const operation = new FetchOperation(this, params, context, call.authorize, (sessionId, answers, errorCode) =>
      respond({ errorCode, sessionId, responses: toResponses(answers, usesTopicIds) }),
    );
    if (context.kind === 'incremental') this.bySession.set(context.session, operation);
    operation.start();
  }

  /** A fetch without session. */
  fetchMessages(
    params: FetchParams,
    partitions: readonly FetchPartition[],
    authorize: (tp: TopicPartition) => number,
    onComplete: (results: FetchPartitionResult[]) => void,
  ): void {
    const requests = partitions.map(({ tp, topicId, ...rest }) => ({
      ...rest,
      topic: tp.topic,
      partition: tp.partition,
      topicId: topicId ?? ZERO_UUID,
    }));
    const context: FetchContext = { kind: 'sessionless', set: new FetchSet(requests) };
    const finish = (_sessionId: number, answers: readonly Answer[]): void =>
      onComplete(answers.map(({ result }) => result));
    new FetchOperation(this, params, context, authorize, finish).start();
  }

  /** Answers everything that waits with what there is, for a broker that stops. */
  completeAll(): void {
    for (const operation of [...this.waiting]) operation.complete();
  }

  // For FetchOperation.

  get clock(): Clock {
    return this.options.clock;
  }

  get reader(): FetchReader {
    return this.options.reader;
  }

  get sessions(): FetchSessionCache {
    return this.options.sessions;
  }

  watchAll(set: FetchSet): void {
    for (const partition of set.partitions.values()) this.options.watchers.watch(partition);
  }

  unwatchAll(set: FetchSet): void {
    for (const partition of set.partitions.values()) this.options.watchers.unwatch(partition);
  }

  startWaiting(operation: FetchOperation): void {
    this.waiting.add(operation);
  }

  ended(operation: FetchOperation, context: FetchContext): void {
    this.waiting.delete(operation);
    this.touched.delete(operation);
    if (context.kind === 'incremental' && this.bySession.get(context.session) === operation) {
      this.bySession.delete(context.session);
    }
  }

  /**
   * One of the operation's partitions changed. All fetches touched while the present events are handled are looked at together after
   * them, so that one answer carries what several requests appended.
   */
  scheduleCheck(operation: FetchOperation): void {
    this.touched.add(operation);
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    this.options.clock.defer(() => {
      this.isFlushScheduled = false;
      const operations = [...this.touched];
      this.touched.clear();
      for (const each of operations) each.maybeComplete();
    });
  }

  private paramsOf(request: FetchRequest, version: number, call: FetchCallContext): FetchParams {
    const replicaId = version >= 15 ? request.replicaState.replicaId : request.replicaId;
    const isFollower = replicaId >= 0;
    const allowed = Math.min(request.maxBytes, this.options.fetchMaxBytes());
    const maxBytes = isFollower ? allowed : Math.min(allowed, call.maxQuotaBytes ?? allowed);
    const client =
      !isFollower && version >= FIRST_VERSION_WITH_RACK
        ? { rackId: request.rackId, listenerName: call.listenerName }
        : null;
    return {
      replicaId,
      maxWaitMs: request.maxWaitMs,
      minBytes: Math.min(request.minBytes, maxBytes),
      maxBytes,
      isolation: isFollower ? 'LOG_END' : request.isolationLevel === 1 ? 'TXN_COMMITTED' : 'HIGH_WATERMARK',
      fetchOnlyLeader: isFollower || client === null,
      hardMaxBytesLimit: version <= 2,
      client,
    };
  }
}

type ServableContext = Exclude<FetchContext, { kind: 'error' }>;

/** One Fetch request from its arrival to its answer. */
class FetchOperation {
  private state: 'reading' | 'waiting' | 'done' = 'reading';
  private timer: Timer | null = null;

  constructor(
    private readonly requests: FetchRequests,
    private readonly params: FetchParams,
    private readonly context: ServableContext,
    private readonly authorize: (tp: TopicPartition) => number,
    private readonly respond: (sessionId: number, answers: readonly Answer[], errorCode: number) => void,
  ) {}

  start(): void {
    const { set } = this.context;
    const partitions = [...set.dirty];
    const requestMs = this.requests.clock.nowMs();
    this.read(partitions, true, (results) => {
      // Only now: what a resting follower is asked about its last fetch is the one before this.
      set.times.lastFetchTimeMs = requestMs;
      this.afterFirstRead(partitions, results);
    });
  }

  /** A partition changed while the fetch waits. */
  maybeComplete(): void {
    if (this.state !== 'waiting') return;
    let available = 0;
    for (const partition of this.context.set.dirty) {
      available += this.requests.reader.availableBytes(this.params, partition);
      if (available >= this.params.minBytes) return this.complete();
    }
  }

  /** Reads once more and answers: there is enough now, or the time is up. */
  complete(): void {
    if (this.state !== 'waiting') return;
    this.stopWaiting();
    this.state = 'reading';
    const { set, kind } = this.context;
    const partitions = kind === 'incremental' ? [...set.dirty] : [...set.partitions.values()];
    this.read(partitions, false, (results) => this.finish(partitions, results));
  }

  /** The client has sent another request in the same session without waiting for this one. */
  abandon(): void {
    if (this.state === 'done') return;
    this.stopWaiting();
    this.end();
    const sessionId = this.context.kind === 'incremental' ? this.context.session.id : INVALID_SESSION_ID;
    this.respond(sessionId, [], ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  }

  private read(
    partitions: readonly CachedPartition[],
    updateFetchState: boolean,
    then: (results: readonly ReadResult[]) => void,
  ): void {
    const results = this.requests.reader.readAll(this.params, partitions, this.authorize, updateFetchState);
    if (!(results instanceof Promise)) {
      then(results);
      return;
    }
    // Reads answer with error codes; what rejects is a breach of ours, and ends the process as an unhandled rejection.
    void results.then((read) => {
      if (this.state === 'reading') then(read);
    });
  }

  private afterFirstRead(partitions: readonly CachedPartition[], results: readonly ReadResult[]): void {
    const { params, context } = this;
    let bytes = 0;
    let isUrgent = params.maxWaitMs <= 0 || context.set.partitions.size === 0;
    for (const result of results) {
      bytes += result.sizeInBytes;
      if (result.errorCode !== ErrorCode.NONE || result.divergingEpoch || result.preferredReadReplica !== -1) {
        isUrgent = true;
      }
    }
    if (isUrgent || bytes >= params.minBytes) {
      this.finish(partitions, results);
      return;
    }
    if (context.kind === 'incremental') {
      partitions.forEach((partition, at) => {
        const result = results[at]!;
        if (!partition.mustRespond(result)) this.maybeRest(partition, result);
      });
    }
    this.wait(partitions, results);
  }

  private wait(partitions: readonly CachedPartition[], results: readonly ReadResult[]): void {
    const { set, kind } = this.context;
    this.state = 'waiting';
    this.requests.startWaiting(this);
    if (kind !== 'incremental') {
      this.requests.watchAll(set);
      // From here on `dirty` holds what has bytes or changes while we wait; all partitions are read again in the end.
      partitions.forEach((partition, at) => {
        if (results[at]!.sizeInBytes === 0) set.rest(partition);
      });
    }
    const isFollowing = this.params.isolation === 'LOG_END';
    // As in Kafka a new high watermark alone does not wake a follower, nor an append a consumer: it cannot read that yet.
    const wakesOn = Change.State | (isFollowing ? Change.Appended : Change.HighWatermark);
    set.onTouched = (_partition, change) => {
      if ((change & wakesOn) !== 0) this.requests.scheduleCheck(this);
    };
    this.timer = this.requests.clock.setTimer(this.params.maxWaitMs, () => this.complete(), { background: true });
  }

  private stopWaiting(): void {
    this.timer?.cancel();
    this.context.set.onTouched = null;
  }

  private finish(partitions: readonly CachedPartition[], results: readonly ReadResult[]): void {
    const { context, requests } = this;
    this.end();
    const answers = partitions.map((cached, at) => ({ cached, result: results[at]! }));
    switch (context.kind) {
      case 'sessionless':
        requests.unwatchAll(context.set);
        this.respond(INVALID_SESSION_ID, answers, ErrorCode.NONE);
        return;
      case 'full': {
        const isFollower = this.params.replicaId >= 0;
        const { clock, sessions } = requests;
        const session = sessions.maybeCreate(clock.nowMs(), isFollower, context.set, context.usesTopicIds);
        if (session) this.beginSession(answers);
        else requests.unwatchAll(context.set);
        this.respond(session?.id ?? INVALID_SESSION_ID, answers, ErrorCode.NONE);
        return;
      }
      case 'incremental':
        if (context.session.epoch !== nextEpoch(context.requestEpoch)) {
          this.respond(context.session.id, [], ErrorCode.INVALID_FETCH_SESSION_EPOCH);
          return;
        }
        this.respond(context.session.id, this.selectNews(answers), ErrorCode.NONE);
    }
  }

  private beginSession(answers: readonly Answer[]): void {
    const { set } = this.context;
    this.requests.watchAll(set);
    for (const { cached, result } of answers) {
      set.dirty.add(cached);
      cached.answered(result);
      if (result.sizeInBytes > 0) set.moveToEnd(cached);
      else this.maybeRest(cached, result);
    }
  }

  /** The answers that tell the client something new. What has nothing more to tell rests. */
  private selectNews(answers: readonly Answer[]): Answer[] {
    const { set } = this.context;
    const news: Answer[] = [];
    for (const answer of answers) {
      const { cached, result } = answer;
      if (cached.mustRespond(result)) {
        news.push(answer);
        cached.answered(result);
        if (result.sizeInBytes > 0) set.moveToEnd(cached);
      }
      this.maybeRest(cached, result);
    }
    return news;
  }

  private maybeRest(partition: CachedPartition, result: ReadResult): void {
    if (!result.canRest || partition.changes !== result.changes) return;
    const { set } = this.context;
    set.rest(partition);
    if (!result.replica) return;
    result.replica.restIn(set.times);
    partition.restingReplica = result.replica;
  }

  private end(): void {
    this.state = 'done';
    this.requests.ended(this, this.context);
  }
}
