/** Fetches that no one waits for any more cost the others nothing: no read of the disk, no memory, and no follower its position. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import { SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';
import { ReadInterest } from '../../../src/log/segment/read-interest.js';
import { FileHandleCache, LogFile } from '../../../src/log/files/file-handles.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequestInput,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import type { FetchRequests } from '../../../src/replication/fetch/fetch-requests.js';
import type { WatchedPartitions } from '../../../src/replication/fetch/watched-partitions.js';
import { batchOf, ReplicaCluster, TOPIC_ID } from './replica-cluster.js';

/** So long at most the end of a log stays in memory; afterwards a read needs the disk. */
const COLD_MS = 15_000;
const NEVER_MS = 3_600_000;
/** Of one directory. */
const READS_AT_ONCE = 4;
const ALL: readonly TopicPartition[] = [0, 1, 2].map((partition) => ({ topic: 'orders', partition }));

let cluster: ReplicaCluster | null = null;
afterEach(() => {
  cluster?.stop();
  cluster = null;
});

/** Reads of the disk that were begun. */
let readsBegun: number;

/** Partitions with five records that only the disk has. The only followers are those that the test plays. */
async function startCold(brokers: number): Promise<ReplicaCluster> {
  const started = await ReplicaCluster.start({ brokers });
  cluster = started;
  await started.create(brokers === 1 ? [1] : [1, 2], ALL);
  await started.clock.advance(1000);
  if (brokers > 1) started.cut(1, 2);
  for (const tp of ALL) {
    for (let i = 0; i < 5; i++) void started.broker(1).produce(['x'.repeat(1000)], 1, tp);
  }
  await started.clock.advance(COLD_MS);
  slowDown(started, () => 0);
  return started;
}

/** Reads of a partition take so long from here. */
function slowDown(started: ReplicaCluster, msOf: (path: string) => number): void {
  readsBegun = 0;
  const delayMs = (operation: string, path: string): number => {
    if (operation !== 'read') return 0;
    readsBegun++;
    return msOf(path);
  };
  started.broker(1).fs.pace = { clock: started.clock, delayMs };
}

interface Sent {
  response: FetchResponse | null;
  giveUp(): void;
}

type Asked = { readonly partition: number; readonly offset?: number; readonly maxBytes?: number };

function send(started: ReplicaCluster, asked: readonly Asked[], over: FetchRequestInput = {}): Sent {
  const partitions = asked.map(({ partition, offset = 0, maxBytes = 1 << 20 }) => ({
    partition,
    fetchOffset: BigInt(offset),
    partitionMaxBytes: maxBytes,
  }));
  const topics = partitions.length > 0 ? [{ topic: 'orders', topicId: TOPIC_ID, partitions }] : [];
  const input = { maxWaitMs: 500, minBytes: 1, sessionEpoch: -1, topics, ...over };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const fail = (error: unknown): void => {
    throw error;
  };
  const sent: Sent = { response: null, giveUp: () => undefined };
  const call = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => ErrorCode.NONE,
    fail,
  };
  const underWay = started.broker(1).replicas.handleFetch(request, 12, call, (response) => {
    sent.response = fetchResponse.decode(fetchResponse.encode(response, 12), 12);
  });
  sent.giveUp = () => underWay!.giveUp();
  return sent;
}

const bytesOf = ({ response }: Sent): number[] =>
  response!.responses.flatMap((topic) => topic.partitions).map((one) => (one.records as Buffer | null)?.length ?? 0);
/** What fetches and sessions watch, and the fetches that wait. */
function leftOf(started: ReplicaCluster): number[] {
  const { watched, fetches } = started.broker(1).replicas as unknown as {
    watched: WatchedPartitions;
    fetches: FetchRequests;
  };
  return [watched.size, fetches.numDelayed];
}

describe.each([
  { what: 'lower', oldOffset: 1, newOffset: 5 },
  { what: 'higher', oldOffset: 5, newOffset: 1 },
])('a fetch of the old session of a follower that came back, with a $what offset', ({ oldOffset, newOffset }) => {
  const positionOf = (started: ReplicaCluster, partition: number): number =>
    started.broker(1).replicas.partitionOf(ALL[partition]!)!.replica(2)!.logEndOffset;
  const follower = { replicaId: 2, sessionEpoch: 0, maxWaitMs: 0 };
  const dirOf = (partition: number): string => `/orders-${partition}/`;

  test('does not say where the follower is when its read ends late', async () => {
    const started = await startCold(2);
    let isFirst = true;
    slowDown(started, () => {
      const isSlow = isFirst;
      isFirst = false;
      return isSlow ? 1000 : 0;
    });
    // A follower at the end is read nothing: more than that was appended meanwhile.
    const old = send(started, [{ partition: 0, offset: Math.min(4, oldOffset) }], follower);
    await started.clock.advance(10);
    send(started, [{ partition: 0, offset: newOffset }], follower);
    await started.clock.advance(10);
    expect(positionOf(started, 0)).toBe(newOffset);
    await started.clock.advance(1000);
    expect(old.response).not.toBeNull();
    expect(positionOf(started, 0)).toBe(newOffset);
  });

  test('does not say where the follower is in a partition that it comes to late', async () => {
    const started = await startCold(2);
    slowDown(started, (path) => (path.includes(dirOf(0)) ? 1000 : 0));
    const asked = [{ partition: 0 }, { partition: 1, offset: oldOffset }];
    const old = send(started, asked, follower);
    await started.clock.advance(10);
    send(started, [{ partition: 1, offset: newOffset }], follower);
    await started.clock.advance(10);
    expect(positionOf(started, 1)).toBe(newOffset);
    await started.clock.advance(1000);
    expect(old.response).not.toBeNull();
    expect([positionOf(started, 0), positionOf(started, 1)]).toEqual([0, newOffset]);
  });
});

test('a follower whose newer fetch is read later than its old one is where the newer one says', async () => {
  const started = await startCold(2);
  slowDown(started, (path) => (path.includes('/orders-0/') ? 1000 : 0));
  const follower = { replicaId: 2, sessionEpoch: 0, maxWaitMs: 0 };
  send(started, [{ partition: 0 }, { partition: 1, offset: 4 }], follower);
  await started.clock.advance(10);
  send(started, [{ partition: 0 }, { partition: 1, offset: 2 }], follower);
  await started.clock.advance(995);
  const replica = started.broker(1).replicas.partitionOf(ALL[1]!)!.replica(2)!;
  expect(replica.logEndOffset).toBe(4);
  await started.clock.advance(100);
  expect(replica.logEndOffset).toBe(2);
});

test('reads of clients that have gone are not carried out before those of others', async () => {
  const started = await startCold(1);
  slowDown(started, () => 1000);
  const gone = Array.from({ length: 50 }, () => send(started, [{ partition: 0 }, { partition: 1 }]));
  await started.clock.advance(10);
  for (const each of gone) each.giveUp();
  const fetched = send(started, [{ partition: 0 }]);
  await started.clock.advance(2010);
  expect(bytesOf(fetched)).toEqual([5 * batchOf(['x'.repeat(1000)]).length]);
  // Those of before had begun; nor do they go on to their second partition.
  expect(readsBegun).toBe(READS_AT_ONCE + 1);
  expect(gone.every(({ response }) => response === null)).toBe(true);
});

test('clients that have gone leave nothing behind, though the disk hangs', async () => {
  const started = await startCold(1);
  slowDown(started, () => NEVER_MS);
  const interests: ReadInterest[] = [];
  const reading = DirectoryGates.prototype.readingFor;
  const spy = jest.spyOn(DirectoryGates.prototype, 'readingFor');
  spy.mockImplementation(function <T>(
    this: DirectoryGates,
    interest: ReadInterest,
    path: string,
    work: () => Promise<T>,
  ) {
    interests.push(interest);
    return reading.call(this, interest, path, work) as Promise<T | null>;
  });
  const hung = Array.from({ length: 10 }, () => send(started, [{ partition: 0 }, { partition: 1 }]));
  const waiting = send(started, [{ partition: 2, offset: 5 }], { maxWaitMs: 60_000 });
  await started.clock.advance(10);
  expect(interests.filter(({ leave }) => leave !== null)).toHaveLength(10 - READS_AT_ONCE);
  expect(leftOf(started)).toEqual([21, 1]);
  for (const each of [...hung, waiting]) each.giveUp();
  expect(leftOf(started)).toEqual([0, 0]);
  expect(interests.filter(({ leave }) => leave !== null)).toEqual([]);
  await started.clock.advance(60_000);
  expect(waiting.response).toBeNull();
  spy.mockRestore();
});

test('a session that a client begins again ends what is read for its old one', async () => {
  const started = await startCold(1);
  const opening = send(started, [{ partition: 0, offset: 5 }], { sessionEpoch: 0, maxWaitMs: 0 });
  const { sessionId } = opening.response!;
  expect(sessionId).not.toBe(0);
  slowDown(started, () => 1000);
  const old = send(started, [{ partition: 0 }, { partition: 1 }, { partition: 2 }], { sessionId, sessionEpoch: 1 });
  await started.clock.advance(10);
  const again = send(started, [{ partition: 0 }], { sessionId, sessionEpoch: 0 });
  expect(old.response!.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  await started.clock.advance(2010);
  expect(bytesOf(again)[0]).toBeGreaterThan(5000);
  expect([readsBegun, ...leftOf(started)]).toEqual([2, 1, 0]);
});

test('a session whose client asks on another connection gets what the fetch that was given up had read', async () => {
  const started = await startCold(1);
  const opening = send(started, [{ partition: 0, offset: 5 }], { sessionEpoch: 0, maxWaitMs: 0 });
  const { sessionId } = opening.response!;
  slowDown(started, () => 1000);
  const old = send(started, [{ partition: 0 }, { partition: 1 }], { sessionId, sessionEpoch: 1 });
  await started.clock.advance(1500);
  old.giveUp();
  const next = send(started, [], { sessionId, sessionEpoch: 2 });
  await started.clock.advance(3000);
  expect(bytesOf(next).every((bytes) => bytes > 5000)).toBe(true);
  expect(bytesOf(next)).toHaveLength(2);
});

test('a read that was given up does not count for the bytes that the next fetch of its session waits for', async () => {
  const started = await startCold(1);
  const opening = send(started, [{ partition: 0, offset: 5 }], { sessionEpoch: 0, maxWaitMs: 0 });
  const { sessionId } = opening.response!;
  slowDown(started, () => 1000);
  send(started, [{ partition: 0, offset: 1 }], { sessionId, sessionEpoch: 1 });
  await started.clock.advance(10);
  const over = { sessionId, sessionEpoch: 2, maxWaitMs: 60_000, minBytes: 1500 };
  const waiting = send(started, [{ partition: 0, offset: 5 }], over);
  await started.clock.advance(1000);
  expect(readsBegun).toBe(1);
  void started.broker(1).produce(['x'.repeat(1000)], 1, ALL[0]);
  await started.clock.advance(10);
  expect(waiting.response).toBeNull();
  void started.broker(1).produce(['x'.repeat(1000)], 1, ALL[0]);
  await started.clock.advance(10);
  expect(bytesOf(waiting)[0]).toBeGreaterThan(2000);
});

describe('once a batch does not fit into an answer any more', () => {
  const BATCH_BYTES = batchOf(['x'.repeat(1000)]).length;

  test.each([
    { left: 0, maxBytes: 5 * BATCH_BYTES, reads: 1 },
    { left: 'less than a batch', maxBytes: 6 * BATCH_BYTES - 1, reads: 2 },
  ])(
    'no other partition is read from the disk, and each has its turn ($left bytes left)',
    async ({ maxBytes, reads }) => {
      const started = await startCold(1);
      const asked = ALL.map(({ partition }) => ({ partition }));
      const fetched = send(started, asked, { maxBytes, sessionEpoch: 0 });
      await started.clock.advance(10);
      expect(bytesOf(fetched)).toEqual([5 * BATCH_BYTES, 0, 0]);
      expect(fetched.response!.responses[0]!.partitions.map(({ highWatermark }) => highWatermark)).toEqual([
        5n,
        5n,
        5n,
      ]);
      expect(readsBegun).toBe(reads);
      const { sessionId } = fetched.response!;
      for (const partition of [0, 1]) {
        const over = { maxBytes, sessionId, sessionEpoch: partition + 1 };
        const next = send(started, [{ partition, offset: 5 }], over);
        await started.clock.advance(10);
        expect(bytesOf(next)).toEqual([5 * BATCH_BYTES]);
      }
    },
  );

  test('what is in memory is given as far as it fits, and no read is kept from a partition by the limit of another', async () => {
    const started = await startCold(1);
    await started.broker(1).produce(['a'], 1, ALL[2]);
    const small = batchOf(['a']).length;
    const asked = [{ partition: 0 }, { partition: 1 }, { partition: 2, offset: 5 }];
    const fetched = send(started, asked, { maxBytes: 6 * BATCH_BYTES - 1 });
    await started.clock.advance(10);
    expect(bytesOf(fetched)).toEqual([5 * BATCH_BYTES, 0, small]);
    const limited = send(started, [{ partition: 0 }, { partition: 1, maxBytes: 100 }, { partition: 2 }]);
    await started.clock.advance(10);
    expect(bytesOf(limited)).toEqual([5 * BATCH_BYTES, 0, 5 * BATCH_BYTES + small]);
  });
});

test('where a follower in the ISR is on the disk is known though nothing fits into its answer', async () => {
  const started = await startCold(2);
  const batch = batchOf(['x'.repeat(1000)]).length;
  for (const [at, maxBytes] of [100, 5 * batch + 100].entries()) {
    const follower = { replicaId: 2, sessionEpoch: 0, maxWaitMs: 0, maxBytes };
    send(started, [{ partition: 0 }, { partition: 1 }, { partition: 2, offset: 3 + at }], follower);
    await started.clock.advance(10);
    const { logEnd } = started.broker(1).replicas.partitionOf(ALL[2]!)!.replica(2)!;
    expect([logEnd!.messageOffset, logEnd!.messageOffsetOnly]).toEqual([3 + at, false]);
  }
});

describe('a read that waits for its turn', () => {
  test('takes memory only then, and leaves when no one waits for it any more', async () => {
    const clock = new SimulatedClock();
    const fs = new SimulatedFileSystem();
    fs.makeDir('/d');
    const file = LogFile.create(new FileHandleCache(fs, 100), '/d/a', true);
    file.append([Buffer.from('abc')], 3);
    fs.pace = { clock, delayMs: (operation) => (operation === 'read' ? 1000 : 0) };
    let taken = 0;
    const memory = {
      take: (bytes: number): Buffer => {
        taken++;
        return Buffer.alloc(bytes);
      },
    };
    const interests = Array.from({ length: READS_AT_ONCE + 3 }, () => new ReadInterest('fetch'));
    const reads = interests.map((interest) => file.readFor(interest, 3, 0, memory));
    const last = file.read(3, 0, memory);
    await clock.advance(10);
    expect(taken).toBe(READS_AT_ONCE);
    interests[0]!.end();
    interests[READS_AT_ONCE]!.end();
    // Though the disk has given nothing yet.
    expect(await reads[READS_AT_ONCE]).toBeNull();
    await clock.advance(2000);
    const given = await Promise.all([...reads, last]);
    const whole = 'abc';
    expect(given.map((bytes) => bytes?.toString() ?? null)).toEqual([
      whole,
      whole,
      whole,
      whole,
      null,
      whole,
      whole,
      whole,
    ]);
    expect(taken).toBe(READS_AT_ONCE + 3);
    const late = new ReadInterest('fetch');
    late.end();
    expect(await file.readFor(late, 3, 0, memory)).toBeNull();
    expect(taken).toBe(READS_AT_ONCE + 3);
  });
});
