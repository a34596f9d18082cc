/** What fetches answer besides records: what counts of it, how much of it a session is told at once, and that all is told in the end. */
import type { ReadRoom } from '../../../src/log/index.js';
import { ErrorCode, fetchRequest, fetchResponse, type FetchResponse } from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

const COUNT = 2000;
const KIB = 1024;
const NAMES = Array.from({ length: COUNT }, (_, at) => `topic-${at}`.padEnd(200, '-'));

let cluster: ReplicaCluster;
beforeEach(async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
});
afterEach(() => cluster.stop());

/** Of one client, whose answers go one after another. */
class Room implements ReadRoom {
  heldBytes = 0;

  constructor(readonly capacityBytes: number) {}

  availableBytes(): number {
    return this.capacityBytes;
  }

  hold(bytes: number): void {
    this.heldBytes = bytes;
  }
}

interface Asked {
  readonly names?: readonly string[];
  readonly sessionId?: number;
  readonly sessionEpoch: number;
  readonly room?: Room;
  readonly isBroker?: boolean;
  readonly maxWaitMs?: number;
}

/** Asks for one partition of each topic, of which there is none but `orders`. */
async function send({
  names = [],
  sessionId = 0,
  sessionEpoch,
  room = new Room(1),
  isBroker = false,
  maxWaitMs = 0,
}: Asked): Promise<{ response: FetchResponse; bytes: number; names: string[]; heldBytes: number }> {
  const topics = names.map((topic) => ({ topic, partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }));
  const input = { replicaId: isBroker ? 2 : -1, maxWaitMs, minBytes: 1, sessionId, sessionEpoch, topics };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: isBroker,
    room,
    authorize: ({ topic }: { topic: string }) =>
      topic === ORDERS.topic ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    fail: (error: unknown) => {
      throw error;
    },
  };
  const answered = new Promise<Buffer>((resolve) => {
    cluster
      .broker(1)
      .replicas.handleFetch(request, 12, call, (response) => resolve(fetchResponse.encode(response, 12)));
  });
  await cluster.clock.advance(1000);
  const encoded = await answered;
  const response = fetchResponse.decode(encoded, 12);
  const { heldBytes } = room;
  room.hold(0);
  return { response, bytes: encoded.length, names: response.responses.map(({ topic }) => topic), heldBytes };
}

test.each([
  { room: 'none', capacityBytes: 0, limitBytes: 64 * KIB },
  { room: 'some', capacityBytes: 200 * KIB, limitBytes: 200 * KIB },
])(
  'a session of errors is told no more at once than there is room for, and all of it by and by: $room',
  async ({ capacityBytes, limitBytes }) => {
    const room = new Room(capacityBytes);
    const begun = await send({ names: NAMES, sessionEpoch: 0, room });
    const { sessionId } = begun.response;
    expect([sessionId === 0, begun.names.length]).toEqual([false, COUNT]);
    const told = new Set<string>();
    const least = Math.ceil(begun.bytes / limitBytes);
    let requests = 0;
    for (; told.size < COUNT && requests < 2 * least; requests++) {
      const { bytes, names } = await send({ sessionId, sessionEpoch: requests + 1, room });
      expect(bytes).toBeLessThanOrEqual(limitBytes);
      for (const name of names) told.add(name);
    }
    expect(told.size).toBe(COUNT);
    expect(requests).toBeGreaterThan(1);
  },
);

test('a broker is told all of its session each time, and nothing of it counts', async () => {
  const { response, heldBytes } = await send({ names: NAMES, sessionEpoch: 0, isBroker: true });
  const { sessionId } = response;
  const next = await send({ sessionId, sessionEpoch: 1, isBroker: true });
  expect([next.names.length, heldBytes, next.heldBytes]).toEqual([COUNT, 0, 0]);
});

test.each([
  { kind: 'without a session', sessionEpoch: -1 },
  { kind: 'that begins a session', sessionEpoch: 0 },
])('a large answer $kind counts until it is given, a small one does not', async ({ sessionEpoch }) => {
  const large = await send({ names: NAMES, sessionEpoch });
  expect(large.heldBytes).toBeGreaterThanOrEqual(large.bytes);
  expect(large.heldBytes).toBeLessThanOrEqual(1.5 * large.bytes);
  const small = await send({ names: NAMES.slice(0, 200), sessionEpoch });
  expect([small.names.length, small.heldBytes]).toEqual([200, 0]);
});

test('a large answer in a session counts until it is given', async () => {
  const room = new Room(400 * KIB);
  const { sessionId } = (await send({ names: NAMES, sessionEpoch: 0, room })).response;
  const { bytes, heldBytes } = await send({ sessionId, sessionEpoch: 1, room });
  expect(bytes).toBeGreaterThan(200 * KIB);
  expect(heldBytes).toBeGreaterThanOrEqual(bytes);
});

test('no session keeps a name that is too long for a topic', async () => {
  const [fits, long] = ['x'.repeat(249), 'x'.repeat(250)];
  const { response } = await send({ names: [fits], sessionEpoch: 0 });
  const { sessionId } = response;
  expect(sessionId).not.toBe(0);
  const grown = await send({ names: [long], sessionId, sessionEpoch: 1 });
  expect([grown.response.sessionId, grown.names]).toEqual([0, [long]]);
  const begun = await send({ names: [long], sessionEpoch: 0 });
  expect([begun.response.sessionId, begun.names]).toEqual([0, [long]]);
  const { errorCode } = (await send({ sessionId, sessionEpoch: 2 })).response;
  expect(errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
});

test('no fetch waits with a name that is too long for a topic', async () => {
  await cluster.create([1], [ORDERS]);
  const names = [ORDERS.topic, 'x'.repeat(250)];
  const { response } = await send({ names, sessionEpoch: -1, maxWaitMs: 3_600_000 });
  expect(response.responses.map(({ partitions }) => partitions[0]!.errorCode)).toEqual([
    ErrorCode.NONE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ]);
});
