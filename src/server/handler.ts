import { AssertionError, runAtOnce, startInSlices, type Steps } from '../common/index.js';
import type { Request } from '../network/index.js';
import {
  apiOf,
  ErrorCode,
  errorMessage,
  ProtocolError,
  type ApiDescription,
  type MessageSize,
  type MessageType,
} from '../protocol/index.js';
import { answerSizeOf } from './answer-sizes.js';
import { SMALL_ANSWER_BYTES } from './answer-turns.js';
import { AbandonedError } from './awaited.js';
import { errorResponse, isErrorOfRequest, type RequestError } from './error-responses.js';
import { LargeRequests, senderOf, sliceLimitsOf, type LargeRequest } from './large-requests.js';
import { ApiError, MAX_ELEMENTS_AT_ONCE, RequestContext } from './request-context.js';
import type { BrokerServices } from './services.js';

export { ApiError, RequestContext } from './request-context.js';

/** The one who handles requests of one API. */
export interface ApiHandler {
  readonly api: ApiDescription;
  handle(request: Request, services: BrokerServices): void;
}

/** A few long texts fill the memory as well as thousands of elements. */
const LARGE_FRAME_BYTES = 64 * 1024;
/** Whatever such a frame holds, little is kept of it. */
const SMALL_FRAME_BYTES = 128;

/** What a handler returns when it answers later itself, by `respond`, `respondNothing` or `closeConnection`. */
export const LATER = Symbol('answered later');

/** What a handler may give: the answer, or steps or a promise that come to it. */
export type Outcome<ResI> =
  ResI | typeof LATER | Promise<ResI | typeof LATER> | Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>>;

export interface HandlerOptions {
  /** The handler reads the frame after it has returned, and says itself when it does no more (`Request.letMemoryGo`). */
  readonly keepsFrame?: boolean;
  /** Lists of numbers are ids of brokers, which the handler keeps as they are. */
  readonly keepsNumbers?: boolean;
}

/**
 * Describes how an API is served: `run` gets the decoded request and its context, and gives the answer, steps or a promise that come to it, or
 * `LATER`. Bodies that do not decode cost the connection. An `ApiError` is answered with its code, any other error with
 * UNKNOWN_SERVER_ERROR, its stack in the log, by `errorResponse`. An `AssertionError` ends the connection, and the broker.
 *
 * No request takes the thread for long: one of thousands of elements, or of a large frame, is decoded in steps once there is memory for it
 * (`LargeRequests`), and its connection's next request waits meanwhile.
 */
export function handler<Req, ReqI, Res extends object, ResI extends object>(
  requestType: MessageType<Req, ReqI>,
  _responseType: MessageType<Res, ResI>,
  run: (request: Req, context: RequestContext<ResI>) => Outcome<ResI>,
  { keepsFrame = false, keepsNumbers = false }: HandlerOptions = {},
): ApiHandler {
  const api = apiOf(requestType.apiKey ?? -1)!;
  const answerBytes = answerSizeOf(requestType);
  // What waits for others for minutes, as members of groups do, does not keep what it came with.
  const isNamed = isErrorOfRequest(api.key);

  const serve = (body: Req, context: RequestContext<ResI>): void => {
    const bytes = answerBytes?.(body, context) ?? 0;
    if (bytes <= SMALL_ANSWER_BYTES) {
      begin(body, context);
      return;
    }
    if (!context.isLarge) context.countWhileWaiting(keptBytesOf(context.request, false));
    context.takeTurn(bytes, () => begin(body, context, true));
  };

  const begin = (body: Req, context: RequestContext<ResI>, isCounted = false): void => {
    let outcome: Outcome<ResI>;
    try {
      outcome = run(body, context);
    } catch (error) {
      context.fail(error);
      return;
    }
    if (isUnderWay(outcome) && !isCounted) countUnderWay(context);
    settle(outcome, context, context.fail);
  };

  /** It waits: for ZooKeeper, for its turns, for others. Done while its frame is at hand. */
  const countUnderWay = (context: RequestContext<ResI>): void => {
    const { isLarge, isCountedElsewhere, request } = context;
    // Who keeps his frame knows himself what he keeps.
    if (isLarge || isCountedElsewhere || keepsFrame || request.isEnded) return;
    if (request.frameBytes > SMALL_FRAME_BYTES) context.countWhileWaiting(keptBytesOf(request, true));
  };

  /** What a request keeps that is decoded: its frame too, of which it may have parts. */
  const keptBytesOf = ({ frame, header }: Request, isHandled: boolean): number => {
    const { apiVersion, bodyOffset } = header;
    const size = runAtOnce(requestType.measureInSteps(frame, apiVersion, bodyOffset));
    return frame.length + (isHandled ? LargeRequests.bytesOf(size, keepsNumbers) : size.heapBytes);
  };

  /** What was thrown is the end of the request in any case: with an answer, or with its connection. */
  const fail = (error: unknown, body: Req | null, context: RequestContext<ResI>): void => {
    if (error instanceof AbandonedError) return;
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

  const contextOf = (
    body: Req,
    request: Request,
    services: BrokerServices,
    place: LargeRequest | null,
  ): RequestContext<ResI> => {
    const named = isNamed ? body : null;
    const context: RequestContext<ResI> = new RequestContext<ResI>(
      request,
      services,
      (error) => fail(error, named, context),
      place,
    );
    return context;
  };

  const refuse = (error: unknown, request: Request): void =>
    request.closeConnection('Closed a connection for a request that does not decode', error);

  /** A few elements, if long ones, are decoded at once, as they are from a small frame. */
  function* decodeInSteps({ frame, header: { apiVersion, bodyOffset } }: Request): Steps<Req> {
    const body = requestType.decodeUpTo(MAX_ELEMENTS_AT_ONCE, frame, apiVersion, bodyOffset);
    return body ?? (yield* requestType.decodeInSteps(frame, apiVersion, bodyOffset));
  }

  const serveLarge = (request: Request, services: BrokerServices): void => {
    const { header, frameBytes } = request;
    const { apiVersion, bodyOffset } = header;
    const { clock, largeRequests } = services;
    const sender = senderOf(api, header);
    const limits = sliceLimitsOf(sender);
    const onError = (error: unknown): void => {
      if (!(error instanceof ProtocolError)) services.logger.error('Cannot decode a request', { api: api.name, error });
      refuse(error, request);
    };
    const decode = (place: LargeRequest): void => {
      const onDecoded = (body: Req): void => {
        // From here on the place counts for it.
        if (!keepsFrame) request.letMemoryGo();
        serve(body, contextOf(body, request, services, place));
      };
      // The frame is no name of this scope, which lives as long as the place does.
      startInSlices(clock, decodeInSteps(request), onDecoded, onError, limits);
    };
    const onMeasured = (size: MessageSize): void => {
      const bytes = LargeRequests.bytesOf(size, keepsNumbers) + (keepsFrame ? 0 : frameBytes);
      if (bytes > largeRequests.maxBytes) {
        const what = `${api.name} of ${size.elements} elements`;
        request.closeConnection('Closed a connection for a request of more elements than there is memory for', what);
        return;
      }
      if (request.isAbandoned) return request.respondNothing();
      // Until its turn has come.
      request.endsWhenAbandoned = true;
      const place = largeRequests.request(sender, request.connection.clientAddress, bytes, {
        onEntered: () => {
          request.endsWhenAbandoned = false;
          decode(place);
        },
        onPushedOut: () => request.pushOut('Closed a connection for a large request that waited while memory is short'),
      });
      request.onEnded = () => place.leave();
      place.enter();
    };
    request.holdMemory();
    const measured = requestType.measureInSteps(request.frame, apiVersion, bodyOffset);
    startInSlices(clock, measured, onMeasured, onError, limits);
  };

  return {
    api,
    handle(request, services) {
      const { apiVersion, bodyOffset } = request.header;
      if (request.frameBytes > LARGE_FRAME_BYTES && !keepsFrame) {
        serveLarge(request, services);
        return;
      }
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
      serve(body, contextOf(body, request, services, null));
    },
  };
}

/** Brings an outcome to its answer. */
function settle<ResI extends object>(
  outcome: Outcome<ResI> | Promise<ResI | typeof LATER>,
  context: RequestContext<ResI>,
  onError: (error: unknown) => void,
): void {
  if (outcome === LATER) context.leaveToOthers();
  else if (outcome instanceof Promise) {
    // What many wait for may come for all of them at one time: the answers are made in turns.
    outcome.then((answer) => settleInSlices(once(answer), context, onError), onError);
  } else if (isSteps(outcome)) settleInSlices(outcome, context, onError);
  else context.respond(outcome);
}

function settleInSlices<ResI extends object>(
  steps: Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>>,
  context: RequestContext<ResI>,
  onError: (error: unknown) => void,
): void {
  startInSlices(context.clock, steps, (result) => settle(result, context, onError), onError, context.sliceLimits);
}

function* once<T>(result: T): Steps<T> {
  return result;
}

/** Whether the answer comes later. */
function isUnderWay<ResI extends object>(outcome: Outcome<ResI>): boolean {
  return outcome === LATER || outcome instanceof Promise || isSteps(outcome as ResI);
}

function isSteps<ResI extends object>(
  outcome: ResI | Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>>,
): outcome is Steps<ResI | typeof LATER | Promise<ResI | typeof LATER>> {
  return Symbol.iterator in outcome;
}

/** What the client is told: nothing of what is inside of us. */
function requestErrorOf(error: unknown): RequestError {
  if (!(error instanceof ApiError)) return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null };
  const { errorCode, message } = error;
  return { errorCode, message: message === errorMessage(errorCode) ? null : message };
}
