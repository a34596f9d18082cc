import type { Consumer } from 'kafkajs';
import { stopConsumer } from '../../../../src/cli/client/kafkajs-consumer.js';
import { partitionKey } from '../../../../src/cluster/index.js';
import { pause } from '../../../support/eventually.js';
import { kafkaJsOf } from '../kafkajs.js';

const AUTO_COMMIT_MS = 200;
const RETRY_MS = 200;

/** Reads numbered records in a consumer group that outlives every crash, and holds what it is given against what it was given before. */
export class GroupReader {
  /** How many records it was given a second time, after a crash that came before their commit. */
  again = 0;
  /** The offset after the last record, by partition. */
  private readonly positions = new Map<string, number>();
  private readonly commits = new Map<string, number>();
  private isStopping = false;
  private endConsumer: () => void = () => undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly brokers: readonly string[],
    private readonly topic: string,
    readonly group: string,
    private readonly onFault: (fault: string) => void,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** The offset after the last record of a partition that came. */
  position(partition: number): number {
    return this.positions.get(partitionKey({ topic: this.topic, partition })) ?? 0;
  }

  /** The highest offset of a partition whose commit was acknowledged. */
  committed(partition: number): number | null {
    return this.commits.get(partitionKey({ topic: this.topic, partition })) ?? null;
  }

  /** Goes on with another consumer, which has to ask where the group was. */
  renew(): void {
    this.endConsumer();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.endConsumer();
    await this.running;
  }

  /** One consumer after another: kafkajs gives up on what it takes for an error that does not pass. */
  private async run(): Promise<void> {
    while (!this.isStopping) {
      const ended = new Promise<void>((resolve) => (this.endConsumer = resolve));
      const consumer = this.newConsumer();
      try {
        await consumer.connect();
        await consumer.subscribe({ topic: this.topic, fromBeginning: true });
        await consumer.run({
          autoCommitInterval: AUTO_COMMIT_MS,
          eachBatch: ({ batch }) => {
            this.take(batch.partition, batch.messages);
            return Promise.resolve();
          },
        });
        if (!this.isStopping) await ended;
      } catch (error) {
        // Nobody serves yet.
        if (!(error instanceof Error)) throw error;
        await pause(RETRY_MS);
      }
      await stopConsumer(consumer);
    }
  }

  private newConsumer(): Consumer {
    const consumer = kafkaJsOf(this.brokers, { requestTimeout: 10_000, connectionTimeout: 1_000 }).consumer({
      groupId: this.group,
      allowAutoTopicCreation: false,
      sessionTimeout: 6_000,
      heartbeatInterval: 500,
      maxWaitTimeInMs: 100,
      retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 500 },
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) this.endConsumer();
    });
    consumer.on('consumer.commit_offsets', ({ payload }) => {
      for (const { topic, partitions } of payload.topics) {
        for (const { partition, offset } of partitions)
          this.commits.set(partitionKey({ topic, partition }), Number(offset));
      }
    });
    return consumer;
  }

  private take(partition: number, messages: readonly { offset: string; value: Buffer | null }[]): void {
    const key = partitionKey({ topic: this.topic, partition });
    const name = `${this.topic}-${partition}`;
    let position = this.position(partition);
    for (const { offset: text, value } of messages) {
      const offset = Number(text);
      if (value?.toString() !== text) this.onFault(`the group read ${value?.toString()} at ${name}, offset ${text}`);
      if (offset > position) this.onFault(`the group went from ${position} to ${offset} in ${name}`);
      if (offset < (this.committed(partition) ?? 0)) {
        this.onFault(`the group read ${name} from ${offset} after it had committed ${this.committed(partition)}`);
      }
      if (offset < position) this.again++;
      position = Math.max(position, offset + 1);
    }
    this.positions.set(key, position);
  }
}
