import { AssertionError, silentLogger, ZERO_UUID, type Steps } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import {
  ApiKey,
  decodeResponseFrame,
  ErrorCode,
  ProtocolError,
  type ApiDescription,
} from '../../../src/protocol/index.js';
import { noQuotas } from '../../../src/security/index.js';
import { ApiError, handler, LATER, type RequestContext } from '../../../src/server/handler.js';
import { API_HANDLERS } from '../../../src/server/index.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { isIn } from '../../../src/protocol/versions.js';
import { frameOf, requestOf } from './request-of.js';

type Shape = ApiDescription['request']['shape'];
type Field = Shape['fields'][string];

interface Outcome {
  answer: object | null;
  closed: string | null;
  fatal: unknown;
}

/** How a handler may fail. */
const WAYS: Record<
  string,
  (error: Error, context: RequestContext) => never | Promise<never> | Steps<never> | typeof LATER
> = {
  'at once': (error) => {
    throw error;
  },
  'in a later step': function* (error) {
    yield;
    throw error;
  },
  'in a promise': (error) => Promise.reject(error),
  'later by itself': (error, context) => {
    context.clock.defer(() => context.fail(error));
    return LATER;
  },
};

async function failing(
  api: ApiDescription,
  version: number,
  body: object,
  error: Error,
  way: (typeof WAYS)[string] = WAYS['at once']!,
): Promise<Outcome> {
  const outcome: Outcome = { answer: null, closed: null, fatal: null };
  const clock = new SimulatedClock();
  const frame = frameOf(api.key, version, body);
  const request = requestOf(frame, {
    answered: (_request, chunks) => {
      if (chunks) outcome.answer = decodeResponseFrame(api.key, version, Buffer.concat(chunks).subarray(4)).body;
    },
    refused: (reason) => void (outcome.closed = reason),
  });
  const services = {
    clock,
    largeRequests: new LargeRequests(clock, 1e9),
    logger: silentLogger,
    quotas: noQuotas,
    groups: { numGroups: 0, numMembers: () => 0, numOffsets: () => 0 },
    metadata: { numPartitionsInCluster: 0, numPartitions: () => undefined, topicName: () => undefined },
    onFatalError: (fatal: unknown) => void (outcome.fatal = fatal),
  };
  handler(api.request, api.response, (_body, context) => way(error, context)).handle(
    request,
    services as unknown as BrokerServices,
  );
  await clock.advance(10);
  await settle();
  return outcome;
}

/** A request that names two of everything, with values that are not defaults. */
function filled(shape: Shape, version: number, of = 'a'): Record<string, unknown> {
  const entries = Object.entries(shape.fields).flatMap(([name, field]) =>
    isIn(field.versions, version) ? [[name, valueOf(field, version, of)] as const] : [],
  );
  return Object.fromEntries(entries);
}

function valueOf(field: Field, version: number, of: string): unknown {
  switch (field.type) {
    case 'array':
      return ['a', 'b'].map((each) =>
        typeof field.element === 'string'
          ? valueOf({ type: field.element, versions: '0+' }, version, each)
          : filled(field.element!, version, each),
      );
    case 'struct':
      return filled(field.struct!, version, of);
    case 'string':
      return `name-${of}`;
    case 'uuid':
      return of === 'a' ? 'AAAAAAAAAAAAAAAAAAAAAQ' : 'AAAAAAAAAAAAAAAAAAAAAg';
    case 'bool':
      return false;
    case 'int64':
      return of === 'a' ? 1n : 2n;
    case 'bytes':
    case 'records':
      return Buffer.alloc(0);
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
    case 'float64':
      return of === 'a' ? 1 : 2;
  }
}

/** The codes of an answer by the depth at which they stand, of the fields that its version has. */
function codesOf(value: Record<string, unknown>, shape: Shape, version: number, depth = 0): number[][] {
  const codes: number[][] = [];
  for (const [name, field] of Object.entries(shape.fields)) {
    if (!isIn(field.versions, version)) continue;
    if (name === 'errorCode') (codes[depth] ??= []).push(value[name] as number);
    if (field.type !== 'array' || typeof field.element === 'string') continue;
    for (const item of (value[name] ?? []) as Record<string, unknown>[]) {
      codesOf(item, field.element!, version, depth + 1).forEach((inner, at) => (codes[at] ??= []).push(...inner));
    }
  }
  return codes;
}

type Version = number;
/** How many codes stand in the answer to a request that names two of everything: in itself, in what it lists, and in what that lists. */
const CODES: Record<string, (version: Version) => readonly [number, number, number]> = {
  Produce: () => [0, 0, 4],
  Fetch: (version) => (version >= 13 ? [1, 0, 0] : version >= 7 ? [1, 0, 4] : [0, 0, 4]),
  ListOffsets: () => [0, 0, 4],
  Metadata: () => [0, 2, 0],
  LeaderAndIsr: (version) => (version >= 5 ? [1, 0, 4] : version >= 2 ? [1, 4, 0] : [1, 2, 0]),
  StopReplica: (version) => (version >= 1 ? [1, 4, 0] : [1, 2, 0]),
  UpdateMetadata: () => [1, 0, 0],
  ControlledShutdown: () => [1, 0, 0],
  OffsetCommit: () => [0, 0, 4],
  OffsetFetch: (version) => (version >= 8 ? [0, 2, 0] : version >= 2 ? [1, 0, 0] : [0, 0, 4]),
  FindCoordinator: (version) => (version >= 4 ? [0, 2, 0] : [1, 0, 0]),
  JoinGroup: () => [1, 0, 0],
  Heartbeat: () => [1, 0, 0],
  LeaveGroup: () => [1, 0, 0],
  SyncGroup: () => [1, 0, 0],
  DescribeGroups: () => [0, 2, 0],
  ListGroups: () => [1, 0, 0],
  ApiVersions: () => [1, 0, 0],
  CreateTopics: () => [0, 2, 0],
  DeleteTopics: () => [0, 2, 0],
  DeleteRecords: () => [0, 0, 4],
  InitProducerId: () => [1, 0, 0],
  OffsetForLeaderEpoch: () => [0, 0, 4],
  DescribeConfigs: () => [0, 2, 0],
  AlterConfigs: () => [0, 2, 0],
  CreatePartitions: () => [0, 2, 0],
  DeleteGroups: () => [0, 2, 0],
  ElectLeaders: (version) => [version >= 1 ? 1 : 0, 0, 4],
  IncrementalAlterConfigs: () => [0, 2, 0],
  OffsetDelete: () => [1, 0, 0],
  AlterPartition: () => [1, 0, 0],
  DescribeCluster: () => [1, 0, 0],
  AllocateProducerIds: () => [1, 0, 0],
};

const versions = API_HANDLERS.flatMap(({ api }) =>
  Array.from(
    { length: api.advertised!.max - api.advertised!.min + 1 },
    (_, at) => [api.name, api.advertised!.min + at, api] as const,
  ),
);

describe.each(versions)('%s v%i', (name, version, api) => {
  const body = filled(api.request.shape, version);

  test.each(Object.keys(WAYS))('that fails %s answers the error in every place there is for it', async (way) => {
    const { answer, closed } = await failing(api, version, body, new Error('a bug'), WAYS[way]!);
    expect(closed).toBeNull();
    const codes = codesOf(answer as Record<string, unknown>, api.response.shape, version);
    expect([0, 1, 2].map((depth) => codes[depth]?.length ?? 0)).toEqual(CODES[name]!(version));
    expect(new Set(codes.flat())).toEqual(new Set([ErrorCode.UNKNOWN_SERVER_ERROR]));
  });

  test('that is refused answers the refusal in the same places', async () => {
    const refusal = new ApiError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
    const { answer } = await failing(api, version, body, refusal);
    const codes = codesOf(answer as Record<string, unknown>, api.response.shape, version);
    expect(new Set(codes.flat())).toEqual(new Set([ErrorCode.CLUSTER_AUTHORIZATION_FAILED]));
  });

  test('that fails an assertion loses its connection, and the broker stops', async () => {
    const bug = new AssertionError('this cannot be');
    const { answer, closed, fatal } = await failing(api, version, body, bug);
    expect([answer, closed, fatal]).toEqual([null, `Closed a connection: ${name} failed`, bug]);
  });
});

test.each([
  ['a Produce that wants no answer', ApiKey.Produce, 9, { acks: 0, topicData: [] }],
  ['Metadata of all topics', ApiKey.Metadata, 9, { topics: null }],
  ['Metadata 0 of no topic, which are all', ApiKey.Metadata, 0, { topics: [] }],
  ['ElectLeaders 0 of all partitions', ApiKey.ElectLeaders, 0, { topicPartitions: null }],
])('%s has no place for an error: its connection is closed', async (_what, key, version, body) => {
  const { api } = API_HANDLERS.find((each) => each.api.key === key)!;
  const { answer, closed } = await failing(api, version, body, new Error('a bug'));
  expect([answer, closed]).toEqual([null, `Closed a connection: ${api.name} has no answer for an error`]);
});

test('what names the entities of an error is what named them in the request', async () => {
  const answerTo = async (key: number, version: number, body: object): Promise<unknown> => {
    const { api } = API_HANDLERS.find((each) => each.api.key === key)!;
    return (await failing(api, version, body, new Error('a bug'))).answer;
  };
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ';
  const errorCode = ErrorCode.UNKNOWN_SERVER_ERROR;
  expect(
    await answerTo(ApiKey.DeleteTopics, 6, {
      topics: [
        { name: null, topicId },
        { name: 't', topicId: ZERO_UUID },
      ],
    }),
  ).toMatchObject({
    responses: [
      { name: null, topicId, errorCode },
      { name: 't', topicId: ZERO_UUID, errorCode },
    ],
  });
  expect(await answerTo(ApiKey.DeleteTopics, 5, { topicNames: ['t', 'u'] })).toMatchObject({
    responses: [
      { name: 't', errorCode },
      { name: 'u', errorCode },
    ],
  });
  expect(await answerTo(ApiKey.Metadata, 12, { topics: [{ name: null, topicId }] })).toMatchObject({
    topics: [{ name: '', topicId, errorCode, isInternal: false }],
  });
  expect(
    await answerTo(ApiKey.StopReplica, 4, {
      topicStates: [{ topicName: 't', partitionStates: [{ partitionIndex: 3, leaderEpoch: 1 }] }],
    }),
  ).toMatchObject({ errorCode, partitionErrors: [{ topicName: 't', partitionIndex: 3, errorCode }] });
  expect(
    await answerTo(ApiKey.Fetch, 9, {
      sessionId: 7,
      sessionEpoch: 3,
      topics: [{ topic: 't', partitions: [{ partition: 5 }] }],
    }),
  ).toMatchObject({
    errorCode,
    sessionId: 7,
    responses: [{ topic: 't', partitions: [{ partitionIndex: 5, errorCode }] }],
  });
});

test("a handler's own ProtocolError is a failure of ours, and no malformed request of the client's", async () => {
  const { api } = API_HANDLERS.find((each) => each.api.key === ApiKey.JoinGroup)!;
  const { answer } = await failing(api, 5, {}, new ProtocolError('Malformed', 'a member sent nonsense long ago'));
  expect(answer).toMatchObject({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, generationId: -1 });
});
