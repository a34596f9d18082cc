/** A log directory whose reads hang, or take long, costs fetches what lies there and nothing else. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, TOPIC_ID } from './replica-cluster.js';

/** So long at most the end of a log stays in memory; afterwards a read needs the disk. */
const COLD_MS = 15_000;
const NEVER_MS = 3_600_000;

let cluster: ReplicaCluster;
afterEach(() => cluster.stop());

/** Partitions of the leader by log directory: two in `/good` and two in `/bad`. */
let good: TopicPartition[];
let bad: TopicPartition[];
/** Reads of the disk that were begun in `/bad`. */
let readsBegun: number;

async function start(brokers: number): Promise<void> {
  cluster = await ReplicaCluster.start({ brokers, logDirs: ['/good', '/bad'] });
  const tps = [0, 1, 2, 3].map((partition) => ({ ...ORDERS, partition }));
  await cluster.create(brokers === 1 ? [1] : [1, 2], tps);
  const of = (dir: string): TopicPartition[] => tps.filter((tp) => cluster.broker(1).log(tp).parentDir === dir);
  [good, bad] = [of('/good'), of('/bad')];
}

/** Reads in `/bad` take so long from here. */
function slowDown(readMs: number): void {
  readsBegun = 0;
  const delayMs = (operation: string, path: string): number => {
    if (operation !== 'read' || !path.startsWith('/bad')) return 0;
    readsBegun++;
    return readMs;
  };
  cluster.broker(1).fs.pace = { clock: cluster.clock, delayMs };
}

/** One broker with five cold records of 1000 bytes in each partition. */
async function startCold(): Promise<void> {
  await start(1);
  for (const tp of [...good, ...bad]) {
    for (let i = 0; i < 5; i++) await cluster.broker(1).produce(['x'.repeat(1000)], 1, tp);
  }
  await cluster.clock.advance(COLD_MS);
}

interface Sent {
  response: FetchResponse | null;
}

function send(asked: readonly (TopicPartition & { offset?: number })[], over: FetchRequestInput = {}): Sent {
  const partitions = asked.map(({ partition, offset = 0 }) => ({
    partition,
    fetchOffset: BigInt(offset),
    partitionMaxBytes: 1 << 20,
  }));
  const topics = partitions.length > 0 ? [{ topic: 'orders', topicId: TOPIC_ID, partitions }] : [];
  const input = { maxWaitMs: 500, minBytes: 1, sessionEpoch: -1, topics, ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const sent: Sent = { response: null };
  const fail = (error: unknown): void => {
    throw error;
  };
  const call = { listenerName: 'PLAINTEXT', authorize: () => ErrorCode.NONE, fail };
  cluster.broker(1).replicas.handleFetch(request, 12, call, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  return sent;
}

const partitionsOf = ({ response }: Sent): FetchResponse['responses'][number]['partitions'] =>
  response!.responses.flatMap((topic) => topic.partitions);
const bytesOf = (sent: Sent, tp: TopicPartition): number | undefined => {
  const found = partitionsOf(sent).find((one) => one.partitionIndex === tp.partition);
  return found && ((found.records as Buffer | null)?.length ?? 0);
};

test('a read that hangs in a directory of the leader takes no follower out of the ISR of partitions in the others', async () => {
  await start(2);
  await cluster.clock.advance(1000);
  cluster.cut(1, 2);
  await cluster.clock.advance(1000);
  for (const tp of bad) void cluster.broker(1).produce(['x'], 1, tp);
  await cluster.clock.advance(COLD_MS);
  slowDown(120_000);
  cluster.heal();
  for (let round = 0; round < 4; round++) {
    const produced = cluster.broker(1).produce(['x'], -1, good[0], 10_000);
    await cluster.clock.advance(12_000);
    expect(await produced).toMatchObject({ errorCode: ErrorCode.NONE });
  }
  expect(cluster.stateOf(good[0]).isr).toEqual([1, 2]);
  expect(cluster.broker(2).log(bad[0]).logEndOffset).toBe(0);
  cluster.broker(1).fs.pace = null;
  await cluster.until(() => bad.every((tp) => cluster.broker(2).log(tp).logEndOffset === 1), 150_000);
});

test('a fetch waits for one read of a directory that hangs, and is answered with what the others have', async () => {
  await startCold();
  slowDown(NEVER_MS);
  const fetched = send([...bad, good[0]!]);
  await cluster.clock.advance(600);
  expect(bytesOf(fetched, good[0]!)).toBeGreaterThan(5000);
  expect(bad.map((tp) => bytesOf(fetched, tp))).toEqual([0, 0]);
  expect(partitionsOf(fetched).map((one) => [one.errorCode, one.highWatermark])).toEqual([
    [ErrorCode.NONE, 5n],
    [ErrorCode.NONE, 5n],
    [ErrorCode.NONE, 5n],
  ]);
});

test('a client that asks again and again begins one read of a log that hangs, and waits for what else it asked for', async () => {
  await startCold();
  slowDown(NEVER_MS);
  for (let i = 0; i < 5; i++) {
    const fetched = send([bad[0]!, good[0]!]);
    await cluster.clock.advance(i === 0 ? 600 : 5);
    expect(bytesOf(fetched, good[0]!)).toBeGreaterThan(5000);
  }
  expect(readsBegun).toBe(1);
  const waiting = send([bad[0]!, { ...good[0]!, offset: 5 }], { maxWaitMs: 60_000 });
  await cluster.clock.advance(10_000);
  expect(waiting.response).toBeNull();
  await cluster.broker(1).produce(['y'], 1, good[0]);
  await cluster.clock.advance(1);
  expect(bytesOf(waiting, good[0]!)).toBeGreaterThan(0);
  expect(readsBegun).toBe(1);
});

test('what hangs is not counted as there to be read: the fetch waits for the others', async () => {
  await startCold();
  slowDown(NEVER_MS);
  const waiting = send([bad[0]!, { ...good[0]!, offset: 5 }], { maxWaitMs: 60_000 });
  await cluster.clock.advance(10_000);
  expect(waiting.response).toBeNull();
  await cluster.broker(1).produce(['y'], 1, good[0]);
  await cluster.clock.advance(1);
  expect(bytesOf(waiting, good[0]!)).toBeGreaterThan(0);
});

test('the end of a log whose disk hangs is read from memory', async () => {
  await startCold();
  slowDown(NEVER_MS);
  send([bad[0]!]);
  await cluster.clock.advance(600);
  await cluster.broker(1).produce(['y'], 1, bad[0]);
  const fetched = send([{ ...bad[0]!, offset: 5 }]);
  await cluster.clock.advance(1);
  expect(bytesOf(fetched, bad[0]!)).toBeGreaterThan(0);
});

test('a session leaves out what hangs, and is woken when it has come back', async () => {
  await startCold();
  slowDown(20_000);
  const opening = send([{ ...bad[0]!, offset: 5 }, good[0]!], { sessionEpoch: 0 });
  await cluster.clock.advance(5);
  const { sessionId } = opening.response!;
  expect(sessionId).not.toBe(0);
  // Back to the beginning.
  const asked = [bad[0]!, { ...good[0]!, offset: 5 }];
  const second = send(asked, { sessionId, sessionEpoch: 1 });
  await cluster.clock.advance(1100);
  expect(partitionsOf(second)).toEqual([]);
  const waiting = send([], { sessionId, sessionEpoch: 2, maxWaitMs: 60_000 });
  await cluster.clock.advance(10_000);
  expect(waiting.response).toBeNull();
  cluster.broker(1).fs.pace = null;
  await cluster.clock.advance(10_000);
  expect(bytesOf(waiting, bad[0]!)).toBeGreaterThan(5000);
});

test('a disk that needs two seconds for every read gets its records through', async () => {
  await startCold();
  slowDown(2000);
  const opening = send([bad[0]!], { sessionEpoch: 0 });
  await cluster.clock.advance(1100);
  const { sessionId } = opening.response!;
  expect(bytesOf(opening, bad[0]!)).toBe(0);
  let fetched = opening;
  for (let epoch = 1; epoch < 10 && !bytesOf(fetched, bad[0]!); epoch++) {
    fetched = send([], { sessionId, sessionEpoch: epoch });
    await cluster.until(() => fetched.response !== null, 10_000);
  }
  expect(bytesOf(fetched, bad[0]!)).toBeGreaterThan(5000);
});

test.each([
  { what: 'in time', readMs: 300 },
  { what: 'late', readMs: 3000 },
])(
  'a read for the old session of a follower that comes back $what does not set the follower back',
  async ({ readMs }) => {
    await start(2);
    await cluster.until(() => cluster.broker(2).replicas.partitionOf(bad[0]!) !== undefined);
    cluster.cut(1, 2);
    for (let i = 0; i < 5; i++) void cluster.broker(1).produce(['x'.repeat(1000)], 1, bad[0]);
    await cluster.clock.advance(COLD_MS);
    slowDown(readMs);
    const old = send([{ ...bad[0]!, offset: 1 }], { replicaId: 2, sessionEpoch: 0, maxWaitMs: 0 });
    await cluster.clock.advance(10);
    send([{ ...bad[0]!, offset: 5 }], { replicaId: 2, sessionEpoch: 0, maxWaitMs: 0 });
    const replica = cluster.broker(1).replicas.partitionOf(bad[0]!)!.replica(2)!;
    expect(replica.logEndOffset).toBe(5);
    await cluster.clock.advance(readMs + 10);
    expect(old.response).not.toBeNull();
    expect(readsBegun).toBeGreaterThan(0);
    expect(replica.logEndOffset).toBe(5);
  },
);
