/** What fetches read from disks: it counts until it is answered, and a crowd of them does not hold parts of all its answers at once. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import type { ReadRoom } from '../../../src/log/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { ReplicaCluster, TOPIC_ID } from './replica-cluster.js';

/** So long at most the end of a log stays in memory; afterwards a read needs the disk. */
const COLD_MS = 15_000;
const PARTITIONS = 8;
const BATCHES = 5;
const FETCHES = 50;
const READ_MS = 10;
/** Of one directory. */
const READS_AT_ONCE = 4;
const ALL: readonly TopicPartition[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
  topic: 'orders',
  partition,
}));

let cluster: ReplicaCluster;
let readsBegun: number;
/** Of one partition. */
let partitionBytes: number;
afterEach(() => cluster.stop());

/** Partitions whose records only a disk has that takes its time. The only followers are those that a test plays. */
async function start(brokers = 1): Promise<void> {
  cluster = await ReplicaCluster.start({ brokers });
  await cluster.create(brokers === 1 ? [1] : [1, 2], ALL);
  for (const tp of ALL) {
    for (let i = 0; i < BATCHES; i++) void cluster.broker(1).produce(['x'.repeat(10_000)], 1, tp);
  }
  await cluster.clock.advance(1000);
  if (brokers > 1) cluster.cut(1, 2);
  partitionBytes = cluster.broker(1).log(ALL[0]).size;
  await cluster.clock.advance(COLD_MS);
  readsBegun = 0;
  const delayMs = (operation: string): number => {
    if (operation !== 'read') return 0;
    readsBegun++;
    return READ_MS;
  };
  cluster.broker(1).fs.pace = { clock: cluster.clock, delayMs };
}

interface Sent {
  response: FetchResponse | null;
  readsBefore: number;
}

function send(over: FetchRequestInput = {}, room?: ReadRoom, partitions: readonly TopicPartition[] = ALL): Sent {
  const asked = partitions.map(({ partition }) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }));
  const topics = [{ topic: 'orders', topicId: TOPIC_ID, partitions: asked }];
  const input = { maxWaitMs: 500, minBytes: 1, maxBytes: 50 << 20, sessionEpoch: -1, topics, ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const sent: Sent = { response: null, readsBefore: 0 };
  const fail = (error: unknown): void => {
    throw error;
  };
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => ErrorCode.NONE,
    ...(room && { room }),
    fail,
  };
  cluster.broker(1).replicas.handleFetch(request, 12, call, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
    sent.readsBefore = readsBegun;
    room?.hold(0);
  });
  return sent;
}

function bytesOf({ response }: Sent): number {
  const partitions = response!.responses.flatMap((topic) => topic.partitions);
  return partitions.reduce((sum, { records }) => sum + ((records as Buffer | null)?.length ?? 0), 0);
}

/** A room that all fetches of a test share. */
class SharedRoom {
  total = 0;
  most = 0;

  constructor(readonly capacity: number) {}

  /** For one fetch. */
  part(): ReadRoom {
    let held = 0;
    return {
      availableBytes: () => Math.max(0, this.capacity - (this.total - held)),
      hold: (bytes) => {
        this.total += bytes - held;
        held = bytes;
        this.most = Math.max(this.most, this.total);
      },
    };
  }
}

test('of many fetches of many partitions the first are answered long before the last are read for, and each is whole', async () => {
  await start();
  const sent = Array.from({ length: FETCHES }, () => send());
  await cluster.clock.advance(FETCHES * PARTITIONS * READ_MS);
  expect(readsBegun).toBe(FETCHES * PARTITIONS);
  expect(sent.map(bytesOf)).toEqual(Array<number>(FETCHES).fill(PARTITIONS * partitionBytes));
  const order = sent.map(({ readsBefore }) => readsBefore).sort((a, b) => a - b);
  // Those that are under way, and some that have begun meanwhile.
  expect(order[0]).toBeLessThan(2 * READS_AT_ONCE * PARTITIONS);
  expect(order[FETCHES / 2]).toBeLessThan((3 / 4) * FETCHES * PARTITIONS);
});

test("neither a follower's fetch nor a search by time waits until a crowd of consumers is served", async () => {
  await start(2);
  for (let at = 0; at < FETCHES; at++) send();
  const follower = send({ replicaId: 2, sessionEpoch: 0, maxWaitMs: 0 });
  const { replicas } = cluster.broker(1);
  let readsBeforeFound = 0;
  const query = { isolation: null, currentLeaderEpoch: -1, fetchOnlyFromLeader: true };
  void replicas.fetchOffsetForTimestamp(ALL[0]!, 1, query).then(() => (readsBeforeFound = readsBegun));
  await cluster.clock.advance(FETCHES * PARTITIONS * READ_MS);
  expect(bytesOf(follower)).toBe(PARTITIONS * partitionBytes);
  // One read after the other: while one is under way others have their turns.
  expect(follower.readsBefore).toBeLessThan(2 * READS_AT_ONCE * PARTITIONS);
  expect(readsBeforeFound).toBeGreaterThan(0);
  expect(readsBeforeFound).toBeLessThan(4 * PARTITIONS);
});

test('what many fetches hold of what they have read stays within the room, and all get their share', async () => {
  await start();
  const room = new SharedRoom(20 * partitionBytes);
  const sent = Array.from({ length: FETCHES }, () => send({}, room.part()));
  await cluster.clock.advance(FETCHES * PARTITIONS * READ_MS);
  expect(sent.map((one) => bytesOf(one) > 0)).toEqual(Array<boolean>(FETCHES).fill(true));
  // A piece that is read holds somewhat more than is wanted of it.
  expect(room.most).toBeGreaterThan(0);
  expect(room.most).toBeLessThan(2 * room.capacity);
  expect(room.total).toBe(0);
});

test('a fetch gets what there is room for when its turn at the disk has come, and no turn where there is none', async () => {
  await start();
  const room = new SharedRoom(40 * partitionBytes);
  const ofOne = Array.from({ length: 8 }, () => send({ maxWaitMs: 0 }, room.part(), [ALL[0]!]));
  const ofAll = send({ maxWaitMs: 0 }, room.part());
  room.part().hold(room.capacity);
  await cluster.clock.advance(100 * READ_MS);
  const whole = Array<number>(READS_AT_ONCE).fill(partitionBytes);
  expect(ofOne.map(bytesOf)).toEqual([...whole, 0, 0, 0, 0]);
  expect(bytesOf(ofAll)).toBe(0);
  expect(readsBegun).toBe(ofOne.length + 1);
});

test('a fetch that waits for more holds nothing of what it has found', async () => {
  await start();
  const room = new SharedRoom(1 << 30);
  const sent = send({ minBytes: 1 << 20, maxWaitMs: 10_000 }, room.part());
  await cluster.clock.advance(3 * READ_MS);
  expect(room.total).toBeGreaterThan(0);
  await cluster.clock.advance(PARTITIONS * READ_MS);
  expect(room.total).toBe(0);
  expect(sent.response).toBeNull();
  await cluster.clock.advance(10_000);
  await cluster.clock.advance(PARTITIONS * READ_MS);
  expect(bytesOf(sent)).toBe(PARTITIONS * partitionBytes);
});

test.each([
  ['of the request', { maxBytes: -1 }, 1 << 20],
  ['of a partition', {}, -1],
])('a negative limit %s is an error of the partition, whatever is counted', async (_, over, partitionMaxBytes) => {
  await start();
  const room = new SharedRoom(1 << 27);
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes }];
  const sent = send({ ...over, topics: [{ topic: 'orders', topicId: TOPIC_ID, partitions }] }, room.part());
  await cluster.clock.advance(1000);
  const codes = sent.response?.responses.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode));
  expect([codes, room.total]).toEqual([[ErrorCode.UNKNOWN_SERVER_ERROR], 0]);
});

test.each([1, 8])(
  'what many fetches in slices of %s reads copy from memory stays within the room',
  async (readsAStep) => {
    const fetchSlices = { partitionsAtOnce: 0, partitionsAStep: 1, readsAStep, limits: { maxMs: 10, maxSteps: 1 } };
    cluster = await ReplicaCluster.start({ brokers: 1, extras: () => ({ fetchSlices }) });
    await cluster.create([1], ALL);
    for (const tp of ALL) await cluster.broker(1).produce(['x'.repeat(10_000)], 1, tp);
    const oneOf = cluster.broker(1).log(ALL[0]).size;
    const room = new SharedRoom(20 * oneOf);
    const sent = Array.from({ length: FETCHES }, () => send({}, room.part()));
    await cluster.clock.advance(10_000);
    expect(sent.every(({ response }) => response !== null)).toBe(true);
    expect(room.most).toBeGreaterThan(0);
    // Who finds some room gets a batch, though it may be larger.
    expect(room.most).toBeLessThanOrEqual(room.capacity + oneOf);
    expect(room.total).toBe(0);
  },
);
