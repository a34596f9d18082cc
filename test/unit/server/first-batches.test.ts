/** Idempotent producers that begin on new topics, whose disks take their time: every batch gets in, once and in order. */
import { settle } from '../../../src/testing/index.js';
import {
  ApiKey,
  decodeResponseFrame,
  encodeRequestFrame,
  ErrorCode,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder, iterateBatches } from '../../../src/records/index.js';
import { produce } from '../../../src/server/handlers/produce.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { bytesOf } from '../log/log-fixture.js';
import { ReplicaCluster } from '../replication/replica-cluster.js';
import { requestOf } from './request-of.js';

const IN_FLIGHT = 5;
const RETRY_BACKOFF_MS = 100;
const VALUE_BYTES = 1000;
/** So many batches may wait for a directory that hangs. */
const MAX_WAITING = 4;

let cluster: ReplicaCluster;
afterEach(() => cluster.stop());

/** A producer with its connection, which has requests handled one after the other as a server's connection does. */
class Producer {
  readonly codes: number[] = [];
  private readonly queue: number[] = [];
  private answered = 0;
  private refused: number[] = [];

  constructor(
    readonly partition: number,
    private readonly producerId: number,
    private readonly timeoutMs: number,
  ) {
    this.send(Array.from({ length: IN_FLIGHT }, (_, sequence) => sequence));
  }

  private send(sequences: readonly number[]): void {
    this.answered = 0;
    this.refused = [];
    this.queue.push(...sequences);
    this.next(sequences.length);
  }

  private next(sent: number): void {
    const sequence = this.queue.shift();
    if (sequence === undefined) return;
    const builder = new BatchBuilder({ producerId: this.producerId, producerEpoch: 0, baseSequence: sequence });
    builder.append({ timestamp: cluster.clock.nowMs(), key: null, value: Buffer.alloc(VALUE_BYTES, sequence) });
    const partitionData = [{ index: this.partition, records: builder.build() }];
    const body = { acks: -1, timeoutMs: this.timeoutMs, topicData: [{ name: 'orders', partitionData }] };
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.Produce, 9, sequence, 'c', body)).subarray(4);
    let isNextLet = false;
    const letNext = (): void => {
      if (isNextLet) return;
      isNextLet = true;
      cluster.clock.defer(() => this.next(sent));
    };
    const request = requestOf(frame, {
      answered: (_request, chunks) => {
        const answer = decodeResponseFrame(ApiKey.Produce, 9, Buffer.concat(chunks!).subarray(4))
          .body as ProduceResponse;
        this.onAnswer(sequence, answer.responses[0]!.partitionResponses[0]!.errorCode, sent);
        letNext();
      },
      allowNext: letNext,
    });
    const services = {
      authorizer: { authorize: () => true },
      metadata: { contains: () => true },
      quotas: { recordAndThrottleMs: () => 0 },
      clock: cluster.clock,
      replicas: cluster.broker(1).replicas,
    };
    produce.handle(request, services as unknown as BrokerServices);
  }

  /** As Java's: what was refused is sent again, in order, when all that was in flight is answered. */
  private onAnswer(sequence: number, errorCode: number, sent: number): void {
    this.codes.push(errorCode);
    if (errorCode !== ErrorCode.NONE) this.refused.push(sequence);
    if (++this.answered < sent || this.refused.length === 0) return;
    const again = this.refused.sort((a, b) => a - b);
    cluster.clock.setTimer(RETRY_BACKOFF_MS, () => this.send(again));
  }
}

/** Producers with a new partition each, on a disk whose syncs take so long. */
async function produceToNewTopic(count: number, fsyncMs: number, timeoutMs = 30_000): Promise<Producer[]> {
  const config = {
    'queued.max.request.bytes': String(4 * MAX_WAITING * VALUE_BYTES),
    'socket.request.max.bytes': '10000',
  };
  cluster = await ReplicaCluster.start({ brokers: 1, config });
  const { clock } = cluster;
  const delayMs = (operation: string): number => (operation === 'sync' ? fsyncMs : 0);
  cluster.broker(1).fs.pace = { clock, delayMs };
  const tps = Array.from({ length: count }, (_, partition) => ({ topic: 'orders', partition }));
  await cluster.create([1], tps);
  return tps.map(({ partition }) => new Producer(partition, 1000 + partition, timeoutMs));
}

/** The sequences in the log of a partition, in order. */
async function sequencesIn(partition: number): Promise<number[]> {
  const log = cluster.broker(1).log({ topic: 'orders', partition });
  const sequences: number[] = [];
  while (sequences.length < log.logEndOffset) {
    const read = log.read(sequences.length, 1 << 20, 'LOG_END', true);
    await cluster.clock.advance(0);
    await settle();
    for (const batch of iterateBatches(bytesOf(await read))) sequences.push(batch.baseSequence);
  }
  return sequences;
}

const ALL_IN_ORDER = Array.from({ length: IN_FLIGHT }, (_, sequence) => sequence);

test('nothing is refused while the disk makes progress, however much waits for it', async () => {
  const producers = await produceToNewTopic(40, 300);
  await cluster.clock.advance(30_000);
  for (const { partition, codes } of producers) {
    expect(codes).toEqual(ALL_IN_ORDER.map(() => ErrorCode.NONE));
    expect(await sequencesIn(partition)).toEqual(ALL_IN_ORDER);
  }
});

test('a first batch that is answered before its disk is done gets in before those behind it', async () => {
  const [producer] = await produceToNewTopic(1, 1500, 2000);
  await cluster.clock.advance(10_000);
  expect(producer!.codes).toContain(ErrorCode.REQUEST_TIMED_OUT);
  expect(await sequencesIn(0)).toEqual(ALL_IN_ORDER);
});

test('a first batch that is refused while its disk hangs gets in before those behind it', async () => {
  const producers = await produceToNewTopic(2 * MAX_WAITING, 12_000);
  await cluster.clock.advance(8000);
  const late = producers.map(({ partition }) => new Producer(partition, 2000 + partition, 30_000));
  await cluster.clock.advance(200_000);
  expect(late.flatMap(({ codes }) => codes)).toContain(ErrorCode.KAFKA_STORAGE_ERROR);
  for (const { partition } of producers) {
    const inLog = await sequencesIn(partition);
    expect(inLog.sort((a, b) => a - b)).toEqual(ALL_IN_ORDER.flatMap((sequence) => [sequence, sequence]));
  }
});
