/** What the Fetch handler tells of who asks, and when it answers. */
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { call } from './request-call.js';

interface Context {
  readonly mayReplicate: boolean;
  readonly clientAddress: string;
}

const contextOf = async (replicaId: number, version: number, denied: readonly string[]): Promise<Context> => {
  const seen: Context[] = [];
  const handleFetch = (_body: object, _version: number, context: Context, respond: (answer: object) => void): null => {
    seen.push(context);
    respond({ responses: [] });
    return null;
  };
  const body = version >= 15 ? { replicaState: { replicaId } } : { replicaId };
  await call({ apiKey: ApiKey.Fetch, version, body, denied, services: { replicas: { handleFetch } } });
  return seen[0]!;
};

const NO_BROKER = ['CLUSTER_ACTION CLUSTER kafka-cluster'];

test.each([
  { replicaId: 7, version: 12, denied: [], mayReplicate: true },
  { replicaId: 7, version: 15, denied: [], mayReplicate: true },
  { replicaId: 7, version: 12, denied: NO_BROKER, mayReplicate: false },
  { replicaId: 7, version: 15, denied: NO_BROKER, mayReplicate: false },
  { replicaId: -1, version: 12, denied: [], mayReplicate: false },
])('of replica $replicaId by v$version without $denied: it replicates $mayReplicate', async (one) => {
  const { mayReplicate, clientAddress } = await contextOf(one.replicaId, one.version, one.denied);
  expect([mayReplicate, clientAddress]).toEqual([one.mayReplicate, '127.0.0.1']);
});

describe('an answer that is to be kept back', () => {
  const fetch = async (clock: SimulatedClock) => {
    let request: Request | null = null;
    const handleFetch = (
      _body: object,
      _version: number,
      _context: object,
      respond: (a: object, ms: number) => void,
    ) => {
      respond({ responses: [], sessionId: 0 }, 250);
      return null;
    };
    const outcome = await call({
      apiKey: ApiKey.Fetch,
      version: 12,
      body: { replicaId: -1 },
      services: { clock, replicas: { handleFetch } },
      onRequest: (one) => (request = one),
    });
    return { outcome, request: request as unknown as Request };
  };

  test('is sent when its time has come, not before', async () => {
    const clock = new SimulatedClock();
    const { outcome } = await fetch(clock);
    await clock.advance(249);
    expect(outcome.answer).toBeNull();
    await clock.advance(1);
    expect(outcome.answer).not.toBeNull();
  });

  test("is no one's any more when the client is gone", async () => {
    const clock = new SimulatedClock();
    const { outcome, request } = await fetch(clock);
    const onEnded = jest.fn();
    request.onEnded = onEnded;
    request.abandon();
    expect(onEnded).toHaveBeenCalledTimes(1);
    await clock.advance(250);
    await settle();
    expect([outcome.answer, onEnded.mock.calls.length]).toEqual([null, 1]);
  });
});
