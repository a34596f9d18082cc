/** What handlers do with requests of thousands of elements, besides taking turns. */
import { type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import {
  ApiKey,
  ErrorCode,
  updateMetadataRequest,
  type DeleteGroupsResponse,
  type DeleteRecordsResponse,
  type DescribeConfigsResponse,
  type ElectLeadersResponse,
  type JoinGroupResponse,
  type ListGroupsResponse,
  type MetadataResponse,
  type OffsetCommitResponse,
  type OffsetFetchResponse,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import { MetadataCache } from '../../../src/server/metadata-cache.js';
import { updateAtOnce } from './metadata-updates.js';
import { TopicWaiter } from '../../../src/server/admin/topic-waiter.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { call, type RequestCall } from './request-call.js';

/** The answer, when all turns that it takes are over; `between` is done after the first. */
async function ask<T>(
  { apiKey, version, body, services }: Pick<RequestCall, 'apiKey' | 'version' | 'body' | 'services'>,
  between: () => void = () => undefined,
): Promise<T> {
  const clock = new SimulatedClock();
  const largeRequests = new LargeRequests(clock, 1e9);
  const topicAdmin = { waiter: new TopicWaiter(clock) };
  const outcome = await call({ apiKey, version, body, services: { clock, largeRequests, topicAdmin, ...services } });
  between();
  await clock.advance(10);
  return outcome.answer as T;
}

const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

test('Metadata of all topics that takes many turns tells of an update between them as a whole', async () => {
  const metadata = new MetadataCache();
  const update = (leaderEpoch: number): void => {
    const input = {
      controllerId: 1,
      topicStates: list(400, (topic) => ({
        topicName: `t${topic}`,
        partitionStates: list(64, (partitionIndex) => ({
          partitionIndex,
          leader: 1,
          leaderEpoch,
          isr: [1],
          replicas: [1],
        })),
      })),
      liveBrokers: [{ id: 1, endpoints: [{ host: 'h', port: 1, listener: 'PLAINTEXT', securityProtocol: 0 }] }],
    };
    updateAtOnce(metadata, updateMetadataRequest.decode(updateMetadataRequest.encode(input, 7), 7));
  };
  update(1);
  const services = { metadata, config: { get: () => false }, clusterId: 'c' };
  const request = { apiKey: ApiKey.Metadata, version: 9, body: { topics: null }, services };
  const { topics } = await ask<MetadataResponse>(request, () => update(2));
  const epochs = topics.flatMap(({ partitions }) => partitions.map(({ leaderEpoch }) => leaderEpoch));
  expect([epochs.length, new Set(epochs)]).toEqual([400 * 64, new Set([2])]);
});

describe('OffsetCommit', () => {
  interface Commit {
    readonly partitionIndex: number;
    readonly committedOffset?: bigint;
  }
  interface Topic {
    readonly name: string;
    readonly partitions: readonly Commit[];
  }
  function* stored(
    { topics }: { readonly topics: readonly Topic[] },
    asked: Topic[],
  ): Steps<Promise<Pick<OffsetCommitResponse, 'topics'>>> {
    yield;
    asked.push(...topics);
    const errorCode = ErrorCode.NONE;
    return Promise.resolve({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      })),
    });
  }
  /** Partition 0 is not there. */
  const commitTopics = (
    topics: readonly Topic[],
    asked: Topic[],
    { maxMessageBytes = 1_000_000, groupId = 'g', compressionId = 0 } = {},
  ): Promise<OffsetCommitResponse> =>
    ask({
      apiKey: ApiKey.OffsetCommit,
      version: 8,
      body: { groupId, topics },
      services: {
        metadata: { contains: ({ partition }: { partition: number }) => partition > 0, topicId: () => '' },
        config: { groups: { offsets: { compressionId } } },
        topicConfigs: { configOf: () => ({ maxMessageBytes }) },
        groups: { commitOffsets: (_context: object, request: { topics: Topic[] }) => stored(request, asked) },
      },
    });
  const commit = (count: number, asked: Topic[], how: Parameters<typeof commitTopics>[2]) =>
    commitTopics([{ name: 't', partitions: list(count, (partitionIndex) => ({ partitionIndex })) }], asked, how);
  const codesOf = ({ topics }: OffsetCommitResponse): Set<number> =>
    new Set(topics[0]!.partitions.slice(1).map(({ errorCode }) => errorCode));

  test.each([
    ['partitions', 20_000, { maxMessageBytes: 400_000 }],
    ['the name of the group', 2000, { maxMessageBytes: 400_000, groupId: 'g'.repeat(200) }],
  ])('of more than fit into one batch, for %s, is refused without making the batch', async (_why, count, how) => {
    const asked: Topic[] = [];
    const answer = await commit(count, asked, how);
    expect([asked, codesOf(answer)]).toEqual([[], new Set([ErrorCode.INVALID_COMMIT_OFFSET_SIZE])]);
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test.each([
    [20_000, {}],
    [2000, { maxMessageBytes: 400_000, groupId: 'g'.repeat(200), compressionId: 1 }],
  ])('of %i, which may fit, is stored, but for partitions that are not there', async (count, how) => {
    const asked: Topic[] = [];
    const answer = await commit(count, asked, how);
    expect([asked[0]!.partitions.length, codesOf(answer)]).toEqual([count - 1, new Set([ErrorCode.NONE])]);
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test('stores the last of what a partition is named with, and answers it once, but each refusal', async () => {
    const asked: Topic[] = [];
    const named = (committedOffset: bigint): Topic => ({
      name: 't',
      partitions: [1, 0, 2, 1].map((partitionIndex) => ({ partitionIndex, committedOffset })),
    });
    const { topics } = await commitTopics([named(5n), ...list(500, () => named(6n)), named(7n)], asked);
    expect(asked.map(({ partitions }) => partitions.map((one) => [one.partitionIndex, one.committedOffset]))).toEqual([
      [
        [1, 7n],
        [2, 7n],
      ],
    ]);
    expect(topics.map(({ name }) => name)).toEqual(['t']);
    const { NONE, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;
    expect(topics[0]!.partitions).toEqual([
      ...list(502, () => ({ partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION })),
      { partitionIndex: 1, errorCode: NONE },
      { partitionIndex: 2, errorCode: NONE },
    ]);
  });
});

describe('OffsetFetch', () => {
  const fetch = (errorAfter: number): Promise<OffsetFetchResponse> => {
    let looked = 0;
    return ask({
      apiKey: ApiKey.OffsetFetch,
      version: 8,
      body: { groups: [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: list(30_000, (at) => at) }] }] },
      services: {
        groups: {
          fetchOffsets: (_group: string, topics: { name: string; partitionIndexes: number[] }[]) =>
            looked++ > errorAfter
              ? { errorCode: ErrorCode.NOT_COORDINATOR, topics: [] }
              : {
                  errorCode: ErrorCode.NONE,
                  topics: topics.map(({ name, partitionIndexes }) => ({
                    name,
                    partitions: partitionIndexes.map((partitionIndex) => ({
                      partitionIndex,
                      committedOffset: BigInt(partitionIndex),
                      committedLeaderEpoch: -1,
                      metadata: '',
                      errorCode: 0,
                    })),
                  })),
                },
        },
      },
    });
  };

  test('of many partitions gives each its offset, in the order asked for', async () => {
    const [group] = (await fetch(Infinity)).groups;
    expect(group!.topics[0]!.partitions.map(({ committedOffset }) => Number(committedOffset))).toEqual(
      list(30_000, (at) => at),
    );
  });

  test('of a group that moves away meanwhile is refused for the group as a whole', async () => {
    const [group] = (await fetch(100)).groups;
    expect([group!.errorCode, group!.topics]).toEqual([ErrorCode.NOT_COORDINATOR, []]);
  });
});

/** Each look at the time takes a millisecond. */
function busyClock(): { clock: SimulatedClock; busy: object; turns: () => number } {
  let nowMs = 0;
  let turns = 0;
  const clock = new SimulatedClock();
  const busy = {
    monotonicMs: () => nowMs++,
    defer: (task: () => void) => {
      turns++;
      clock.defer(task);
    },
  };
  return { clock, busy, turns: () => turns };
}

test('Produce to many topics that are not there is refused in each place, in order, a few at a time', async () => {
  const { clock, busy, turns } = busyClock();
  const topicData = list(1900, (topic) => ({
    name: `t${topic}`,
    partitionData: topic % 100 === 50 ? [{ index: topic, records: null }] : [],
  }));
  const outcome = await call({
    apiKey: ApiKey.Produce,
    version: 9,
    body: { acks: 1, timeoutMs: 1000, transactionalId: null, topicData },
    services: {
      clock: busy,
      metadata: { contains: ({ partition }: { partition: number }) => partition % 200 === 50 },
      authorizer: { authorize: () => true },
      replicas: { waitForAppends: () => null, localLog: () => undefined },
    },
  });
  await clock.advance(10);
  const { responses } = outcome.answer as ProduceResponse;
  expect(responses.map(({ name, partitionResponses }) => [name, partitionResponses.map(({ index }) => index)])).toEqual(
    topicData
      .filter(({ partitionData }) => partitionData.length > 0)
      .map(({ name, partitionData }) => [name, partitionData.map(({ index }) => index)]),
  );
  // Of a partition that is there, null records.
  const codes = responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode));
  const { UNKNOWN_SERVER_ERROR, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;
  expect(codes).toEqual(list(19, (at) => (at % 2 === 0 ? UNKNOWN_SERVER_ERROR : UNKNOWN_TOPIC_OR_PARTITION)));
  // It is walked twice, in steps of a hundred topics; a turn is of ten steps here.
  expect(turns()).toBeGreaterThanOrEqual(5);
});

test('DeleteGroups of groups that are named again and again ends each once, a few names at a time', async () => {
  const { clock, busy, turns } = busyClock();
  const ended: string[] = [];
  function* deleteGroup(groupId: string): Steps<number> {
    ended.push(groupId);
    yield;
    return groupId === 'g1' ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NONE;
  }
  const outcome = await call({
    apiKey: ApiKey.DeleteGroups,
    version: 2,
    body: { groupsNames: list(1900, (at) => `g${at % 3}`) },
    denied: ['DELETE GROUP g2'],
    services: { clock: busy, groups: { deleteGroup } },
  });
  await clock.advance(10);
  const { results } = outcome.answer as DeleteGroupsResponse;
  expect(ended).toEqual(['g0', 'g1']);
  expect(results).toEqual([
    { groupId: 'g0', errorCode: ErrorCode.NONE },
    { groupId: 'g1', errorCode: ErrorCode.GROUP_ID_NOT_FOUND },
    { groupId: 'g2', errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED },
  ]);
  // In steps of 64 names; a turn is of ten steps here.
  expect(turns()).toBeGreaterThanOrEqual(2);
});

test('DescribeConfigs reads a resource that is named again and again once', async () => {
  let reads = 0;
  const { results } = await ask<DescribeConfigsResponse>({
    apiKey: ApiKey.DescribeConfigs,
    version: 4,
    body: { resources: list(5000, (at) => ({ resourceType: 2, resourceName: `t${at % 2}`, configurationKeys: null })) },
    services: {
      configAdmin: {
        describe: ({ resourceName }: { resourceName: string }) => {
          reads++;
          return Promise.resolve({ errorCode: 0, errorMessage: '', resourceType: 2, resourceName, configs: [] });
        },
      },
    },
  });
  expect([results.map(({ resourceName }) => resourceName), reads]).toEqual([list(5000, (at) => `t${at % 2}`), 2]);
});

test('DeleteRecords deletes up to the last of the offsets that a partition is named with, and answers each once', async () => {
  const asked: object[] = [];
  const deleteRecords = (
    _timeoutMs: number,
    partitions: readonly { tp: object; offset: number }[],
    finish: (results: object[]) => void,
  ): Promise<() => void> => {
    asked.push(...partitions);
    finish(partitions.map(({ tp, offset }) => ({ tp, errorCode: ErrorCode.NONE, lowWatermark: offset })));
    return Promise.resolve(() => undefined);
  };
  const named = (name: string, offset: bigint) => ({
    name,
    partitions: [1, 0, 2, 1].map((partitionIndex) => ({ partitionIndex, offset })),
  });
  const { topics } = await ask<DeleteRecordsResponse>({
    apiKey: ApiKey.DeleteRecords,
    version: 2,
    body: { timeoutMs: 0, topics: [named('t', 5n), ...list(1000, () => named('u', 6n)), named('t', 4n)] },
    services: {
      metadata: {
        contains: ({ topic, partition }: { topic: string; partition: number }) => topic === 't' && partition > 0,
      },
      replicas: { deleteRecords },
    },
  });
  expect(asked).toEqual([1, 2].map((partition) => ({ tp: { topic: 't', partition }, offset: 4 })));
  const { NONE, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;
  const codesOf = (topic: string): (number | bigint)[][] =>
    topics
      .filter(({ name }) => name === topic)
      .flatMap(({ partitions }) => partitions.map((one) => [one.partitionIndex, one.errorCode, one.lowWatermark]));
  expect(codesOf('t')).toEqual([
    [1, NONE, 4n],
    [0, UNKNOWN_TOPIC_OR_PARTITION, -1n],
    [2, NONE, 4n],
  ]);
  expect(codesOf('u')).toEqual([1, 0, 2].map((index) => [index, UNKNOWN_TOPIC_OR_PARTITION, -1n]));
});

test('ElectLeaders asks the controller for some partitions at a time, each once', async () => {
  const events: number[] = [];
  const { replicaElectionResults } = await ask<ElectLeadersResponse>({
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: { timeoutMs: 0, topicPartitions: [{ topic: 't', partitions: list(9000, (at) => at % 2500) }] },
    services: {
      metadata: {},
      controller: {
        electLeaders: (partitions: { topic: string; partition: number }[]) => {
          events.push(partitions.length);
          return Promise.resolve(
            partitions.map((tp) => ({ ...tp, errorCode: ErrorCode.ELECTION_NOT_NEEDED, errorMessage: null })),
          );
        },
      },
    },
  });
  expect(events).toEqual([1000, 1000, 500]);
  expect(replicaElectionResults[0]!.partitionResult.map(({ partitionId }) => partitionId)).toEqual(
    list(2500, (at) => at),
  );
});

test('ElectLeaders says of those leaders that the broker has not heard of in time that it has not', async () => {
  const heardOf = (partition: number): boolean => partition % 4 === 0;
  const { NONE, REQUEST_TIMED_OUT, ELECTION_NOT_NEEDED } = ErrorCode;
  const { replicaElectionResults } = await ask<ElectLeadersResponse>({
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: {
      timeoutMs: 5,
      topicPartitions: ['t', 'u'].map((topic) => ({ topic, partitions: list(1500, (at) => at) })),
    },
    services: {
      metadata: {
        partitionInfo: ({ partition }: { partition: number }) => ({ leader: heardOf(partition) ? 1 : 2 }),
      },
      controller: {
        electLeaders: (partitions: { topic: string; partition: number }[]) =>
          Promise.resolve(
            partitions.map((tp) => ({
              ...tp,
              leader: 1,
              errorCode: tp.partition % 2 === 0 ? NONE : ELECTION_NOT_NEEDED,
              errorMessage: null,
            })),
          ),
      },
    },
  });
  const codeOf = (partition: number): number =>
    partition % 2 === 1 ? ELECTION_NOT_NEEDED : heardOf(partition) ? NONE : REQUEST_TIMED_OUT;
  expect(
    replicaElectionResults.map(({ topic, partitionResult }) => [topic, partitionResult.map((one) => one.errorCode)]),
  ).toEqual(['t', 'u'].map((topic) => [topic, list(1500, codeOf)]));
});

test('a Fetch of thousands of partitions counts among large requests until it waits for nothing but records', async () => {
  const clock = new SimulatedClock();
  const largeRequests = new LargeRequests(clock, 1e9);
  let wait = (): void => undefined;
  const isBeginning = new Promise<void>((resolve) => (wait = resolve));
  const replicas = { handleFetch: () => ({ giveUp: () => undefined, isBeginning }) };
  const body = { replicaId: -1, topics: [{ topic: 't', partitions: list(3000, (partition) => ({ partition })) }] };
  await call({ apiKey: ApiKey.Fetch, version: 12, body, services: { clock, largeRequests, replicas } });
  await clock.advance(10);
  expect(largeRequests.usedBytes).toBeGreaterThan(0);
  wait();
  await clock.advance(0);
  expect(largeRequests.usedBytes).toBe(0);
});

test('ListGroups of many states looks at each group once, and lists those in one of them', async () => {
  let looks = 0;
  const groups = list(2000, (at) => ({
    groupId: `g${at}`,
    protocolType: 'consumer',
    get groupState() {
      looks++;
      return at % 2 === 0 ? 'Stable' : 'Empty';
    },
  }));
  const statesFilter = [...list(30_000, (at) => `s${at}`), 'Stable'];
  const services = {
    metadata: { partitionsOf: () => [] },
    groups: { listGroups: () => ({ errorCode: ErrorCode.NONE, groups }) },
  };
  const answer = await ask<ListGroupsResponse>({
    apiKey: ApiKey.ListGroups,
    version: 4,
    body: { statesFilter },
    services,
  });
  expect(answer.groups.map(({ groupId }) => groupId)).toEqual(list(1000, (at) => `g${2 * at}`));
  // When it is chosen, and when it is written.
  expect(looks).toBeLessThanOrEqual(4000);
});

test('JoinGroup with more than any record of its group could hold is refused, unless such records are compressed', async () => {
  const join = (bytes: number, compressionId: number): Promise<JoinGroupResponse> =>
    ask({
      apiKey: ApiKey.JoinGroup,
      version: 5,
      body: { groupId: 'g', protocols: [{ name: 'range', metadata: Buffer.alloc(bytes) }] },
      services: {
        config: { groups: { offsets: { compressionId } } },
        topicConfigs: { configOf: () => ({ maxMessageBytes: 1000 }) },
        groups: { joinGroup: () => ({ ended: Promise.resolve({ errorCode: ErrorCode.NONE, protocolName: '' }) }) },
      },
    });
  expect((await join(1001, 0)).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  expect((await join(1000, 0)).errorCode).toBe(ErrorCode.NONE);
  expect((await join(1001, 4)).errorCode).toBe(ErrorCode.NONE);
});
