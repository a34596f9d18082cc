/** One request through the dispatcher to its handler, against services that the test gives. */
import type { Request } from '../../../src/network/index.js';
import { silentLogger, type Clock } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { decodeRequestHeader, decodeResponseFrame } from '../../../src/protocol/index.js';
import { noQuotas } from '../../../src/security/index.js';
import { ControlOrder } from '../../../src/server/control-order.js';
import { API_HANDLERS } from '../../../src/server/index.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { RequestDispatcher } from '../../../src/server/request-dispatcher.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { frameOf, requestOf } from './request-of.js';

export interface Outcome {
  answer: unknown;
  /** Why the connection was closed; null while it is open. */
  closed: string | null;
  /** The next request of the connection was let through before this one was answered. */
  isNextAllowed: boolean;
}

export interface RequestCall {
  readonly apiKey: number;
  readonly version: number;
  readonly body: object;
  readonly clientId?: string;
  readonly clientAddress?: string;
  /** `OPERATION TYPE NAME` that the sender may not do; `*` for all. */
  readonly denied?: readonly string[];
  readonly services: object;
  /** How large a fetch may be. */
  readonly availableAnswerBytes?: () => number;
  /** Asked for room for an answer, or so much more of it. */
  readonly claimAnswer?: (bytes: number) => boolean;
  readonly unclaimAnswer?: (bytes: number) => void;
  /** Called before the request is handed out. */
  readonly onRequest?: (request: Request) => void;
}

export async function call({
  apiKey,
  version,
  body,
  clientId = 'c',
  clientAddress = '127.0.0.1',
  denied = [],
  services,
  availableAnswerBytes = () => 1 << 20,
  claimAnswer = () => true,
  unclaimAnswer = () => undefined,
  onRequest = () => undefined,
}: RequestCall): Promise<Outcome> {
  const outcome: Outcome = { answer: null, closed: null, isNextAllowed: false };
  const frame = frameOf(apiKey, version, body, clientId);
  const header = decodeRequestHeader(frame);
  const request = requestOf(
    frame,
    {
      answered: (_request, chunks) => {
        if (chunks)
          outcome.answer = decodeResponseFrame(header.apiKey, version, Buffer.concat(chunks).subarray(4)).body;
      },
      refused: (reason) => {
        outcome.closed = reason;
      },
      allowNext: () => {
        outcome.isNextAllowed = true;
      },
      availableAnswerBytes,
      claimAnswer,
      unclaimAnswer,
    },
    { clientAddress },
  );
  const authorizer = {
    authorize: (_sender: object, operation: string, { type, name }: { type: string; name: string }) =>
      !denied.includes('*') && !denied.includes(`${operation} ${type} ${name}`),
  };
  const clock = (services as { readonly clock?: Clock }).clock ?? new SimulatedClock();
  const all = {
    clock,
    largeRequests: new LargeRequests(clock, 1e9),
    logger: silentLogger,
    stateChangeLogger: silentLogger,
    quotas: noQuotas,
    controlOrder: new ControlOrder(),
    metadata: { contains: () => true, topicId: () => '' },
    authorizer,
    brokerEpoch: 5n,
    ...services,
  };
  onRequest(request);
  new RequestDispatcher(API_HANDLERS, all as unknown as BrokerServices).dispatch(request);
  // As the connection does when the handler has returned.
  request.handedOut({ releaseMemory: () => undefined, end: () => undefined });
  await settle();
  return outcome;
}
