/** A Fetch whose connection is closed before it is answered. */
import type { Request } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { call } from './request-call.js';

interface Fetched {
  readonly request: Request;
  givenUp: number;
}

async function fetch(onRequest: (request: Request) => void, isAnswered = false): Promise<Fetched> {
  let request: Request | null = null;
  const fetched = { givenUp: 0 };
  const replicas = {
    handleFetch: (_body: object, _version: number, _context: object, respond: (answer: object) => void) => {
      if (!isAnswered) return { giveUp: () => void fetched.givenUp++ };
      respond({ responses: [] });
      return null;
    },
  };
  await call({
    apiKey: ApiKey.Fetch,
    version: 12,
    body: { replicaId: -1 },
    services: { replicas },
    onRequest: (one) => {
      request = one;
      onRequest(one);
    },
  });
  return {
    request: request!,
    ...fetched,
    get givenUp() {
      return fetched.givenUp;
    },
  };
}

test('is given up, once', async () => {
  const fetched = await fetch(() => undefined);
  expect(fetched.givenUp).toBe(0);
  fetched.request.abandon();
  fetched.request.abandon();
  expect(fetched.givenUp).toBe(1);
});

test('is given up also when it was closed before the request was handed out', async () => {
  const fetched = await fetch((request) => request.abandon());
  expect(fetched.givenUp).toBe(1);
});

test('leaves nothing to be given up when it was answered within the call', async () => {
  const fetched = await fetch(() => undefined, true);
  expect(fetched.request.onAbandoned).toBeNull();
  fetched.request.abandon();
  expect(fetched.request.isAbandoned).toBe(false);
});
