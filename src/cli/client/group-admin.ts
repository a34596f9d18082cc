import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import {
  consumerProtocolAssignment,
  deleteGroupsRequest,
  deleteGroupsResponse,
  describeGroupsRequest,
  describeGroupsResponse,
  ErrorCode,
  listGroupsRequest,
  listGroupsResponse,
  offsetCommitRequest,
  offsetCommitResponse,
  offsetDeleteRequest,
  offsetDeleteResponse,
  offsetFetchRequest,
  offsetFetchResponse,
} from '../../protocol/index.js';
import { ClientError, throwIfError } from './client-error.js';
import type { ClusterClient } from './cluster-client.js';

/** What tools do to consumer groups, over the wire. */
export interface GroupListing {
  readonly group: string;
  readonly state: string;
}

export interface GroupMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly host: string;
  readonly assignment: readonly TopicPartition[];
}

export interface GroupDescription {
  readonly group: string;
  readonly state: string;
  /** The assignor that the members agreed on. */
  readonly assignor: string;
  readonly members: readonly GroupMember[];
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: bigint;
}

/** The consumer groups of all brokers; `states` restricts them. */
export async function listGroups(client: ClusterClient, states: readonly string[] = []): Promise<GroupListing[]> {
  let brokers: readonly { nodeId: number }[];
  try {
    brokers = (await client.metadata([])).brokers;
  } catch (error) {
    throw new ClientError(
      'org.apache.kafka.common.KafkaException',
      'Failed to find brokers to send ListGroups',
      codeOf(error),
      { cause: error },
    );
  }
  const answers = await Promise.all(
    brokers.map(({ nodeId }) =>
      client.retrying('listConsumerGroups', async () => {
        const answer = await client.sendToNode(nodeId, listGroupsRequest, listGroupsResponse, {
          statesFilter: [...states],
        });
        throwIfError(answer.errorCode);
        return answer.groups;
      }),
    ),
  );
  return answers
    .flat()
    .filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '')
    .map(({ groupId, groupState }) => ({ group: groupId, state: groupState }));
}

function codeOf(error: unknown): number {
  return error instanceof ClientError ? error.errorCode : ErrorCode.UNKNOWN_SERVER_ERROR;
}

export function describeGroup(client: ClusterClient, group: string): Promise<GroupDescription> {
  return client.retrying('describeConsumerGroups', async () => {
    const coordinator = await client.findCoordinator(group);
    const { groups } = await client.sendToNode(coordinator.nodeId, describeGroupsRequest, describeGroupsResponse, {
      groups: [group],
    });
    const described = groups[0]!;
    throwIfError(described.errorCode);
    if (described.protocolType !== 'consumer' && described.protocolType !== '') {
      throw new ClientError(
        'java.lang.IllegalArgumentException',
        `GroupId ${group} is not a consumer group (${described.protocolType}).`,
      );
    }
    return {
      group,
      state: described.groupState,
      assignor: described.protocolData,
      members: described.members.map((member) => ({
        memberId: member.memberId,
        instanceId: member.groupInstanceId,
        clientId: member.clientId,
        host: member.clientHost,
        assignment: decodeAssignment(member.memberAssignment),
      })),
      coordinator,
    };
  });
}

/** A version and the assignment; empty until the group is stable. */
function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length < 2) return [];
  const known = consumerProtocolAssignment.validVersions.max;
  const { assignedPartitions } = consumerProtocolAssignment.decode(bytes, Math.min(bytes.readInt16BE(0), known), 2);
  return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}

/** What a group has committed, of all its partitions, by topic and partition. */
export function committedOffsets(client: ClusterClient, group: string): Promise<Map<string, CommittedOffset>> {
  return client.withCoordinator('listConsumerGroupOffsets', group, async (nodeId) => {
    const answer = await client.sendToNode(
      nodeId,
      offsetFetchRequest,
      offsetFetchResponse,
      { groupId: group, topics: null },
      { maxVersion: 7 },
    );
    throwIfError(answer.errorCode);
    const offsets = answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset, errorCode }) => {
        throwIfError(errorCode);
        return { topic: name, partition: partitionIndex, offset: committedOffset };
      }),
    );
    return new Map(
      offsets
        .filter(({ offset }) => offset >= 0n)
        .sort(byTopicAndPartition)
        .map((it) => [partitionKey(it), it] as const),
    );
  });
}

/** Commits offsets for a group that has no members. */
export async function alterOffsets(
  client: ClusterClient,
  group: string,
  offsets: readonly CommittedOffset[],
): Promise<void> {
  if (offsets.length === 0) return;
  await client.withCoordinator('alterConsumerGroupOffsets', group, async (nodeId) => {
    const answer = await client.sendToNode(nodeId, offsetCommitRequest, offsetCommitResponse, {
      groupId: group,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: groupByTopic(offsets).map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedMetadata: '',
        })),
      })),
    });
    for (const { partitions } of answer.topics) for (const { errorCode } of partitions) throwIfError(errorCode);
  });
}

/** Deletes committed offsets. The answer has the error code of the whole, and of each partition by key. */
export function deleteOffsets(
  client: ClusterClient,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<{ errorCode: number; partitions: Map<string, number> }> {
  return client.withCoordinator('deleteConsumerGroupOffsets', group, async (nodeId) => {
    const answer = await client.sendToNode(nodeId, offsetDeleteRequest, offsetDeleteResponse, {
      groupId: group,
      topics: groupByTopic(partitions).map(([name, some]) => ({
        name,
        partitions: some.map(({ partition }) => ({ partitionIndex: partition })),
      })),
    });
    if (answer.errorCode === ErrorCode.NOT_COORDINATOR) throwIfError(answer.errorCode);
    const codes = answer.topics.flatMap(({ name, partitions: some }) =>
      some.map((it) => [partitionKey({ topic: name, partition: it.partitionIndex }), it.errorCode] as const),
    );
    return { errorCode: answer.errorCode, partitions: new Map(codes) };
  });
}

export async function deleteGroup(client: ClusterClient, group: string): Promise<void> {
  await client.withCoordinator('deleteConsumerGroups', group, async (nodeId) => {
    const { results } = await client.sendToNode(nodeId, deleteGroupsRequest, deleteGroupsResponse, {
      groupsNames: [group],
    });
    throwIfError(results[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR);
  });
}

export function byTopicAndPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}

function groupByTopic<T extends TopicPartition>(items: readonly T[]): [topic: string, items: T[]][] {
  const byTopic = new Map<string, T[]>();
  for (const item of items) byTopic.set(item.topic, [...(byTopic.get(item.topic) ?? []), item]);
  return [...byTopic];
}
