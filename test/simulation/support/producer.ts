import { NetworkError } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type InitProducerIdResponse,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import { isRetriableForClient, type SimulatedClient } from './client.js';
import type { Acknowledged, History } from './history.js';

const RETRY_BACKOFF_MS = 100;
const PRODUCE_TIMEOUT_MS = 1_500;
const MAX_IN_FLIGHT = 5;
const MAX_RECORDS_PER_BATCH = 4;

export interface ProducerOptions {
  readonly name: string;
  readonly idempotent: boolean;
  readonly topic: string;
  readonly partitions: number;
  /** Mean time between batches, of each partition. */
  readonly intervalMs: number;
  readonly acks?: -1 | 1;
}

interface Batch {
  readonly sequence: number;
  readonly values: readonly string[];
  readonly timestamp: number;
  acknowledged: boolean;
  attempts: number;
}

/** A producer with acks=all that never gives a batch up. Everything acknowledged goes to the history. */
export class SimulatedProducer {
  private readonly lanes: Lane[];
  private producing = true;
  private abandoned = false;
  producerId = -1;
  private identity: Promise<void> | null = null;

  constructor(
    readonly client: SimulatedClient,
    readonly options: ProducerOptions,
    private readonly history: History,
    private readonly onViolation: (message: string) => void,
    /** What ZooKeeper says of a partition of its topic now. */
    readonly isLedBy: (partition: number, brokerId: number) => boolean,
  ) {
    this.lanes = Array.from({ length: options.partitions }, (_, partition) => new Lane(this, partition));
    for (const lane of this.lanes) lane.start();
  }

  /** Makes no new records; goes on until all that it has are acknowledged. */
  finish(): void {
    this.producing = false;
  }

  /** Gives up what is not acknowledged: its topic goes. */
  abandon(): void {
    this.producing = false;
    this.abandoned = true;
  }

  get isAbandoned(): boolean {
    return this.abandoned;
  }

  get isProducing(): boolean {
    return this.producing;
  }

  /** Nothing is left to be acknowledged. */
  get isDone(): boolean {
    return this.abandoned || (!this.producing && this.lanes.every((lane) => lane.isEmpty));
  }

  /** What it has had acknowledged, in the order of the answers. */
  acknowledged(): Acknowledged[] {
    return this.history.acknowledged.filter(({ value }) => value.startsWith(`${this.options.name}/`));
  }

  describe(): string {
    return this.lanes
      .map((lane) => lane.describe())
      .filter((text) => text !== '')
      .join('; ');
  }

  /** Gets a producer id, as often as it takes. */
  async identify(): Promise<void> {
    if (!this.options.idempotent || this.producerId !== -1) return;
    this.identity ??= this.askForIdentity().finally(() => (this.identity = null));
    await this.identity;
  }

  note(values: readonly string[], batch: { partition: number; offset: number; timestamp: number }): void {
    const { topic, idempotent } = this.options;
    const atMs = this.client.clock.monotonicMs();
    for (const [index, value] of values.entries()) {
      const offset = batch.offset < 0 ? -1 : batch.offset + index;
      const { partition, timestamp } = batch;
      this.history.acknowledged.push({ topic, partition, offset, value, timestamp, idempotent, atMs });
    }
  }

  sending(values: readonly string[]): void {
    if (this.options.idempotent) for (const value of values) this.history.sentOnce.add(value);
  }

  violation(message: string): void {
    this.onViolation(`${this.options.name}: ${message}`);
  }

  private async askForIdentity(): Promise<void> {
    const { client, history, options } = this;
    for (;;) {
      try {
        const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
        const response = await client.send<InitProducerIdResponse>(
          client.anyBroker(),
          ApiKey.InitProducerId,
          request,
          null,
        );
        if (response.errorCode === 0) {
          this.producerId = Number(response.producerId);
          const other = history.producerIds.get(this.producerId);
          if (other !== undefined) this.violation(`has the producer id ${this.producerId} of ${other}`);
          history.producerIds.set(this.producerId, options.name);
          return;
        }
        if (!isRetriableForClient(response.errorCode)) {
          this.violation(`InitProducerId was answered with ${errorName(response.errorCode)}`);
        }
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
      }
      await client.pause(RETRY_BACKOFF_MS);
    }
  }
}

/** The batches of one partition, in order: up to five under way with sequence numbers, one without. */
class Lane {
  private readonly pending: Batch[] = [];
  private nextToSend = 0;
  private inFlight = 0;
  private rewind = false;
  private backingOff = false;
  private made = 0;
  private nextSequence = 0;
  private isKnown = false;

  constructor(
    private readonly producer: SimulatedProducer,
    private readonly partition: number,
  ) {}

  get isEmpty(): boolean {
    return this.pending.length === 0;
  }

  start(): void {
    void this.produce();
  }

  describe(): string {
    if (this.isEmpty) return '';
    const { topic, name } = this.producer.options;
    const [first] = this.pending;
    return `${name} waits for ${topic}-${this.partition}: ${this.pending.length} batches from sequence ${first!.sequence}, tried ${first!.attempts} times`;
  }

  private async produce(): Promise<void> {
    const { client, options } = this.producer;
    await this.producer.identify();
    while (this.producer.isProducing) {
      await client.pause(2 * options.intervalMs * client.random.nextDouble());
      if (!this.producer.isProducing) return;
      // What cannot be sent for long is not worth piling up.
      if (this.pending.length < 20) this.make();
      this.pump();
    }
  }

  private make(): void {
    const { client, options } = this.producer;
    const values = Array.from(
      { length: 1 + client.random.nextInt(MAX_RECORDS_PER_BATCH) },
      () => `${options.name}/${this.partition}/${this.made++}`,
    );
    this.producer.sending(values);
    this.pending.push({
      sequence: this.nextSequence,
      values,
      timestamp: client.clock.nowMs(),
      acknowledged: false,
      attempts: 0,
    });
    this.nextSequence += values.length;
  }

  private pump(): void {
    if (this.backingOff || this.producer.isAbandoned) return;
    if (this.rewind) {
      if (this.inFlight > 0) return;
      this.rewind = false;
      this.nextToSend = 0;
    }
    // A broker takes any first sequence of a producer that it does not know, so the first batch goes alone.
    const limit = this.producer.options.idempotent && this.isKnown ? MAX_IN_FLIGHT : 1;
    while (this.inFlight < limit && this.nextToSend < this.pending.length) {
      const batch = this.pending[this.nextToSend++]!;
      // The broker remembers five batches, so no more may be uncertain at once.
      if (this.nextToSend > limit) {
        this.nextToSend--;
        return;
      }
      if (!batch.acknowledged) void this.send(batch);
    }
  }

  private async send(batch: Batch): Promise<void> {
    const { client, options } = this.producer;
    const leader = client.leaderOf(options.topic, this.partition)?.leader ?? -1;
    if (leader < 0) return this.retryLater();
    this.inFlight++;
    batch.attempts++;
    const wasFirst = this.pending[0] === batch;
    const wasLeader = this.producer.isLedBy(this.partition, leader);
    let errorCode: number = ErrorCode.NETWORK_EXCEPTION;
    let offset = -1;
    try {
      const response = await client.send<ProduceResponse>(
        leader,
        ApiKey.Produce,
        {
          transactionalId: null,
          acks: options.acks ?? -1,
          timeoutMs: PRODUCE_TIMEOUT_MS,
          topicData: [{ name: options.topic, partitionData: [{ index: this.partition, records: this.encode(batch) }] }],
        },
        MAX_IN_FLIGHT * PRODUCE_TIMEOUT_MS,
        `produce ${this.partition}`,
      );
      const answer = response.responses[0]?.partitionResponses[0];
      if (!answer) return this.producer.violation('a produce response without its partition');
      errorCode = answer.errorCode;
      offset = Number(answer.baseOffset);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    } finally {
      this.inFlight--;
    }
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      // One that was deposed and does not know it yet has not what was acknowledged since; metadata as old as it lead there.
      const isDeposed = !wasLeader || !this.producer.isLedBy(this.partition, leader);
      if (!wasFirst || isDeposed) return this.retryLater();
    }
    this.answered(batch, errorCode, offset, leader);
  }

  private answered(batch: Batch, errorCode: number, offset: number, leader: number): void {
    if (errorCode === 0 || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
      if (!batch.acknowledged) {
        batch.acknowledged = true;
        this.isKnown = true;
        const { timestamp } = batch;
        this.producer.note(batch.values, {
          partition: this.partition,
          offset: errorCode === 0 ? offset : -1,
          timestamp,
        });
      }
      while (this.pending[0]?.acknowledged) {
        this.pending.shift();
        this.nextToSend = Math.max(0, this.nextToSend - 1);
      }
      this.pump();
      return;
    }
    if (!isRetriableForClient(errorCode)) {
      const { topic } = this.producer.options;
      this.producer.violation(
        `${topic}-${this.partition}: broker ${leader} answered sequence ${batch.sequence} with ${errorName(errorCode)}`,
      );
    }
    this.retryLater();
  }

  private retryLater(): void {
    this.rewind = true;
    if (this.backingOff) return;
    this.backingOff = true;
    const { client } = this.producer;
    const again = async (): Promise<void> => {
      await client.pause(RETRY_BACKOFF_MS * (0.5 + client.random.nextDouble()));
      await client.refreshMetadata();
      this.backingOff = false;
      this.pump();
    };
    void again();
  }

  private encode(batch: Batch): Buffer {
    const { producerId, options } = this.producer;
    const builder = new BatchBuilder(
      options.idempotent ? { producerId, producerEpoch: 0, baseSequence: batch.sequence } : {},
    );
    for (const value of batch.values) {
      builder.append({ timestamp: batch.timestamp, key: null, value: Buffer.from(value) });
    }
    return builder.build();
  }
}
