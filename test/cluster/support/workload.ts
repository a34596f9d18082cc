import type { Consumer, Producer } from 'kafkajs';
import { stopConsumer } from '../../../src/cli/client/kafkajs-consumer.js';
import { eventually, pause } from '../../support/eventually.js';
import type { OttlaCluster } from './ottla-cluster.js';

const BATCH = 5;
const PAUSE_MS = 5;

/**
 * Sends numbered records to every partition of a topic with acks=all, without end, and remembers which were acknowledged. A batch that
 * fails is sent again under the same numbers, so that one may be in the log twice: at least once is what acks=all promises.
 */
export class Workload {
  private readonly acknowledged: Set<number>[];
  private next = 0;
  private connects = 0;
  private isStopping = false;
  private loops: Promise<void>[] = [];

  private constructor(
    readonly topic: string,
    partitionCount: number,
    private readonly cluster: OttlaCluster,
  ) {
    this.acknowledged = Array.from({ length: partitionCount }, () => new Set<number>());
  }

  static async start(cluster: OttlaCluster, topic: string, partitionCount: number): Promise<Workload> {
    const workload = new Workload(topic, partitionCount, cluster);
    workload.loops = workload.acknowledged.map((_, partition) => workload.sendTo(partition));
    await workload.untilProgress();
    return workload;
  }

  /** Numbers that were acknowledged for a partition. */
  acknowledgedOf(partition: number): ReadonlySet<number> {
    return this.acknowledged[partition]!;
  }

  get acknowledgedCount(): number {
    return this.acknowledged.reduce((sum, ids) => sum + ids.size, 0);
  }

  /** Waits until every partition has acknowledged records that were sent after this moment. */
  async untilProgress(timeoutMs = 60_000): Promise<void> {
    const before = this.acknowledged.map((ids) => ids.size);
    await eventually(() => this.acknowledged.every((ids, i) => ids.size >= before[i]! + 3 * BATCH), {
      timeoutMs,
      what: `acknowledgements in every partition of ${this.topic}`,
    });
  }

  /** Sends no more; resolves when nothing is in flight. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.loops);
  }

  private async sendTo(partition: number): Promise<void> {
    let producer: Producer | null = null;
    let ids: number[] = [];
    while (!this.isStopping) {
      if (ids.length === 0) ids = Array.from({ length: BATCH }, () => this.next++);
      try {
        producer ??= await this.connect();
        const messages = ids.map((id) => ({ value: String(id), partition }));
        const answers = await producer.send({ topic: this.topic, acks: -1, timeout: 3_000, messages });
        if (answers.some((answer) => answer.partition === partition)) {
          for (const id of ids) this.acknowledged[partition]!.add(id);
          ids = [];
        } else {
          // kafkajs may take one broker for another after a fail-over: then it sends a Produce of nothing, for ever, and calls that done.
          producer = await closed(producer);
        }
      } catch (error) {
        // Not acknowledged, so nobody relies on it; the next round sends it again. A broker that stands still and keeps its connection is
        // asked for metadata by kafkajs for ever: another producer asks another broker.
        if (!(error instanceof Error)) throw error;
        producer = await closed(producer);
      }
      await pause(PAUSE_MS);
    }
    await closed(producer);
  }

  private async connect(): Promise<Producer> {
    const { addresses } = this.cluster;
    const first = this.connects++ % addresses.length;
    const producer = this.cluster
      .client({
        // kafkajs begins with the first, and stays with it when it does not answer.
        brokers: [...addresses.slice(first), ...addresses.slice(0, first)],
        requestTimeout: 4_000,
        connectionTimeout: 1_000,
        retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 4 },
      })
      .producer({ allowAutoTopicCreation: false, metadataMaxAge: 5_000 });
    await producer.connect();
    return producer;
  }
}

async function closed(producer: Producer | null): Promise<null> {
  await producer?.disconnect();
  return null;
}

/** Reads a topic in a consumer group and remembers the numbers. */
export class Reader {
  readonly seen = new Set<number>();

  private constructor(private readonly consumer: Consumer) {}

  static async start(cluster: OttlaCluster, topic: string, groupId: string): Promise<Reader> {
    const consumer = cluster.client().consumer({
      groupId,
      sessionTimeout: 10_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 100,
      retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 500 },
    });
    const reader = new Reader(consumer);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatch: ({ batch }) => {
        for (const { value } of batch.messages) reader.seen.add(Number(value?.toString()));
        return Promise.resolve();
      },
    });
    return reader;
  }

  async stop(): Promise<void> {
    await stopConsumer(this.consumer);
  }
}
