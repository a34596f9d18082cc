import {
  alterClientQuotasRequest,
  apiVersionsResponse,
  controlledShutdownRequest,
  fromJson,
  metadataRequest,
  printJson,
  produceRequest,
  ProtocolError,
  saslAuthenticateRequest,
  toJson,
  type JsonValue,
} from '../../../src/protocol/index.js';

test('fields that the version lacks are left out, tagged ones also when they equal their default', () => {
  const decoded = apiVersionsResponse.decode(apiVersionsResponse.encode({ finalizedFeaturesEpoch: 7n }, 3), 3);
  expect(toJson(apiVersionsResponse, decoded, 3)).toEqual({
    errorCode: 0,
    apiKeys: [],
    throttleTimeMs: 0,
    finalizedFeaturesEpoch: 7,
  });
  expect(toJson(apiVersionsResponse, decoded, 0)).toEqual({ errorCode: 0, apiKeys: [] });
});

test('int64 is a plain number, whatever its size', () => {
  const message = { brokerId: 1, brokerEpoch: -9223372036854775807n };
  const decoded = controlledShutdownRequest.decode(controlledShutdownRequest.encode(message, 3), 3);
  expect(printJson(toJson(controlledShutdownRequest, decoded, 3))).toBe(
    '{"brokerId":1,"brokerEpoch":-9223372036854775807}',
  );
});

test('bytes and records are base64', () => {
  const json = {
    transactionalId: null,
    acks: 1,
    timeoutMs: 2,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: 'AQI=' }] }],
  };
  const bytes = produceRequest.encode(fromJson(produceRequest, json), 9);
  expect(toJson(produceRequest, produceRequest.decode(bytes, 9), 9)).toEqual(json);
});

test('a float that JSON has no number for is its name', () => {
  const entries = [NaN, Infinity, -Infinity, -0].map((value) => ({ ops: [{ value }] }));
  const decoded = alterClientQuotasRequest.decode(alterClientQuotasRequest.encode({ entries }, 1), 1);
  const json = toJson(alterClientQuotasRequest, decoded, 1);
  expect(printJson(json).match(/"value":[^,]*/g)).toEqual([
    '"value":"NaN"',
    '"value":"Infinity"',
    '"value":"-Infinity"',
    '"value":-0.0',
  ]);
  expect(alterClientQuotasRequest.encode(fromJson(alterClientQuotasRequest, json), 1)).toEqual(
    alterClientQuotasRequest.encode({ entries: decoded.entries }, 1),
  );
});

test.each<[string, JsonValue]>([
  ['no object', 'x'],
  ['an unknown name', { nope: 1 }],
  ['a name of every object', { constructor: 1 }],
  ['a fraction', { brokerId: 1.5 }],
  ['a string for a number', { brokerId: 'one' }],
  ['an integer too large for its type', { brokerId: 2147483648 }],
  ['an integer too large for any', { brokerEpoch: 9223372036854775808n }],
])('refuses %s', (_what, json) => {
  expect(() => controlledShutdownRequest.encode(fromJson(controlledShutdownRequest, json), 3)).toThrow(ProtocolError);
});

test('refuses what is no array, no uuid, no base64', () => {
  expect(() => fromJson(metadataRequest, { topics: {} })).toThrow(ProtocolError);
  expect(() => fromJson(metadataRequest, { topics: [{ topicId: 'short' }] })).toThrow(ProtocolError);
  expect(() => fromJson(saslAuthenticateRequest, { authBytes: '****' })).toThrow(ProtocolError);
});
