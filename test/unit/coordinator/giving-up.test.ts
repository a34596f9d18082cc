/** A partition of `__consumer_offsets` that moves away: its groups are dead at once, and are told bit by bit, however many there are. */
import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import { MemberMetadata } from '../../../src/coordinator/core/member-metadata.js';
import { GroupStore } from '../../../src/coordinator/group-store.js';
import { MemoryPartition } from './support.js';

const MAX_UNUSED = 1000;
/** Of partition 0, which takes several steps to be given up. */
const MANY = 200;
const FEW = 10;

const ids = (groups: readonly (GroupMetadata | null)[]) => groups.map((group) => group?.groupId);

/** Each step takes so long that nothing else has room in the same turn. */
class SlowClock extends SimulatedClock {
  private spentMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + (this.spentMs += 100);
  }
}

/** The groups of a broker that leads both partitions of `__consumer_offsets`. */
async function leader() {
  const clock = new SlowClock();
  const partition = new MemoryPartition();
  const config = {
    offsetMetadataMaxBytes: 100,
    loadBufferBytes: 1 << 20,
    offsetsRetentionMs: 1000,
    commitTimeoutMs: 1000,
    commitRequiredAcks: -1,
    compression: 'none',
    maxUnusedGroupBytes: MAX_UNUSED * 2100,
    maxMemberBytes: 1 << 20,
  } as const;
  const store = new GroupStore(config, partition, clock, silentLogger);
  store.setPartitionCount(2);
  for (const led of [0, 1]) store.onElection(led, 0, () => undefined);
  await clock.advance(0);
  let id = 0;
  const made = (led: number, count: number): GroupMetadata[] => {
    const groups: GroupMetadata[] = [];
    for (; groups.length < count; id++) {
      if (store.partitionFor(`group-${id}`) === led) groups.push(store.getOrCreate(`group-${id}`));
    }
    return groups;
  };
  const moving = made(0, MANY);
  const staying = made(1, FEW);
  const told: GroupMetadata[] = [];
  /** Gives partition 0 up, and takes the first step of it. */
  const giveUp = async (): Promise<void> => {
    store.onResignation(0, (group) => {
      group.transitionTo('Dead', clock.nowMs());
      told.push(group);
    });
    await settle();
  };
  return { clock, partition, store, made, moving, staying, told, giveUp };
}

test('only its own groups are gone through, a bit in each turn, and none is looked up by its id', async () => {
  const { clock, store, moving, staying, told, giveUp } = await leader();
  const lookUps = jest.spyOn(store, 'partitionFor');
  await giveUp();
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(MANY / 2);
  await clock.advance(0);
  expect(ids(told)).toEqual(ids(moving));
  expect(lookUps).not.toHaveBeenCalled();
  expect(ids(store.all())).toEqual(ids(staying));
});

test('all of them are dead and found no more before the first is told', async () => {
  const { store, moving, staying, told } = await leader();
  store.onResignation(0, (group) => void told.push(group));
  expect(told).toEqual([]);
  expect(ids(moving.filter((group) => !group.is('Dead') || group.state !== 'Dead' || group.canRebalance))).toEqual([]);
  expect(ids(moving.filter(({ groupId }) => store.get(groupId) !== null))).toEqual([]);
  expect(store.numGroups).toBe(FEW);
  expect(ids(staying.filter((group) => !group.is('Empty')))).toEqual([]);
  expect(ids(staying.map(({ groupId }) => store.get(groupId)))).toEqual(ids(staying));
});

test('whoever goes through the groups meanwhile gets no more of them', async () => {
  const { store, staying, giveUp } = await leader();
  const groups = store.each()[Symbol.iterator]();
  groups.next();
  await giveUp();
  const rest: GroupMetadata[] = [];
  for (let next = groups.next(); !next.done; next = groups.next()) rest.push(next.value);
  expect(ids(rest)).toEqual(ids(staying));
});

test('a partition that comes back is read when all of its groups have been told', async () => {
  const { clock, partition, store, staying, told, giveUp } = await leader();
  const toldAtReads: number[] = [];
  jest.spyOn(partition, 'logBounds').mockImplementation(() => {
    toldAtReads.push(told.length);
    return { logStartOffset: 0, logEndOffset: 0, maxMessageBytes: 1 << 20 };
  });
  await giveUp();
  store.onElection(0, 1, () => undefined);
  await clock.advance(0);
  expect(new Set(toldAtReads)).toEqual(new Set([MANY]));
  expect(store.isLocal('group-0')).toBe(true);
  expect(ids(store.all())).toEqual(ids(staying));
});

test('groups that no one uses may end before they are told', async () => {
  const { clock, store, made, moving, told, giveUp } = await leader();
  await giveUp();
  made(1, MAX_UNUSED - FEW);
  expect(store.numGroups).toBe(MAX_UNUSED);
  await clock.advance(0);
  expect(ids(told)).toEqual(ids(moving));
  expect(store.numGroups).toBe(MAX_UNUSED);
});

test('a broker that stops meanwhile leaves no timer of theirs', async () => {
  const { clock, store, moving, told, giveUp } = await leader();
  const cancelled: string[] = [];
  for (const group of moving) {
    const member = new MemberMetadata('member', null, 'client', '/127.0.0.1', 1000, 1000, 'consumer', []);
    member.sessionTimer = { cancel: () => void cancelled.push(group.groupId) };
    group.add(member);
  }
  // Its turn does not come any more.
  const givenUp = giveUp();
  const stopped = store.stop();
  await givenUp;
  await clock.advance(0);
  await stopped;
  expect(told).toEqual([]);
  expect(new Set(cancelled)).toEqual(new Set(moving.map(({ groupId }) => groupId)));
});
