import { runAtOnce, seededRandom, ZERO_UUID } from '../../../../src/common/index.js';
import {
  FetchSessionCache,
  newFetchContextInSteps,
  nextEpoch,
  type FetchSession,
  type FetchSessionRequest,
  type SessionHolder,
} from '../../../../src/replication/core/fetch-session.js';
import {
  cachedKey,
  FetchSet,
  type CachedPartition,
  type PartitionAnswer,
  type PartitionRequest,
} from '../../../../src/replication/core/fetch-set.js';
import { Change } from '../../../../src/replication/core/partition-change.js';
import { Replica } from '../../../../src/replication/core/replica.js';
import { LogOffsetMetadata } from '../../../../src/log/index.js';

const newFetchContext = (
  cache: FetchSessionCache,
  nowMs: number,
  request: FetchSessionRequest,
  onForgotten?: (partition: CachedPartition) => void,
) => runAtOnce(newFetchContextInSteps(cache, nowMs, request, { ...(onForgotten && { onForgotten }) }));

const CONSUMER: SessionHolder = { privileged: false, address: 'a' };
const FOLLOWER: SessionHolder = { privileged: true, address: 'a' };
const ID = 'AAAAAAAAAAAAAAAAAAAAEQ';

const asked = (topic: string, partition: number, fetchOffset = 0, topicId = ZERO_UUID): PartitionRequest => ({
  topic,
  topicId,
  partition,
  fetchOffset,
  logStartOffset: 0,
  maxBytes: 100,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
});
const request = (over: Partial<FetchSessionRequest>): FetchSessionRequest => ({
  version: 12,
  sessionId: 0,
  epoch: 0,
  partitions: [],
  forgotten: [],
  ...over,
});
const answer = (over: Partial<PartitionAnswer> = {}): PartitionAnswer => ({
  errorCode: 0,
  highWatermark: 10,
  logStartOffset: 0,
  sizeInBytes: 0,
  divergingEpoch: null,
  preferredReadReplica: -1,
  ...over,
});

function newCache(maxEntries: number, onRemoved?: (session: FetchSession) => void): FetchSessionCache {
  return new FetchSessionCache(maxEntries, seededRandom(7), onRemoved, 100);
}

/** As if all had been watched and read, and nothing had come of it. */
function restAll(set: FetchSet): void {
  for (const partition of set.partitions.values()) {
    partition.watchKey = 'watched';
    set.rest(partition, 0, null);
  }
}

function newSession(cache: FetchSessionCache, nowMs: number, size: number, privileged = false): FetchSession | null {
  const partitions = Array.from({ length: size }, (_, partition) => asked('t', partition));
  return cache.maybeCreate(nowMs, privileged ? FOLLOWER : CONSUMER, new FetchSet(partitions), false);
}

test.each([
  { epoch: 0, next: 1 },
  { epoch: 1, next: 2 },
  { epoch: 0x7fffffff, next: 1 },
  { epoch: -1, next: -1 },
])('after epoch $epoch comes $next', ({ epoch, next }) => expect(nextEpoch(epoch)).toBe(next));

describe('the cache', () => {
  test('gives every session an id of its own that is not 0', () => {
    const cache = newCache(1000);
    const ids = new Set(Array.from({ length: 500 }, () => newSession(cache, 0, 1)!.id));
    expect(ids.size).toBe(500);
    expect(ids.has(0)).toBe(false);
  });

  test('when full evicts a session that was not used for long, else refuses one that is not larger', () => {
    const cache = newCache(3);
    const first = newSession(cache, 0, 10)!;
    const second = newSession(cache, 10, 20)!;
    const third = newSession(cache, 20, 30)!;
    expect(newSession(cache, 30, 40)).toBeNull();
    cache.touch(first, 80);
    expect(newSession(cache, 120, 5)).not.toBeNull();
    expect(cache.get(second.id)).toBeUndefined();
    expect(cache.get(first.id)).toBe(first);
    expect(cache.get(third.id)).toBe(third);
    expect(cache.evictions).toBe(1);
  });

  test('evicts the smaller of old sessions for a larger one, but a small one for nothing smaller', () => {
    const cache = newCache(2);
    const small = newSession(cache, 0, 10)!;
    const large = newSession(cache, 0, 50)!;
    // Old, and in use.
    for (const session of [small, large]) cache.touch(session, 150);
    expect(newSession(cache, 160, 5)).toBeNull();
    expect(newSession(cache, 160, 20)).not.toBeNull();
    expect(cache.get(small.id)).toBeUndefined();
    expect(cache.get(large.id)).toBe(large);
  });

  test('evicts a young session of a consumer for a follower, and never a follower for a consumer', () => {
    const cache = newCache(2);
    const consumer = newSession(cache, 0, 100)!;
    const follower = newSession(cache, 0, 1, true)!;
    expect(newSession(cache, 10, 1, true)).not.toBeNull();
    expect(cache.get(consumer.id)).toBeUndefined();
    expect(cache.get(follower.id)).toBe(follower);
    expect(newSession(cache, 20, 1000)).toBeNull();
  });

  test('counts partitions as sessions come, grow, shrink and go', () => {
    const removed: number[] = [];
    const cache = newCache(10, (session) => removed.push(session.id));
    const session = newSession(cache, 0, 2)!;
    const other = newSession(cache, 0, 3)!;
    expect(cache.totalPartitions).toBe(5);
    const grown = request({ sessionId: session.id, epoch: 1, partitions: [asked('u', 0)] });
    newFetchContext(cache, 1, grown);
    expect(cache.totalPartitions).toBe(6);
    newFetchContext(cache, 2, request({ sessionId: session.id, epoch: 2, forgotten: ['t:0', 't:1', 'nothing:9'] }));
    expect(cache.totalPartitions).toBe(4);
    cache.remove(other);
    cache.remove(other);
    expect(cache.totalPartitions).toBe(1);
    expect(removed).toEqual([other.id]);
  });
});

describe('the context of a request', () => {
  test('is sessionless for the final epoch, and ends the session that it names', () => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 2)!;
    const context = newFetchContext(
      cache,
      1,
      request({ sessionId: session.id, epoch: -1, partitions: [asked('t', 0)] }),
    );
    expect(context.kind).toBe('sessionless');
    expect(cache.size).toBe(0);
  });

  test('is full for epoch 0, and replaces the session that it names', () => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 2)!;
    const context = newFetchContext(
      cache,
      1,
      request({ sessionId: session.id, epoch: 0, partitions: [asked('t', 0)] }),
    );
    expect(context).toMatchObject({ kind: 'full', usesTopicIds: false });
    expect(cache.get(session.id)).toBeUndefined();
  });

  test.each([
    { title: 'an unknown session', sessionId: 99, epoch: 1, version: 12, error: 'FETCH_SESSION_ID_NOT_FOUND' },
    { title: 'no session', sessionId: 0, epoch: 1, version: 12, error: 'FETCH_SESSION_ID_NOT_FOUND' },
    { title: 'an epoch too far', sessionId: -1, epoch: 2, version: 12, error: 'INVALID_FETCH_SESSION_EPOCH' },
    {
      title: 'topic ids in a session of names',
      sessionId: -1,
      epoch: 1,
      version: 13,
      error: 'FETCH_SESSION_TOPIC_ID_ERROR',
    },
  ])('is $error for $title', ({ sessionId, epoch, version, error }) => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 1)!;
    const id = sessionId === -1 ? session.id : sessionId;
    expect(newFetchContext(cache, 0, request({ sessionId: id, epoch, version }))).toEqual({ kind: 'error', error });
    // The session itself is unharmed.
    expect(newFetchContext(cache, 0, request({ sessionId: session.id, epoch: 1 })).kind).toBe('incremental');
  });

  test('is incremental otherwise: with what the request adds, changes and forgets', () => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 3)!;
    restAll(session.set);
    const forgotten: string[] = [];
    const context = newFetchContext(
      cache,
      1,
      request({
        sessionId: session.id,
        epoch: 1,
        partitions: [asked('t', 1, 44), asked('u', 0)],
        forgotten: [cachedKey(ZERO_UUID, 't', 2)],
      }),
      (gone) => forgotten.push(`${gone.topic}-${gone.partition}`),
    );
    expect(context.kind).toBe('incremental');
    expect([...session.set.partitions.keys()]).toEqual(['t:0', 't:1', 'u:0']);
    expect([...session.set.dirty].map((one) => `${one.topic}-${one.partition}@${one.fetchOffset}`)).toEqual([
      't-1@44',
      'u-0@0',
    ]);
    expect(forgotten).toEqual(['t-2']);
    expect(session.epoch).toBe(2);
    // A repetition of the same request is out of step.
    expect(newFetchContext(cache, 1, request({ sessionId: session.id, epoch: 1 }))).toMatchObject({ kind: 'error' });
  });

  test('is sessionless when the last partition is forgotten', () => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 1)!;
    const context = newFetchContext(cache, 1, request({ sessionId: session.id, epoch: 1, forgotten: ['t:0'] }));
    expect(context.kind).toBe('sessionless');
    expect(cache.size).toBe(0);
  });

  test('finds partitions by topic id when there is one, whatever the name', () => {
    const set = new FetchSet([{ ...asked('', 0, 0, ID), topic: null }]);
    expect(set.put(asked('orders', 0, 5, ID))).toBe(false);
    expect([...set.partitions.values()][0]).toMatchObject({ topic: 'orders', fetchOffset: 5 });
  });
});

describe('a partition of a session', () => {
  test.each([
    { title: 'nothing new', change: {}, responds: false },
    { title: 'records', change: { sizeInBytes: 5 }, responds: true },
    { title: 'another high watermark', change: { highWatermark: 11 }, responds: true },
    { title: 'another log start', change: { logStartOffset: 1 }, responds: true },
    { title: 'an error', change: { errorCode: 6 }, responds: true },
    { title: 'a diverging epoch', change: { divergingEpoch: {} }, responds: true },
    { title: 'a preferred replica', change: { preferredReadReplica: 2 }, responds: true },
  ])('is answered for $title: $responds', ({ change, responds }) => {
    const [partition] = new FetchSet([asked('t', 0)]).partitions.values();
    partition!.answered(answer());
    expect(partition!.mustRespond(answer(change))).toBe(responds);
  });

  test.each([
    { title: 'an error', change: { errorCode: 6 } },
    { title: 'a diverging epoch', change: { divergingEpoch: {} } },
  ])('is answered again after $title, for the client took nothing else from that', ({ change }) => {
    const [partition] = new FetchSet([asked('t', 0)]).partitions.values();
    partition!.answered(answer());
    partition!.answered(answer(change));
    expect(partition!.mustRespond(answer())).toBe(true);
  });

  test('is read when it was touched, after those that were touched before', () => {
    const set = new FetchSet([asked('t', 0), asked('t', 1), asked('t', 2)]);
    const [first, , third] = [...set.partitions.values()] as [never, never, never];
    restAll(set);
    const touched: number[] = [];
    set.onTouched = (_, change) => touched.push(change);
    set.touch(third, Change.Appended);
    set.touch(first, Change.HighWatermark);
    set.moveToEnd(third);
    expect([...set.dirty]).toEqual([first, third]);
    expect(touched).toEqual([Change.Appended, Change.HighWatermark]);
  });

  test.each([
    { title: 'is not watched', watchKey: null, endOffset: 0 },
    { title: 'is not at its end', watchKey: 't-0', endOffset: 1 },
  ])('cannot rest while it $title', ({ watchKey, endOffset }) => {
    const set = new FetchSet([asked('t', 0)]);
    const [partition] = set.partitions.values();
    partition!.watchKey = watchKey;
    expect(() => set.rest(partition!, endOffset, null)).toThrow('a partition rests only');
    expect([...set.dirty]).toEqual([partition]);
  });
});

describe('a follower at rest in a session', () => {
  const resting = () => {
    const cache = newCache(10);
    const session = newSession(cache, 0, 1, true)!;
    const [partition] = session.set.partitions.values();
    const replica = new Replica(2);
    replica.updateFetchState(new LogOffsetMetadata(10), 0, 1000, 10);
    partition!.fetchOffset = 10;
    partition!.watchKey = 't-0';
    session.set.rest(partition!, 10, replica);
    return { cache, session, replica, partition: partition! };
  };

  test("cannot rest below the leader's end", () => {
    const replica = new Replica(2);
    replica.updateFetchState(new LogOffsetMetadata(9), 0, 1000, 10);
    expect(() => replica.restIn({ lastFetchTimeMs: 0 }, 10)).toThrow("a follower rests only at the leader's end");
  });

  test('stands still from when its partition changes, whatever else its session fetches', () => {
    const { session, replica, partition } = resting();
    session.set.times.lastFetchTimeMs = 5000;
    session.set.touch(partition, Change.Appended);
    session.set.times.lastFetchTimeMs = 9000;
    expect(replica.lastCaughtUpTimeMs).toBe(5000);
  });

  test('fetches whenever its session does', () => {
    const { session, replica } = resting();
    session.set.times.lastFetchTimeMs = 5000;
    expect(replica.lastFetchTimeMs).toBe(5000);
    expect(replica.lastCaughtUpTimeMs).toBe(5000);
  });

  test('stands still from when its session ends', () => {
    const { cache, session, replica } = resting();
    session.set.times.lastFetchTimeMs = 5000;
    cache.remove(session);
    session.set.times.lastFetchTimeMs = 9000;
    expect(replica.lastCaughtUpTimeMs).toBe(5000);
  });

  test('goes on in a newer session when the old one ends', () => {
    const { cache, session, replica } = resting();
    const newer = { lastFetchTimeMs: 6000 };
    replica.restIn(newer, 10);
    cache.remove(session);
    newer.lastFetchTimeMs = 7000;
    expect(replica.lastCaughtUpTimeMs).toBe(7000);
  });
});

describe('the partitions that are kept for all together', () => {
  const setOf = (name: string, count: number): FetchSet =>
    new FetchSet(Array.from({ length: count }, (_, partition) => asked(name, partition)));
  const room = (): FetchSessionCache => new FetchSessionCache(10, seededRandom(7), () => undefined, 100, 12);
  const at = (address: string, privileged = false): SessionHolder => ({ privileged, address });
  const begin = (cache: FetchSessionCache, nowMs: number, holder: SessionHolder, count: number): FetchSession | null =>
    cache.maybeCreate(nowMs, holder, setOf(holder.address, count), false);

  test('are bounded: no address has more of them than it leaves to others', () => {
    const cache = room();
    expect(begin(cache, 0, at('a'), 7)).toBeNull();
    expect(begin(cache, 0, at('a'), 6)).not.toBeNull();
    expect(begin(cache, 0, at('a'), 1)).toBeNull();
    expect(begin(cache, 0, at('b'), 4)).toBeNull();
    expect(begin(cache, 0, at('b'), 3)).not.toBeNull();
    expect(cache.beginWait(0, at('c'), 2)).toBe(false);
    expect(cache.beginWait(0, at('c'), 1)).toBe(true);
    expect(begin(cache, 0, at('d'), 1)).not.toBeNull();
    expect(begin(cache, 0, at('e'), 1)).toBeNull();
    cache.endWait(at('c'), 1);
    expect(begin(cache, 0, at('e'), 1)).not.toBeNull();
    expect(cache.totalPartitions).toBe(11);
  });

  test('are as many again for followers, and no more', () => {
    const cache = room();
    expect(begin(cache, 0, at('a'), 6)).not.toBeNull();
    expect(begin(cache, 0, at('a', true), 6)).not.toBeNull();
    expect(begin(cache, 0, at('a', true), 1)).toBeNull();
    expect(cache.beginWait(0, at('b', true), 3)).toBe(true);
    expect(begin(cache, 0, at('b', true), 1)).toBeNull();
    cache.endWait(at('b', true), 3);
    expect(begin(cache, 0, at('b', true), 1)).not.toBeNull();
  });

  test('are given back by sessions that end', () => {
    const cache = room();
    for (let round = 0; round < 3; round++) cache.remove(begin(cache, 0, at('a'), 6)!);
    expect(cache.totalPartitions).toBe(0);
  });

  test('are bounded for a session that grows: it is closed, and its request is served without', () => {
    const cache = room();
    const session = begin(cache, 0, at('a'), 4)!;
    const grown = { sessionId: session.id, partitions: [asked('a', 4), asked('a', 5)] };
    expect(newFetchContext(cache, 0, request({ ...grown, epoch: 1 })).kind).toBe('incremental');
    const more = request({ sessionId: session.id, epoch: 2, partitions: [asked('a', 6)] });
    expect(newFetchContext(cache, 0, more).kind).toBe('sessionless');
    expect([session.isEnded, cache.size, cache.totalPartitions]).toEqual([true, 0, 0]);
    expect(begin(cache, 0, at('a'), 6)).not.toBeNull();
  });

  test.each([
    {
      wish: 'a session',
      isGranted: (cache: FetchSessionCache, nowMs: number) => begin(cache, nowMs, at('d'), 2) !== null,
    },
    { wish: 'a wait', isGranted: (cache: FetchSessionCache, nowMs: number) => cache.beginWait(nowMs, at('d'), 2) },
  ])('are taken from the session that was unused for longest, once it is stale, for $wish', ({ isGranted }) => {
    const cache = room();
    const follower = begin(cache, 0, at('d', true), 6)!;
    const [first, second, third] = [
      begin(cache, 0, at('a'), 4)!,
      begin(cache, 0, at('b'), 3)!,
      begin(cache, 0, at('c'), 2)!,
    ];
    cache.touch(first, 50);
    expect(isGranted(cache, 100)).toBe(false);
    expect(isGranted(cache, 101)).toBe(true);
    expect([follower, first, second, third].map(({ isEnded }) => isEnded)).toEqual([false, false, true, false]);
    expect(cache.evictions).toBe(1);
  });

  test('are taken from stale sessions of followers for followers', () => {
    const cache = room();
    const consumer = begin(cache, 0, at('a'), 6)!;
    const old = begin(cache, 0, at('a', true), 6)!;
    expect(begin(cache, 100, at('a', true), 6)).toBeNull();
    expect(begin(cache, 101, at('a', true), 6)).not.toBeNull();
    expect([consumer.isEnded, old.isEnded]).toEqual([false, true]);
  });

  test('are taken from no one for what would not fit nevertheless', () => {
    const cache = room();
    const old = begin(cache, 0, at('a'), 6)!;
    expect([begin(cache, 101, at('b'), 7), cache.beginWait(101, at('b'), 7)]).toEqual([null, false]);
    const growing = begin(cache, 101, at('b'), 3)!;
    const grown = {
      sessionId: growing.id,
      epoch: 1,
      partitions: [4, 5, 6, 7].map((partition) => asked('b', partition)),
    };
    expect(newFetchContext(cache, 202, request(grown)).kind).toBe('sessionless');
    expect([old.isEnded, growing.isEnded]).toEqual([false, true]);
  });

  test('are taken from others, not from the session that grows', () => {
    const cache = room();
    const growing = begin(cache, 0, at('a'), 4)!;
    const [other, further] = [begin(cache, 0, at('b'), 3)!, begin(cache, 0, at('c'), 2)!];
    const grown = request({ sessionId: growing.id, epoch: 1, partitions: [asked('a', 4)] });
    expect(newFetchContext(cache, 101, grown).kind).toBe('incremental');
    expect([growing, other, further].map(({ isEnded }) => isEnded)).toEqual([false, true, false]);
  });

  test('are enough for several fetchers, of ten thousand partitions each, of brokers at three addresses', () => {
    const cache = new FetchSessionCache(1000, seededRandom(7), () => undefined, 100, 190_000);
    const set = setOf('t', 10_000);
    const made = ['a', 'b', 'c'].flatMap((address) =>
      [1, 2, 3, 4].map(() => cache.maybeCreate(0, at(address, true), set, false)),
    );
    expect(made.every((session) => session !== null)).toBe(true);
  });
});
