import { GROUP_METADATA_TOPIC, type TopicPartition } from '../../cluster/index.js';
import { forEachInSteps, runInSlices, type Steps, type Uuid } from '../../common/index.js';
import {
  ErrorCode,
  offsetCommitRequest,
  offsetCommitResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
} from '../../protocol/index.js';
import { areGroupsCompressed, groupContext, mayReadGroup } from '../group-request.js';
import { ApiError, handler, type RequestContext } from '../handler.js';

type Partition = OffsetCommitRequest['topics'][number]['partitions'][number];
/** By topic and index. */
type Committable = ReadonlyMap<string, ReadonlyMap<number, Partition>>;

/** A committed offset takes more than this in the log besides the name of its group, however short that of its topic. */
const LEAST_COMMIT_BYTES = 40;

/** A group's offsets are stored. (Version 0, which Kafka stores in ZooKeeper, is stored with the rest.) */
export const offsetCommit = handler(offsetCommitRequest, offsetCommitResponse, function* (request, context) {
  const { groupId } = request;
  if (!mayReadGroup(context, groupId)) throw new ApiError(ErrorCode.GROUP_AUTHORIZATION_FAILED);
  const { metadata } = context;
  const { version } = metadata;
  const answers = new Answers();
  const ids = new Map<string, Uuid>();
  const committable = yield* sortOut(request, context, ids, answers);
  if (committable.size === 0) return { topics: answers.topics };
  let count = 0;
  for (const { size } of committable.values()) count += size;
  // They are one batch, which would be made to be refused by the log.
  const leastBytes = LEAST_COMMIT_BYTES + (areGroupsCompressed(context) ? 0 : groupId.length);
  if (count * leastBytes > context.topicConfigs.configOf(GROUP_METADATA_TOPIC).maxMessageBytes) {
    for (const [name, partitions] of committable) {
      yield* answers.refuse(name, partitions.keys(), ErrorCode.INVALID_COMMIT_OFFSET_SIZE);
    }
    return { topics: answers.topics };
  }
  const topics = [...committable].map(([name, partitions]) => ({ name, partitions: [...partitions.values()] }));
  // A name may be another topic's by the time that they are stored.
  const isThere = ({ topic, partition }: TopicPartition): boolean =>
    metadata.version === version ||
    (metadata.topicId(topic) === ids.get(topic) && metadata.contains({ topic, partition }));
  const stored = yield* context.groups.commitOffsets(groupContext(context), { ...request, topics }, isThere);
  return answerWhen(stored, answers, context);
});

/** As in Kafka the last offset of a partition counts, while each that is refused is answered. `ids` gets those of the topics. */
function* sortOut(
  { topics }: OffsetCommitRequest,
  { authorize, metadata }: RequestContext,
  ids: Map<string, Uuid>,
  answers: Answers,
): Steps<Committable> {
  const committable = new Map<string, Map<number, Partition>>();
  for (const { name, partitions } of topics) {
    const mayRead = authorize('READ', { type: 'TOPIC', name });
    const refusal = mayRead ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    if (!ids.has(name)) ids.set(name, metadata.topicId(name));
    let ofTopic = committable.get(name);
    yield* forEachInSteps(partitions, (partition) => {
      const { partitionIndex } = partition;
      if (!mayRead || !metadata.contains({ topic: name, partition: partitionIndex })) {
        answers.of(name).push({ partitionIndex, errorCode: refusal });
        return;
      }
      if (!ofTopic) committable.set(name, (ofTopic = new Map()));
      ofTopic.set(partitionIndex, partition);
    });
    yield;
  }
  return committable;
}

/** With what was refused without asking the coordinator. */
async function answerWhen(
  stored: Promise<OffsetCommitResponse>,
  answers: Answers,
  context: RequestContext,
): Promise<Pick<OffsetCommitResponse, 'topics'>> {
  const committed = await context.awaitOthers({ ended: stored });
  if (answers.topics.length === 0) return committed;
  await runInSlices(context.clock, answers.add(committed.topics));
  return { topics: answers.topics };
}

/** One for each topic (`OffsetCommitResponse.Builder`). */
class Answers {
  readonly topics: OffsetCommitResponse['topics'] = [];
  private readonly byName = new Map<string, OffsetCommitResponse['topics'][number]['partitions']>();

  of(name: string): OffsetCommitResponse['topics'][number]['partitions'] {
    let partitions = this.byName.get(name);
    if (!partitions) {
      this.byName.set(name, (partitions = []));
      this.topics.push({ name, partitions });
    }
    return partitions;
  }

  *refuse(name: string, indexes: Iterable<number>, errorCode: number): Steps<void> {
    const partitions = this.of(name);
    yield* forEachInSteps(indexes, (partitionIndex) => void partitions.push({ partitionIndex, errorCode }));
    yield;
  }

  *add(topics: OffsetCommitResponse['topics']): Steps<void> {
    for (const { name, partitions } of topics) {
      const all = this.of(name);
      yield* forEachInSteps(partitions, (partition) => void all.push(partition));
      yield;
    }
  }
}
