import { clampToSafeNumber } from '../../common/index.js';
import { deleteRecordsRequest, deleteRecordsResponse, ErrorCode, type InputOf } from '../../protocol/index.js';
import { handler, LATER } from '../handler.js';

type PartitionAnswer = NonNullable<
  NonNullable<InputOf<typeof deleteRecordsResponse>['topics']>[number]['partitions']
>[number];

const INVALID_LOW_WATERMARK = -1n;

/** Moves log start offsets forward, and answers when every live replica has followed or the timeout is up. */
export const deleteRecords = handler(deleteRecordsRequest, deleteRecordsResponse, (request, context) => {
  const { authorize, metadata, replicas } = context;
  const asked: { tp: { topic: string; partition: number }; offset: number }[] = [];
  // In the order of the request; what is deleted fills its place when it is done.
  const answers: (PartitionAnswer | null)[] = [];
  for (const { name, partitions } of request.topics) {
    const authorized = authorize('DELETE', { type: 'TOPIC', name });
    for (const { partitionIndex, offset } of partitions) {
      const tp = { topic: name, partition: partitionIndex };
      const refuse = (errorCode: number): void =>
        void answers.push({ partitionIndex, lowWatermark: INVALID_LOW_WATERMARK, errorCode });
      if (!authorized) refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
      else if (!metadata.contains(tp)) refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      else {
        asked.push({ tp, offset: clampToSafeNumber(offset) });
        answers.push(null);
      }
    }
  }
  const finish = (results: readonly { errorCode: number; lowWatermark: number }[]): void => {
    let next = 0;
    let at = 0;
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }): PartitionAnswer => {
        const refused = answers[at++];
        if (refused) return refused;
        const { errorCode, lowWatermark } = results[next++]!;
        return { partitionIndex, errorCode, lowWatermark: BigInt(lowWatermark) };
      }),
    }));
    context.respond({ topics });
  };
  if (asked.length > 0) return replicas.deleteRecords(request.timeoutMs, asked, finish).then(() => LATER);
  finish([]);
  return LATER;
});
