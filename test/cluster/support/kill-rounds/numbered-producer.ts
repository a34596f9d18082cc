import type { TopicPartition } from '../../../../src/cluster/index.js';
import {
  ApiKey,
  decodeResponseFrame,
  ErrorCode,
  errorName,
  isRetriable,
  type ProduceResponse,
} from '../../../../src/protocol/index.js';
import { BatchBuilder } from '../../../../src/records/index.js';
import { pause } from '../../../support/eventually.js';
import { WireClient } from '../wire-client.js';
import { leaderIn, metadataOf } from './brokers.js';

export const RECORDS_EACH = 10;
/** As many as Kafka's producer has, and as a partition remembers of one (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). */
const IN_FLIGHT = 5;
const PRODUCE_VERSION = 9;
const PAUSE_MS = 20;
const RETRY_MS = 100;
/** Refusals after which an idempotent producer sends the batches again from the first that is not acknowledged. */
const AGAIN = new Set<number>([ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER]);

/**
 * Sends numbered records to one partition, as an idempotent producer with acks=all does: several batches under way, and all that are not
 * acknowledged again, in order, whatever became of the leader. No one else sends there, so that record N has to be at offset N.
 */
export class NumberedProducer {
  /** Records below this number are acknowledged. */
  acknowledged = 0;
  /** Records from this number on were never sent. */
  sent = 0;
  private isStopping = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly at: TopicPartition,
    private readonly ports: readonly number[],
    private readonly producerId: bigint,
    private readonly onFault: (fault: string) => void,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  private async run(): Promise<void> {
    for (let tries = 0; !this.isStopping; tries++) {
      try {
        const port = await this.leader(this.ports[tries % this.ports.length]!);
        if (port !== null) await this.sendTo(port);
      } catch (error) {
        // Nobody there, or gone while we talked: whatever happened to what was under way, it is sent again.
        if (!(error instanceof Error)) throw error;
      }
      await pause(RETRY_MS);
    }
  }

  /** The port of the leader, as a broker tells it; null when it knows of none. */
  private async leader(port: number): Promise<number | null> {
    const { topic, partition } = this.at;
    const metadata = await metadataOf(port, topic);
    if (metadata.topics[0]!.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
      this.onFault(`the broker at ${port} says to a producer that there is no ${topic}`);
    }
    return leaderIn(metadata, partition);
  }

  /** Sends until something goes wrong. */
  private async sendTo(port: number): Promise<void> {
    const client = await WireClient.connect(port);
    try {
      for (let next = this.acknowledged; !this.isStopping;) {
        for (; next < this.acknowledged + IN_FLIGHT * RECORDS_EACH; next += RECORDS_EACH) {
          this.sent = Math.max(this.sent, next + RECORDS_EACH);
          client.send(ApiKey.Produce, PRODUCE_VERSION, this.request(next));
        }
        const frame = await client.nextFrame();
        if (frame === null) return;
        const { body } = decodeResponseFrame(ApiKey.Produce, PRODUCE_VERSION, frame);
        if (!this.take(body as ProduceResponse)) return;
        await pause(PAUSE_MS);
      }
    } finally {
      await client.close();
    }
  }

  private request(first: number): object {
    const builder = new BatchBuilder({ producerId: this.producerId, producerEpoch: 0, baseSequence: first });
    for (let number = first; number < first + RECORDS_EACH; number++) {
      builder.append({ timestamp: Date.now(), value: Buffer.from(String(number)) });
    }
    const { topic: name, partition: index } = this.at;
    const topicData = [{ name, partitionData: [{ index, records: builder.build() }] }];
    return { acks: -1, timeoutMs: 10_000, topicData };
  }

  /** The answer to the first batch that is not acknowledged; false when all from there on have to be sent again. */
  private take(answer: ProduceResponse): boolean {
    const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
    if (errorCode === ErrorCode.NONE) {
      if (Number(baseOffset) !== this.acknowledged) {
        this.onFault(`${this.name} was acknowledged record ${this.acknowledged} at offset ${baseOffset}`);
      }
      this.acknowledged += RECORDS_EACH;
      return true;
    }
    if (!isRetriable(errorCode) && !AGAIN.has(errorCode)) {
      this.onFault(`${this.name} was refused record ${this.acknowledged} with ${errorName(errorCode)}`);
    }
    return false;
  }

  private get name(): string {
    return `${this.at.topic}-${this.at.partition}`;
  }
}
