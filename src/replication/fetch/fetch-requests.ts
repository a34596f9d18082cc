import { runAtOnce, startInSlices, type Clock, type Steps } from '../../common/index.js';
import { ErrorCode, type FetchRequest, type FetchResponseInput } from '../../protocol/index.js';
import {
  INVALID_SESSION_ID,
  isFullRequest,
  newFetchContextInSteps,
  type FetchSession,
  type FetchSessionCache,
} from '../core/fetch-session.js';
import { FetchOperation, type FetchOperationHost, type FetchResponder } from './fetch-operation.js';
import { sliceLimitsOf, type FetchSlices } from './fetch-slices.js';
import { forgottenKeys, requestedPartitions, toResponses } from './fetch-wire.js';
import type { FetchCallContext, FetchParams, FetchResponseHandler, FetchUnderWay } from './fetch.js';
import type { MetadataSource } from '../ports.js';
import { TouchedFetches } from './touched-fetches.js';
import type { WatchedPartitions } from './watched-partitions.js';

export interface FetchRequestsOptions {
  readonly clock: Clock;
  readonly metadata: MetadataSource;
  readonly partitions: WatchedPartitions;
  readonly sessions: FetchSessionCache;
  /** `fetch.max.bytes`. */
  readonly fetchMaxBytes: () => number;
  readonly slices: FetchSlices;
}

/** The rack of a fetch is kept while that waits. A longer one is that of no broker. */
const MAX_RACK_LENGTH = 255;
/** Consumers may be sent to other replicas, and may ask followers, from this version on (KIP-392). */
const FIRST_VERSION_WITH_RACK = 11;

/**
 * Serves Fetch requests: finds the session, and lets a `FetchOperation` read what may have something to tell, or wait when that is too
 * little (Kafka's `KafkaApis.handleFetchRequest` and `ReplicaManager.fetchMessages`).
 *
 * An idle follower's or consumer's fetch costs a timer and two small messages, whatever the number of partitions in its session.
 */
export class FetchRequests {
  private readonly waiting = new Set<FetchOperation>();
  private readonly bySession = new Map<FetchSession, FetchOperation>();
  private readonly touched: Record<'ofBrokers' | 'ofClients', TouchedFetches>;
  private arrivals = 0;
  private readonly host: FetchOperationHost;

  constructor(private readonly options: FetchRequestsOptions) {
    const { clock, partitions, sessions, slices } = options;
    this.touched = {
      ofBrokers: new TouchedFetches(clock, sliceLimitsOf(slices, true)),
      ofClients: new TouchedFetches(clock, sliceLimitsOf(slices, false)),
    };
    this.host = {
      clock,
      slices,
      partitions,
      sessions,
      nextArrival: () => ++this.arrivals,
      onWaiting: (operation) => this.waiting.add(operation),
      onTouched: (operation) => this.touchedLike(operation).add(operation),
      onEnded: (operation, session) => this.ended(operation, session),
    };
  }

  /** Fetches that wait for data. */
  get numDelayed(): number {
    return this.waiting.size;
  }

  handle(
    request: FetchRequest,
    version: number,
    call: FetchCallContext,
    respond: FetchResponseHandler,
  ): FetchUnderWay | null {
    const { clock, slices } = this.options;
    if (namedPartitions(request) <= slices.partitionsAtOnce) {
      return underWay(runAtOnce(this.begin(request, version, call, respond)));
    }
    const begun = new LargeFetch();
    const limits = sliceLimitsOf(slices, isPrivileged(replicaIdOf(request, version), call));
    const steps = this.begin(request, version, call, respond, begun.onWaiting);
    startInSlices(clock, steps, (operation) => begun.onBegun(operation), call.fail, limits);
    return begun;
  }

  private *begin(
    request: FetchRequest,
    version: number,
    call: FetchCallContext,
    respond: FetchResponseHandler,
    onWaiting: () => void = () => undefined,
  ): Steps<FetchOperation | null> {
    const { clock, sessions, partitions, metadata, slices } = this.options;
    const sessionRequest = {
      version,
      sessionId: request.sessionId,
      epoch: request.sessionEpoch,
      partitions: yield* requestedPartitions(request, version, metadata),
      forgotten: yield* forgottenKeys(request, version),
    };
    // A client that begins again is through with what it had asked for in its old session.
    const replaced = isFullRequest(request.sessionEpoch) ? sessions.get(request.sessionId) : undefined;
    if (replaced) this.bySession.get(replaced)?.abandon();
    const nowMs = clock.monotonicMs();
    const context = yield* newFetchContextInSteps(sessions, nowMs, sessionRequest, {
      onForgotten: (gone) => partitions.unwatch(gone),
      // The client gave up on the request before: it is answered as Kafka answers a duplicate.
      onTaken: (session) => this.bySession.get(session)?.abandon(),
      partitionsAStep: slices.partitionsAStep,
    });
    if (context.kind === 'error') {
      respond({ errorCode: ErrorCode[context.error], sessionId: INVALID_SESSION_ID, responses: [] });
      return null;
    }
    const params = this.paramsOf(request, version, call);
    const onAnswer: FetchResponder = (sessionId, results, errorCode, delayMs = 0) => {
      const onResponses = (responses: FetchResponseInput['responses']): void =>
        respond({ errorCode, sessionId, responses }, delayMs);
      const steps = toResponses(results, version);
      if (results.length <= slices.partitionsAtOnce) onResponses(runAtOnce(steps));
      else startInSlices(clock, steps, onResponses, call.fail, sliceLimitsOf(slices, params.privileged));
    };
    const operation = new FetchOperation(this.host, params, context, call, onAnswer, onWaiting);
    if (context.kind === 'incremental') this.bySession.set(context.session, operation);
    operation.start();
    return operation;
  }

  /**
   * The session was closed or evicted; a request that is served in it lets go of its partitions when it ends. One that waits ends soon: its
   * partitions count no more.
   */
  onSessionRemoved(session: FetchSession): void {
    const operation = this.bySession.get(session);
    if (operation) this.options.clock.defer(() => operation.complete());
    else this.options.partitions.release(session.set);
  }

  /** Answers everything that waits with what there is, for a broker that stops. */
  completeAll(): void {
    for (const operation of [...this.waiting]) operation.complete();
  }

  private ended(operation: FetchOperation, session: FetchSession | null): void {
    this.waiting.delete(operation);
    this.touchedLike(operation).delete(operation);
    if (session && this.bySession.get(session) === operation) this.bySession.delete(session);
  }

  private touchedLike({ isPrivileged }: FetchOperation): TouchedFetches {
    return isPrivileged ? this.touched.ofBrokers : this.touched.ofClients;
  }

  private paramsOf(request: FetchRequest, version: number, call: FetchCallContext): FetchParams {
    const replicaId = replicaIdOf(request, version);
    const isFollower = replicaId >= 0;
    const allowed = Math.min(request.maxBytes, this.options.fetchMaxBytes());
    const { room } = call;
    const client =
      !isFollower && version >= FIRST_VERSION_WITH_RACK
        ? { rackId: request.rackId.slice(0, MAX_RACK_LENGTH), listenerName: call.listenerName }
        : null;
    return {
      replicaId,
      privileged: isPrivileged(replicaId, call),
      maxWaitMs: request.maxWaitMs,
      minBytes: Math.min(request.minBytes, allowed, room?.availableBytes() ?? allowed),
      maxBytes: allowed,
      ...(room && { room }),
      isolation: isFollower ? 'LOG_END' : request.isolationLevel === 1 ? 'TXN_COMMITTED' : 'HIGH_WATERMARK',
      fetchOnlyLeader: isFollower || client === null,
      hardMaxBytesLimit: version <= 2,
      client,
    };
  }
}

function replicaIdOf({ replicaState, replicaId }: FetchRequest, version: number): number {
  return version >= 15 ? replicaState.replicaId : replicaId;
}

function isPrivileged(replicaId: number, { mayReplicate }: FetchCallContext): boolean {
  return replicaId >= 0 && mayReplicate;
}

function namedPartitions({ topics, forgottenTopicsData }: FetchRequest): number {
  let count = topics.length + forgottenTopicsData.length;
  for (const { partitions } of topics) count += partitions.length;
  for (const { partitions } of forgottenTopicsData) count += partitions.length;
  return count;
}

function underWay(operation: FetchOperation | null): FetchUnderWay | null {
  return operation === null || operation.isDone ? null : operation;
}

/** A fetch of so many partitions that it does not begin within the call. */
class LargeFetch implements FetchUnderWay {
  private operation: FetchOperation | null = null;
  private isGivenUp = false;
  onWaiting: () => void = () => undefined;
  readonly isBeginning = new Promise<void>((resolve) => (this.onWaiting = resolve));

  onBegun(operation: FetchOperation | null): void {
    this.operation = operation;
    if (this.isGivenUp) operation?.giveUp();
  }

  giveUp(): void {
    this.isGivenUp = true;
    this.onWaiting();
    this.operation?.giveUp();
  }
}
