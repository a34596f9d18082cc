import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { ErrorCode, isRetriable, listOffsetsRequest, listOffsetsResponse } from '../../protocol/index.js';
import { ClientError } from './client-error.js';
import type { ClusterClient } from './cluster-client.js';

/** What ListOffsets is asked for besides a time. */
export const OffsetSpec = { LATEST: -1n, EARLIEST: -2n, MAX_TIMESTAMP: -3n } as const;
export const UNKNOWN_OFFSET = -1n;

export type ListedOffset = { readonly offset: bigint; readonly timestamp: bigint } | ClientError;

/**
 * Asks the leaders of partitions for an offset each: that of the first record at or after a time, or of an `OffsetSpec`. What a leader
 * refuses stands as an error in the answer; partitions whose leader moves are asked for again until the call's time is up.
 */
export async function listOffsets(
  client: ClusterClient,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
  isolation: 'read_uncommitted' | 'read_committed' = 'read_uncommitted',
): Promise<Map<string, ListedOffset>> {
  const found = new Map<string, ListedOffset>();
  let missing = [...partitions];
  let lastError: ClientError | null = null;
  while (missing.length > 0) {
    try {
      await client.retrying('listOffsets', async () => {
        lastError = null;
        for (const [key, offset] of await askLeaders(client, missing, timestamp, isolation)) {
          if (offset instanceof ClientError && isWorthAskingAgain(offset)) lastError = offset;
          else found.set(key, offset);
        }
        missing = missing.filter((partition) => !found.has(partitionKey(partition)));
        if (lastError) throw lastError;
      });
    } catch (error) {
      if (!(error instanceof ClientError) || missing.length === 0) throw error;
      for (const partition of missing) found.set(partitionKey(partition), lastError ?? error);
      missing = [];
    }
  }
  return found;
}

function isWorthAskingAgain({ errorCode }: ClientError): boolean {
  return isRetriable(errorCode) && errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

async function askLeaders(
  client: ClusterClient,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
  isolation: string,
): Promise<Map<string, ListedOffset>> {
  const found = new Map<string, ListedOffset>();
  const { topics } = await client.metadata([...new Set(partitions.map(({ topic }) => topic))]);
  const byLeader = new Map<number, Map<string, number[]>>();
  for (const { topic, partition } of partitions) {
    const listed = topics.find(({ name }) => name === topic);
    const state = listed?.partitions.find(({ partitionIndex }) => partitionIndex === partition);
    if (!state || state.leaderId < 0) {
      const code = listed?.errorCode || (state ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      found.set(partitionKey({ topic, partition }), ClientError.ofCode(code));
      continue;
    }
    const byTopic = byLeader.get(state.leaderId) ?? new Map<string, number[]>();
    byLeader.set(state.leaderId, byTopic);
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
  }
  await Promise.all(
    [...byLeader].map(async ([leader, byTopic]) => {
      const answer = await client.sendToNode(leader, listOffsetsRequest, listOffsetsResponse, {
        replicaId: -1,
        isolationLevel: isolation === 'read_committed' ? 1 : 0,
        topics: [...byTopic].map(([name, indexes]) => ({
          name,
          partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp })),
        })),
      });
      for (const { name, partitions: answers } of answer.topics) {
        for (const { partitionIndex, errorCode, offset, timestamp: at } of answers) {
          const key = partitionKey({ topic: name, partition: partitionIndex });
          found.set(key, errorCode === ErrorCode.NONE ? { offset, timestamp: at } : ClientError.ofCode(errorCode));
        }
      }
    }),
  );
  return found;
}
