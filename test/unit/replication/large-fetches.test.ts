/** What fetches of many partitions cost while they wait: those that a client makes up, and those without a session. */
import { ErrorCode, fetchRequest, fetchResponse, type FetchResponse } from '../../../src/protocol/index.js';
import type { FetchSlices } from '../../../src/replication/fetch-slices.js';
import type { WatchedPartitions } from '../../../src/replication/watched-partitions.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

/** Five partitions are many. */
const SLICES: FetchSlices = { partitionsAtOnce: 4, partitionsAStep: 2, readsAStep: 2 };
const THERE = 8;
const ALL = Array.from({ length: THERE }, (_, partition) => ({ topic: ORDERS.topic, partition }));

let cluster: ReplicaCluster;
const start = async (maxFetchSessionPartitions = Infinity): Promise<void> => {
  cluster = await ReplicaCluster.start({
    brokers: 1,
    extras: () => ({ fetchSlices: SLICES, maxFetchSessionPartitions }),
  });
  await cluster.create([1], ALL);
};
afterEach(() => cluster.stop());

interface Sent {
  response: FetchResponse | null;
  isWaiting: boolean;
  isBeginning: Promise<void> | null;
  giveUp(): void;
}

/** Asks for the partitions up to `count`, and waits for an hour; those that are not there are refused before any log is asked. */
function send(count: number, sessionEpoch = -1, produced = 0): Sent {
  const partitions = Array.from({ length: count }, (_, partition) => ({
    partition,
    fetchOffset: partition === 0 ? BigInt(produced) : 0n,
    partitionMaxBytes: 1000,
  }));
  const input = { maxWaitMs: 3_600_000, minBytes: 1, sessionEpoch, topics: [{ topic: ORDERS.topic, partitions }] };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const sent: Sent = { response: null, isWaiting: false, isBeginning: null, giveUp: () => undefined };
  const call = {
    listenerName: 'PLAINTEXT',
    authorize: ({ partition }: { partition: number }) =>
      partition < THERE ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    fail: (error: unknown) => {
      throw error;
    },
  };
  const underWay = cluster.broker(1).replicas.handleFetch(request, 12, call, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  sent.isBeginning = underWay?.isBeginning ?? null;
  void sent.isBeginning?.then(() => (sent.isWaiting = true));
  sent.giveUp = () => underWay?.giveUp();
  return sent;
}

const codesOf = ({ response }: Sent): number[] =>
  response!.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
const watched = (): WatchedPartitions =>
  (cluster.broker(1).replicas as unknown as { watched: WatchedPartitions }).watched;

test.each([-1, 0])('many partitions that are not there are answered at once, and few wait: epoch %i', async (epoch) => {
  await start();
  const few = send(THERE + 4, epoch);
  const many = send(THERE + 5, epoch);
  await cluster.clock.advance(0);
  expect([few.response, few.isWaiting]).toEqual([null, true]);
  expect(codesOf(many)).toEqual([...Array<number>(THERE).fill(0), ...Array<number>(5).fill(3)]);
});

test.each([-1, 0])('large fetches wait outside of sessions as long as there is room: epoch %i', async (epoch) => {
  await start(2 * THERE + 3);
  const first = send(THERE, epoch);
  const second = send(THERE, epoch);
  const third = send(THERE, epoch);
  const small = send(3, epoch);
  await cluster.clock.advance(0);
  expect([first, second, third].map(({ isWaiting }) => isWaiting)).toEqual([true, true, false]);
  expect(small.response).toBeNull();
  expect(third.response!.sessionId).toBe(0);
  expect(codesOf(third)).toEqual(Array<number>(THERE).fill(0));
  // Whoever is answered, or gives up, makes room.
  first.giveUp();
  await cluster.broker(1).produce(['a']);
  await cluster.clock.advance(0);
  expect([second.response === null, small.response === null]).toEqual([false, false]);
  const next = [send(THERE, -1, 1), send(THERE, -1, 1)];
  await cluster.clock.advance(0);
  expect(next.map(({ isWaiting }) => isWaiting)).toEqual([true, epoch === -1]); // Sessions take some.
});

test('a fetch that waits looks only at what has changed, and at what it has found', async () => {
  await start();
  await cluster.broker(1).produce(['a'], 1, ALL[5]);
  const partitions = ALL.map(({ partition }) => ({ partition, partitionMaxBytes: 1000 }));
  const input = { maxWaitMs: 60_000, minBytes: 150, sessionEpoch: -1, topics: [{ topic: ORDERS.topic, partitions }] };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const answered = jest.fn();
  const call = { listenerName: 'PLAINTEXT', authorize: () => 0, fail: answered };
  cluster.broker(1).replicas.handleFetch(request, 12, call, answered);
  await cluster.clock.advance(0);
  const looks = jest.spyOn(watched(), 'availableBytes');
  await cluster.broker(1).produce(['b'], 1, ALL[2]);
  await cluster.clock.advance(0);
  expect(looks.mock.calls.map(([{ partition }]) => partition)).toEqual([5, 2]);
  expect(answered).not.toHaveBeenCalled();
  await cluster.broker(1).produce(['c'], 1, ALL[2]);
  await cluster.clock.advance(0);
  expect(answered).toHaveBeenCalledTimes(1);
});

test('a large fetch says when it waits for nothing but records, and when it is given up', async () => {
  await start();
  const waiting = send(THERE);
  expect(waiting.isWaiting).toBe(false);
  await cluster.clock.advance(0);
  expect([waiting.isWaiting, waiting.response]).toEqual([true, null]);
  const givenUp = send(THERE);
  givenUp.giveUp();
  await givenUp.isBeginning;
  expect(send(3).isBeginning).toBeNull();
});
