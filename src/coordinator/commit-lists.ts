/** Lists of partitions as requests have them, by topic, and as they are worked on, one after another. */
import type { TopicPartition } from '../cluster/index.js';
import { forEachInSteps, type Steps } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import type { OffsetAndMetadata } from './core/group-offsets.js';
import type { OffsetCommit } from './group-store.js';

export type CommitValues = OffsetAndMetadata & { readonly partitionIndex: number };

interface TopicOf<P> {
  readonly name: string;
  readonly partitions: readonly P[];
}

/** One entry a partition, in the order of the request, so that `withCodes` can put the answers back. */
export function* flatten<P>(
  topics: readonly TopicOf<P>[],
  read: (partition: P) => CommitValues,
): Steps<{ topicPartition: TopicPartition; offset: CommitValues }[]> {
  const commits: { topicPartition: TopicPartition; offset: CommitValues }[] = [];
  for (const { name, partitions } of topics) {
    yield* forEachInSteps(partitions, (partition) => {
      const offset = read(partition);
      commits.push({ topicPartition: { topic: name, partition: offset.partitionIndex }, offset });
    });
    yield;
  }
  return commits;
}

/** Of all commits, when `codes` are those of the ones that were left: what the others were for is not there any more. */
export function codesOf(
  all: readonly OffsetCommit[],
  left: readonly OffsetCommit[],
  codes: readonly number[],
): readonly number[] {
  if (left.length === all.length) return codes;
  const codeOf = new Map(left.map((commit, at) => [commit, codes[at]]));
  return all.map((commit) => codeOf.get(commit) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
}

export function withCodes(
  topics: readonly TopicOf<{ readonly partitionIndex: number }>[],
  codes: readonly number[],
): { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[] {
  let next = 0;
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codes[next++]! })),
  }));
}
