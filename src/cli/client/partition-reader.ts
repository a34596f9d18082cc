import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { assert } from '../../common/index.js';
import { ErrorCode, fetchRequest, fetchResponse } from '../../protocol/index.js';
import { iterateBatches } from '../../records/index.js';
import { ClientError, throwIfError } from './client-error.js';
import type { ClusterClient } from './cluster-client.js';
import { listOffsets, OffsetSpec } from './offset-admin.js';

/** A record of a partition that is read without a group. */
export interface FetchedRecord extends TopicPartition {
  readonly offset: bigint;
  readonly timestamp: bigint;
  readonly timestampType: 'CreateTime' | 'LogAppendTime' | 'NoTimestampType';
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

const MAX_WAIT_MS = 500;
const MAX_BYTES = 50 * 1024 * 1024;
const PARTITION_MAX_BYTES = 1024 * 1024;
// Topics go by name up to this version.
const FETCH_VERSION_WITH_NAMES = 12;

export interface ReaderOptions {
  /** An offset, or an `OffsetSpec`. */
  readonly start: bigint;
  readonly readCommitted: boolean;
}

/**
 * Reads one partition from an offset on, without a group and without end: an empty list is given whenever the leader had nothing
 * within its waiting time. A reader beyond either end of the log goes on at its end (`auto.offset.reset=latest`).
 */
export async function* readPartition(
  client: ClusterClient,
  at: TopicPartition,
  { start, readCommitted }: ReaderOptions,
): AsyncGenerator<FetchedRecord[]> {
  let offset = start >= 0n ? start : await offsetOf(client, at, start);
  for (;;) {
    const answer = await client.retrying('fetch', () => fetchOnce(client, at, offset, readCommitted));
    if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      offset = await offsetOf(client, at, OffsetSpec.LATEST);
      yield [];
      continue;
    }
    const records: FetchedRecord[] = [];
    const aborted = readCommitted ? [...(answer.abortedTransactions ?? [])] : [];
    const open = new Set<bigint>();
    for (const batch of iterateBatches(answer.records ?? Buffer.alloc(0))) {
      // A producer's records are dropped from the first offset of an aborted transaction up to its marker.
      for (let i = aborted.length - 1; i >= 0; i--) {
        if (aborted[i]!.firstOffset <= BigInt(batch.lastOffset)) open.add(aborted.splice(i, 1)[0]!.producerId);
      }
      const producerId = batch.producerIdExact;
      if (batch.isControl) open.delete(producerId);
      else if (!(batch.isTransactional && open.has(producerId))) {
        const timestampType = batch.timestampTypeName;
        for (const { offset: recordOffset, timestampExact, key, value, headers } of batch.records()) {
          if (BigInt(recordOffset) < offset) continue;
          records.push({
            ...at,
            offset: BigInt(recordOffset),
            timestamp: timestampExact,
            timestampType,
            key,
            value,
            headers,
          });
        }
      }
      offset = BigInt(batch.nextOffset);
    }
    yield records;
  }
}

async function offsetOf(client: ClusterClient, at: TopicPartition, spec: bigint): Promise<bigint> {
  const found = (await listOffsets(client, [at], spec)).get(partitionKey(at));
  assert(found !== undefined, 'every partition that is asked for is answered');
  if (found instanceof ClientError) throw found;
  return found.offset;
}

async function fetchOnce(client: ClusterClient, at: TopicPartition, offset: bigint, readCommitted: boolean) {
  const { topics } = await client.metadata([at.topic]);
  throwIfError(topics[0]?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const state = topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === at.partition);
  if (!state) throw ClientError.ofCode(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  if (state.leaderId < 0) throw ClientError.ofCode(ErrorCode.LEADER_NOT_AVAILABLE);
  const answer = await client.sendToNode(
    state.leaderId,
    fetchRequest,
    fetchResponse,
    {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      isolationLevel: readCommitted ? 1 : 0,
      topics: [
        {
          topic: at.topic,
          partitions: [{ partition: at.partition, fetchOffset: offset, partitionMaxBytes: PARTITION_MAX_BYTES }],
        },
      ],
    },
    { maxVersion: FETCH_VERSION_WITH_NAMES },
  );
  throwIfError(answer.errorCode);
  const data = answer.responses[0]!.partitions[0]!;
  if (data.errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE) throwIfError(data.errorCode);
  return data;
}
