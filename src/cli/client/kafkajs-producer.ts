import {
  Partitioners,
  type CompressionTypes,
  type Kafka,
  type Message,
  type PartitionerArgs,
  type PartitionMetadata,
  type Producer,
} from 'kafkajs';
import { sleep, systemClock, withinTime } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import type { Terminal } from '../terminal.js';
import { warnUnresolved } from '../tool-output.js';
import { ClientError, timeoutError } from './client-error.js';
import { parseBootstrapServers } from './cluster-client.js';
import { createKafkaJs, fromKafkaJs } from './kafkajs-client.js';
import { requireResolvable, whyUnreachable } from './reachability.js';

/** The pause before kafkajs is asked to connect again. */
const CONNECT_AGAIN_MS = 200;

export interface TopicProducerOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly clientId: string;
  readonly metadataMaxAgeMs: number;
  /** Of one batch; undefined for as many as kafkajs makes here. */
  readonly retries: number | undefined;
  /** Before the first of them; undefined for 100 ms. */
  readonly retryBackoffMs: number | undefined;
  /** A retry makes no duplicates; takes acks=all. */
  readonly idempotent: boolean;
  /** So long it tries to connect. */
  readonly maxBlockMs: number;
  readonly acks: number;
  readonly compression: CompressionTypes;
  /** How long a broker may wait for the other replicas. */
  readonly timeoutMs: number;
  /** About so many bytes of keys and values in one batch, one record at least. */
  readonly batchBytes: number;
  /** Told of what is not sent, or not known to be. */
  readonly onFailed: (messages: readonly Message[], error: ClientError) => void;
}

interface Batch {
  readonly partition: number;
  readonly messages: Message[];
  bytes: number;
}

/**
 * Produces to one topic by kafkajs, so that nothing is lost without a word. As long as kafkajs is asked to, it does two things that no client
 * of Kafka may:
 * - What it sends at once to several partitions it takes for sent when each broker has answered, though a partition that was refused has moved
 *   to one that had answered before. So each send has one partition.
 * - An idempotent one gives the sequence number of a batch that failed to the next; if the first was appended all the same, brokers take the
 *   other for its retry (Kafka's producer takes a new epoch then: `TransactionManager.requestIdempotentEpochBumpForPartition`). So after a
 *   failure comes a producer with an id of its own.
 */
export class TopicProducer {
  private readonly kafka: Kafka;
  private producer: Producer;
  /** As kafkajs knew them when it sent last. */
  private partitions: readonly PartitionMetadata[] = [];
  private readonly byKey = Partitioners.DefaultPartitioner();
  /** Its sequence numbers are no longer to be trusted. */
  private isSpent = false;

  constructor(
    private readonly options: TopicProducerOptions,
    private readonly terminal: Terminal,
  ) {
    const { bootstrapServers, clientId, retries, retryBackoffMs } = options;
    this.kafka = createKafkaJs({
      bootstrapServers,
      clientId,
      ...(retries !== undefined && { retries }),
      ...(retryBackoffMs !== undefined && { retryBackoffMs }),
    });
    this.producer = this.make();
  }

  /**
   * Tries until a broker serves and gives a producer id, or `max.block.ms` have passed: kafkajs gives up on a controller that is gone, though
   * there will be another. Where no broker answers at all that is said sooner. Rejects with ClientError.
   */
  async connect(): Promise<void> {
    const { bootstrapServers, topic, maxBlockMs } = this.options;
    const addresses = parseBootstrapServers(bootstrapServers);
    await requireResolvable(addresses, warnUnresolved(this.terminal));
    const deadlineMs = systemClock.monotonicMs() + maxBlockMs;
    for (;;) {
      const tried = this.producer.connect().then(
        () => 'connected' as const,
        (error: unknown) => fromKafkaJs(error, topic).message,
      );
      const outcome = await withinTime(systemClock, deadlineMs - systemClock.monotonicMs(), tried);
      if (outcome === 'connected') return;
      const why = await whyUnreachable(addresses, maxBlockMs);
      if (why !== null) throw timeoutError(`Topic ${topic} not present in metadata: ${why}`);
      if (outcome === undefined || systemClock.monotonicMs() + CONNECT_AGAIN_MS > deadlineMs) {
        throw timeoutError(
          `Topic ${topic} not present in metadata after ${maxBlockMs} ms${outcome ? `: ${outcome}` : '.'}`,
        );
      }
      await withinTime(systemClock, deadlineMs - systemClock.monotonicMs(), this.askOfTopic());
      await sleep(systemClock, CONNECT_AGAIN_MS);
    }
  }

  /** Resolves when each message is answered or given to `onFailed`. Those of a partition go in order, one batch after another. */
  async send(messages: readonly Message[]): Promise<void> {
    let rest = messages;
    if (this.partitions.length === 0 && rest.length > 0) {
      // The partitions are known once kafkajs has sent something: one message has one partition.
      const failure = await this.sendRound([{ partition: -1, messages: [rest[0]!], bytes: 0 }]);
      rest = rest.slice(1);
      if (this.partitions.length === 0) {
        if (failure !== null && rest.length > 0) this.options.onFailed(rest, failure);
        return;
      }
    }
    for (const round of this.roundsOf(rest)) await this.sendRound(round);
  }

  /** Waits for the answers that are due. */
  disconnect(): Promise<void> {
    return this.producer.disconnect();
  }

  /** Does not: they may be due from a broker that is silent for half a minute. */
  abandon(): void {
    this.producer.disconnect().catch(() => undefined);
  }

  private make(): Producer {
    return this.kafka.producer({
      createPartitioner: () => (args) => {
        this.partitions = args.partitionMetadata;
        return args.message.partition ?? this.byKey(args);
      },
      metadataMaxAge: this.options.metadataMaxAgeMs,
      idempotent: this.options.idempotent,
      maxInFlightRequests: 1,
    });
  }

  /**
   * kafkajs asks for the metadata of all topics until it knows of one, and takes what is wrong with any of them, such as a partition without a
   * leader, for its own: a batch of nothing tells it of the only one that matters.
   */
  private async askOfTopic(): Promise<void> {
    try {
      await this.producer.send({ topic: this.options.topic, messages: [] });
    } catch (error) {
      // Not connected, or no leader of this one either: the next try to connect says so.
      if (!(error instanceof Error)) throw error;
    }
  }

  /** Batches that may be sent side by side, in each round one of each partition. */
  private roundsOf(messages: readonly Message[]): Batch[][] {
    const rounds: Batch[][] = [];
    const last = new Map<number, { batch: Batch; round: number }>();
    const batchWithRoom = (partition: number, bytes: number): Batch | null => {
      const batch = last.get(partition)?.batch;
      return batch && batch.bytes + bytes <= this.options.batchBytes ? batch : null;
    };
    const newBatch = (partition: number): Batch => {
      const round = (last.get(partition)?.round ?? -1) + 1;
      const batch: Batch = { partition, messages: [], bytes: 0 };
      (rounds[round] ??= []).push(batch);
      last.set(partition, { batch, round });
      return batch;
    };
    // Records without a key fill a batch, and the next batch is for another partition (KIP-480).
    let sticky: number | null = null;
    for (const message of messages) {
      const bytes = (message.key?.length ?? 0) + (message.value?.length ?? 0);
      const hasKey = message.key !== null && message.key !== undefined;
      let partition: number;
      if (!hasKey && sticky !== null && batchWithRoom(sticky, bytes)) partition = sticky;
      else partition = this.partitionOf(message);
      if (!hasKey) sticky = partition;
      const batch = batchWithRoom(partition, bytes) ?? newBatch(partition);
      batch.messages.push({ ...message, partition });
      batch.bytes += bytes;
    }
    return rounds;
  }

  private partitionOf(message: Message): number {
    const args: PartitionerArgs = { topic: this.options.topic, partitionMetadata: [...this.partitions], message };
    return this.byKey(args);
  }

  /**
   * One after another at each leader: kafkajs would have the others wait there, and gives up on those that wait for long. Resolves with a
   * failure, if there was any.
   */
  private async sendRound(batches: readonly Batch[]): Promise<ClientError | null> {
    const refused = this.isSpent ? await this.renew() : null;
    if (refused !== null) {
      for (const { messages } of batches) this.options.onFailed(messages, refused);
      return refused;
    }
    const leaderOf = new Map(this.partitions.map(({ partitionId, leader }) => [partitionId, leader] as const));
    const byLeader = new Map<number | undefined, Batch[]>();
    for (const batch of batches) {
      const leader = leaderOf.get(batch.partition);
      const ofLeader = byLeader.get(leader);
      if (ofLeader) ofLeader.push(batch);
      else byLeader.set(leader, [batch]);
    }
    const failures = await Promise.all([...byLeader.values()].map((ofLeader) => this.sendInOrder(ofLeader)));
    return failures.find((failure) => failure !== null) ?? null;
  }

  private async sendInOrder(batches: readonly Batch[]): Promise<ClientError | null> {
    const { topic, acks, compression, timeoutMs, onFailed } = this.options;
    let failure: ClientError | null = null;
    for (const { partition, messages } of batches) {
      try {
        const answers = await this.producer.send({ topic, messages, acks, compression, timeout: timeoutMs });
        this.ensureSent(partition, answers.length);
      } catch (error) {
        this.isSpent = this.options.idempotent;
        failure = fromKafkaJs(error, topic);
        onFailed(messages, failure);
      }
    }
    return failure;
  }

  /** kafkajs passes over a partition that its metadata does not have: its topic was made anew with fewer, or a broker has not heard of it yet. */
  private ensureSent(partition: number, answers: number): void {
    const { topic, acks } = this.options;
    const isKnown = (): boolean =>
      partition < 0 || this.partitions.some(({ partitionId }) => partitionId === partition);
    // Without acknowledgements nothing is answered.
    if (acks === 0 ? isKnown() : answers > 0) return;
    throw ClientError.ofCode(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      `Partition ${partition} of ${topic} is not in the metadata`,
    );
  }

  /** Why there is no other producer, or null when there is. */
  private async renew(): Promise<ClientError | null> {
    this.abandon();
    this.producer = this.make();
    try {
      await this.connect();
      this.isSpent = false;
      return null;
    } catch (error) {
      return fromKafkaJs(error, this.options.topic);
    }
  }
}
