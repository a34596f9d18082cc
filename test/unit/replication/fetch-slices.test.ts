/**
 * Fetches that are served in slices: after every step others run. A follower fetches in a session; meanwhile records come, leaders are
 * elected, partitions are forgotten, and requests are given up. In the end it has everything, and knows everything.
 */
import { seededRandom, type Random } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import type { FetchSessionCache } from '../../../src/replication/core/fetch-session.js';
import type { FetchSlices } from '../../../src/replication/fetch/fetch-slices.js';
import type { WatchedPartitions } from '../../../src/replication/fetch/watched-partitions.js';
import { crowd } from './crowd.js';
import { ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

/** Each step is a turn of its own. */
const STEP_BY_STEP: FetchSlices = {
  partitionsAtOnce: 0,
  partitionsAStep: 1,
  readsAStep: 1,
  limits: { maxMs: 10, maxSteps: 1 },
};
const PARTITIONS = 6;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: ORDERS.topic, partition }));

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}, fetchSlices = STEP_BY_STEP): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 1, extras: () => ({ fetchSlices }), ...options });
};
afterEach(() => cluster.stop());

interface Sent {
  response: FetchResponse | null;
  failure: unknown;
  /** Its connection is closed. */
  giveUp(): void;
}

function send(input: FetchRequestInput): Sent {
  const request = fetchRequest.decode(
    fetchRequest.encode({ maxWaitMs: 500, minBytes: 1, sessionEpoch: 0, ...input }, 12),
    12,
  );
  const sent: Sent = { response: null, failure: null, giveUp: () => undefined };
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: (error: unknown) => void (sent.failure = error),
  };
  const underWay = cluster.broker(1).replicas.handleFetch(request, 12, call, (response) => {
    expect(sent.response).toBeNull();
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  sent.giveUp = () => underWay?.giveUp();
  return sent;
}

interface Known {
  offset: number;
  highWatermark: number;
  /** The session has what is asked of it. */
  isSent: boolean;
}

/** A follower of all partitions in one session, which fetches by hand. */
class Follower {
  readonly known: Known[] = ALL.map(() => ({ offset: 0, highWatermark: -1, isSent: false }));
  sessionId = 0;
  epoch = 0;
  pending: Sent | null = null;
  givenUp: Sent[] = [];

  fetch(): void {
    if (this.epoch === 0) for (const one of this.known) one.isSent = false;
    const partitions = this.known.flatMap(({ offset, isSent }, partition) =>
      isSent ? [] : [{ partition, fetchOffset: BigInt(offset), logStartOffset: 0n, partitionMaxBytes: 1 << 20 }],
    );
    for (const one of this.known) one.isSent = true;
    const topics = partitions.length > 0 ? [{ topic: ORDERS.topic, partitions }] : [];
    this.pending = send({ replicaId: 2, sessionId: this.sessionId, sessionEpoch: this.epoch, topics });
  }

  /** Takes the answer, if it is there. */
  receive(): void {
    const { pending } = this;
    if (!pending) return;
    expect(pending.failure).toBeNull();
    const { response } = pending;
    if (!response) return;
    this.pending = null;
    if (response.errorCode !== ErrorCode.NONE) {
      this.epoch = 0;
      return;
    }
    this.sessionId = response.sessionId;
    this.epoch++;
    for (const { partitionIndex, errorCode, highWatermark, records } of response.responses.flatMap(
      ({ partitions }) => partitions,
    )) {
      if (errorCode !== ErrorCode.NONE) continue;
      const one = this.known[partitionIndex]!;
      one.highWatermark = Number(highWatermark);
      // A batch of one record each.
      const count = (records as Buffer).length > 0 ? countOf(records as Buffer) : 0;
      if (count === 0) continue;
      one.offset += count;
      one.isSent = false;
    }
  }

  /** Asks again without waiting for the answer: within the session, or for a new one. */
  giveUp(withinSession: boolean): void {
    const { pending } = this;
    if (!pending || pending.response) return;
    this.givenUp.push(pending);
    if (withinSession && this.epoch > 0) this.epoch++;
    else this.epoch = 0;
    this.fetch();
  }
}

function countOf(records: Buffer): number {
  let count = 0;
  for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8)) count++;
  return count;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { clock } = cluster;
    if (!clock.step(clock.monotonicMs() + 1_700_000_000_000)) return;
    await settle();
  }
}

async function act(follower: Follower, random: Random): Promise<void> {
  switch (random.nextInt(9)) {
    case 0:
    case 1:
      await cluster.broker(1).produce(['a'], 1, ALL[random.nextInt(PARTITIONS)]);
      break;
    case 2:
      follower.receive();
      if (!follower.pending) follower.fetch();
      break;
    case 3:
      follower.giveUp(random.nextInt(2) === 0);
      break;
    case 4:
      if (random.nextInt(4) === 0) cluster.elect(1, [1, 2], ALL[random.nextInt(PARTITIONS)]);
      break;
    case 5:
      if (random.nextInt(8) === 0) await cluster.clock.advance(500);
      break;
    default:
      await turns(1 + random.nextInt(6));
  }
}

test.each(Array.from({ length: 40 }, (_, at) => at + 1))(
  'a follower that is served step by step gets and learns everything, whatever happens in between: seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    await start();
    await cluster.create([1, 2], ALL);
    const follower = new Follower();
    for (let i = 0; i < 250; i++) await act(follower, random);
    const { replicas } = cluster.broker(1);
    const isDone = (): boolean =>
      follower.known.every(({ offset, highWatermark }, partition) => {
        const log = replicas.localLog(ALL[partition]!)!;
        return offset === log.logEndOffset && log.highWatermark === offset && highWatermark === offset;
      });
    for (let i = 0; i < 20 && !isDone(); i++) {
      follower.receive();
      if (!follower.pending) follower.fetch();
      await cluster.clock.advance(510);
      follower.receive();
    }
    expect(follower.known.map(({ offset, highWatermark }) => [offset, highWatermark])).toEqual(
      ALL.map((tp) => {
        const { logEndOffset } = replicas.localLog(tp)!;
        return [logEndOffset, logEndOffset];
      }),
    );
    // Whatever was given up is answered once, and nothing goes on behind it.
    await cluster.clock.advance(1000);
    for (const { failure, response } of follower.givenUp) expect([failure, response === null]).toEqual([null, false]);
  },
);

const watched = (): WatchedPartitions =>
  (cluster.broker(1).replicas as unknown as { watched: WatchedPartitions }).watched;
const sessions = (): FetchSessionCache =>
  (cluster.broker(1).replicas as unknown as { sessions: FetchSessionCache }).sessions;
const asked = (fetchOffset = 0n) => [
  {
    topic: ORDERS.topic,
    partitions: ALL.map(({ partition }) => ({ partition, fetchOffset, partitionMaxBytes: 1000 })),
  },
];

test('a fetch of more partitions than are served at once takes turns, and one of as many does not', async () => {
  await start({}, { partitionsAtOnce: 5, partitionsAStep: 1, readsAStep: 1 });
  await cluster.create([1], ALL);
  const [topic] = asked();
  const few = send({
    maxWaitMs: 0,
    sessionEpoch: -1,
    topics: [{ ...topic!, partitions: topic!.partitions.slice(0, 5) }],
  });
  expect(few.response).not.toBeNull();
  const many = send({ maxWaitMs: 0, sessionEpoch: -1, topics: asked() });
  expect(many.response).toBeNull();
  await cluster.clock.advance(0);
  expect(many.response!.responses[0]!.partitions).toHaveLength(PARTITIONS);
});

test('a fetch without a session that was served in turns watches nothing any more', async () => {
  await start();
  await cluster.create([1], ALL);
  const sent = send({ maxWaitMs: 100, sessionEpoch: -1, topics: asked() });
  await turns(30);
  expect(watched().size).toBe(PARTITIONS);
  await cluster.clock.advance(100);
  expect(sent.response).not.toBeNull();
  expect(watched().size).toBe(0);
});

test('while a request brings its session up to date, another one in it is refused', async () => {
  await start();
  await cluster.create([1], ALL);
  const opening = send({ maxWaitMs: 0, topics: asked() });
  await cluster.clock.advance(0);
  const { sessionId } = opening.response!;
  const first = send({ maxWaitMs: 0, sessionId, sessionEpoch: 1, topics: asked() });
  await turns(2);
  const second = send({ maxWaitMs: 0, sessionId, sessionEpoch: 2, topics: asked() });
  await cluster.clock.advance(0);
  expect(second.response!.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  expect(first.response!.errorCode).toBe(ErrorCode.NONE);
});

test('the request before in a session is answered before the next one changes any of its partitions', async () => {
  await start();
  await cluster.create([1], ALL);
  for (const tp of ALL) await cluster.broker(1).produce(['a'], 1, tp);
  const opening = send({ maxWaitMs: 0, topics: asked(1n) });
  await cluster.clock.advance(0);
  const { sessionId } = opening.response!;
  const waiting = send({ sessionId, sessionEpoch: 1 });
  await turns(10);
  // It goes back: were the one before still at work it would let rest what is not at its end any more.
  const next = send({ maxWaitMs: 0, sessionId, sessionEpoch: 2, topics: asked(0n) });
  expect(waiting.response!.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  await cluster.clock.advance(0);
  expect(next.failure).toBeNull();
  expect(next.response!.responses[0]!.partitions).toHaveLength(PARTITIONS);
});

test('a record that comes while its fetch takes turns is answered at once, and not when the time is up', async () => {
  await start();
  await cluster.create([1], ALL);
  const opening = send({ maxWaitMs: 0, topics: asked() });
  await cluster.clock.advance(0);
  // For each moment of the way to waiting.
  for (let moment = 1, epoch = 1, written = 0; moment < 30; moment++) {
    const { sessionId } = opening.response!;
    const topics = [
      { ...asked()[0]!, partitions: [{ partition: 0, fetchOffset: BigInt(written), partitionMaxBytes: 1000 }] },
    ];
    const waiting = send({ maxWaitMs: 60_000, sessionId, sessionEpoch: epoch++, topics });
    await turns(moment);
    await cluster.broker(1).produce(['a'], 1, ALL[0]);
    written++;
    await cluster.clock.advance(10);
    expect({ moment, isAnswered: waiting.response !== null }).toEqual({ moment, isAnswered: true });
  }
});

test('a fetch that was given up between two reads leaves no trace of its follower in what it has not read', async () => {
  await start();
  await cluster.create([1, 2], ALL);
  for (const tp of ALL) await cluster.broker(1).produce(['a'], 1, tp);
  const endOf = (partition: number): number =>
    cluster.broker(1).replicas.partitionOf(ALL[partition]!)!.replica(2)!.logEndOffset;
  const opening = send({ replicaId: 2, maxWaitMs: 0, topics: asked(1n) });
  await cluster.clock.advance(0);
  const { sessionId } = opening.response!;
  const back = send({ replicaId: 2, maxWaitMs: 0, sessionId, sessionEpoch: 1, topics: asked(0n) });
  while (endOf(0) === 1) await turns(1);
  expect(endOf(PARTITIONS - 1)).toBe(1);
  send({ replicaId: 2, maxWaitMs: 0, sessionId, sessionEpoch: 2, topics: asked(1n) });
  expect(back.response!.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  for (let i = 0; i < 50; i++) {
    await turns(1);
    expect(endOf(PARTITIONS - 1)).toBe(1);
  }
  expect(endOf(0)).toBe(1);
});

test('a session that is evicted while its fetch is answered in turns lets go of its partitions', async () => {
  await start({ config: { 'max.incremental.fetch.session.cache.slots': '1' } });
  await cluster.create([1], ALL);
  const sent = send({ maxWaitMs: 0, topics: asked() });
  let isEvicted = false;
  while (!sent.response) {
    await turns(1);
    const [session] = (
      sessions() as unknown as { sessions: Map<number, Parameters<FetchSessionCache['remove']>[0]> }
    ).sessions.values();
    if (session && !isEvicted) {
      isEvicted = true;
      await turns(2);
      sessions().remove(session);
    }
  }
  expect([isEvicted, sent.response.errorCode]).toEqual([true, ErrorCode.NONE]);
  await cluster.clock.advance(0);
  expect(watched().size).toBe(0);
});

test('a new session whose client goes away before it is answered is none, and watches nothing', async () => {
  await start();
  await cluster.create([1], ALL);
  let begun = 0;
  let isAnswered = false;
  for (let moment = 0; !isAnswered; moment++) {
    const sent = send({ maxWaitMs: 0, topics: asked() });
    await turns(moment);
    if (sessions().size > 0) begun++;
    sent.giveUp();
    await cluster.clock.advance(0);
    isAnswered = sent.response !== null;
    if (!isAnswered)
      expect({ moment, sessions: sessions().size, watched: watched().size }).toEqual({
        moment,
        sessions: 0,
        watched: 0,
      });
  }
  expect(begun).toBeGreaterThan(2);
});

test('a new session whose first answer fails half-way is no session', async () => {
  await start();
  await cluster.create([1], ALL);
  const rest = jest.spyOn(watched(), 'maybeRest').mockImplementationOnce(() => undefined);
  rest.mockImplementationOnce(() => {
    throw new Error('broken');
  });
  const sent = send({ maxWaitMs: 0, topics: asked() });
  await cluster.clock.advance(0);
  jest.restoreAllMocks();
  expect(sent.failure).toEqual(new Error('broken'));
  expect([sessions().size, watched().size]).toEqual([0, 0]);
});

test("a follower's large fetch goes on beside a crowd of clients as if they were one", async () => {
  await start({}, { partitionsAtOnce: 0, partitionsAStep: 1, readsAStep: 1 });
  await cluster.create([1, 2], ALL);
  const turnsOf = async (replicaId: number): Promise<number> => {
    const disperse = crowd(cluster);
    const sent = send({ replicaId, maxWaitMs: 0, topics: asked() });
    let count = 0;
    for (; !sent.response; count++) await turns(1);
    disperse();
    await cluster.clock.advance(0);
    return count;
  };
  expect(3 * (await turnsOf(2))).toBeLessThan(await turnsOf(-1));
});
