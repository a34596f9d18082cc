import { partitionKey } from '../../cluster/index.js';
import { mapInSteps, type Steps } from '../../common/index.js';
import { ErrorCode, type InputOf, type ListOffsetsRequest, type listOffsetsResponse } from '../../protocol/index.js';
import { toInt64 } from '../../records/index.js';
import { legacyOffsetsForTimestamp, type LegacyQuery } from '../../replication/index.js';
import type { RequestContext } from '../handler.js';
import { AbandonedError } from '../awaited.js';

type Answer = InputOf<typeof listOffsetsResponse>;
type TopicAnswer = NonNullable<Answer['topics']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];
type AskedPartition = ListOffsetsRequest['topics'][number]['partitions'][number];

export type Asker = Pick<LegacyQuery, 'isFromConsumer' | 'fetchOnlyFromLeader'>;

/** Of segments, in an answer: each of them may be asked for thousands of times. */
const MAX_OFFSETS = 100_000;

/** Version 0 looks for segments, and takes a partition that is named twice. One log after the other: each may have thousands of segments. */
export function* listLegacyOffsets(
  { topics }: ListOffsetsRequest,
  asker: Asker,
  context: RequestContext,
): Steps<Answer> {
  const { request } = context;
  request.endsWhenAbandoned = true;
  const answers: TopicAnswer[] = [];
  let left = MAX_OFFSETS;
  for (const { name, partitions } of topics) {
    const found: PartitionAnswer[] = [];
    for (const partition of partitions) {
      yield;
      if (request.isAbandoned) {
        request.respondNothing();
        throw new AbandonedError();
      }
      const answer = yield* findOne(name, partition, asker, left, context);
      left -= answer.oldStyleOffsets?.length ?? 0;
      found.push(answer);
    }
    answers.push({ name, partitions: found });
  }
  return { topics: answers };
}

function* findOne(
  topic: string,
  { partitionIndex, timestamp, maxNumOffsets }: AskedPartition,
  asker: Asker,
  left: number,
  { authorize, replicas, logger, clock }: RequestContext,
): Steps<PartitionAnswer> {
  if (!authorize('DESCRIBE', { type: 'TOPIC', name: topic })) {
    return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED };
  }
  const tp = { topic, partition: partitionIndex };
  const partition = replicas.partitionOrError(tp);
  if (typeof partition === 'number') return { partitionIndex, errorCode: partition };
  try {
    const offsets = yield* legacyOffsetsForTimestamp(partition, toInt64(timestamp), Math.min(maxNumOffsets, left), {
      ...asker,
      nowMs: clock.nowMs(),
    });
    if (typeof offsets === 'number') return { partitionIndex, errorCode: offsets };
    return { partitionIndex, errorCode: ErrorCode.NONE, oldStyleOffsets: yield* mapInSteps(offsets, BigInt) };
  } catch (error) {
    logger.error('Error while responding to an offset request', { partition: partitionKey(tp), error });
    return { partitionIndex, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR };
  }
}
