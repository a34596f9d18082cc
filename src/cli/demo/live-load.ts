import { Kafka, logLevel, type Consumer, type Producer } from 'kafkajs';
import { sleep, systemClock } from '../../common/index.js';
import { endingLog, stopConsumer } from '../client/kafkajs-consumer.js';
import { kafkaJsSocket } from '../client/kafkajs-socket.js';

/** How the load fared. */
export interface LoadResult {
  readonly acknowledged: number;
  readonly read: number;
  /** Acknowledged and never read. */
  readonly lost: number;
  /** Read more than once. */
  readonly duplicated: number;
}

const BATCH = 10;
const PAUSE_MS = 10;

/**
 * A producer that never stops sending numbered records with acks=all, one loop for each partition, and a consumer group that reads
 * them. A batch that fails is sent again under the same numbers, so it may come twice; that is counted.
 */
export class LiveLoad {
  private readonly producer: Producer;
  private readonly consumer: Consumer;
  private readonly acknowledged = new Set<number>();
  private readonly timesRead = new Map<number, number>();
  private readonly lastAckMs: number[];
  private next = 0;
  private isStopping = false;
  private loops: Promise<void>[] = [];

  constructor(
    brokers: readonly string[],
    private readonly topic: string,
    partitionCount: number,
  ) {
    const kafka = new Kafka({
      clientId: 'demo',
      socketFactory: kafkaJsSocket,
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      logCreator: endingLog,
      connectionTimeout: 1_000,
      requestTimeout: 5_000,
      retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 5 },
    });
    this.producer = kafka.producer({ allowAutoTopicCreation: false, metadataMaxAge: 5_000 });
    this.consumer = kafka.consumer({
      groupId: 'demo',
      sessionTimeout: 10_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 100,
      retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 500 },
    });
    this.lastAckMs = Array.from({ length: partitionCount }, () => 0);
  }

  async start(): Promise<void> {
    await Promise.all([this.producer.connect(), this.consumer.connect()]);
    await this.consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await this.consumer.run({
      eachBatchAutoResolve: true,
      eachBatch: ({ batch }) => {
        for (const { value } of batch.messages) {
          const id = Number(value?.toString());
          this.timesRead.set(id, (this.timesRead.get(id) ?? 0) + 1);
        }
        return Promise.resolve();
      },
    });
    this.loops = this.lastAckMs.map((_, partition) => this.sendTo(partition));
  }

  get acknowledgedCount(): number {
    return this.acknowledged.size;
  }

  /** By `Clock.monotonicMs`; of the partition whose last acknowledgement is the oldest. */
  get oldestLastAckMs(): number {
    return Math.min(...this.lastAckMs);
  }

  /** Stops sending, reads on until everything acknowledged has been read or `patienceMs` is over, and counts. */
  async finish(patienceMs: number): Promise<LoadResult> {
    this.isStopping = true;
    await Promise.all(this.loops);
    const deadlineMs = systemClock.monotonicMs() + patienceMs;
    const missing = (): number => [...this.acknowledged].filter((id) => !this.timesRead.has(id)).length;
    while (missing() > 0 && systemClock.monotonicMs() < deadlineMs) await sleep(systemClock, 100);
    const result = {
      acknowledged: this.acknowledged.size,
      read: this.timesRead.size,
      lost: missing(),
      duplicated: [...this.timesRead.values()].filter((times) => times > 1).length,
    };
    await this.close();
    return result;
  }

  async close(): Promise<void> {
    this.isStopping = true;
    await Promise.all([this.producer.disconnect(), stopConsumer(this.consumer)]);
  }

  private async sendTo(partition: number): Promise<void> {
    let ids: number[] = [];
    while (!this.isStopping || ids.length > 0) {
      if (ids.length === 0) ids = Array.from({ length: BATCH }, () => this.next++);
      try {
        const messages = ids.map((id) => ({ value: String(id), partition }));
        await this.producer.send({ topic: this.topic, acks: -1, timeout: 3_000, messages });
        for (const id of ids) this.acknowledged.add(id);
        ids = [];
        this.lastAckMs[partition] = systemClock.monotonicMs();
      } catch {
        // Not acknowledged: what the demo is about. A load that is to end gives up what nobody promised.
        if (this.isStopping) return;
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }
}
