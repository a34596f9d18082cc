import type { TopicPartition } from '../../cluster/index.js';
import { parsePartitionKey, partitionKey } from '../../cluster/index.js';
import { ZnodeFormatError } from '../core/errors.js';
import { decodeJson, encodeJson } from './json.js';

/** `/admin/delete_topics/T`: the topic is to be deleted. */
export const deleteTopicsZnode = {
  path: '/admin/delete_topics',
  topicPath: (topic: string): string => `/admin/delete_topics/${topic}`,
};

/** Target replicas by `partitionKey`, in the order written. */
export type PartitionReassignments = ReadonlyMap<string, readonly number[]>;

/** `/admin/reassign_partitions`: reassignments asked for by tools of before KIP-455. The controller deletes it when they are done. */
export const reassignPartitionsZnode = {
  path: '/admin/reassign_partitions',
  encode: (reassignments: PartitionReassignments): Buffer =>
    encodeJson({
      version: 1,
      partitions: [...reassignments].map(([key, replicas]) => {
        const tp = parsePartitionKey(key)!;
        return { topic: tp.topic, partition: tp.partition, replicas };
      }),
    }),
  decode: (data: Buffer | null): Map<string, readonly number[]> =>
    new Map(
      decodeJson(data, '/admin/reassign_partitions')
        .objects('partitions')
        .map((it) => [reassignedKey(it.string('topic'), it.int('partition')), it.ints('replicas')]),
    ),
};

function reassignedKey(topic: string, partition: number): string {
  // Its key would be that of a partition of another topic.
  if (partition < 0) throw new ZnodeFormatError(`/admin/reassign_partitions names partition ${partition} of ${topic}`);
  return partitionKey({ topic, partition });
}

/** `/admin/preferred_replica_election`: elections asked for by tools of before KIP-183. The controller deletes it when done. */
export const preferredReplicaElectionZnode = {
  path: '/admin/preferred_replica_election',
  encode: (partitions: readonly TopicPartition[]): Buffer => encodeJson({ version: 1, partitions: list(partitions) }),
  decode: (data: Buffer | null): TopicPartition[] =>
    decodeJson(data, '/admin/preferred_replica_election').objects('partitions').map(partitionOf),
};

/** `/isr_change_notification/isr_change_N`: ISR changes by leaders of before KIP-497 (AlterPartition). */
export const isrChangeZnode = {
  parent: '/isr_change_notification',
  prefix: 'isr_change_',
  path: (name: string): string => `/isr_change_notification/${name}`,
  encode: (partitions: readonly TopicPartition[]): Buffer => encodeJson({ version: 1, partitions: list(partitions) }),
  decode: (data: Buffer | null): TopicPartition[] =>
    decodeJson(data, 'an ISR change').objects('partitions').map(partitionOf),
};

/** `/log_dir_event_notification/log_dir_event_N`: a log directory of a broker went offline. */
export const logDirEventZnode = {
  parent: '/log_dir_event_notification',
  prefix: 'log_dir_event_',
  path: (name: string): string => `/log_dir_event_notification/${name}`,
  encode: (brokerId: number): Buffer => encodeJson({ version: 1, broker: brokerId, event: 1 }),
  /** The broker whose directory failed. */
  decode: (data: Buffer | null): number => decodeJson(data, 'a log directory event').int('broker'),
};

function list(partitions: readonly TopicPartition[]): { topic: string; partition: number }[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition }));
}

function partitionOf(json: { string(name: string): string; int(name: string): number }): TopicPartition {
  return { topic: json.string('topic'), partition: json.int('partition') };
}
