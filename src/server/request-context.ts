import { rateLimited, type Logger, type SliceLimits } from '../common/index.js';
import type { Request } from '../network/index.js';
import {
  ApiKey,
  apiOf,
  encodeResponseFrameUpTo,
  ErrorCode,
  errorMessage,
  type ApiDescription,
} from '../protocol/index.js';
import {
  authorizedOperations,
  CLUSTER_RESOURCE,
  type AclOperation,
  type AuthorizableContext,
  type Principal,
  type Resource,
} from '../security/index.js';
import { answerTurnsOf, SMALL_ANSWER_BYTES, UNKNOWN_ANSWER_BYTES, type AnswerTurn } from './answer-turns.js';
import { AnswerWriting, NoRoomForAnswer } from './answer-writing.js';
import { AbandonedError, endedOrAbandoned, type Wait } from './awaited.js';
import { senderOf, sliceLimitsOf, type LargeRequest } from './large-requests.js';
import type { BrokerServices } from './services.js';

/** A request as a whole is refused: its answer carries this code, and a message where it has room for one. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly errorCode: number,
    message = errorMessage(errorCode),
  ) {
    super(message);
  }
}

/** What keeps no more while it waits is as much a part of its connection. */
const UNCOUNTED_WAITING_BYTES = 4 * 1024;

/**
 * So many elements of a request, or of an answer, are decoded or encoded at once: well under a millisecond. What has more goes in steps, and
 * others are served between them.
 */
export const MAX_ELEMENTS_AT_ONCE = 2000;
/** At most: an answer that is not known to be large is made of what its request names, before it can tell that it has to wait. */
const MADE_ANSWER_BYTES = MAX_ELEMENTS_AT_ONCE * 200;

/**
 * A request with the broker's parts at hand: `({ topics }, { authorize, metadata, replicas }) => …`. Lives until the answer is given.
 */
export class RequestContext<ResI extends object = object> implements AuthorizableContext, BrokerServices {
  private isAnswered = false;
  /** While a large answer is made and written, or waits for that. */
  private turn: AnswerTurn | null = null;
  private answerDelayMs = 0;
  /** What it keeps while it waits is counted by those it waits for, or by its handler. */
  isCountedElsewhere = false;
  private countedBytes = 0;
  private placeAtZooKeeper: LargeRequest | null = null;

  constructor(
    readonly request: Request,
    private readonly services: BrokerServices,
    /** For a handler that answers later: ends the request with whatever was thrown on the way, as if `run` had thrown it. */
    readonly fail: (error: unknown) => void,
    /** Its part of the memory for large requests; null for others. */
    private readonly place: LargeRequest | null = null,
  ) {}

  /** Its place counts for it, whatever it waits for. */
  get isLarge(): boolean {
    return this.place !== null;
  }

  /** How what it does in steps shares turns with others. */
  get sliceLimits(): SliceLimits | undefined {
    return sliceLimitsOf(senderOf(apiOf(this.apiKey)!, this.request.header));
  }

  get apiKey(): number {
    return this.request.header.apiKey;
  }
  get apiVersion(): number {
    return this.request.header.apiVersion;
  }
  get correlationId(): number {
    return this.request.header.correlationId;
  }
  get clientId(): string | null {
    return this.request.header.clientId;
  }
  get principal(): Principal {
    return this.request.principal;
  }
  get clientAddress(): string {
    return this.request.connection.clientAddress;
  }
  get listenerName(): string {
    return this.request.connection.listenerName;
  }

  get brokerId(): number {
    return this.services.brokerId;
  }
  get clusterId(): string {
    return this.services.clusterId;
  }
  get config(): BrokerServices['config'] {
    return this.services.config;
  }
  get clock(): BrokerServices['clock'] {
    return this.services.clock;
  }
  get random(): BrokerServices['random'] {
    return this.services.random;
  }
  get logger(): BrokerServices['logger'] {
    return this.services.logger;
  }
  get stateChangeLogger(): BrokerServices['stateChangeLogger'] {
    return this.services.stateChangeLogger;
  }
  get metrics(): BrokerServices['metrics'] {
    return this.services.metrics;
  }
  get metadata(): BrokerServices['metadata'] {
    return this.services.metadata;
  }
  get replicas(): BrokerServices['replicas'] {
    return this.services.replicas;
  }
  get largeRequests(): BrokerServices['largeRequests'] {
    return this.services.largeRequests;
  }
  get controlOrder(): BrokerServices['controlOrder'] {
    return this.services.controlOrder;
  }
  get logs(): BrokerServices['logs'] {
    return this.services.logs;
  }
  get hasLogsOfItsCluster(): boolean {
    return this.services.hasLogsOfItsCluster;
  }
  get topicConfigs(): BrokerServices['topicConfigs'] {
    return this.services.topicConfigs;
  }
  get groups(): BrokerServices['groups'] {
    return this.services.groups;
  }
  get stores(): BrokerServices['stores'] {
    return this.services.stores;
  }
  get autoTopicCreation(): BrokerServices['autoTopicCreation'] {
    return this.services.autoTopicCreation;
  }
  get producerIds(): BrokerServices['producerIds'] {
    return this.services.producerIds;
  }
  get controller(): BrokerServices['controller'] {
    return this.services.controller;
  }
  get topicAdmin(): BrokerServices['topicAdmin'] {
    return this.services.topicAdmin;
  }
  get configAdmin(): BrokerServices['configAdmin'] {
    return this.services.configAdmin;
  }
  get authorizer(): BrokerServices['authorizer'] {
    return this.services.authorizer;
  }
  get quotas(): BrokerServices['quotas'] {
    return this.services.quotas;
  }
  get offeredApis(): BrokerServices['offeredApis'] {
    return this.services.offeredApis;
  }
  get finalizedFeaturesEpoch(): number {
    return this.services.finalizedFeaturesEpoch;
  }
  get brokerEpoch(): bigint {
    return this.services.brokerEpoch;
  }
  onFatalError(error: unknown): void {
    this.services.onFatalError(error);
  }

  /** Whether the sender may do this. A field and not a method, so that handlers can take it out of the context. */
  readonly authorize = (operation: AclOperation, resource: Resource): boolean =>
    this.services.authorizer.authorize(this, operation, resource);

  /** Throws CLUSTER_AUTHORIZATION_FAILED unless the sender is a broker (`authorizeClusterOperation`). */
  readonly authorizeClusterAction = (): void => {
    if (!this.authorize('CLUSTER_ACTION', CLUSTER_RESOURCE)) throw new ApiError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  };

  /** The bits of what the sender may do with the resource. */
  readonly authorizedOperations = (resource: Resource): number =>
    authorizedOperations(this.services.authorizer, this, resource);

  /** Sends the answer, the first one that is given. The sender's use of request time is metered here. */
  readonly respond = (body: ResI): void => {
    if (this.isAnswered) return;
    this.isAnswered = true;
    const { services, request } = this;
    const throttleMs = services.quotas.recordAndThrottleMs(
      'request',
      this,
      services.clock.monotonicMs() - request.receivedMs,
    );
    const answer = throttleMs > 0 && 'throttleTimeMs' in body ? { ...body, throttleTimeMs: throttleMs } : body;
    const { apiKey, apiVersion, correlationId } = request.header;
    let chunks: Buffer[] | null;
    try {
      chunks = encodeResponseFrameUpTo(MAX_ELEMENTS_AT_ONCE, apiKey, apiVersion, correlationId, answer);
    } catch (error) {
      this.onUnencodable(error);
      return;
    }
    let bytes = UNKNOWN_ANSWER_BYTES;
    if (chunks) {
      bytes = chunks.reduce((sum, { length }) => sum + length, 0);
      if (bytes <= SMALL_ANSWER_BYTES || !isCounted(apiKey) || request.claimAnswer(bytes)) {
        this.send(chunks);
        return;
      }
    }
    const write = (): void => {
      const onWritten = (chunks: Buffer[]): void => this.send(chunks);
      const onError = (error: unknown): void => this.onUnencodable(error);
      const keepsOthersWaiting = (): boolean => answerTurnsOf(services.clock, apiKey).waiters > 0;
      const isAnswerCounted = isCounted(apiKey);
      const options = { isCounted: isAnswerCounted, limits: this.sliceLimits, keepsOthersWaiting, onWritten, onError };
      new AnswerWriting(services.clock, request, answer, options).goOn();
    };
    request.endsWhenAbandoned = true;
    if (request.isAbandoned) request.respondNothing();
    else if (this.turn || !isCounted(apiKey)) write();
    else {
      this.countWhileWaiting(MADE_ANSWER_BYTES);
      this.takeTurn(bytes, write);
    }
  };

  /** The answer is not to be sent earlier than so long after it is made. Nothing but its bytes is kept meanwhile. */
  delayAnswer(delayMs: number): void {
    this.answerDelayMs = delayMs;
  }

  private send(chunks: Buffer[]): void {
    const { request, answerDelayMs } = this;
    if (answerDelayMs <= 0) return request.respondEncoded(chunks);
    if (request.isAbandoned) return request.respondNothing();
    request.endsWhenAbandoned = true;
    this.place?.leaveToOthers();
    const timer = this.clock.setTimer(answerDelayMs, () => request.respondEncoded(chunks), { background: true });
    this.whenEnded(() => timer.cancel());
  }

  /** Does what brings about a large answer when others leave room for it; not at all when the client is gone before. */
  takeTurn(bytes: number, begin: () => void): void {
    const { request } = this;
    const { endsWhenAbandoned } = request;
    if (request.isAbandoned) return request.respondNothing();
    request.endsWhenAbandoned = true;
    this.whenEnded(() => this.leaveTurn());
    const onBegin = (): void => {
      request.endsWhenAbandoned = endsWhenAbandoned;
      begin();
    };
    this.turn = { address: this.clientAddress, bytes, begin: onBegin };
    answerTurnsOf(this.clock, this.apiKey).enter(this.turn);
  }

  /** Others are waited for before there is an answer. */
  leaveTurn(): void {
    const { turn } = this;
    this.turn = null;
    if (turn) answerTurnsOf(this.clock, this.apiKey).leave(turn);
  }

  /** An answer that does not encode is a bug of ours, or a field that an old version cannot carry. */
  private onUnencodable(error: unknown): void {
    if (error instanceof NoRoomForAnswer) {
      this.close('Closed a connection for an answer that there is no room for', error);
      return;
    }
    const api = apiOf(this.apiKey)!.name;
    this.errorLogger.error(`Cannot encode an answer of ${api}`, {
      version: this.apiVersion,
      error,
    });
    this.close('Closed a connection: its answer does not encode', error);
  }

  /** The request cannot be answered. */
  close(reason: string, error: unknown): void {
    this.isAnswered = true;
    this.request.closeConnection(reason, error);
  }

  /**
   * Waits for what others do, members of a group or followers say, after which nothing is left but to answer. What the request holds keeps no one
   * waiting meanwhile; when its connection is closed, it is over.
   */
  awaitOthers<T>(wait: Wait<T>): Promise<T> {
    this.leaveToOthers();
    return endedOrAbandoned(wait, this.request);
  }

  /**
   * Does what asks ZooKeeper, or the controller, which does, when it is its turn among its like: while ZooKeeper is away it has no end, and keeps no one
   * waiting who does not need ZooKeeper. It is over with its connection until it has its turn, and again when `ask` has ended.
   */
  async atZooKeeper<T>(ask: () => Promise<T>): Promise<T> {
    const { request } = this;
    // When its handler has returned it is known what a small request keeps.
    await Promise.resolve();
    if (request.isEnded) throw new AbandonedError();
    const place = this.place ?? this.placeFor(UNCOUNTED_WAITING_BYTES + this.countedBytes);
    this.placeAtZooKeeper = place;
    const endIfAbandoned = (): void => {
      request.endsWhenAbandoned = true;
      if (request.isAbandoned) request.respondNothing();
    };
    endIfAbandoned();
    await new Promise<void>((resolve) => {
      place.askZooKeeper(() => {
        request.endsWhenAbandoned = false;
        resolve();
      });
    });
    try {
      return await ask();
    } finally {
      place.leaveToOthers();
      endIfAbandoned();
    }
  }

  /** @internal What is left to do is somebody else's. */
  leaveToOthers(): void {
    const { request } = this;
    if (request.isAbandoned) request.respondNothing();
    else request.endsWhenAbandoned = true;
    // An answer that was given already waits for it, or has it.
    if (!this.isAnswered) this.leaveTurn();
    this.place?.leaveToOthers();
    this.placeAtZooKeeper?.leaveToOthers();
  }

  /**
   * Counts what it keeps while it waits, if it is no large request, whose place counts for all of it. There is no bound to how
   * many such wait: others may be cut off, or this one.
   */
  countWhileWaiting(keptBytes: number): void {
    const { request, clientId } = this;
    const bytes = keptBytes + 2 * (clientId?.length ?? 0);
    const furtherBytes = bytes - this.countedBytes;
    if (this.place || request.isAbandoned || request.isEnded || furtherBytes <= UNCOUNTED_WAITING_BYTES) return;
    this.countedBytes = bytes;
    this.placeFor(furtherBytes).leaveToOthers();
  }

  /** For a request that is not large. */
  private placeFor(bytes: number): LargeRequest {
    const { request, clientAddress, apiKey } = this;
    const place = this.largeRequests.request(senderOf(apiOf(apiKey)!, request.header), clientAddress, bytes, {
      onEntered: () => undefined,
      onPushedOut: () => request.pushOut('Closed a connection for requests that waited while memory is short'),
    });
    this.whenEnded(() => place.leave());
    return place;
  }

  /** Besides what is to be done then already. */
  private whenEnded(act: () => void): void {
    const { request } = this;
    const { onEnded } = request;
    request.onEnded = () => {
      act();
      onEnded?.();
    };
  }

  /** For what a client can cause as often as he likes. */
  private get errorLogger(): Logger {
    const { logger, clock } = this.services;
    let limited = errorLoggers.get(logger);
    if (!limited) errorLoggers.set(logger, (limited = rateLimited(logger, clock, ERROR_LINES_PER_MINUTE)));
    return limited;
  }

  /** @internal */
  logUnexpected(api: ApiDescription, error: unknown): void {
    this.errorLogger.error(`Unexpected error handling a request of ${api.name}`, {
      version: this.apiVersion,
      connection: this.request.connection.id,
      error,
    });
  }
}

/** How often the same sentence about a request that failed is written. */
const ERROR_LINES_PER_MINUTE = 5;
/** By the logger of its broker. */
const errorLoggers = new WeakMap<Logger, Logger>();

/** A fetch is as large as there is room for; what brokers ask is about as large as what they send, and waits for no client. */
function isCounted(apiKey: number): boolean {
  return apiKey !== ApiKey.Fetch && apiKey !== ApiKey.OffsetForLeaderEpoch && !apiOf(apiKey)!.clusterAction;
}
