import { clampToSafeNumber, forEachInSteps, mapNestedInSteps, startInSlices, type Steps } from '../../common/index.js';
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
  ErrorCode,
  type DeleteRecordsRequest,
  type InputOf,
} from '../../protocol/index.js';
import { handler, LATER } from '../handler.js';

type AskedTopic = DeleteRecordsRequest['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
type TopicAnswer = NonNullable<InputOf<typeof deleteRecordsResponse>['topics']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];
type Deleted = { readonly errorCode: number; readonly lowWatermark: number };

const INVALID_LOW_WATERMARK = -1n;

/** Moves log start offsets forward, and answers when every live replica has followed or the timeout is up. */
export const deleteRecords = handler(deleteRecordsRequest, deleteRecordsResponse, function* (request, context) {
  const { authorize, metadata, replicas } = context;
  const asked: { tp: { topic: string; partition: number }; offset: number }[] = [];
  // In the order of the request; what is deleted fills its place when it is done.
  const answers: (PartitionAnswer | null)[] = [];
  for (const { name, partitions } of request.topics) {
    const authorized = authorize('DELETE', { type: 'TOPIC', name });
    yield* forEachInSteps(partitions, ({ partitionIndex, offset }) => {
      const tp = { topic: name, partition: partitionIndex };
      if (!authorized) answers.push(refused(partitionIndex, ErrorCode.TOPIC_AUTHORIZATION_FAILED));
      else if (!metadata.contains(tp)) {
        answers.push(refused(partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION));
      } else {
        asked.push({ tp, offset: clampToSafeNumber(offset) });
        answers.push(null);
      }
    });
    yield;
  }
  if (asked.length === 0) return yield* answerOf(request.topics, answers, []);
  const finish = (results: readonly Deleted[]): void =>
    startInSlices(context.clock, answerOf(request.topics, answers, results), context.respond, context.fail);
  return replicas.deleteRecords(request.timeoutMs, asked, finish).then(() => LATER);
});

/** `results` fill the places that are null, in their order. */
function* answerOf(
  topics: readonly AskedTopic[],
  answers: readonly (PartitionAnswer | null)[],
  results: readonly Deleted[],
): Steps<{ topics: TopicAnswer[] }> {
  let next = 0;
  let at = 0;
  const fill = ({ partitionIndex }: AskedPartition): PartitionAnswer => {
    const answer = answers[at++];
    if (answer) return answer;
    const { errorCode, lowWatermark } = results[next++]!;
    return { partitionIndex, errorCode, lowWatermark: BigInt(lowWatermark) };
  };
  return { topics: yield* mapNestedInSteps(topics, partitionsOf, fill, topicAnswer) };
}

function partitionsOf({ partitions }: AskedTopic): readonly AskedPartition[] {
  return partitions;
}

function topicAnswer({ name }: AskedTopic, partitions: PartitionAnswer[]): TopicAnswer {
  return { name, partitions };
}

function refused(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, lowWatermark: INVALID_LOW_WATERMARK, errorCode };
}
