/** What the brokers of a cluster say over the wire, on 127.0.0.1. */
import { partitionKey, type TopicPartition } from '../../../../src/cluster/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type FetchResponse,
  type InitProducerIdResponse,
  type MetadataResponse,
} from '../../../../src/protocol/index.js';
import { iterateBatches } from '../../../../src/records/index.js';
import { eventually } from '../../../support/eventually.js';
import { ask } from '../wire-client.js';
import type { Truth } from './truth.js';

const READ_BYTES = 4_000_000;
const PATIENCE_MS = 60_000;

/** Of one topic, or of all for null. */
export function metadataOf(port: number, topic: string | null): Promise<MetadataResponse> {
  const topics = topic === null ? null : [{ name: topic }];
  return ask<MetadataResponse>(port, ApiKey.Metadata, 8, { topics, allowAutoTopicCreation: false });
}

/** The port of the leader, as the broker at a port tells it; null when it knows of none. */
export function leaderIn({ topics, brokers }: MetadataResponse, partition: number): number | null {
  const leader = topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId;
  return brokers.find(({ nodeId }) => nodeId === leader)?.port ?? null;
}

/** What a broker does not tell of the topics that there are. */
export async function unknownAt(port: number, truth: Truth): Promise<string[]> {
  const { topics } = await metadataOf(port, null);
  return truth.flatMap(({ topic, partitions }) => {
    const found = topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
    return found === partitions.length ? [] : [`the broker at ${port} knows of ${found} partitions of ${topic}`];
  });
}

export async function newProducerId(port: number): Promise<bigint> {
  const body = { transactionalId: null, transactionTimeoutMs: 1_000 };
  const { producerId } = await eventually(
    async () => {
      const answer = await ask<InitProducerIdResponse>(port, ApiKey.InitProducerId, 4, body);
      return answer.errorCode === ErrorCode.NONE && answer;
    },
    { what: 'a producer id' },
  );
  return producerId;
}

/** Reads a partition from its beginning until `due`: record N is at offset N. Answers the first thing that is not so, or null. */
export async function faultInLog(port: number, at: TopicPartition, due: number): Promise<string | null> {
  const { topic, partition } = at;
  const leader = await eventually(async () => leaderIn(await metadataOf(port, topic), partition), {
    timeoutMs: PATIENCE_MS,
    what: `a leader of ${partitionKey(at)}`,
  });
  for (let next = 0; next < due;) {
    const partitions = [{ partition, fetchOffset: BigInt(next), partitionMaxBytes: READ_BYTES }];
    const body = { maxWaitMs: 100, minBytes: 1, maxBytes: READ_BYTES, topics: [{ topic, partitions }] };
    const answer = await ask<FetchResponse>(leader, ApiKey.Fetch, 12, body);
    const { errorCode, records } = answer.responses[0]!.partitions[0]!;
    if (errorCode !== ErrorCode.NONE) return `a fetch of ${partitionKey(at)} was answered ${errorName(errorCode)}`;
    const first = next;
    for (const batch of iterateBatches(records as Buffer)) {
      batch.ensureValid();
      for (const { offset, value } of batch.records()) {
        // A batch is given whole, also when it was asked for from its middle.
        if (offset < first) continue;
        if (offset !== next || value?.toString() !== String(next)) {
          return `${partitionKey(at)} has record ${value?.toString()} at ${offset}, where ${next} is due`;
        }
        next++;
      }
    }
    if (next === first) return `${partitionKey(at)} ends at ${next}, and ${due} are acknowledged`;
  }
  return null;
}
