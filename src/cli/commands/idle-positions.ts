import type { Consumer } from 'kafkajs';
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import type { ClusterClient } from '../client/cluster-client.js';
import { ClientError } from '../client/client-error.js';
import { committedOffsets } from '../client/group-admin.js';
import { listOffsets } from '../client/offset-admin.js';

export interface IdlePositionsOptions {
  readonly client: ClusterClient;
  readonly consumer: Pick<Consumer, 'commitOffsets'>;
  readonly group: string;
  /** Where a partition begins that the group has no offset for: an `OffsetSpec`. */
  readonly start: bigint;
}

/**
 * Commits where a member of a group stands in partitions that have given it no record. Java's consumer commits its position in each partition that
 * it is assigned; kafkajs only behind records.
 */
export class IdlePositions {
  /** Where partitions began before the group was joined: never beyond where kafkajs begins. */
  private readonly starts = new Map<string, bigint>();
  /** Assigned, neither read from nor committed. */
  private idle = new Map<string, TopicPartition>();

  constructor(private readonly options: IdlePositionsOptions) {}

  /** Finds out where the partitions of the topics begin. A topic that is created later begins at 0. */
  async readStarts(topic: string | RegExp): Promise<void> {
    const { client, start } = this.options;
    const { topics } = await client.metadata(typeof topic === 'string' ? [topic] : null);
    const partitions = topics
      .filter(({ name }) => name !== null && (typeof topic === 'string' || topic.test(name)))
      .flatMap(({ name, partitions: of }) => of.map((it) => ({ topic: name!, partition: it.partitionIndex })));
    if (partitions.length === 0) return;
    for (const [key, found] of await listOffsets(client, partitions, start)) {
      if (!(found instanceof ClientError)) this.starts.set(key, found.offset);
    }
  }

  /** These are the member's partitions from now on. */
  assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.idle = new Map(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => [partitionKey({ topic, partition }), { topic, partition }] as const),
      ),
    );
  }

  /** A record of the partition was taken: from here on kafkajs commits behind it. */
  read(at: TopicPartition): void {
    this.idle.delete(partitionKey(at));
  }

  /** Commits what the group has no offset for. */
  async commit(): Promise<void> {
    const { client, consumer, group } = this.options;
    if (this.idle.size === 0) return;
    const committed = await committedOffsets(client, group);
    // What was read from meanwhile is kafkajs's.
    const missing = [...this.idle].filter(([key]) => !committed.has(key));
    this.idle.clear();
    if (missing.length === 0) return;
    await consumer.commitOffsets(
      missing.map(([key, { topic, partition }]) => ({ topic, partition, offset: String(this.starts.get(key) ?? 0n) })),
    );
  }
}
