import { ErrorCode } from '../../../src/protocol/index.js';
import { BatchBuilder, type Int64 } from '../../../src/records/index.js';
import type { AppendResult, ReplicaQuota, TransactionVerifier } from '../../../src/replication/index.js';
import { batchOf, ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 1, ...options });
  await cluster.create([...cluster.brokers.keys()], [ORDERS, { topic: 'orders', partition: 1 }]);
};
afterEach(() => cluster.stop());

interface Append {
  readonly topic?: string;
  readonly partition?: number;
  readonly records?: Buffer;
  readonly acks?: number;
  readonly transactionalId?: string;
}

/** Appends to one partition; the results are there once it is answered. */
function append({
  topic = 'orders',
  partition = 0,
  records = batchOf(['a']),
  acks = 1,
  transactionalId,
}: Append): AppendResult[] {
  const answers: AppendResult[] = [];
  void cluster.broker(1).replicas.appendRecords({
    timeoutMs: 1000,
    requiredAcks: acks,
    internalTopicsAllowed: false,
    origin: 'client',
    transactionalId: transactionalId ?? null,
    entries: [{ tp: { topic, partition }, records }],
    onComplete: (results) => answers.push(...results),
  });
  return answers;
}

function ofProducer(producerId: number, baseSequence = 0, isTransactional = false): Buffer {
  const builder = new BatchBuilder({ producerId, producerEpoch: 0, baseSequence, isTransactional });
  builder.append({ timestamp: 1_700_000_000_000, key: null, value: Buffer.from('t') });
  return builder.build();
}

test.each<{ title: string; append: Append; error: number }>([
  { title: 'acks that do not exist', append: { acks: 2 }, error: ErrorCode.INVALID_REQUIRED_ACKS },
  { title: 'an internal topic', append: { topic: '__consumer_offsets' }, error: ErrorCode.INVALID_TOPIC_EXCEPTION },
  { title: 'an unknown partition', append: { partition: 9 }, error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
  { title: 'a damaged batch', append: { records: damaged() }, error: ErrorCode.CORRUPT_MESSAGE },
])('$title is answered', async ({ append: call, error }) => {
  await start();
  expect(append(call)).toMatchObject([{ errorCode: error, errorMessage: null }]);
});

function damaged(): Buffer {
  const batch = batchOf(['a']);
  batch[batch.length - 1]! ^= 1;
  return batch;
}

test('refusals that are no plain ones carry the log start', async () => {
  await start();
  append({ records: ofProducer(5, 0) });
  expect(append({ records: ofProducer(5, 9) })).toMatchObject([
    { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1, logStartOffset: 0 },
  ]);
});

test('a batch that was appended before is answered as the first time', async () => {
  await start();
  expect(append({ records: ofProducer(5, 0) })).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
  append({});
  expect(append({ records: ofProducer(5, 0), acks: -1 })).toMatchObject([
    { errorCode: 0, baseOffset: 0, lastOffset: 0 },
  ]);
  expect(cluster.broker(1).log().logEndOffset).toBe(2);
});

test('an append that waits to be replicated can be given up, and is not answered then', async () => {
  await start({ brokers: 2 });
  cluster.cut(1, 2);
  const giveUps: (() => void)[] = [];
  const answers: AppendResult[] = [];
  const { replicas } = cluster.broker(1);
  for (const acks of [-1, 1]) {
    void replicas.appendRecords({
      timeoutMs: 10_000,
      requiredAcks: acks,
      internalTopicsAllowed: false,
      origin: 'client',
      entries: [{ tp: ORDERS, records: batchOf([`acks ${acks}`]) }],
      onWait: (giveUp) => giveUps.push(giveUp),
      onComplete: (results) => answers.push(...results),
    });
  }
  expect([giveUps.length, answers.map(({ baseOffset }) => baseOffset)]).toEqual([1, [1]]);
  giveUps[0]!();
  cluster.heal();
  await cluster.until(() => cluster.broker(1).log().highWatermark === 2);
  expect(answers).toHaveLength(1);
});

test('a transaction is taken on trust where no coordinator can be asked', async () => {
  await start();
  const records = ofProducer(5, 0, true);
  expect(append({ records, transactionalId: 'tx' })).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
});

test('a transaction is taken without asking where verification is switched off', async () => {
  const asked: unknown[] = [];
  await start({
    config: { 'transaction.partition.verification.enable': 'false' },
    extras: () => ({ transactionVerifier: { verify: (producer) => void asked.push(producer) } }),
  });
  expect(append({ records: ofProducer(5, 0, true), transactionalId: 'tx' })).toMatchObject([{ errorCode: 0 }]);
  expect(asked).toEqual([]);
});

describe('the first batch of a transaction', () => {
  const asked: { transactionalId: string; producerId: Int64; answer: (errorCode: number) => void }[] = [];
  const verifier: TransactionVerifier = {
    verify: ({ transactionalId, producerId }, partitions, onResult) =>
      asked.push({ transactionalId, producerId, answer: (errorCode) => onResult(partitions.map(() => errorCode)) }),
  };
  beforeEach(async () => {
    asked.length = 0;
    await start({ extras: () => ({ transactionVerifier: verifier }) });
  });

  test('is appended when the coordinator knows of the partition, and the next at once', () => {
    const first = append({ records: ofProducer(5, 0, true), transactionalId: 'tx' });
    expect(first).toEqual([]);
    expect(asked).toMatchObject([{ transactionalId: 'tx', producerId: 5 }]);
    asked[0]!.answer(ErrorCode.NONE);
    expect(first).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(append({ records: ofProducer(5, 1, true), transactionalId: 'tx' })).toMatchObject([
      { errorCode: 0, baseOffset: 1 },
    ]);
    expect(asked).toHaveLength(1);
  });

  test('keeps its caller waiting until it is verified and appended, so that its memory is counted', async () => {
    let isOver = false;
    const appended = cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      transactionalId: 'tx',
      entries: [{ tp: { topic: 'orders', partition: 0 }, records: ofProducer(5, 0, true) }],
      onComplete: () => undefined,
    });
    void appended!.then(() => (isOver = true));
    await Promise.resolve();
    expect(isOver).toBe(false);
    asked[0]!.answer(ErrorCode.NONE);
    await appended;
    expect(cluster.broker(1).log().logEndOffset).toBe(1);
  });

  test('tells its caller, and not the coordinator, when the append throws once it is verified', async () => {
    const broken = new Error('broken');
    const appended = cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      transactionalId: 'tx',
      entries: [{ tp: ORDERS, records: ofProducer(5, 0, true) }],
      onComplete: () => {
        throw broken;
      },
    });
    expect(() => asked[0]!.answer(ErrorCode.NONE)).not.toThrow();
    await expect(appended).rejects.toBe(broken);
  });

  test.each([
    { error: ErrorCode.INVALID_TXN_STATE, answer: ErrorCode.INVALID_TXN_STATE },
    { error: ErrorCode.NOT_COORDINATOR, answer: ErrorCode.NOT_ENOUGH_REPLICAS },
    { error: ErrorCode.INVALID_PRODUCER_ID_MAPPING, answer: ErrorCode.INVALID_PRODUCER_ID_MAPPING },
  ])('is refused with $answer when the coordinator says $error', ({ error, answer }) => {
    const results = append({ records: ofProducer(5, 0, true), transactionalId: 'tx' });
    asked[0]!.answer(error);
    expect(results).toMatchObject([{ errorCode: answer, baseOffset: -1 }]);
    expect(cluster.broker(1).log().logEndOffset).toBe(0);
  });

  test('is refused or taken as the coordinator says of its own partition, whatever stands beside it', () => {
    const first = append({ records: ofProducer(5, 0, true), transactionalId: 'tx' });
    asked[0]!.answer(ErrorCode.NONE);
    expect(first).toMatchObject([{ errorCode: 0 }]);
    // The first partition is in the transaction already and needs no proof; of the second the coordinator is asked.
    const appendBoth = (baseSequence: number): AppendResult[] => {
      const answers: AppendResult[] = [];
      void cluster.broker(1).replicas.appendRecords({
        timeoutMs: 1000,
        requiredAcks: 1,
        internalTopicsAllowed: false,
        origin: 'client',
        transactionalId: 'tx',
        entries: [
          { tp: ORDERS, records: ofProducer(5, baseSequence, true) },
          { tp: { topic: 'orders', partition: 1 }, records: ofProducer(5, 0, true) },
        ],
        onComplete: (results) => answers.push(...results),
      });
      return answers;
    };
    const refused = appendBoth(1);
    asked[1]!.answer(ErrorCode.INVALID_TXN_STATE);
    expect(refused.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.NONE, ErrorCode.INVALID_TXN_STATE]);
    const taken = appendBoth(2);
    asked[2]!.answer(ErrorCode.NONE);
    expect(taken.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
  });

  test('of two producers at once is refused', () => {
    const answers: AppendResult[] = [];
    void cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      transactionalId: 'tx',
      entries: [0, 1].map((partition) => ({
        tp: { topic: 'orders', partition },
        records: ofProducer(5 + partition, 0, true),
      })),
      onComplete: (results) => answers.push(...results),
    });
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_PRODUCER_ID_MAPPING,
      ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ]);
  });
});

describe('a throttled replica', () => {
  const quota = { exceeded: true, recorded: 0 };
  const throttled: ReplicaQuota = {
    isThrottled: () => true,
    isQuotaExceeded: () => quota.exceeded,
    record: (bytes) => (quota.recorded += bytes),
  };
  const none: ReplicaQuota = { isThrottled: () => false, isQuotaExceeded: () => false, record: () => undefined };

  test.each([
    { side: 'its leader', quotas: { leader: throttled, follower: none } },
    { side: 'itself', quotas: { leader: none, follower: throttled } },
  ])('is held back by $side until the quota allows, unless it is in sync', async ({ quotas }) => {
    quota.exceeded = false;
    await start({ brokers: 2, extras: () => ({ quotas }), config: { 'replica.lag.time.max.ms': '2000' } });
    await cluster.clock.advance(1000);
    cluster.cut(1, 2);
    append({});
    await cluster.until(() => cluster.stateOf().isr.length === 1);
    quota.exceeded = true;
    quota.recorded = 0;
    // The role is announced anew, so that the follower does not know how far behind it is.
    cluster.elect(1);
    cluster.heal();
    await cluster.clock.advance(10_000);
    expect(cluster.broker(2).log().logEndOffset).toBe(0);
    quota.exceeded = false;
    await cluster.until(() => cluster.stateOf().isr.length === 2);
    expect(quota.recorded).toBeGreaterThan(0);
    quota.exceeded = true;
    append({});
    await cluster.until(() => cluster.broker(2).log().logEndOffset === 2, 5000);
  });
});
