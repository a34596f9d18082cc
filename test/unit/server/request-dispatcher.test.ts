import { ApiKey, decodeRequestHeader, decodeResponseFrame, encodeRequestFrame } from '../../../src/protocol/index.js';
import { API_HANDLERS } from '../../../src/server/index.js';
import { RequestDispatcher } from '../../../src/server/request-dispatcher.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { requestOf } from './request-of.js';

/** What becomes of a request that no handler may see: its answer, or why its connection was closed. */
function dispatch(frame: Buffer, handlers = API_HANDLERS): { answer: object | null; closed: string | null } {
  const outcome: { answer: object | null; closed: string | null } = { answer: null, closed: null };
  const header = decodeRequestHeader(frame);
  const request = requestOf(
    frame,
    {
      answered: (_request, chunks) =>
        void (outcome.answer = decodeResponseFrame(header.apiKey, 0, Buffer.concat(chunks!).subarray(4)).body),
      refused: (reason) => void (outcome.closed = reason),
    },
    { id: '127.0.0.1:9092-127.0.0.1:4711-0' },
  );
  new RequestDispatcher(handlers, {} as BrokerServices).dispatch(request);
  return outcome;
}

function frame(apiKey: number, version: number): Buffer {
  const bytes = Buffer.concat(encodeRequestFrame(apiKey, 0, 9, 'probe', {})).subarray(4);
  bytes.writeInt16BE(version, 2);
  return bytes;
}

describe('the request dispatcher', () => {
  test('answers a version of ApiVersions that it does not know in version 0, with those that it does', () => {
    expect(dispatch(frame(ApiKey.ApiVersions, 99)).answer).toMatchObject({
      errorCode: 35,
      apiKeys: [{ apiKey: ApiKey.ApiVersions, minVersion: 0, maxVersion: 3 }],
    });
  });

  test('closes the connection for an API that is not offered, known though it is', () => {
    expect(dispatch(frame(ApiKey.EndTxn, 0)).closed).toMatch('not offered');
  });

  test('closes the connection for an API that nobody serves here', () => {
    const others = API_HANDLERS.filter(({ api }) => api.key !== ApiKey.Metadata);
    expect(dispatch(frame(ApiKey.Metadata, 0), others).closed).toMatch('not offered');
  });
});
