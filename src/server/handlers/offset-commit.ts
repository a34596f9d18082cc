import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';
import { forEachInSteps, mapNestedInSteps, runInSlices, type Steps } from '../../common/index.js';
import {
  ErrorCode,
  offsetCommitRequest,
  offsetCommitResponse,
  type OffsetCommitRequest,
} from '../../protocol/index.js';
import { groupContext, mayReadGroup } from '../group-request.js';
import { handler, type RequestContext } from '../handler.js';

type Topics = OffsetCommitRequest['topics'];
type Partition = Topics[number]['partitions'][number];
type Answers = { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[];
type Answer = { topics: Answers };

/** A committed offset takes more than this in the log, however short its names. */
const LEAST_COMMIT_BYTES = 40;

/** A group's offsets are stored. (Version 0, which Kafka stores in ZooKeeper, is stored with the rest.) */
export const offsetCommit = handler(offsetCommitRequest, offsetCommitResponse, function* (request, context) {
  if (!mayReadGroup(context, request.groupId)) {
    return { topics: yield* inOrder(request.topics, () => ErrorCode.GROUP_AUTHORIZATION_FAILED) };
  }
  const refusals = new Map<string, number>();
  const committable: Topics = [];
  let count = 0;
  for (const topic of request.topics) {
    const partitions: Partition[] = [];
    yield* forEachInSteps(topic.partitions, (partition) => {
      const { partitionIndex } = partition;
      const errorCode = refusal(context, topic.name, partitionIndex);
      if (errorCode === ErrorCode.NONE) partitions.push(partition);
      else refusals.set(`${topic.name}-${partitionIndex}`, errorCode);
    });
    count += partitions.length;
    if (partitions.length > 0) committable.push({ ...topic, partitions });
    yield;
  }
  if (count === 0) return { topics: yield* inOrder(request.topics, (key) => refusals.get(key) ?? ErrorCode.NONE) };
  // They are one batch, which would be made in one step to be refused by the log.
  const { maxMessageBytes } = context.topicConfigs.configOf(GROUP_METADATA_TOPIC);
  if (count * LEAST_COMMIT_BYTES > maxMessageBytes) {
    const tooMany = ErrorCode.INVALID_COMMIT_OFFSET_SIZE;
    return { topics: yield* inOrder(request.topics, (key) => refusals.get(key) ?? tooMany) };
  }
  return commit(request, context, committable, refusals);
});

/** With the codes of what is refused without asking the coordinator. */
async function commit(
  request: OffsetCommitRequest,
  context: RequestContext,
  committable: Topics,
  refusals: Map<string, number>,
): Promise<Answer> {
  const stored = context.groups.commitOffsets(groupContext(context), { ...request, topics: committable });
  const committed = await context.awaitOthers({ ended: stored });
  if (refusals.size === 0) return committed;
  for (const { name, partitions } of committed.topics) {
    for (const { partitionIndex, errorCode } of partitions) refusals.set(`${name}-${partitionIndex}`, errorCode);
  }
  const codeOf = (key: string): number => refusals.get(key) ?? ErrorCode.NONE;
  return { topics: await runInSlices(context.clock, inOrder(request.topics, codeOf)) };
}

function refusal({ authorize, metadata }: RequestContext, name: string, partition: number): number {
  if (!authorize('READ', { type: 'TOPIC', name })) return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
  return metadata.contains({ topic: name, partition }) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

function inOrder(topics: Topics, codeOf: (key: string) => number): Steps<Answers> {
  return mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partitionIndex }, { name }) => ({ partitionIndex, errorCode: codeOf(`${name}-${partitionIndex}`) }),
    ({ name }, partitions) => ({ name, partitions }),
  );
}
