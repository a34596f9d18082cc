/**
 * Retries of an idempotent producer (KIP-98) when the leader dies: what the dead one has written is recognised by the next, whether
 * that is the same broker started again or a follower. The batches are made by hand, so that each retry is exactly what was sent.
 */
import {
  ApiKey,
  ErrorCode,
  errorName,
  type FetchResponse,
  type InitProducerIdResponse,
  type ListOffsetsResponse,
  type ProduceResponse,
} from '../../src/protocol/index.js';
import { BatchBuilder, iterateBatches } from '../../src/records/index.js';
import type { BrokerProcess } from './support/broker-process.js';
import { eventually } from '../support/eventually.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { ask, WireClient } from './support/wire-client.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const RECORDS_EACH = 2;
/** As many batches of a producer as a partition remembers (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). */
const REMEMBERED = 5;
/** Answers after which a producer asks again. */
const RETRIABLE = new Set<number>([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.OFFSET_NOT_AVAILABLE,
]);

const describeWithJava = describeIfJava('tests of idempotent producers need Java for ZooKeeper.');

describeWithJava('an idempotent producer whose leader is killed', () => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 3, properties: { 'min.insync.replicas': 1 } });
  }, 2 * MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  /** What is done to the leader, and who leads then. */
  const startedAgain = async (leader: BrokerProcess): Promise<void> => {
    await leader.kill();
    await leader.start();
  };
  const failedOver =
    (topic: string) =>
    async (leader: BrokerProcess): Promise<void> => {
      await leader.kill();
      await eventually(async () => ![leader.id, -1].includes((await cluster.describe(topic))[0]!.leader), {
        timeoutMs: MINUTES,
        what: 'another leader',
      });
    };

  test.each([
    { title: 'and started again', topic: 'alone', replicas: 1, how: () => startedAgain },
    { title: 'and a follower leads', topic: 'three', replicas: 3, how: failedOver },
  ])(
    '$title: each of its last five batches is recognised, at its old offset, and nothing is appended twice',
    async ({ topic, replicas, how }) => {
      await cluster.createTopic(topic, 1, replicas, { 'min.insync.replicas': replicas > 1 ? '2' : '1' });
      const producer = await Producer.of(cluster, topic);
      const batches = Array.from({ length: 8 }, (_, number) => producer.batch(number));
      const offsets: number[] = [];
      for (const batch of batches) offsets.push((await producer.send(batch)).baseOffset);
      expect(offsets).toEqual(batches.map((_, number) => number * RECORDS_EACH));
      await cluster.untilInSync(topic);

      await how(topic)(await producer.leader());

      const remembered = batches.map((batch, number) => ({ batch, number })).slice(-REMEMBERED);
      // In order, as a producer does, and against it.
      for (const { batch, number } of [...remembered, ...remembered.reverse()]) {
        expect(await producer.send(batch)).toEqual({ error: 'NONE', baseOffset: offsets[number] });
      }
      expect((await producer.send(batches[0]!)).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
      expect((await producer.send(producer.batch(batches.length + 3))).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
      expect(await sequencesIn(cluster, topic)).toEqual(batches.map((_, number) => number * RECORDS_EACH));

      const next = producer.batch(batches.length);
      expect(await producer.send(next)).toEqual({ error: 'NONE', baseOffset: batches.length * RECORDS_EACH });
      expect(await producer.send(next)).toEqual({ error: 'NONE', baseOffset: batches.length * RECORDS_EACH });
      expect(await sequencesIn(cluster, topic)).toHaveLength(batches.length + 1);
      await heal();
    },
    2 * MINUTES,
  );

  test.each([
    { title: 'and started again', topic: 'alone-under-way', replicas: 1, how: () => startedAgain },
    { title: 'and a follower leads', topic: 'three-under-way', replicas: 3, how: failedOver },
  ])(
    '$title while batches are under way: with retries each is in the log once, in order',
    async ({ topic, replicas, how }) => {
      await cluster.createTopic(topic, 1, replicas, { 'min.insync.replicas': replicas > 1 ? '2' : '1' });
      await cluster.untilInSync(topic);
      const producer = await Producer.of(cluster, topic);
      let number = 0;
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 10; i++) expect((await producer.send(producer.batch(number++))).error).toBe('NONE');
        const leader = await producer.leader();
        // As many as a producer has under way; whether any was written when the leader dies, nobody knows.
        const underWay = Array.from({ length: REMEMBERED }, () => producer.batch(number++));
        const client = await WireClient.connect(leader.port);
        for (const batch of underWay) client.send(ApiKey.Produce, 9, producer.request(batch));
        // With one answered, some of the others are likely written.
        await client.nextFrame();
        await how(topic)(leader);
        await client.close();
        for (const batch of underWay) expect((await producer.send(batch)).error).toBe('NONE');
        await heal();
        await cluster.untilInSync(topic);
      }
      expect(await sequencesIn(cluster, topic)).toEqual(Array.from({ length: number }, (_, n) => n * RECORDS_EACH));
    },
    3 * MINUTES,
  );

  test(
    'and started anew with a higher epoch: batches of its former self are refused by every later leader',
    async () => {
      const topic = 'fenced';
      await cluster.createTopic(topic, 1, 3, { 'min.insync.replicas': '2' });
      const former = await Producer.of(cluster, topic);
      await former.send(former.batch(0));
      const next = former.withNextEpoch();
      expect((await next.send(next.batch(0))).error).toBe('NONE');
      await cluster.untilInSync(topic);
      await failedOver(topic)(await former.leader());
      expect((await former.send(former.batch(1))).error).toBe('INVALID_PRODUCER_EPOCH');
      expect(await next.send(next.batch(0))).toEqual({ error: 'NONE', baseOffset: RECORDS_EACH });
      expect((await next.send(next.batch(1))).error).toBe('NONE');
      await heal();
    },
    2 * MINUTES,
  );

  test(
    'never shares its id with another, whichever brokers gave the ids and died since',
    async () => {
      const ids: bigint[] = [];
      for (const broker of cluster.all()) {
        for (let i = 0; i < 5; i++) ids.push((await producerIdFrom(broker)).producerId);
        await startedAgain(broker);
        ids.push((await producerIdFrom(broker)).producerId);
      }
      expect(new Set(ids).size).toBe(ids.length);
    },
    2 * MINUTES,
  );

  async function heal(): Promise<void> {
    for (const broker of cluster.all()) if (!broker.isRunning) await broker.start();
  }
});

/** Makes numbered batches for partition 0, and sends them to whoever leads it. */
class Producer {
  private constructor(
    private readonly cluster: OttlaCluster,
    private readonly topic: string,
    private readonly producerId: bigint,
    private readonly producerEpoch: number,
  ) {}

  static async of(cluster: OttlaCluster, topic: string): Promise<Producer> {
    const { producerId, producerEpoch } = await producerIdFrom(cluster.broker(1));
    return new Producer(cluster, topic, producerId, producerEpoch);
  }

  withNextEpoch(): Producer {
    return new Producer(this.cluster, this.topic, this.producerId, this.producerEpoch + 1);
  }

  batch(number: number): Buffer {
    const { producerId, producerEpoch } = this;
    const builder = new BatchBuilder({ producerId, producerEpoch, baseSequence: number * RECORDS_EACH });
    for (let i = 0; i < RECORDS_EACH; i++)
      builder.append({ timestamp: Date.now(), value: Buffer.from(`${number}.${i}`) });
    return builder.build();
  }

  request(records: Buffer): object {
    const topicData = [{ name: this.topic, partitionData: [{ index: 0, records }] }];
    return { acks: -1, timeoutMs: 10_000, topicData };
  }

  /** Sends until there is an answer that a producer would not ask again for. */
  async send(records: Buffer): Promise<{ error: string; baseOffset: number }> {
    return eventually(
      async () => {
        const { port } = await this.leader();
        const answer = await ask<ProduceResponse>(port, ApiKey.Produce, 9, this.request(records));
        const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
        return RETRIABLE.has(errorCode) ? null : { error: errorName(errorCode), baseOffset: Number(baseOffset) };
      },
      { timeoutMs: MINUTES, everyMs: 50, what: 'an answer to a batch' },
    );
  }

  leader(): Promise<BrokerProcess> {
    return eventually(async () => {
      const { leader } = (await this.cluster.describe(this.topic))[0]!;
      return leader > 0 && this.cluster.broker(leader);
    });
  }
}

function producerIdFrom(broker: BrokerProcess): Promise<InitProducerIdResponse> {
  return eventually(
    async () => {
      const body = { transactionalId: null, transactionTimeoutMs: 1_000 };
      const answer = await ask<InitProducerIdResponse>(broker.port, ApiKey.InitProducerId, 4, body);
      return answer.errorCode === ErrorCode.NONE && answer;
    },
    { what: `a producer id from broker ${broker.id}` },
  );
}

/** The base sequences of all batches in partition 0, in order. */
async function sequencesIn(cluster: OttlaCluster, topic: string): Promise<number[]> {
  const { port, end } = await leaderAndEnd(cluster, topic);
  const sequences: number[] = [];
  for (let fetchOffset = 0n; fetchOffset < end;) {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }];
    const body = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, topics: [{ topic, partitions }] };
    const answer = await ask<FetchResponse>(port, ApiKey.Fetch, 12, body);
    const { errorCode, records } = answer.responses[0]!.partitions[0]!;
    if (errorCode !== ErrorCode.NONE) throw new Error(`the fetch was answered ${errorName(errorCode)}`);
    const batches = [...iterateBatches(records as Buffer)];
    if (batches.length === 0) throw new Error(`nothing at offset ${fetchOffset} of ${end}`);
    for (const { baseSequence } of batches) sequences.push(baseSequence);
    fetchOffset = BigInt(batches.at(-1)!.nextOffset);
  }
  return sequences;
}

/**
 * The leader, and where partition 0 ends for consumers. A replica that was just made leader, as the preferred one for instance, may
 * have the high watermark of its last checkpoint; it tells the end once it knows better (KIP-207).
 */
function leaderAndEnd(cluster: OttlaCluster, topic: string): Promise<{ port: number; end: bigint }> {
  return eventually(
    async () => {
      const { leader } = (await cluster.describe(topic))[0]!;
      if (leader < 0) return null;
      const { port } = cluster.broker(leader);
      const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }];
      const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions }] };
      const answer = await ask<ListOffsetsResponse>(port, ApiKey.ListOffsets, 7, body);
      const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
      if (errorCode !== ErrorCode.NONE && !RETRIABLE.has(errorCode)) {
        throw new Error(`the end of ${topic} was answered ${errorName(errorCode)}`);
      }
      return errorCode === ErrorCode.NONE && { port, end: offset };
    },
    { what: `the end of ${topic}` },
  );
}
