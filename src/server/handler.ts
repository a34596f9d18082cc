import { AssertionError, startInSlices, type Steps } from '../common/index.js';
import type { Request } from '../network/index.js';
import {
  ApiKey,
  apiOf,
  encodeResponseFrameInSteps,
  encodeResponseFrameUpTo,
  ErrorCode,
  errorMessage,
  ProtocolError,
  type ApiDescription,
  type MessageType,
} from '../protocol/index.js';
import {
  authorizedOperations,
  CLUSTER_RESOURCE,
  type AclOperation,
  type AuthorizableContext,
  type Principal,
  type Resource,
} from '../security/index.js';
import { errorResponse, type RequestError } from './error-responses.js';
import { LargeRequests, senderOf } from './large-requests.js';
import { oneAtATime } from './one-at-a-time.js';
import type { BrokerServices } from './services.js';

/** An answer up to this size is sent whatever others have not read: it is no more than what an address may always fetch. */
const UNCOUNTED_ANSWER_BYTES = 64 * 1024;

/** There is no room for the answer beside those that clients do not read, or no one waits for it any more. */
class NoRoomForAnswer extends Error {}

/** The one who handles requests of one API. */
export interface ApiHandler {
  readonly api: ApiDescription;
  handle(request: Request, services: BrokerServices): void;
}

/** What a handler returns when it answers later itself, by `respond`, `respondNothing` or `closeConnection`. */
export const LATER = Symbol('answered later');

/** What a handler may give: the answer, or steps or a promise that come to it. */
export type Outcome<ResI> =
  ResI | typeof LATER | Promise<ResI | typeof LATER> | Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>>;

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

/**
 * So many elements of a request, or of an answer, are decoded or encoded at once: well under a millisecond. What has more goes in steps, and
 * others are served between them.
 */
const MAX_ELEMENTS_AT_ONCE = 2000;

export interface HandlerOptions {
  /** The handler reads the frame after it has returned, and says itself when it does no more (`Request.letMemoryGo`). */
  readonly keepsFrame?: boolean;
}

/**
 * Describes how an API is served: `run` gets the decoded request and its context, and gives the answer, steps or a promise that come to it, or
 * `LATER`. Bodies that do not decode cost the connection. An `ApiError` is answered with its code, any other error with
 * UNKNOWN_SERVER_ERROR, its stack in the log, by `errorResponse`. An `AssertionError` ends the connection, and the broker.
 *
 * No request takes the thread for long: one of thousands of elements is decoded in steps once there is memory for it (`LargeRequests`), and
 * its connection's next request waits meanwhile.
 */
export function handler<Req, ReqI, Res extends object, ResI extends object>(
  requestType: MessageType<Req, ReqI>,
  _responseType: MessageType<Res, ResI>,
  run: (request: Req, context: RequestContext<ResI>) => Outcome<ResI>,
  { keepsFrame = false }: HandlerOptions = {},
): ApiHandler {
  const api = apiOf(requestType.apiKey ?? -1)!;

  const serve = (body: Req, context: RequestContext<ResI>): void => {
    let outcome: Outcome<ResI>;
    try {
      outcome = run(body, context);
    } catch (error) {
      context.fail(error);
      return;
    }
    settle(outcome, context, context.fail);
  };

  /** What was thrown is the end of the request in any case: with an answer, or with its connection. */
  const fail = (error: unknown, body: Req, context: RequestContext<ResI>): void => {
    if (!(error instanceof ApiError)) context.logUnexpected(api, error);
    if (error instanceof AssertionError) {
      context.close(`Closed a connection: ${api.name} failed`, error);
      context.onFatalError(error);
      return;
    }
    const giveUp = (further: unknown): void => {
      context.logUnexpected(api, further);
      context.close(`Closed a connection: ${api.name} failed`, further);
    };
    try {
      const answer = errorResponse<Req, ResI>(api.key, body, requestErrorOf(error), context.apiVersion);
      if (answer) settle(answer, context, giveUp);
      else context.close(`Closed a connection: ${api.name} has no answer for an error`, error);
    } catch (further) {
      giveUp(further);
    }
  };

  const refuse = (error: unknown, request: Request): void =>
    request.closeConnection('Closed a connection for a request that does not decode', error);

  const serveLarge = (request: Request, services: BrokerServices): void => {
    const { header, frame } = request;
    const { apiVersion, bodyOffset } = header;
    const { clock, largeRequests } = services;
    const onError = (error: unknown): void => {
      if (!(error instanceof ProtocolError)) services.logger.error('Cannot decode a request', { api: api.name, error });
      refuse(error, request);
    };
    request.holdMemory();
    const measured = requestType.measureInSteps(frame, apiVersion, bodyOffset);
    const onMeasured = (size: { readonly elements: number; readonly heapBytes: number }): void => {
      const bytes = LargeRequests.bytesOf(size);
      if (bytes > largeRequests.maxBytes) {
        const what = `${api.name} of ${size.elements} elements`;
        request.closeConnection('Closed a connection for a request of more elements than there is memory for', what);
        return;
      }
      largeRequests.enter(senderOf(api, header), bytes, (leave) => {
        const onDecoded = (body: Req): void => {
          const context: RequestContext<ResI> = new RequestContext<ResI>(
            request,
            services,
            (error) => fail(error, body, context),
            () => {
              leave();
              if (!keepsFrame) request.letMemoryGo();
            },
          );
          serve(body, context);
        };
        const onMalformed = (error: unknown): void => {
          leave();
          onError(error);
        };
        startInSlices(clock, requestType.decodeInSteps(frame, apiVersion, bodyOffset), onDecoded, onMalformed);
      });
    };
    startInSlices(clock, measured, onMeasured, onError);
  };

  return {
    api,
    handle(request, services) {
      const { apiVersion, bodyOffset } = request.header;
      let body: Req | null;
      try {
        body = requestType.decodeUpTo(MAX_ELEMENTS_AT_ONCE, request.frame, apiVersion, bodyOffset);
      } catch (error) {
        // A bug of ours is not for the client to pay for in silence: the dispatcher's caller reports it.
        if (!(error instanceof ProtocolError)) throw error;
        refuse(error, request);
        return;
      }
      if (body === null) {
        serveLarge(request, services);
        return;
      }
      const decoded = body;
      const context: RequestContext<ResI> = new RequestContext<ResI>(request, services, (error) =>
        fail(error, decoded, context),
      );
      serve(decoded, context);
    },
  };
}

/** Brings an outcome to its answer. */
function settle<ResI extends object>(
  outcome: Outcome<ResI> | Promise<ResI | typeof LATER>,
  context: RequestContext<ResI>,
  onError: (error: unknown) => void,
): void {
  if (outcome === LATER) context.handled();
  else if (outcome instanceof Promise) outcome.then((answer) => settle(answer, context, onError), onError);
  else if (isSteps(outcome)) {
    startInSlices(context.clock, outcome, (result) => settle(result, context, onError), onError);
  } else context.respond(outcome);
}

function isSteps<ResI extends object>(
  outcome: ResI | Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>>,
): outcome is Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>> {
  return Symbol.iterator in outcome;
}

/** A fetch is as large as there is room for; what brokers ask is about as large as what they send, and waits for no client. */
function isCounted(apiKey: number): boolean {
  return apiKey !== ApiKey.Fetch && apiKey !== ApiKey.OffsetForLeaderEpoch && !apiOf(apiKey)!.clusterAction;
}

/** What the client is told: nothing of what is inside of us. */
function requestErrorOf(error: unknown): RequestError {
  if (!(error instanceof ApiError)) return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null };
  const { errorCode, message } = error;
  return { errorCode, message: message === errorMessage(errorCode) ? null : message };
}

/**
 * A request with the broker's parts at hand: `({ topics }, { authorize, metadata, replicas }) => …`. Lives until the answer is given.
 */
export class RequestContext<ResI extends object = object> implements AuthorizableContext, BrokerServices {
  private isAnswered = false;

  constructor(
    readonly request: Request,
    private readonly services: BrokerServices,
    /** For a handler that answers later: ends the request with whatever was thrown on the way, as if `run` had thrown it. */
    readonly fail: (error: unknown) => void,
    /** For a request that counts until it is handled: called once, when it waits for nothing but others, or has ended. */
    private onHandled: (() => void) | null = null,
  ) {}

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
    try {
      const chunks = encodeResponseFrameUpTo(MAX_ELEMENTS_AT_ONCE, apiKey, apiVersion, correlationId, answer);
      if (chunks) {
        this.claim(chunks.reduce((bytes, { length }) => bytes + length, 0));
        request.respondEncoded(chunks);
        this.handled();
        return;
      }
    } catch (error) {
      this.onUnencodable(error);
      return;
    }
    if (isCounted(apiKey)) oneAtATime(services.clock, (done) => this.encodeInSlices(answer, done));
    else this.encodeInSlices(answer);
  };

  private encodeInSlices(answer: ResI, done: () => void = () => undefined): void {
    const { apiKey, apiVersion, correlationId } = this.request.header;
    let unclaimedBytes = 0;
    const onGrowth = (bytes: number): void => {
      unclaimedBytes = this.claim(unclaimedBytes + bytes);
    };
    startInSlices(
      this.services.clock,
      encodeResponseFrameInSteps(apiKey, apiVersion, correlationId, answer, onGrowth),
      (chunks) => {
        done();
        this.request.respondEncoded(chunks);
        this.handled();
      },
      (error) => {
        done();
        this.onUnencodable(error);
      },
    );
  }

  /** Counts an answer, or so much more of it, unless it is small; returns what is left to be counted. Throws when there is no room for it. */
  private claim(bytes: number): number {
    if (bytes <= UNCOUNTED_ANSWER_BYTES || !isCounted(this.apiKey)) return bytes;
    if (!this.request.claimAnswer(bytes)) throw new NoRoomForAnswer(`${bytes} bytes`);
    return 0;
  }

  /** An answer that does not encode is a bug of ours, or a field that an old version cannot carry. */
  private onUnencodable(error: unknown): void {
    if (error instanceof NoRoomForAnswer) {
      this.close('Closed a connection for an answer that there is no room for', error);
      return;
    }
    this.services.logger.error('Cannot encode an answer', {
      api: apiOf(this.apiKey)?.name,
      version: this.apiVersion,
      error,
    });
    this.close('Closed a connection: its answer does not encode', error);
  }

  /** The request cannot be answered. */
  close(reason: string, error: unknown): void {
    this.isAnswered = true;
    this.request.closeConnection(reason, error);
    this.handled();
  }

  /** @internal What is left to do is somebody else's, or nothing. */
  handled(): void {
    const { onHandled } = this;
    this.onHandled = null;
    onHandled?.();
  }

  /** @internal */
  logUnexpected(api: ApiDescription, error: unknown): void {
    this.services.logger.error('Unexpected error handling a request', {
      api: api.name,
      version: this.apiVersion,
      connection: this.request.connection.id,
      error,
    });
  }
}
