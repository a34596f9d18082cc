/** What a client may ask of a broker that has just started, and whether the answer is so: an error that it tries again after is no lie. */
import { GROUP_METADATA_TOPIC, partitionForGroup } from '../../../src/cluster/index.js';
import {
  ApiKey,
  ErrorCode,
  isRetriable,
  type CreatePartitionsResponse,
  type DeleteTopicsResponse,
  type DescribeClusterResponse,
  type DescribeConfigsResponse,
  type DescribeGroupsResponse,
  type FetchResponse,
  type FindCoordinatorResponse,
  type ListGroupsResponse,
  type ListOffsetsResponse,
  type MetadataResponse,
  type OffsetCommitResponse,
  type OffsetFetchResponse,
} from '../../../src/protocol/index.js';
import type { WireClient } from './wire-client.js';

/** What there is in the cluster that was killed. */
export interface Known {
  readonly topics: readonly string[];
  /** One of them, on every broker: each of its partitions has `records` records. */
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
  /** Has committed `committed` in each of these partitions, and no members. */
  readonly group: string;
  readonly committed: number;
  /** Nobody misses it. */
  readonly doomed: string;
  readonly offsetsPartitions: number;
}

/** `later`: nothing was said; `lie` is what was. Null when the connection ended. */
export type Verdict = 'true' | 'later' | { readonly lie: unknown };
export interface Question {
  readonly title: string;
  readonly ask: (client: WireClient, broker: number, known: Known) => Promise<Verdict | null>;
}

/** That there is no such topic is retriable too, and a lie. */
function ofCodes(codes: readonly number[], isTrue = codes.every((code) => code === ErrorCode.NONE)): Verdict {
  if (isTrue) return 'true';
  const mayPass = (code: number): boolean => isRetriable(code) && code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  return codes.length > 0 && codes.every((code) => code === ErrorCode.NONE || mayPass(code)) && codes.some(mayPass)
    ? 'later'
    : { lie: codes };
}

function question<T extends object>(
  title: string,
  apiKey: number,
  version: number,
  body: (known: Known) => object,
  judge: (answer: T, known: Known, broker: number) => Verdict,
): Question {
  return {
    title: `${title} v${version}`,
    ask: async (client, broker, known) => {
      const answer = await client.request<T>(apiKey, version, body(known));
      return answer && judge(answer, known, broker);
    },
  };
}

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const eachPartition = ({ topic, partitions }: Known, of: (partitionIndex: number) => object) => ({
  topics: [{ name: topic, partitions: numbersTo(partitions).map(of) }],
});

const metadataOf = (version: number): Question =>
  question<MetadataResponse>(
    'Metadata',
    ApiKey.Metadata,
    version,
    () => ({ topics: version === 0 ? [] : null }),
    ({ topics }, known) => {
      const found = topics.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map(({ name }) => name);
      return known.topics.every((name) => found.includes(name)) ? 'true' : { lie: found };
    },
  );

const namedTopics = question<MetadataResponse>(
  'Metadata of named topics',
  ApiKey.Metadata,
  8,
  ({ topics }) => ({ topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false }),
  ({ topics }) => ofCodes(topics.map(({ errorCode }) => errorCode)),
);

const findCoordinatorOf = (version: number): Question =>
  question<FindCoordinatorResponse>(
    'FindCoordinator',
    ApiKey.FindCoordinator,
    version,
    ({ group }) => (version >= 4 ? { coordinatorKeys: [group], keyType: 0 } : { key: group, keyType: 0 }),
    (answer) => ofCodes([(answer.coordinators[0] ?? answer).errorCode]),
  );

/** The groups of a broker that the metadata have lead the group's partition, before and after it lists them. */
const listGroups: Question = {
  title: 'ListGroups v4',
  ask: async (client, broker, { group, offsetsPartitions }) => {
    const leads = async (): Promise<boolean | null> => {
      const body = { topics: [{ name: GROUP_METADATA_TOPIC }], allowAutoTopicCreation: false };
      const metadata = await client.request<MetadataResponse>(ApiKey.Metadata, 8, body);
      const partition = partitionForGroup(group, offsetsPartitions);
      const found = metadata?.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition);
      return metadata && found?.leaderId === broker;
    };
    const before = await leads();
    const answer = await client.request<ListGroupsResponse>(ApiKey.ListGroups, 4, { statesFilter: [] });
    const after = await leads();
    if (before === null || answer === null || after === null) return null;
    const { errorCode, groups } = answer;
    if (errorCode !== ErrorCode.NONE) return ofCodes([errorCode]);
    if (groups.some(({ groupId }) => groupId === group)) return 'true';
    return before && after ? { lie: groups } : 'later';
  },
};

export const QUESTIONS: readonly Question[] = [
  ...numbersTo(13).map(metadataOf),
  namedTopics,
  ...numbersTo(5).map(findCoordinatorOf),
  listGroups,
  question<DescribeClusterResponse>(
    'DescribeCluster',
    ApiKey.DescribeCluster,
    0,
    () => ({}),
    ({ brokers }, _known, broker) => (brokers.some(({ brokerId }) => brokerId === broker) ? 'true' : { lie: brokers }),
  ),
  question<DescribeGroupsResponse>(
    'DescribeGroups',
    ApiKey.DescribeGroups,
    5,
    ({ group }) => ({ groups: [group] }),
    ({ groups: [described] }) =>
      described!.errorCode === ErrorCode.NONE && described!.groupState !== 'Empty'
        ? { lie: described }
        : ofCodes([described!.errorCode]),
  ),
  question<OffsetFetchResponse>(
    'OffsetFetch',
    ApiKey.OffsetFetch,
    7,
    (known) => ({
      groupId: known.group,
      topics: [{ name: known.topic, partitionIndexes: numbersTo(known.partitions) }],
    }),
    ({ errorCode, topics }, { committed }) => {
      if (errorCode !== ErrorCode.NONE) return ofCodes([errorCode]);
      const found = topics.flatMap(({ partitions }) => partitions);
      const isTrue = found.every(({ committedOffset }) => committedOffset === BigInt(committed));
      return isTrue ? 'true' : { lie: found };
    },
  ),
  question<OffsetCommitResponse>(
    'OffsetCommit',
    ApiKey.OffsetCommit,
    7,
    (known) => ({
      groupId: known.group,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      ...eachPartition(known, (partitionIndex) => ({ partitionIndex, committedOffset: BigInt(known.committed) })),
    }),
    ({ topics }) => ofCodes(topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))),
  ),
  question<ListOffsetsResponse>(
    'ListOffsets',
    ApiKey.ListOffsets,
    7,
    (known) => ({ replicaId: -1, ...eachPartition(known, (partitionIndex) => ({ partitionIndex, timestamp: -1n })) }),
    ({ topics }, { records }) => {
      const found = topics.flatMap(({ partitions }) => partitions);
      const wrong = found.filter(({ errorCode, offset }) => errorCode === ErrorCode.NONE && offset !== BigInt(records));
      // Those that another leads are its to tell.
      const isTold = found.some(({ errorCode }) => errorCode === ErrorCode.NONE);
      return wrong.length > 0
        ? { lie: wrong }
        : ofCodes(
            found.map(({ errorCode }) => errorCode),
            isTold,
          );
    },
  ),
  question<FetchResponse>(
    'Fetch',
    ApiKey.Fetch,
    11,
    ({ topic, partitions }) => ({
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topic,
          partitions: numbersTo(partitions).map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1 })),
        },
      ],
    }),
    ({ responses }) => {
      const codes = responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
      return ofCodes(codes, codes.includes(ErrorCode.NONE) && !codes.includes(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION));
    },
  ),
  question<DescribeConfigsResponse>(
    'DescribeConfigs',
    ApiKey.DescribeConfigs,
    4,
    ({ topic }) => ({ resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }] }),
    ({ results }) => ofCodes(results.map(({ errorCode }) => errorCode)),
  ),
  // What only the controller does; others say so.
  question<CreatePartitionsResponse>(
    'CreatePartitions',
    ApiKey.CreatePartitions,
    3,
    ({ topic }) => ({ topics: [{ name: topic, count: 1, assignments: null }], timeoutMs: 1000, validateOnly: true }),
    ({ results: [result] }) => ofCodes([result!.errorCode], result!.errorCode === ErrorCode.INVALID_PARTITIONS),
  ),
  question<DeleteTopicsResponse>(
    'DeleteTopics',
    ApiKey.DeleteTopics,
    4,
    ({ doomed }) => ({ topicNames: [doomed], timeoutMs: 10_000 }),
    ({ responses: [result] }) =>
      ofCodes(
        [result!.errorCode],
        result!.errorCode === ErrorCode.NONE || result!.errorCode === ErrorCode.REQUEST_TIMED_OUT,
      ),
  ),
];
