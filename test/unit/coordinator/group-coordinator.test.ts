import { runAtOnce, silentLogger } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import type { AllOffsets } from '../../../src/coordinator/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { Fixture, GROUP, MemoryPartition, subscription } from './support.js';

const SESSION_MS = 10_000;

describe('joining', () => {
  test('a dynamic member is given an id before it may join', async () => {
    const fixture = await new Fixture().elected();
    const response = await fixture.join();
    expect(response.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
    expect(response.memberId).toMatch(/^client-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('before version 4 the first JoinGroup already joins', async () => {
    const fixture = await new Fixture().elected();
    const joined = fixture.join({}, 3);
    await fixture.clock.advance(0);
    expect(await joined).toMatchObject({ errorCode: ErrorCode.NONE, generationId: 1, protocolName: 'range' });
  });

  test('the first rebalance waits for its delay, and longer while members keep coming', async () => {
    const fixture = await new Fixture(undefined, { 'group.initial.rebalance.delay.ms': '3000' }).elected();
    let generation = 0;
    const first = await fixture.joinDynamic();
    void first.joined.then((response) => (generation = response.generationId));
    await fixture.clock.advance(2_999);
    const second = await fixture.joinDynamic();
    await fixture.clock.advance(3_000);
    expect(generation).toBe(0);
    await fixture.clock.advance(1);
    expect(generation).toBe(1);
    expect((await first.joined).members).toHaveLength(2);
    expect((await second.joined).members).toHaveLength(0);
  });

  test('a second member makes the first rejoin, and the leader is told of both', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.stable();
    const b = await fixture.joinDynamic();
    expect(fixture.heartbeat(a.memberId, a.generationId)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    const rejoined = await fixture.join({ memberId: a.memberId });
    expect(rejoined).toMatchObject({ generationId: 2, leader: a.memberId });
    expect(rejoined.members.map(({ memberId }) => memberId).sort()).toEqual([a.memberId, b.memberId].sort());
    expect(await b.joined).toMatchObject({ generationId: 2, leader: a.memberId, members: [] });
  });

  test('a member that does not rejoin in time is left behind', async () => {
    const fixture = await new Fixture(undefined, { 'group.max.session.timeout.ms': '300000' }).elected();
    const a = await fixture.stable();
    const b = await fixture.joinDynamic({ rebalanceTimeoutMs: 5_000 });
    await fixture.clock.advance(60_000);
    expect(await b.joined).toMatchObject({ generationId: 2, leader: b.memberId });
    expect(fixture.heartbeat(a.memberId, 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test.each([
    { title: 'another protocol type', overrides: { protocolType: 'connect' } },
    { title: 'no common protocol', overrides: { protocols: [{ name: 'sticky', metadata: Buffer.alloc(0) }] } },
  ])('a member with $title is refused', async ({ overrides }) => {
    const fixture = await new Fixture().elected();
    await fixture.stable();
    expect((await fixture.join(overrides)).errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  });

  test.each([
    { sessionTimeoutMs: 5_999, errorCode: ErrorCode.INVALID_SESSION_TIMEOUT },
    { sessionTimeoutMs: 1_800_001, errorCode: ErrorCode.INVALID_SESSION_TIMEOUT },
    { sessionTimeoutMs: 6_000, errorCode: ErrorCode.MEMBER_ID_REQUIRED },
    { sessionTimeoutMs: 1_800_000, errorCode: ErrorCode.MEMBER_ID_REQUIRED },
  ])('a session of $sessionTimeoutMs ms is answered with $errorCode', async ({ sessionTimeoutMs, errorCode }) => {
    const fixture = await new Fixture().elected();
    expect((await fixture.join({ sessionTimeoutMs })).errorCode).toBe(errorCode);
  });

  test('one more than group.max.size is turned away', async () => {
    const fixture = await new Fixture(undefined, { 'group.max.size': '1' }).elected();
    await fixture.stable();
    expect((await fixture.join()).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  });

  test('an id that the group does not know is refused', async () => {
    const fixture = await new Fixture().elected();
    expect((await fixture.join({ memberId: 'who' })).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    await fixture.stable();
    expect((await fixture.join({ memberId: 'who' })).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('the group settles on the protocol that all support and most prefer', async () => {
    const fixture = await new Fixture().elected();
    const both = (first: string, second: string) =>
      [first, second].map((name) => ({ name, metadata: subscription(['orders']) }));
    const a = await fixture.joinDynamic({ protocols: both('range', 'sticky') });
    const b = await fixture.joinDynamic({ protocols: both('sticky', 'range') });
    const c = await fixture.joinDynamic({ protocols: both('sticky', 'range') });
    await fixture.clock.advance(0);
    for (const { joined } of [a, b, c]) expect((await joined).protocolName).toBe('sticky');
  });
});

describe('syncing', () => {
  test('followers get what the leader assigned them, those it forgot nothing', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.joinDynamic();
    const b = await fixture.joinDynamic();
    const c = await fixture.joinDynamic();
    await fixture.clock.advance(0);
    const followers = [fixture.sync(b.memberId, 1), fixture.sync(c.memberId, 1)];
    const leader = await fixture.sync(a.memberId, 1, { [a.memberId]: 'p0', [b.memberId]: 'p1' });
    expect(leader.assignment.toString()).toBe('p0');
    expect((await followers[0]!).assignment.toString()).toBe('p1');
    expect((await followers[1]!).assignment).toHaveLength(0);
    expect(fixture.state()).toBe('Stable');
  });

  test('an assignment that cannot be stored sends all back to joining', async () => {
    const fixture = await new Fixture().elected();
    const { memberId } = await fixture.joinDynamic();
    await fixture.clock.advance(0);
    fixture.partition.errorCode = ErrorCode.NOT_ENOUGH_REPLICAS;
    expect((await fixture.sync(memberId, 1, {})).errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    expect(fixture.state()).toBe('PreparingRebalance');
  });

  test('members that never sync are removed after the rebalance timeout', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.joinDynamic({ sessionTimeoutMs: 100_000 });
    const b = await fixture.joinDynamic({ sessionTimeoutMs: 100_000 });
    await fixture.clock.advance(0);
    const synced = fixture.sync(a.memberId, 1, { [a.memberId]: 'x' });
    expect((await synced).errorCode).toBe(ErrorCode.NONE);
    await fixture.clock.advance(60_000);
    expect(fixture.heartbeat(b.memberId, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(fixture.heartbeat(a.memberId, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test.each([
    { title: 'an unknown member', memberId: 'who', generation: 0, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
    { title: 'an old generation', memberId: null, generation: -1, errorCode: ErrorCode.ILLEGAL_GENERATION },
  ])('$title is refused', async ({ memberId, generation, errorCode }) => {
    const fixture = await new Fixture().elected();
    const a = await fixture.stable();
    const synced = await fixture.sync(memberId ?? a.memberId, a.generationId + generation);
    expect(synced.errorCode).toBe(errorCode);
  });
});

describe('sessions', () => {
  test('a silent member is removed when its session ends, and the group becomes empty', async () => {
    const fixture = await new Fixture().elected();
    const { memberId, generationId } = await fixture.stable();
    await fixture.clock.advance(SESSION_MS - 1);
    expect(fixture.heartbeat(memberId, generationId)).toBe(ErrorCode.NONE);
    await fixture.clock.advance(SESSION_MS - 1);
    expect(fixture.state()).toBe('Stable');
    await fixture.clock.advance(1);
    expect(fixture.state()).toBe('Empty');
    expect(fixture.heartbeat(memberId, generationId)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('an id that nobody joins with is forgotten with its session timeout', async () => {
    const fixture = await new Fixture().elected();
    const { memberId } = await fixture.join();
    await fixture.clock.advance(SESSION_MS);
    expect((await fixture.join({ memberId })).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test('a member that waits for others to join does not lose its session', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.stable();
    const b = await fixture.joinDynamic({ sessionTimeoutMs: 100_000 });
    // A rejoins and waits for an id that was handed out and not used yet.
    await fixture.join({ sessionTimeoutMs: 50_000 });
    const rejoined = fixture.join({ memberId: a.memberId });
    await fixture.clock.advance(50_000);
    expect((await rejoined).errorCode).toBe(ErrorCode.NONE);
    expect((await b.joined).generationId).toBe(2);
  });

  test('leaving starts a rebalance of the others', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.stable();
    const b = await fixture.joinDynamic();
    await fixture.join({ memberId: a.memberId });
    await b.joined;
    expect(fixture.leave(a.memberId)).toBe(ErrorCode.NONE);
    expect(fixture.heartbeat(b.memberId, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(fixture.leave('who')).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });
});

test('a protocol that a member names twice is one protocol', async () => {
  const fixture = await new Fixture().elected();
  const protocol = { name: 'range', metadata: Buffer.alloc(0) };
  const joined = fixture.join({ groupInstanceId: 'one', protocols: [protocol, protocol] });
  await fixture.clock.advance(0);
  expect(await joined).toMatchObject({ errorCode: ErrorCode.NONE, protocolName: 'range' });
});

describe('static members', () => {
  const staticJoin = { groupInstanceId: 'one' };

  test('a restart in a stable group keeps generation and assignment, and fences the old process', async () => {
    const fixture = await new Fixture().elected();
    const joined = fixture.join(staticJoin);
    await fixture.clock.advance(0);
    const first = await joined;
    await fixture.sync(first.memberId, 1, { [first.memberId]: 'mine' }, 'one');
    const second = await fixture.join(staticJoin);
    expect(second).toMatchObject({
      errorCode: ErrorCode.NONE,
      generationId: 1,
      leader: second.memberId,
      skipAssignment: true,
    });
    expect(second.memberId).not.toBe(first.memberId);
    expect((await fixture.sync(second.memberId, 1, {}, 'one')).assignment.toString()).toBe('mine');
    expect(fixture.heartbeat(first.memberId, 1, 'one')).toBe(ErrorCode.FENCED_INSTANCE_ID);
  });

  test('before version 9 the returning leader is shown the old leader, so that it does not assign in vain', async () => {
    const fixture = await new Fixture().elected();
    const joined = fixture.join(staticJoin, 8);
    await fixture.clock.advance(0);
    const first = await joined;
    await fixture.sync(first.memberId, 1, { [first.memberId]: 'mine' }, 'one');
    expect(await fixture.join(staticJoin, 8)).toMatchObject({
      leader: first.memberId,
      skipAssignment: false,
      members: [],
    });
  });

  test('a restart whose record is being stored joins the rebalance that begins meanwhile', async () => {
    const fixture = await new Fixture().elected();
    const names = ['one', 'two'];
    const joined = names.map((groupInstanceId) => fixture.join({ groupInstanceId }));
    await fixture.clock.advance(0);
    const [one, two] = await Promise.all(joined);
    const assignment = { [one!.memberId]: 'first', [two!.memberId]: 'second' };
    await fixture.sync(one!.memberId, 1, assignment, 'one');
    await fixture.sync(two!.memberId, 1, {}, 'two');
    fixture.partition.held = [];
    const back = fixture.join({ groupInstanceId: 'one' });
    const third = fixture.join({ groupInstanceId: 'three' });
    expect(fixture.state()).toBe('PreparingRebalance');
    fixture.partition.release();
    const again = fixture.join({ memberId: two!.memberId, groupInstanceId: 'two' });
    await fixture.clock.advance(0);
    const answers = await Promise.all([back, third, again]);
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0]);
    expect(answers.map(({ generationId }) => generationId)).toEqual([2, 2, 2]);
    expect(answers[0]!.members).toHaveLength(3);
  });

  test('of a group that gives its members no time to come back are looked for once a second', async () => {
    const fixture = await new Fixture().elected();
    const names = ['one', 'two'];
    const joinAll = async (rebalanceTimeoutMs: number) => {
      const joined = names.map((groupInstanceId) => fixture.join({ groupInstanceId, rebalanceTimeoutMs }));
      await fixture.clock.advance(0);
      return Promise.all(joined);
    };
    const [one, two] = await joinAll(60_000);
    const assignment = { [one!.memberId]: 'first', [two!.memberId]: 'second' };
    await fixture.sync(one!.memberId, one!.generationId, assignment, 'one');
    await fixture.sync(two!.memberId, one!.generationId, {}, 'two');
    const [, again] = await joinAll(0);
    const warned = jest.spyOn(silentLogger, 'warn');
    expect(fixture.leave(again!.memberId)).toBe(ErrorCode.NONE);
    await fixture.clock.advance(4500);
    expect(fixture.state()).toBe('PreparingRebalance');
    const sentence = 'Group could not complete its rebalance because no members rejoined';
    const times = warned.mock.calls.filter(([told]) => told === sentence).length;
    warned.mockRestore();
    expect(times).toBe(5);
  });

  test('an administrator removes one by its name', async () => {
    const fixture = await new Fixture().elected();
    const joined = fixture.join(staticJoin);
    await fixture.clock.advance(0);
    await joined;
    const leave = (groupInstanceId: string) =>
      runAtOnce(
        fixture.coordinator.leaveGroup(
          { apiVersion: 5, clientId: '', clientHost: '' },
          { groupId: GROUP, memberId: '', members: [{ memberId: '', groupInstanceId, reason: null }] },
        ),
      ).members[0]!.errorCode;
    expect(leave('other')).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(leave('one')).toBe(ErrorCode.NONE);
    expect(fixture.state()).toBe('Empty');
  });
});

describe('offsets', () => {
  test('a consumer without a group stores and reads its offset exactly', async () => {
    const fixture = await new Fixture().elected();
    expect(await fixture.commit(9_007_199_254_740_993n)).toBe(ErrorCode.NONE);
    expect(fixture.committed()).toBe(9_007_199_254_740_993n);
  });

  test('all offsets of a group are told as they were to who began to read them before the group moved away', async () => {
    const fixture = await new Fixture().elected();
    await fixture.commit(7n);
    const all = fixture.coordinator.fetchAllOffsets(GROUP, true) as AllOffsets;
    fixture.coordinator.onResignation(0);
    await settle();
    expect([...all.partitions]).toEqual([{ topic: 'orders', partition: 0 }]);
    // Told none, a consumer would begin elsewhere.
    expect(all.offsetOf({ topic: 'orders', partition: 0 }).committedOffset).toBe(7n);
    expect(fixture.coordinator.fetchAllOffsets(GROUP, true)).toEqual({ errorCode: ErrorCode.NOT_COORDINATOR });
  });

  test('a commit is unstable, and not visible, until it is replicated', async () => {
    const fixture = await new Fixture().elected();
    await fixture.commit(1n);
    fixture.partition.held = [];
    const done = fixture.commit(2n);
    const fetch = (requireStable: boolean) =>
      fixture.coordinator.fetchOffsets(GROUP, [{ name: 'orders', partitionIndexes: [0] }], requireStable).topics[0]!
        .partitions[0]!;
    expect(fetch(true).errorCode).toBe(ErrorCode.UNSTABLE_OFFSET_COMMIT);
    expect(fetch(false).committedOffset).toBe(1n);
    fixture.partition.release();
    expect(await done).toBe(ErrorCode.NONE);
    expect(fetch(true).committedOffset).toBe(2n);
  });

  test.each([
    {
      title: 'of nobody while there are members',
      who: () => ({ id: '', generation: -1 }),
      code: ErrorCode.UNKNOWN_MEMBER_ID,
    },
    { title: 'of a stranger', who: () => ({ id: 'who', generation: 1 }), code: ErrorCode.UNKNOWN_MEMBER_ID },
    { title: 'of an old generation', who: (id: string) => ({ id, generation: 0 }), code: ErrorCode.ILLEGAL_GENERATION },
    { title: 'of a member', who: (id: string) => ({ id, generation: 1 }), code: ErrorCode.NONE },
  ])('a commit $title is answered with $code', async ({ who, code }) => {
    const fixture = await new Fixture().elected();
    const { memberId } = await fixture.stable();
    const { id, generation } = who(memberId);
    expect(await fixture.commit(5n, id, generation)).toBe(code);
  });

  test('a commit between join and sync has to wait for the assignment', async () => {
    const fixture = await new Fixture().elected();
    const { memberId } = await fixture.joinDynamic();
    await fixture.clock.advance(0);
    expect(await fixture.commit(5n, memberId, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test('metadata beyond offset.metadata.max.bytes is refused', async () => {
    const fixture = await new Fixture(undefined, { 'offset.metadata.max.bytes': '3' }).elected();
    expect(await fixture.commit(1n, '', -1, 'four')).toBe(ErrorCode.OFFSET_METADATA_TOO_LARGE);
    expect(await fixture.commit(1n, '', -1, 'abc')).toBe(ErrorCode.NONE);
  });

  test('offsets outlive their retention only while somebody reads the topic', async () => {
    const fixture = await new Fixture(undefined, { 'offsets.retention.minutes': '1' }).elected();
    const { memberId, generationId } = await fixture.stable();
    await fixture.commit(7n, memberId, generationId);
    for (let i = 0; i < 80; i++) {
      await fixture.clock.advance(9_000);
      expect(fixture.heartbeat(memberId, generationId)).toBe(ErrorCode.NONE);
    }
    expect(fixture.committed()).toBe(7n);
    fixture.leave(memberId);
    await fixture.clock.advance(600_000 + 60_000);
    expect(fixture.committed()).toBe(-1n);
    expect(fixture.state()).toBe('Dead');
  });

  test('the last offset of a group that never had members can be deleted, and is said to be', async () => {
    const fixture = await new Fixture().elected();
    await fixture.commit(7n);
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }];
    const answer = runAtOnce(fixture.coordinator.deleteOffsets({ groupId: GROUP, topics }));
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
    expect(fixture.committed()).toBe(-1n);
    expect(fixture.state()).toBe('Dead');
  });

  test('offsets of topics that are subscribed to cannot be deleted', async () => {
    const fixture = await new Fixture().elected();
    const { memberId, generationId } = await fixture.stable();
    await fixture.commit(7n, memberId, generationId);
    const remove = (name: string) => {
      const topics = [{ name, partitions: [{ partitionIndex: 0 }] }];
      return runAtOnce(fixture.coordinator.deleteOffsets({ groupId: GROUP, topics }));
    };
    expect(remove('orders').topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC);
    expect(remove('other').topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
    fixture.leave(memberId);
    expect(remove('orders').topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
    expect(fixture.committed()).toBe(-1n);
  });
});

describe('a change of coordinator', () => {
  test('the next one knows members, generation, assignments and offsets', async () => {
    const before = await new Fixture().elected();
    const { memberId, generationId } = await before.stable();
    await before.commit(42n, memberId, generationId);
    const after = await new Fixture(before.partition).elected(1);
    expect(after.heartbeat(memberId, generationId)).toBe(ErrorCode.NONE);
    expect((await after.sync(memberId, generationId)).assignment.toString()).toBe('all');
    expect(after.committed()).toBe(42n);
    expect(after.coordinator.describeGroup(GROUP)).toMatchObject({ groupState: 'Stable', protocolData: 'range' });
    await after.clock.advance(SESSION_MS);
    expect(after.state()).toBe('Empty');
  });

  test('a deleted group stays deleted', async () => {
    const before = await new Fixture().elected();
    const { memberId } = await before.stable();
    await before.commit(42n, memberId, 1);
    expect(runAtOnce(before.coordinator.deleteGroup(GROUP))).toBe(ErrorCode.NON_EMPTY_GROUP);
    before.leave(memberId);
    expect(runAtOnce(before.coordinator.deleteGroup(GROUP))).toBe(ErrorCode.NONE);
    expect(runAtOnce(before.coordinator.deleteGroup(GROUP))).toBe(ErrorCode.GROUP_ID_NOT_FOUND);
    const after = await new Fixture(before.partition).elected();
    expect(after.state()).toBe('Dead');
    expect(after.committed()).toBe(-1n);
  });

  test('parked requests are sent to the new coordinator', async () => {
    const fixture = await new Fixture().elected();
    const a = await fixture.joinDynamic();
    const b = await fixture.joinDynamic();
    await fixture.clock.advance(0);
    await a.joined;
    const synced = fixture.sync(b.memberId, 1);
    fixture.coordinator.onResignation(0);
    expect((await synced).errorCode).toBe(ErrorCode.NOT_COORDINATOR);
    expect(fixture.heartbeat(a.memberId, 1)).toBe(ErrorCode.NOT_COORDINATOR);
  });

  test('nothing is served before the election', async () => {
    const fixture = new Fixture(new MemoryPartition());
    expect((await fixture.join()).errorCode).toBe(ErrorCode.NOT_COORDINATOR);
    expect(await fixture.commit(1n)).toBe(ErrorCode.NOT_COORDINATOR);
  });
});
