/** What waits leaves nothing behind when it has ended, however it ends: no timer, no count, no watch. */
import { SimulatedClock, settle } from '../../../src/testing/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import type { AppendResult } from '../../../src/replication/append/append.js';
import { ProducePurgatory } from '../../../src/replication/delayed-operations.js';
import { ORDERS, ReplicaCluster, TOPIC_ID } from './replica-cluster.js';

const resultOf = (partition: number): AppendResult => ({
  tp: { topic: 't', partition },
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  baseOffset: 5,
  lastOffset: 5,
  logAppendTimeMs: -1,
  logStartOffset: 0,
  recordErrors: [],
});

const rethrow = (error: unknown): never => {
  throw error;
};

describe('a produce that waits for two partitions', () => {
  const ENDINGS: readonly {
    title: string;
    codes: number[];
    end: (p: ProducePurgatory, clock: SimulatedClock) => unknown;
  }[] = [
    {
      title: 'both of which get there',
      codes: [0, 0],
      end: (p) => [p.onHighWatermark('t-0', 10, 0), p.onHighWatermark('t-1', 20, 0)],
    },
    {
      title: 'the second of which has too few in sync',
      codes: [0, 19],
      end: (p) => [p.onHighWatermark('t-1', 20, 19), p.onHighWatermark('t-0', 10, 0)],
    },
    { title: 'one of which fails', codes: [6, 0], end: (p) => [p.fail('t-0', 6), p.onHighWatermark('t-1', 20, 0)] },
    {
      title: 'one of which gets there in time',
      codes: [0, 7],
      end: (p, clock) => [p.onHighWatermark('t-0', 10, 0), clock.advance(1000)],
    },
    { title: 'on a broker that stops', codes: [6, 6], end: (p) => p.failAll(6) },
  ];

  test.each(ENDINGS)('$title is answered once and forgotten', async ({ codes, end }) => {
    const clock = new SimulatedClock();
    const purgatory = new ProducePurgatory(clock, rethrow);
    const answers: number[][] = [];
    const required = [
      { index: 0, key: 't-0', offset: 10 },
      { index: 1, key: 't-1', offset: 20 },
    ];
    const wait = (): (() => void) =>
      purgatory.wait([resultOf(0), resultOf(1)], required, 1000, (results) =>
        answers.push(results.map(({ errorCode }) => errorCode)),
      );
    wait();
    purgatory.onHighWatermark('t-0', 9, 0);
    purgatory.onHighWatermark('t-1', 19, 0);
    expect([answers, purgatory.numDelayed]).toEqual([[], 1]);
    end(purgatory, clock);
    await clock.advance(0);
    expect([answers, purgatory.numDelayed, clock.nextTimerMs()]).toEqual([[codes], 0, null]);
    await clock.advance(5000);
    purgatory.onHighWatermark('t-0', 99, 6);
    purgatory.failAll(6);
    expect(answers).toHaveLength(1);
    // And the next one is not taken for it.
    wait();
    expect(purgatory.numDelayed).toBe(1);
  });

  test('of which many wait for one partition fails with all of them', () => {
    const purgatory = new ProducePurgatory(new SimulatedClock(), rethrow);
    const answers: number[] = [];
    for (let at = 0; at < 5; at++) {
      purgatory.wait([resultOf(0)], [{ index: 0, key: 't-0', offset: 10 + at }], 1000, ([one]) =>
        answers.push(one!.errorCode),
      );
    }
    purgatory.onHighWatermark('t-0', 11, 0);
    purgatory.fail('t-0', 6);
    expect([answers, purgatory.numDelayed]).toEqual([[0, 0, 6, 6, 6], 0]);
  });
});

describe('gauges of a broker', () => {
  let cluster: ReplicaCluster;
  afterEach(() => cluster.stop());
  const gauge = (name: string): number => cluster.broker(1).metrics.snapshot().get(name)!;
  const purgatory = (name: string): number =>
    gauge(`kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=${name}`);
  const sessions = (name: string): number => gauge(`kafka.server:type=FetchSessionCache,name=${name}`);

  function fetch(over: FetchRequestInput): { response: FetchResponse | null } {
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }];
    const topics =
      over.sessionEpoch === undefined || over.sessionEpoch <= 0
        ? [{ topic: 'orders', topicId: TOPIC_ID, partitions }]
        : [];
    const input = { maxWaitMs: 500, minBytes: 1, replicaId: -1, topics, ...over };
    const sent: { response: FetchResponse | null } = { response: null };
    const context = {
      listenerName: 'PLAINTEXT',
      clientAddress: 'a',
      mayReplicate: true,
      authorize: () => 0,
      fail: () => undefined,
    };
    const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
    cluster.broker(1).replicas.handleFetch(request, 12, context, (response) => {
      sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
    });
    return sent;
  }

  test('fall back when what waits is answered, by whatever', async () => {
    cluster = await ReplicaCluster.start({ brokers: 2 });
    await cluster.create([1, 2]);
    cluster.cut(1, 2);
    void cluster.broker(1).produce(['a'], -1, ORDERS, 700);
    fetch({ sessionEpoch: -1 });
    void cluster.broker(1).replicas.deleteRecords(600, [{ tp: ORDERS, offset: 0 }], () => undefined);
    expect([purgatory('Produce'), purgatory('Fetch')]).toEqual([1, 1]);
    await cluster.clock.advance(1000);
    expect([purgatory('Produce'), purgatory('Fetch'), purgatory('DeleteRecords')]).toEqual([0, 0, 0]);
    void cluster.broker(1).produce(['b'], -1, ORDERS, 60_000);
    const waiting = fetch({ sessionEpoch: -1, maxWaitMs: 60_000 });
    await cluster
      .broker(1)
      .replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 1 }, [
        { tp: ORDERS, leaderEpoch: 1, deletePartition: true },
      ]);
    await cluster.clock.advance(0);
    expect(waiting.response).not.toBeNull();
    expect([purgatory('Produce'), purgatory('Fetch')]).toEqual([0, 0]);
  });

  test('count sessions and their partitions until they end', async () => {
    cluster = await ReplicaCluster.start({ brokers: 1 });
    await cluster.create([1]);
    expect(sessions('NumIncrementalFetchSessions')).toBe(0);
    const first = fetch({ sessionEpoch: 0, maxWaitMs: 0 }).response!;
    const second = fetch({ sessionEpoch: 0, maxWaitMs: 0 }).response!;
    expect([sessions('NumIncrementalFetchSessions'), sessions('NumIncrementalFetchPartitionsCached')]).toEqual([2, 2]);
    fetch({ sessionId: first.sessionId, sessionEpoch: -1, maxWaitMs: 0 });
    expect([sessions('NumIncrementalFetchSessions'), sessions('NumIncrementalFetchPartitionsCached')]).toEqual([1, 1]);
    // A request that is overtaken in its session waits no more.
    const overtaken = fetch({ sessionId: second.sessionId, sessionEpoch: 1 });
    fetch({ sessionId: second.sessionId, sessionEpoch: 2 });
    expect(overtaken.response).toMatchObject({ errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH });
    expect(purgatory('Fetch')).toBe(1);
    cluster.broker(1).replicas.shutdown();
    await settle();
    expect(purgatory('Fetch')).toBe(0);
  });
});
