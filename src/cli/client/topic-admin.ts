import {
  createPartitionsRequest,
  createPartitionsResponse,
  createTopicsRequest,
  createTopicsResponse,
  deleteTopicsRequest,
  deleteTopicsResponse,
  describeConfigsRequest,
  describeConfigsResponse,
  ErrorCode,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
  type DescribeConfigsResponse,
} from '../../protocol/index.js';
import { ZERO_UUID } from '../../common/index.js';
import { ClientError, throwIfError } from './client-error.js';
import type { ClusterClient } from './cluster-client.js';

/** What tools do to topics and configurations, over the wire. Errors are `ClientError` with the broker's own message. */
export interface NewTopic {
  readonly name: string;
  /** Null for the broker's default. */
  readonly partitions: number | null;
  readonly replicationFactor: number | null;
  /** Replicas by partition number, instead of the two counts. */
  readonly assignment: readonly (readonly number[])[] | null;
  readonly configs: ReadonlyMap<string, string>;
}

export interface TopicListing {
  readonly name: string;
  readonly topicId: string;
  readonly isInternal: boolean;
}

export interface PartitionListing {
  readonly partition: number;
  /** Null when there is none. */
  readonly leader: number | null;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

export interface TopicDescription extends TopicListing {
  /** By partition number. */
  readonly partitions: readonly PartitionListing[];
}

export interface Reassignment {
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8 } as const;
export type ResourceType = (typeof ResourceType)[keyof typeof ResourceType];
export type ConfigEntry = DescribeConfigsResponse['results'][number]['configs'][number];

const REQUEST_TIMEOUT_MS = 30_000;

export async function createTopic(client: ClusterClient, topic: NewTopic): Promise<void> {
  const { name, assignment } = topic;
  if (name === '') {
    const text = `The given topic name '${name}' cannot be represented in a request.`;
    throw ClientError.ofCode(ErrorCode.INVALID_TOPIC_EXCEPTION, text);
  }
  const answer = await client.sendToController(
    'createTopics',
    createTopicsRequest,
    createTopicsResponse,
    {
      topics: [
        {
          name,
          numPartitions: assignment ? -1 : (topic.partitions ?? -1),
          replicationFactor: assignment ? -1 : (topic.replicationFactor ?? -1),
          assignments: (assignment ?? []).map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds: [...brokerIds],
          })),
          configs: [...topic.configs].map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: REQUEST_TIMEOUT_MS,
    },
    ({ topics }) => topics.map(({ errorCode }) => errorCode),
  );
  for (const { errorCode, errorMessage } of answer.topics) throwIfError(errorCode, errorMessage);
}

export async function deleteTopics(client: ClusterClient, names: readonly string[]): Promise<void> {
  const answer = await client.sendToController(
    'deleteTopics',
    deleteTopicsRequest,
    deleteTopicsResponse,
    (version) =>
      version >= 6
        ? { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), timeoutMs: REQUEST_TIMEOUT_MS }
        : { topicNames: [...names], timeoutMs: REQUEST_TIMEOUT_MS },
    ({ responses }) => responses.map(({ errorCode }) => errorCode),
  );
  for (const { errorCode, errorMessage } of answer.responses) throwIfError(errorCode, errorMessage);
}

/** Raises the number of partitions. `assignments` gives the replicas of the new ones. */
export async function createPartitions(
  client: ClusterClient,
  topics: readonly { name: string; count: number; assignments: readonly (readonly number[])[] | null }[],
): Promise<void> {
  const answer = await client.sendToController(
    'createPartitions',
    createPartitionsRequest,
    createPartitionsResponse,
    {
      topics: topics.map(({ name, count, assignments }) => ({
        name,
        count,
        assignments: assignments?.map((brokerIds) => ({ brokerIds: [...brokerIds] })) ?? null,
      })),
      timeoutMs: REQUEST_TIMEOUT_MS,
      validateOnly: false,
    },
    ({ results }) => results.map(({ errorCode }) => errorCode),
  );
  for (const { errorCode, errorMessage } of answer.results) throwIfError(errorCode, errorMessage);
}

/** All topics, by name. */
export async function listTopics(client: ClusterClient): Promise<TopicListing[]> {
  const { topics } = await client.metadata(null);
  return topics
    .map(({ name, topicId, isInternal }) => ({ name: name!, topicId, isInternal }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** In the order of the names. */
export async function describeTopics(client: ClusterClient, names: readonly string[]): Promise<TopicDescription[]> {
  if (names.length === 0) return [];
  const { topics } = await client.metadata(names);
  return topics
    .map((topic) => {
      throwIfError(topic.errorCode);
      const partitions = topic.partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
        partition: partitionIndex,
        leader: leaderId < 0 ? null : leaderId,
        replicas: replicaNodes,
        isr: isrNodes,
      }));
      partitions.sort((a, b) => a.partition - b.partition);
      return { name: topic.name!, topicId: topic.topicId, isInternal: topic.isInternal, partitions };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Reassignments that go on, by `topic-partition`. Empty when the brokers cannot tell. */
export async function listReassignments(client: ClusterClient): Promise<Map<string, Reassignment>> {
  let answer: ReturnType<typeof listPartitionReassignmentsResponse.decode>;
  try {
    answer = await client.sendToController(
      'listPartitionReassignments',
      listPartitionReassignmentsRequest,
      listPartitionReassignmentsResponse,
      { topics: null, timeoutMs: REQUEST_TIMEOUT_MS },
      ({ errorCode }) => [errorCode],
    );
    throwIfError(answer.errorCode, answer.errorMessage);
  } catch (error) {
    const code = error instanceof ClientError ? error.errorCode : ErrorCode.UNKNOWN_SERVER_ERROR;
    if (code === ErrorCode.UNSUPPORTED_VERSION || code === ErrorCode.CLUSTER_AUTHORIZATION_FAILED) return new Map();
    throw error;
  }
  return new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(
        (it) =>
          [
            `${name}-${it.partitionIndex}`,
            { replicas: it.replicas, adding: it.addingReplicas, removing: it.removingReplicas },
          ] as const,
      ),
    ),
  );
}

/** The configurations of resources of one type, by resource. A broker is asked about itself. */
export async function describeConfigs(
  client: ClusterClient,
  type: ResourceType,
  names: readonly string[],
  includeSynonyms = true,
): Promise<Map<string, ConfigEntry[]>> {
  const found = new Map<string, ConfigEntry[]>();
  if (names.length === 0) return found;
  const body = {
    resources: names.map((resourceName) => ({ resourceType: type, resourceName, configurationKeys: null })),
    includeSynonyms,
  };
  const broker = type !== ResourceType.TOPIC && names[0] !== '' ? Number(names[0]) : null;
  const answer =
    broker === null
      ? await client.sendToAny('describeConfigs', describeConfigsRequest, describeConfigsResponse, body)
      : await client.retrying('describeConfigs', () =>
          client.sendToNode(broker, describeConfigsRequest, describeConfigsResponse, body),
        );
  for (const { errorCode, errorMessage, resourceName, configs } of answer.results) {
    throwIfError(errorCode, errorMessage);
    found.set(resourceName, configs);
  }
  return found;
}

export const ConfigOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

export interface ConfigChange {
  readonly name: string;
  readonly operation: (typeof ConfigOperation)[keyof typeof ConfigOperation];
  readonly value: string | null;
}

export async function alterConfigs(
  client: ClusterClient,
  type: ResourceType,
  resourceName: string,
  changes: readonly ConfigChange[],
): Promise<void> {
  const body = {
    resources: [
      {
        resourceType: type,
        resourceName,
        configs: changes.map(({ name, operation, value }) => ({ name, configOperation: operation, value })),
      },
    ],
  };
  const broker = type !== ResourceType.TOPIC && resourceName !== '' ? Number(resourceName) : null;
  const answer =
    broker === null
      ? await client.sendToAny(
          'incrementalAlterConfigs',
          incrementalAlterConfigsRequest,
          incrementalAlterConfigsResponse,
          body,
        )
      : await client.sendToNode(broker, incrementalAlterConfigsRequest, incrementalAlterConfigsResponse, body);
  for (const { errorCode, errorMessage } of answer.responses) throwIfError(errorCode, errorMessage);
}
