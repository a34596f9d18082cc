import { AssertionError } from '../common/index.js';
import type { Request } from '../network/index.js';
import {
  apiOf,
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
import type { BrokerServices } from './services.js';

/** The one who handles requests of one API. */
export interface ApiHandler {
  readonly api: ApiDescription;
  handle(request: Request, services: BrokerServices): void;
}

/** What a handler returns when it answers later itself, by `respond`, `respondNothing` or `closeConnection`. */
export const LATER = Symbol('answered later');

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
 * Describes how an API is served: `run` gets the decoded request and its context, and gives the answer, a promise of it, or `LATER`.
 * Bodies that do not decode cost the connection. An `ApiError` becomes the answer's error code, any other error
 * UNKNOWN_SERVER_ERROR with its stack in the log; where the answer has no error code of its own, the connection is closed.
 */
export function handler<Req, ReqI, Res extends object, ResI extends object>(
  requestType: MessageType<Req, ReqI>,
  responseType: MessageType<Res, ResI>,
  run: (request: Req, context: RequestContext<ResI>) => ResI | Promise<ResI | typeof LATER> | typeof LATER,
): ApiHandler {
  const api = apiOf(requestType.apiKey ?? -1)!;
  const hasErrorCode = 'errorCode' in responseType.shape.fields;
  const hasErrorMessage = 'errorMessage' in responseType.shape.fields;

  const fail = (error: unknown, context: RequestContext<ResI>): void => {
    const { request } = context;
    if (error instanceof ApiError) {
      if (hasErrorCode) {
        const message = hasErrorMessage ? { errorMessage: error.message } : {};
        request.respond({ errorCode: error.errorCode, ...message });
      } else {
        request.closeConnection(`Closed a connection for a refused ${api.name} request`, error);
      }
      return;
    }
    context.logger.error('Unexpected error handling a request', {
      api: api.name,
      version: context.apiVersion,
      connection: request.connection.id,
      error,
    });
    if (error instanceof AssertionError) context.onFatalError(error);
    if (hasErrorCode) request.respond({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR });
    else request.closeConnection(`Closed a connection: ${api.name} failed`, error);
  };

  return {
    api,
    handle(request, services) {
      const { apiVersion, bodyOffset } = request.header;
      const context: RequestContext<ResI> = new RequestContext<ResI>(request, services, (error) =>
        fail(error, context),
      );
      try {
        const body = requestType.decode(request.frame, apiVersion, bodyOffset);
        const result = run(body, context);
        if (result === LATER) return;
        if (result instanceof Promise) {
          result.then(
            (answer) => {
              if (answer !== LATER) context.respond(answer);
            },
            (error: unknown) => fail(error, context),
          );
        } else {
          context.respond(result);
        }
      } catch (error) {
        if (error instanceof ProtocolError) {
          request.closeConnection('Closed a connection for a request that does not decode', error);
        } else {
          fail(error, context);
        }
      }
    },
  };
}

/**
 * A request with the broker's parts at hand: `({ topics }, { authorize, metadata, replicas }) => …`. Lives until the answer is given.
 */
export class RequestContext<ResI extends object = object> implements AuthorizableContext, BrokerServices {
  constructor(
    readonly request: Request,
    private readonly services: BrokerServices,
    /** For a handler that answers later: ends the request with whatever was thrown on the way, as if `run` had thrown it. */
    readonly fail: (error: unknown) => void,
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
    return this.request.connection.principal;
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

  /** Sends the answer. The sender's use of request time is metered here. */
  readonly respond = (body: ResI): void => {
    const { services, request } = this;
    const throttleMs = services.quotas.recordAndThrottleMs(
      'request',
      this,
      services.clock.monotonicMs() - request.receivedMs,
    );
    const answer = throttleMs > 0 && 'throttleTimeMs' in body ? { ...body, throttleTimeMs: throttleMs } : body;
    try {
      request.respond(answer);
    } catch (error) {
      // An answer that does not encode is a bug of ours, or a field that an old version cannot carry.
      services.logger.error('Cannot encode an answer', {
        api: apiOf(this.apiKey)?.name,
        version: this.apiVersion,
        error,
      });
      request.closeConnection('Closed a connection: its answer does not encode', error);
    }
  };
}
