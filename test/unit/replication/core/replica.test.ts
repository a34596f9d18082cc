/** When a follower was caught up last, as its leader knows it: by its own fetches, and by those of the session it rests in. */
import { LogOffsetMetadata } from '../../../../src/log/index.js';
import { Replica, type FetchTimes } from '../../../../src/replication/core/replica.js';

const MAX_LAG_MS = 1000;
const at = (offset: number): LogOffsetMetadata => new LogOffsetMetadata(offset, 0, offset * 10);

function fetched(...fetches: readonly { offset: number; atMs: number; leaderEnd: number }[]): Replica {
  const replica = new Replica(2);
  for (const { offset, atMs, leaderEnd } of fetches) replica.updateFetchState(at(offset), 0, atMs, leaderEnd);
  return replica;
}

test('a follower that always fetches what was there at the fetch before was caught up then, and not now', () => {
  const replica = fetched({ offset: 0, atMs: 100, leaderEnd: 10 }, { offset: 10, atMs: 5000, leaderEnd: 20 });
  expect(replica.lastCaughtUpTimeMs).toBe(100);
  replica.updateFetchState(at(20), 0, 9000, 30);
  expect(replica.lastCaughtUpTimeMs).toBe(5000);
  expect([replica.isCaughtUp(30, 6000, MAX_LAG_MS), replica.isCaughtUp(30, 6001, MAX_LAG_MS)]).toEqual([true, false]);
});

test('a follower at the end is caught up now, and one that fetches too little never', () => {
  expect(fetched({ offset: 10, atMs: 700, leaderEnd: 10 }).lastCaughtUpTimeMs).toBe(700);
  const slow = fetched({ offset: 0, atMs: 100, leaderEnd: 10 }, { offset: 9, atMs: 200, leaderEnd: 20 });
  expect(slow.lastCaughtUpTimeMs).toBe(-Infinity);
  expect(slow.lastFetchTimeMs).toBe(200);
});

test('a leader’s end that was seen lower since does not count', () => {
  const replica = fetched({ offset: 0, atMs: 100, leaderEnd: 10 }, { offset: 1, atMs: 200, leaderEnd: 5 });
  replica.updateFetchState(at(6), 0, 300, 12);
  expect(replica.lastCaughtUpTimeMs).toBe(-Infinity);
});

describe('a follower that rests in a session', () => {
  const resting = (): { replica: Replica; times: FetchTimes } => {
    const replica = fetched({ offset: 10, atMs: 100, leaderEnd: 10 });
    const times = { lastFetchTimeMs: 100 };
    replica.restIn(times, 10);
    return { replica, times };
  };

  test('is caught up whenever the session was used', () => {
    const { replica, times } = resting();
    times.lastFetchTimeMs = 4000;
    expect([replica.lastCaughtUpTimeMs, replica.lastFetchTimeMs]).toEqual([4000, 4000]);
  });

  test('keeps the last of those times when the rest ends, and gets no later ones', () => {
    const { replica, times } = resting();
    times.lastFetchTimeMs = 4000;
    replica.endRestIn(times);
    times.lastFetchTimeMs = 9000;
    expect([replica.lastCaughtUpTimeMs, replica.lastFetchTimeMs]).toEqual([4000, 4000]);
  });

  test('rests on when another session ends', () => {
    const { replica, times } = resting();
    replica.endRestIn({ lastFetchTimeMs: 0 });
    times.lastFetchTimeMs = 4000;
    expect(replica.lastCaughtUpTimeMs).toBe(4000);
  });

  test('rests no more once it has fetched itself', () => {
    const { replica, times } = resting();
    times.lastFetchTimeMs = 300;
    replica.updateFetchState(at(10), 0, 400, 50);
    times.lastFetchTimeMs = 9000;
    expect([replica.lastCaughtUpTimeMs, replica.lastFetchTimeMs]).toEqual([300, 400]);
  });

  test.each([true, false])('rests no more in a new leader epoch (new leader: %s)', (isNewLeader) => {
    const { replica, times } = resting();
    times.lastFetchTimeMs = 300;
    replica.reset(500, 10, isNewLeader, true);
    times.lastFetchTimeMs = 9000;
    expect(replica.lastCaughtUpTimeMs).toBe(500);
  });
});

test.each([
  { title: 'of the same leader keeps where the follower was', isNewLeader: false, logEnd: 10 },
  { title: 'of a new leader begins with nothing known', isNewLeader: true, logEnd: -1 },
])('an epoch $title', ({ isNewLeader, logEnd }) => {
  const inSync = fetched({ offset: 10, atMs: 100, leaderEnd: 10 });
  inSync.reset(500, 10, isNewLeader, true);
  expect(inSync).toMatchObject({
    logEndOffset: logEnd,
    lastCaughtUpTimeMs: 500,
    lastFetchTimeMs: isNewLeader ? -Infinity : 500,
  });
  const outOfSync = fetched({ offset: 10, atMs: 100, leaderEnd: 10 });
  outOfSync.reset(500, 10, isNewLeader, false);
  expect(outOfSync).toMatchObject({ logEndOffset: logEnd, lastCaughtUpTimeMs: -Infinity, lastFetchTimeMs: -Infinity });
  expect(outOfSync.isCaughtUp(11, 1501, MAX_LAG_MS)).toBe(false);
});
