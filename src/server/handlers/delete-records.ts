import type { TopicPartition } from '../../cluster/index.js';
import { clampToSafeNumber, forEachInSteps, mapInSteps, startInSlices, type Steps } from '../../common/index.js';
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
  ErrorCode,
  type DeleteRecordsRequest,
  type InputOf,
} from '../../protocol/index.js';
import { handler, LATER, type RequestContext } from '../handler.js';

type Answer = InputOf<typeof deleteRecordsResponse>;
type TopicAnswer = NonNullable<Answer['topics']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];
type Deleted = { readonly errorCode: number; readonly lowWatermark: number };

interface Asked {
  /** Why nothing is deleted of the partition; NONE when it may be. */
  readonly errorCode: number;
  readonly offset: bigint;
}
/** By topic and index, in the order in which they were named first. As in Kafka the last offset of a partition counts. */
type AskedPartitions = ReadonlyMap<string, ReadonlyMap<number, Asked>>;

const INVALID_LOW_WATERMARK = -1n;

/** Moves log start offsets forward, and answers when every live replica has followed or the timeout is up. */
export const deleteRecords = handler(deleteRecordsRequest, deleteRecordsResponse, function* (request, context) {
  const { clock, replicas, request: asker } = context;
  const asked = yield* sortOut(request, context);
  const allowed: { tp: TopicPartition; offset: number }[] = [];
  for (const [topic, partitions] of asked) {
    yield* forEachInSteps(partitions, ([partition, { errorCode, offset }]) => {
      if (errorCode === ErrorCode.NONE) allowed.push({ tp: { topic, partition }, offset: clampToSafeNumber(offset) });
    });
    yield;
  }
  if (allowed.length === 0) return yield* answerOf(asked, []);
  const finish = (results: readonly Deleted[]): void =>
    startInSlices(clock, answerOf(asked, results), context.respond, context.fail);
  return replicas.deleteRecords(request.timeoutMs, allowed, finish).then((giveUp) => {
    if (asker.isAbandoned) giveUp();
    else asker.onAbandoned = giveUp;
    return LATER;
  });
});

function* sortOut(
  { topics }: DeleteRecordsRequest,
  { authorize, metadata }: RequestContext<Answer>,
): Steps<AskedPartitions> {
  const asked = new Map<string, Map<number, Asked>>();
  for (const { name, partitions } of topics) {
    const mayDelete = authorize('DELETE', { type: 'TOPIC', name });
    let ofTopic = asked.get(name);
    yield* forEachInSteps(partitions, ({ partitionIndex, offset }) => {
      if (!ofTopic) asked.set(name, (ofTopic = new Map()));
      let errorCode: number = ErrorCode.NONE;
      if (!mayDelete) errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
      else if (!metadata.contains({ topic: name, partition: partitionIndex })) {
        errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      }
      ofTopic.set(partitionIndex, { errorCode, offset });
    });
    yield;
  }
  return asked;
}

/** `results` are of those that were not refused, in their order. */
function* answerOf(asked: AskedPartitions, results: readonly Deleted[]): Steps<Answer> {
  const topics: TopicAnswer[] = [];
  let next = 0;
  for (const [name, ofTopic] of asked) {
    const partitions = yield* mapInSteps(ofTopic, ([partitionIndex, refused]): PartitionAnswer => {
      if (refused.errorCode !== ErrorCode.NONE) {
        return { partitionIndex, lowWatermark: INVALID_LOW_WATERMARK, errorCode: refused.errorCode };
      }
      const { errorCode, lowWatermark } = results[next++]!;
      return { partitionIndex, lowWatermark: BigInt(lowWatermark), errorCode };
    });
    topics.push({ name, partitions });
    yield;
  }
  return { topics };
}
