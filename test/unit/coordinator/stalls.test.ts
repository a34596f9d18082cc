/** A broker that stands still for longer than members may be silent: what they sent meanwhile lies in their sockets, and counts. */
import { SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { Fixture, MemoryPartition } from './support.js';

/** Of a process that may stand still: its timers are late then, and fire before anything is read. */
class StallingClock extends SimulatedClock {
  private stalledMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.stalledMs;
  }

  stall(ms: number): void {
    this.stalledMs += ms;
  }
}

const SESSION_MS = 10_000;
const REBALANCE_MS = 60_000;
const STALL_MS = 12_000;

async function setUp() {
  const clock = new StallingClock();
  const partition = new MemoryPartition();
  const group = await new Fixture(partition, {}, 1 << 20, partition, clock).elected();
  return { clock, group };
}

/** Two members of the same generation. */
async function pair() {
  const { clock, group } = await setUp();
  const first = await group.joinDynamic();
  const second = await group.joinDynamic();
  await clock.advance(0);
  const { generationId } = await first.joined;
  await second.joined;
  const ids = [first.memberId, second.memberId] as const;
  return { clock, group, generationId, ids };
}

test('a member whose heartbeats are read after a stall stays', async () => {
  const { clock, group } = await setUp();
  const { memberId, generationId } = await group.stable();
  clock.stall(STALL_MS);
  await clock.advance(SESSION_MS);
  expect(group.heartbeat(memberId, generationId)).toBe(ErrorCode.NONE);
  await clock.advance(SESSION_MS - 1);
  expect(group.heartbeat(memberId, generationId)).toBe(ErrorCode.NONE);
});

test('one that is silent goes as long after the stall as it lasted, and no later', async () => {
  const { clock, group } = await setUp();
  const { memberId, generationId } = await group.stable();
  clock.stall(3000);
  await clock.advance(SESSION_MS + 2999);
  expect(group.state()).toBe('Stable');
  // It is late again: who was not heard of by now will not be.
  clock.stall(3000);
  await clock.advance(1);
  expect(group.heartbeat(memberId, generationId)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
});

test('a stall of an hour gives no one more time than there was', async () => {
  const { clock, group } = await setUp();
  const { memberId, generationId } = await group.stable();
  clock.stall(3_600_000);
  await clock.advance(2 * SESSION_MS);
  expect(group.heartbeat(memberId, generationId)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
});

test('a member whose JoinGroup is read after a stall is in the next generation', async () => {
  const { clock, group, generationId, ids } = await pair();
  for (const id of ids) void group.sync(id, generationId, { [ids[0]]: 'a', [ids[1]]: 'b' });
  const rejoined = group.join({ memberId: ids[0], rebalanceTimeoutMs: REBALANCE_MS });
  const beat = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5000) {
      group.heartbeat(ids[1], generationId);
      await clock.advance(5000);
    }
  };
  await beat(REBALANCE_MS - 5000);
  clock.stall(STALL_MS);
  await clock.advance(5000);
  const late = group.join({ memberId: ids[1] });
  await clock.advance(0);
  expect([(await rejoined).generationId, (await late).errorCode]).toEqual([generationId + 1, ErrorCode.NONE]);
});

test('a member whose SyncGroup is read after a stall keeps its place', async () => {
  const { clock, group, generationId, ids } = await pair();
  const beat = (): void => ids.forEach((id) => void group.heartbeat(id, generationId));
  for (let passed = 0; passed < REBALANCE_MS - 5000; passed += 5000) {
    beat();
    await clock.advance(5000);
  }
  beat();
  clock.stall(STALL_MS);
  await clock.advance(5000);
  const synced = ids.map((id) => group.sync(id, generationId, { [ids[0]]: 'a', [ids[1]]: 'b' }));
  expect((await Promise.all(synced)).map(({ errorCode }) => errorCode)).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
});

test('an id that was handed out before a stall can be joined with after it', async () => {
  const { clock, group } = await setUp();
  const { memberId } = await group.join();
  clock.stall(STALL_MS);
  await clock.advance(SESSION_MS);
  const joined = group.join({ memberId });
  await clock.advance(0);
  expect((await joined).errorCode).toBe(ErrorCode.NONE);
});

test('a member that has left while it was waited for once more is not missed', async () => {
  const { clock, group } = await setUp();
  const { memberId } = await group.stable();
  clock.stall(STALL_MS);
  await clock.advance(SESSION_MS);
  expect(group.leave(memberId)).toBe(ErrorCode.NONE);
  await clock.advance(SESSION_MS);
  expect(group.state()).toBe('Empty');
});
