/** Requests that bug reports of Kafka's users are about. What Kafka 3.6.1 answers to each stands in `recorded/reports.json`, by its title. */
import { fieldsOf } from '../../../src/protocol/codec/layout.js';
import {
  ApiKey,
  apiOf,
  toJson,
  type JsonObject,
  type JsonValue,
  type MessageType,
  type MetadataResponse,
  type OffsetFetchResponse,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import { ZERO_UUID } from '../../../src/common/index.js';
import { BatchBuilder, type CompressionType } from '../../../src/records/index.js';

export interface ReportCase {
  readonly title: string;
  readonly apiKey: number;
  readonly version: number;
  readonly body: object;
}

/** Sends one request; null when its connection ended instead. */
export type Ask = (apiKey: number, version: number, body: object) => Promise<object | null>;

/** The file of the recorded broker, but for its ports and folders. */
export const SETTINGS = {
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '2',
  'offsets.topic.replication.factor': '1',
  'group.initial.rebalance.delay.ms': '0',
  'num.partitions': '2',
};

const RECORDS = 6;
const MAX_INT64 = 2n ** 63n - 1n;

/** Records with the times 1000, 2000 … in a batch each. */
function batchAt(second: number, compression: CompressionType = 'none'): Buffer {
  const builder = new BatchBuilder({ compression });
  builder.append({ timestamp: 1000 * second, key: null, value: Buffer.alloc(100) });
  return builder.build();
}

const producing = (name: string, index: number, records: Buffer): object => ({
  transactionalId: null,
  acks: 1,
  timeoutMs: 5000,
  topicData: [{ name, partitionData: [{ index, records }] }],
});

/** Makes the topics that the cases are about, and fills them. Resolves with their ids. */
export async function setUp(ask: Ask): Promise<ReadonlyMap<string, string>> {
  const topic = (name: string, numPartitions: number, configs: object[] = []): object => ({
    ...{ name, numPartitions, configs, replicationFactor: 1, assignments: [] },
  });
  const topics = [
    // A segment for each record.
    topic('seg', 1, [{ name: 'segment.bytes', value: '200' }]),
    topic('x', 2),
    topic('x-', 3),
    topic('zstd', 1),
    topic('empty', 1),
    topic('produced', 2),
  ];
  await ask(ApiKey.CreateTopics, 5, { topics, timeoutMs: 10_000, validateOnly: false });
  const append = async (name: string, index: number, records: Buffer): Promise<void> => {
    for (;;) {
      const answer = (await ask(ApiKey.Produce, 7, producing(name, index, records))) as ProduceResponse;
      if (answer.responses[0]!.partitionResponses[0]!.errorCode === 0) return;
    }
  };
  for (let second = 1; second <= RECORDS; second++) {
    await append('seg', 0, batchAt(second));
    await append('x-', 1, batchAt(second));
  }
  await append('zstd', 0, batchAt(1, 'zstd'));
  for (;;) {
    await ask(ApiKey.FindCoordinator, 1, { key: 'offsets', keyType: 0 });
    const body = { groupId: 'offsets', topics: [], requireStable: false };
    if (((await ask(ApiKey.OffsetFetch, 7, body)) as OffsetFetchResponse).errorCode === 0) break;
  }
  const named = ['seg', 'x', 'x-', 'zstd', 'empty'].map((name) => ({ name, topicId: ZERO_UUID }));
  const answer = await ask(ApiKey.Metadata, 12, { topics: named, allowAutoTopicCreation: false });
  return new Map((answer as MetadataResponse).topics.map(({ name, topicId }) => [name!, topicId]));
}

/** In the order in which they are to be sent. `nowMs` is later than the topics were filled. */
export function reportCases(topicIds: ReadonlyMap<string, string>, nowMs: number): readonly ReportCase[] {
  const cases: ReportCase[] = [];
  const add = (title: string, apiKey: number, version: number, body: object): void =>
    void cases.push({
      ...{ title: `${apiOf(apiKey)!.name} v${version}: ${title}`, apiKey, version },
      body: inVersion(body, apiOf(apiKey)!.request.shape, version),
    });
  addListOffsets(add, BigInt(nowMs));
  addFetches(add, topicIds);
  addTopics(add);
  addGroups(add);
  addConfigs(add);
  addProduce(add);
  return cases;
}

type StructShape = MessageType<object, object>['shape'];

/** Without the fields that the version lacks. */
function inVersion(body: object, shape: StructShape, version: number): object {
  const absent = new Set(fieldsOf(shape, version).absent.map(({ name }) => name));
  const present = Object.entries(body).filter(([name]) => name in shape.fields && !absent.has(name));
  return Object.fromEntries(
    present.map(([name, value]: [string, unknown]) => {
      const { element } = shape.fields[name]!;
      if (typeof element !== 'object' || !Array.isArray(value)) return [name, value];
      return [name, value.map((each: object) => inVersion(each, element, version))];
    }),
  );
}

type Add = (title: string, apiKey: number, version: number, body: object) => void;

function addListOffsets(add: Add, now: bigint): void {
  const asking = (name: string, partition: object, more: object = {}): object => ({
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n, ...partition }] }],
    ...more,
  });
  const times: readonly (readonly [string, bigint])[] = [
    ['the latest', -1n],
    ['the earliest', -2n],
    ['time -3', -3n],
    ['the earliest local', -4n],
    ['time -5', -5n],
    ['time -100', -100n],
    ['time 0', 0n],
    ['time 5', 5n],
    ['now', now],
    ['later than now', now + 100_000n],
    ['the last time', MAX_INT64],
  ];
  for (const [what, timestamp] of times) {
    for (const maxNumOffsets of [100, 3, 1, 0]) {
      add(`${what}, at most ${maxNumOffsets}`, ApiKey.ListOffsets, 0, asking('seg', { timestamp, maxNumOffsets }));
    }
    for (const version of [1, 4, 8]) add(what, ApiKey.ListOffsets, version, asking('seg', { timestamp }));
    add(`${what} of an empty log`, ApiKey.ListOffsets, 0, asking('empty', { timestamp, maxNumOffsets: 5 }));
    add(`${what} of an empty log`, ApiKey.ListOffsets, 7, asking('empty', { timestamp }));
  }
  add('at most -1', ApiKey.ListOffsets, 0, asking('seg', { maxNumOffsets: -1 }));
  for (const replicaId of [-2, 7]) {
    add(`by replica ${replicaId}`, ApiKey.ListOffsets, 0, asking('seg', { maxNumOffsets: 9 }, { replicaId }));
  }
  for (const version of [0, 1, 5, 8]) {
    const each = { maxNumOffsets: 5 };
    add('a negative partition', ApiKey.ListOffsets, version, asking('x', { partitionIndex: -1, ...each }));
    add('a partition that is not there', ApiKey.ListOffsets, version, asking('x', { partitionIndex: 7, ...each }));
    add('a topic that is not there', ApiKey.ListOffsets, version, asking('nope', each));
    const twice = asking('seg', each) as { topics: object[] };
    add('a partition named twice', ApiKey.ListOffsets, version, {
      ...twice,
      topics: [...twice.topics, ...twice.topics],
    });
  }
  for (const version of [2, 5, 8]) {
    for (const isolationLevel of [1, 2, 9, -1, 127]) {
      add(`isolation level ${isolationLevel}`, ApiKey.ListOffsets, version, asking('seg', {}, { isolationLevel }));
    }
    const level9 = { isolationLevel: 9 };
    add('isolation level 9 by a replica', ApiKey.ListOffsets, version, asking('seg', {}, { ...level9, replicaId: -2 }));
    add('isolation level 9, topic that is not there', ApiKey.ListOffsets, version, asking('nope', {}, level9));
  }
  for (const currentLeaderEpoch of [-2, -5, 0, 5]) {
    add(`leader epoch ${currentLeaderEpoch}`, ApiKey.ListOffsets, 8, asking('seg', { currentLeaderEpoch }));
  }
  for (const [topic, partition] of [
    ['x', -1],
    ['x-', 1],
    ['x', 7],
    ['nope', 0],
  ] as const) {
    for (const version of [0, 2, 4]) {
      const partitions = [{ partition, currentLeaderEpoch: -1, leaderEpoch: 0 }];
      const body = { replicaId: -1, topics: [{ topic, partitions }] };
      add(`${topic} ${partition}`, ApiKey.OffsetForLeaderEpoch, version, body);
    }
  }
}

function addFetches(add: Add, topicIds: ReadonlyMap<string, string>): void {
  const partitionOf = (more: object): object => ({
    ...{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0n, lastFetchedEpoch: -1 },
    ...{ logStartOffset: -1n, partitionMaxBytes: 1, ...more },
  });
  const fetching = (topics: readonly (readonly [name: string, partition: object])[], more: object = {}): object => ({
    ...{ replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0, rackId: '' },
    topics: topics.map(([topic, partition]) => ({
      ...{ topic, topicId: topicIds.get(topic) ?? ZERO_UUID, partitions: [partitionOf(partition)] },
    })),
    forgottenTopicsData: [],
    sessionEpoch: -1,
    ...more,
  });
  for (const version of [4, 7, 11, 12, 13, 15]) {
    for (const isolationLevel of [1, 2, 5, -1]) {
      add(`isolation level ${isolationLevel}`, ApiKey.Fetch, version, fetching([['seg', {}]], { isolationLevel }));
    }
    for (const partitionMaxBytes of [-1, -100, 0]) {
      const title = `partition limit ${partitionMaxBytes}`;
      add(title, ApiKey.Fetch, version, fetching([['seg', { partitionMaxBytes }]]));
      add(`${title} at the end`, ApiKey.Fetch, version, fetching([['seg', { partitionMaxBytes, fetchOffset: 6n }]]));
      const beyond = fetching([['seg', { partitionMaxBytes, fetchOffset: 7n }]]);
      add(`${title} beyond the end`, ApiKey.Fetch, version, beyond);
    }
    for (const maxBytes of [-1, 0]) {
      const two = fetching(
        [
          ['seg', {}],
          ['x-', { partition: 1 }],
        ],
        { maxBytes },
      );
      add(`limit ${maxBytes}, two partitions`, ApiKey.Fetch, version, two);
      const twoAtEnd = fetching(
        [
          ['empty', {}],
          ['x-', { partition: 1 }],
        ],
        { maxBytes },
      );
      add(`limit ${maxBytes}, the first without records`, ApiKey.Fetch, version, twoAtEnd);
    }
    for (const epoch of [-2, -5]) {
      add(`leader epoch ${epoch}`, ApiKey.Fetch, version, fetching([['seg', { currentLeaderEpoch: epoch }]]));
      add(`last fetched epoch ${epoch}`, ApiKey.Fetch, version, fetching([['seg', { lastFetchedEpoch: epoch }]]));
    }
    // A topic id that no topic has, before one that has, is more than Kafka's own answer bears.
    const unknownFirst = fetching([
      ...(version < 13 ? [['nope', {}] as const] : []),
      ['x', { partition: -1 }],
      ['seg', {}],
    ]);
    add('partitions that are not there, and one that is', ApiKey.Fetch, version, unknownFirst);
  }
  for (const version of [0, 1, 2, 3, 4, 9, 10]) {
    add('a batch of zstd', ApiKey.Fetch, version, fetching([['zstd', { partitionMaxBytes: 1000 }]]));
  }
}

function addTopics(add: Add): void {
  for (const version of [10, 11, 12]) {
    const body = { topics: [{ name: null, topicId: ZERO_UUID }], allowAutoTopicCreation: false };
    add('neither name nor id', ApiKey.Metadata, version, body);
  }
  add('neither name nor id', ApiKey.DeleteTopics, 6, { topics: [{ name: null, topicId: ZERO_UUID }], timeoutMs: 1000 });
  const creating = (names: readonly string[], validateOnly: boolean): object => ({
    topics: names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })),
    timeoutMs: 5000,
    validateOnly,
  });
  for (const version of [2, 4, 7]) {
    const names = [`c${version}.y`, `c${version}_y`];
    add('two that collide, validated only', ApiKey.CreateTopics, version, creating(names, true));
    add('two that collide', ApiKey.CreateTopics, version, creating(names, false));
    add('two that collide, the other way round', ApiKey.CreateTopics, version, creating(names.toReversed(), false));
  }
  for (const version of [0, 3]) {
    for (const name of ['', '.', '..', 'a/b', 'a//b', 'a/', 'a\0', 'a b']) {
      const topics = [name, 'x'].map((each) => ({ name: each, count: 3, assignments: null }));
      const title = `a topic ${JSON.stringify(name)} beside another`;
      add(title, ApiKey.CreatePartitions, version, { topics, timeoutMs: 1000, validateOnly: true });
    }
  }
}

function addGroups(add: Add): void {
  const group = { groupId: 'offsets', memberId: '', groupInstanceId: null, generationIdOrMemberEpoch: -1 };
  for (const version of [1, 2, 5, 6, 7, 8]) {
    for (const epoch of [-1, -2, -5, 7]) {
      const partitions = [
        { partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: epoch, committedMetadata: `v${version}` },
        { partitionIndex: -1, committedOffset: 6n, committedLeaderEpoch: epoch, committedMetadata: '' },
      ].map((partition) => ({ ...partition, commitTimestamp: -1n }));
      const body = { ...group, retentionTimeMs: -1n, topics: [{ name: 'seg', partitions }] };
      add(`leader epoch ${epoch}`, ApiKey.OffsetCommit, version, body);
      if (version < 6) continue;
      const topics = [{ name: 'seg', partitionIndexes: [0] }];
      const title = `leader epoch ${epoch} as committed by version ${version}`;
      add(title, ApiKey.OffsetFetch, 7, { groupId: 'offsets', topics, requireStable: false });
    }
  }
  const asked = [
    { name: 'seg', partitionIndexes: [0, 0, 7] },
    { name: 'x', partitionIndexes: [-1] },
    { name: 'x', partitionIndexes: [] },
    { name: 'seg', partitionIndexes: [0] },
    { name: 'x-', partitionIndexes: [] },
  ];
  for (const version of [1, 5, 7]) {
    add('partitions named twice', ApiKey.OffsetFetch, version, { groupId: 'offsets', topics: asked });
  }
  add('partitions named twice', ApiKey.OffsetFetch, 8, { groups: [{ groupId: 'offsets', topics: asked }] });
  add('partition -1', ApiKey.OffsetDelete, 0, {
    groupId: 'offsets',
    topics: [{ name: 'x', partitions: [{ partitionIndex: -1 }, { partitionIndex: 0 }] }],
  });
}

function addConfigs(add: Add): void {
  const CLEANUP = 'cleanup.policy';
  const changes: readonly (readonly [operation: number, value: string])[] = [
    [0, 'compact,delete,compact'],
    [3, 'compact'],
    [2, 'compact,'],
    [2, ','],
    [3, 'nothing'],
    [3, 'compact,compact'],
    [2, ',compact'],
  ];
  for (const [at, [configOperation, value]] of changes.entries()) {
    const configs = [{ name: CLEANUP, configOperation, value }];
    const resources = [{ resourceType: 2, resourceName: 'x', configs }];
    const title = `${at}: ${['SET', 'DELETE', 'APPEND', 'SUBTRACT'][configOperation]} ${value}`;
    add(title, ApiKey.IncrementalAlterConfigs, 1, { resources, validateOnly: false });
    const described = [{ resourceType: 2, resourceName: 'x', configurationKeys: [CLEANUP] }];
    const body = { resources: described, includeSynonyms: false, includeDocumentation: false };
    add(`after ${title}`, ApiKey.DescribeConfigs, 4, body);
  }
  const documented = [{ resourceType: 2, resourceName: 'x', configurationKeys: [CLEANUP, 'segment.bytes'] }];
  const asking = { resources: documented, includeSynonyms: true, includeDocumentation: true };
  for (const version of [3, 4]) add('with documentation', ApiKey.DescribeConfigs, version, asking);
}

function addProduce(add: Add): void {
  const sent = (partitionData: object[]): object => ({
    ...{ transactionalId: null, acks: 1, timeoutMs: 5000, topicData: [{ name: 'produced', partitionData }] },
  });
  for (const version of [3, 7, 9]) {
    for (const timestamp of [2 ** 53 - 1, 2n ** 53n, 2n ** 62n, 1_700_000_000_123_456_789n, -1]) {
      const builder = new BatchBuilder({ compression: 'none' });
      builder.append({ timestamp, key: null, value: Buffer.from('t') });
      add(`a record of time ${timestamp}`, ApiKey.Produce, version, sent([{ index: 0, records: builder.build() }]));
    }
    const twice = [1, 2].map((second) => ({ index: 1, records: batchAt(second) }));
    add('a partition named twice', ApiKey.Produce, version, sent(twice));
    const topicData = [1, 2].map((second) => ({
      ...{ name: 'produced', partitionData: [{ index: 1, records: batchAt(second) }] },
    }));
    add('a topic named twice', ApiKey.Produce, version, { transactionalId: null, acks: 1, timeoutMs: 5000, topicData });
  }
  for (const timestamp of [2n ** 53n, 2n ** 53n + 1n, 1_700_000_000_123_456_789n, 2n ** 62n, 2n ** 62n + 1n]) {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }];
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: 'produced', partitions }] };
    add(`time ${timestamp} of a record`, ApiKey.ListOffsets, 7, body);
  }
  for (const version of [0, 1, 2, 3]) {
    add('a broker that is not there', ApiKey.ControlledShutdown, version, { brokerId: 99, brokerEpoch: -1n });
    if (version < 2) continue;
    const body = { brokerId: 99, brokerEpoch: 5n };
    add('a broker that is not there, of an epoch', ApiKey.ControlledShutdown, version, body);
  }
  for (const version of [0, 2, 3, 4]) {
    const body = { transactionalId: '', transactionTimeoutMs: 1000, producerId: -1n, producerEpoch: -1 };
    add('an empty transactional id', ApiKey.InitProducerId, version, body);
  }
}

/** Of CreateTopics the configs are compared elsewhere. */
const IDS: ReadonlySet<string> = new Set(['topicId', 'sessionId', 'clusterId', 'port', 'host']);

/** An answer as it is recorded: without ids that each run has its own of, and with the records left to others. */
export function answerOf({ apiKey, version }: ReportCase, answer: object | null): JsonValue {
  if (!answer) return 'the connection ended';
  const omitted = apiKey === ApiKey.CreateTopics ? new Set([...IDS, 'configs']) : IDS;
  return without(omitted, toJson(apiOf(apiKey)!.response, answer, version));
}

function without(names: ReadonlySet<string>, value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => without(names, item));
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value as JsonObject).flatMap(([name, field]) => {
    if (names.has(name)) return [];
    if (name === 'records') return [[name, typeof field === 'string' ? Buffer.from(field, 'base64').length : null]];
    return [[name, without(names, field as JsonValue)]];
  });
  return Object.fromEntries(fields) as JsonObject;
}
