/** What fetches of many partitions cost while they wait: those that a client makes up, and those without a session. */
import { ErrorCode, fetchRequest, fetchResponse, type FetchResponse } from '../../../src/protocol/index.js';
import type { FetchSlices } from '../../../src/replication/fetch/fetch-slices.js';
import type { WatchedPartitions } from '../../../src/replication/fetch/watched-partitions.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

/** Five partitions are many. */
const SLICES: FetchSlices = { partitionsAtOnce: 4, partitionsAStep: 2, readsAStep: 2 };
const THERE = 8;
const HOUR_MS = 3_600_000;
const upTo = (count: number) => Array.from({ length: count }, (_, partition) => ({ topic: ORDERS.topic, partition }));
const ALL = upTo(THERE);

let cluster: ReplicaCluster;
let there: number;
const start = async (maxFetchSessionPartitions = Infinity, count = THERE): Promise<void> => {
  there = count;
  cluster = await ReplicaCluster.start({
    brokers: 1,
    extras: () => ({ fetchSlices: SLICES, maxFetchSessionPartitions }),
  });
  await cluster.create([1], upTo(count));
};
afterEach(() => cluster.stop());

interface Sent {
  response: FetchResponse | null;
  /** The answer is kept back for so long. */
  delayMs: number;
  isWaiting: boolean;
  isBeginning: Promise<void> | null;
  giveUp(): void;
}

interface SendOptions {
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
  readonly produced?: number;
  readonly address?: string;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  /** It says that it is this broker. */
  readonly replicaId?: number;
  readonly mayReplicate?: boolean;
}

/** Asks for the partitions up to `count`, and waits for an hour; those that are not there are refused before any log is asked. */
function send(
  count: number,
  { sessionEpoch = -1, produced = 0, address = 'a', maxWaitMs = HOUR_MS, ...from }: SendOptions = {},
): Sent {
  const partitions = Array.from({ length: count }, (_, partition) => ({
    partition,
    fetchOffset: partition === 0 ? BigInt(produced) : 0n,
    partitionMaxBytes: 1000,
  }));
  const { replicaId = -1, mayReplicate = false, sessionId = 0, minBytes = 1 } = from;
  const input = {
    replicaId,
    maxWaitMs,
    minBytes,
    sessionId,
    sessionEpoch,
    topics: [{ topic: ORDERS.topic, partitions }],
  };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const sent: Sent = { response: null, delayMs: 0, isWaiting: false, isBeginning: null, giveUp: () => undefined };
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: address,
    mayReplicate,
    authorize: ({ partition }: { partition: number }) =>
      partition < there ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    fail: (error: unknown) => {
      throw error;
    },
  };
  const underWay = cluster.broker(1).replicas.handleFetch(request, 12, call, (response, delayMs = 0) => {
    sent.delayMs = delayMs;
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  sent.isBeginning = underWay?.isBeginning ?? null;
  void sent.isBeginning?.then(() => (sent.isWaiting = true));
  sent.giveUp = () => underWay?.giveUp();
  return sent;
}

const codesOf = ({ response }: Sent): number[] =>
  response!.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
/** Of all partitions that are there. */
async function newSession(): Promise<number> {
  const sent = send(THERE, { sessionEpoch: 0, maxWaitMs: 0 });
  await cluster.clock.advance(0);
  expect(sent.response!.sessionId).not.toBe(0);
  return sent.response!.sessionId;
}

const watched = (): WatchedPartitions =>
  (cluster.broker(1).replicas as unknown as { watched: WatchedPartitions }).watched;

test.each([-1, 0])(
  'many partitions that are not there are answered at once, and few wait: epoch %i',
  async (sessionEpoch) => {
    await start();
    const few = send(THERE + 4, { sessionEpoch });
    const many = send(THERE + 5, { sessionEpoch });
    await cluster.clock.advance(0);
    expect([few.response, few.isWaiting]).toEqual([null, true]);
    expect(many.delayMs).toBe(0);
    expect(codesOf(many)).toEqual([...Array<number>(THERE).fill(0), ...Array<number>(5).fill(3)]);
  },
);

test('a large fetch without room is kept back, but not when it has found records', async () => {
  await start(3 * THERE + 3);
  for (const address of ['a', 'b']) send(THERE, { address });
  const idle = send(THERE, { address: 'c' });
  await cluster.clock.advance(0);
  expect(idle.delayMs).toBe(250);
  await cluster.broker(1).produce(['a']);
  for (const address of ['a', 'b']) send(THERE, { address, produced: 1 });
  const found = send(THERE, { address: 'c', minBytes: 1_000_000 });
  await cluster.clock.advance(0);
  expect([found.response === null, found.delayMs]).toEqual([false, 0]);
});

test('a large fetch without room is kept back for longer, the more partitions it names', async () => {
  await start(1, 300);
  const [many, most] = [send(260), send(300)];
  while (!most.response) await cluster.clock.advance(0);
  expect([many.delayMs, most.delayMs]).toEqual([260, 300]);
});

test.each([-1, 0])(
  'large fetches wait outside of sessions as long as there is room: epoch %i',
  async (sessionEpoch) => {
    await start(3 * THERE + 3);
    const first = send(THERE, { sessionEpoch });
    const second = send(THERE, { sessionEpoch, address: 'b' });
    const third = send(THERE, { sessionEpoch, address: 'c' });
    const hasty = send(THERE, { sessionEpoch, address: 'c', maxWaitMs: 100 });
    const small = send(3, { sessionEpoch });
    await cluster.clock.advance(0);
    expect([first, second, third].map(({ isWaiting }) => isWaiting)).toEqual([true, true, false]);
    expect(small.response).toBeNull();
    expect(third.response!.sessionId).toBe(0);
    expect(codesOf(third)).toEqual(Array<number>(THERE).fill(0));
    // Its client would come again at once, and again.
    expect([third.delayMs, hasty.delayMs]).toEqual([250, 100]);
    // Whoever is answered, or gives up, makes room.
    first.giveUp();
    await cluster.broker(1).produce(['a']);
    await cluster.clock.advance(0);
    expect([second.response === null, small.response === null]).toEqual([false, false]);
    expect([second.delayMs, small.delayMs]).toEqual([0, 0]);
    const next = ['c', 'd'].map((address) => send(THERE, { address, produced: 1 }));
    await cluster.clock.advance(0);
    expect(next.map(({ isWaiting }) => isWaiting)).toEqual([true, sessionEpoch === -1]); // Sessions take some.
  },
);

test('of fetches that are not large those of six partitions and more wait as long as there is room, and of fewer always', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1, extras: () => ({ maxFetchSessionPartitions: 3 * THERE }) });
  there = THERE;
  await cluster.create([1], ALL);
  const sent = ['a', 'b', 'c', 'd'].map((address) => send(THERE, { address }));
  const few = Array.from({ length: 50 }, () => send(5));
  await cluster.clock.advance(0);
  expect(sent.map(({ response, delayMs }) => [response === null, delayMs])).toEqual([
    [true, 0],
    [true, 0],
    [false, 250],
    [false, 250],
  ]);
  expect(few.filter(({ response }) => response !== null)).toEqual([]);
});

test('fetches that came together are not all answered in one turn when their time is up', async () => {
  await start();
  const { clock } = cluster;
  const answered = (): number => sent.filter(({ response }) => response !== null).length;
  // The first of what is due then; what it defers comes after all that is due.
  const atEnd = new Promise<number>((resolve) => clock.setTimer(1000, () => clock.defer(() => resolve(answered()))));
  const sent = Array.from({ length: 300 }, (_, at) => send(3, { address: `${at}`, maxWaitMs: 1000 }));
  await clock.advance(999);
  expect(answered()).toBe(0);
  const untilMs = clock.monotonicMs() + 2;
  const byTurn: number[] = [];
  while (answered() < sent.length && clock.monotonicMs() < untilMs && clock.step()) byTurn.push(answered());
  expect(await atEnd).toBe(0);
  expect(byTurn.filter((count, at) => count - (byTurn[at - 1] ?? 0) > 200)).toEqual([]);
  expect(answered()).toBe(300);
});

test('no address takes all the room to wait in, and sessions that are unused for two minutes give theirs', async () => {
  await start(3 * THERE);
  const [first, second] = [send(THERE), send(THERE)];
  await cluster.clock.advance(0);
  expect([first.isWaiting, second.isWaiting]).toEqual([true, false]);
  first.giveUp();
  await newSession();
  await cluster.clock.advance(120_000);
  const early = send(THERE);
  await cluster.clock.advance(0);
  expect(early.isWaiting).toBe(false);
  await cluster.clock.advance(1);
  const late = send(THERE);
  await cluster.clock.advance(0);
  expect(late.isWaiting).toBe(true);
});

test('a fetch that waits in a session which is evicted is answered: what it keeps is not counted any more', async () => {
  await start(2 * THERE);
  const sessionId = await newSession();
  const waiting = send(0, { sessionId, sessionEpoch: 1 });
  await cluster.clock.advance(120_001);
  expect(waiting.response).toBeNull();
  const next = send(THERE, { address: 'b' });
  await cluster.clock.advance(0);
  expect(next.isWaiting).toBe(true);
  expect(waiting.response).toMatchObject({ errorCode: 0, sessionId });
  expect(watched().size).toBe(THERE);
});

describe('who says that he is a replica', () => {
  const fill = async (room: number): Promise<void> => {
    await start(room);
    await newSession();
  };
  const sessionOf = async (count: number, options: SendOptions): Promise<number> => {
    const sent = send(count, { sessionEpoch: 0, maxWaitMs: 0, replicaId: 7, ...options });
    await cluster.clock.advance(0);
    return sent.response!.sessionId;
  };

  test('shares the room of consumers, unless he may act as a broker', async () => {
    await fill(2 * THERE);
    expect(await sessionOf(THERE, {})).toBe(0);
    expect(await sessionOf(THERE, { mayReplicate: true })).not.toBe(0);
    expect(await sessionOf(THERE, { mayReplicate: true })).toBe(0);
  });

  test('shares the room of consumers also then, when most of what he names is not there', async () => {
    await fill(2 * (2 * THERE + 1));
    expect(await sessionOf(2 * THERE + 1, { mayReplicate: true, address: 'b' })).toBe(0);
    expect(await sessionOf(2 * THERE, { mayReplicate: true, address: 'b' })).not.toBe(0);
  });
});

test('a fetch that waits looks only at what has changed, and at what it has found', async () => {
  await start();
  await cluster.broker(1).produce(['a'], 1, ALL[5]);
  const partitions = ALL.map(({ partition }) => ({ partition, partitionMaxBytes: 1000 }));
  const input = { maxWaitMs: 60_000, minBytes: 150, sessionEpoch: -1, topics: [{ topic: ORDERS.topic, partitions }] };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const answered = jest.fn();
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: answered,
  };
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
