/** What one request brings to a group: how much of it is kept, and what is done in one step. */
import { runAtOnce, type Steps } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode, type JoinGroupRequest, type OffsetCommitResponse } from '../../../src/protocol/index.js';
import { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import { MemberMetadata } from '../../../src/coordinator/core/member-metadata.js';
import { readSubscribedTopics } from '../../../src/coordinator/group-records.js';
import { Fixture, GROUP, subscription } from './support.js';

const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

/** A static member that brings so many bytes; the fixture's coordinator keeps a megabyte of such ones. */
const joinOf = (instanceId: string, bytes: number, groupId = instanceId): Partial<JoinGroupRequest> => ({
  groupId,
  groupInstanceId: instanceId,
  protocolType: 'x',
  protocols: [{ name: 'range', metadata: Buffer.alloc(bytes) }],
});

async function joined(
  fixture: Fixture,
  request: Partial<JoinGroupRequest>,
): Promise<{ memberId: string; code: number }> {
  const answer = fixture.join(request);
  await fixture.clock.advance(0);
  const { memberId, errorCode } = await answer;
  return { memberId, code: errorCode };
}

describe('members that bring much', () => {
  test('share what there is for them, and ordinary ones are not refused for them', async () => {
    const fixture = await new Fixture().elected();
    const codes = [];
    for (const name of ['a', 'b', 'c', 'd']) codes.push((await joined(fixture, joinOf(name, 340_000))).code);
    expect(codes).toEqual([0, 0, 0, ErrorCode.GROUP_MAX_SIZE_REACHED]);
    expect((await joined(fixture, joinOf('small', 60_000))).code).toBe(ErrorCode.NONE);
  });

  test('may join again with as much as they have, or with more if there is room, and leave what they had to others', async () => {
    const fixture = await new Fixture().elected();
    const first = await joined(fixture, joinOf('a', 500_000));
    expect((await joined(fixture, { ...joinOf('a', 600_000), memberId: first.memberId })).code).toBe(ErrorCode.NONE);
    expect((await joined(fixture, joinOf('b', 600_000))).code).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
    const members = [{ memberId: first.memberId, groupInstanceId: 'a', reason: null }];
    const context = { apiVersion: 5, clientId: '', clientHost: '' };
    runAtOnce(fixture.coordinator.leaveGroup(context, { groupId: 'a', memberId: '', members }));
    expect((await joined(fixture, joinOf('b', 600_000))).code).toBe(ErrorCode.NONE);
  });

  test('do not share it with ordinary ones', async () => {
    const fixture = await new Fixture().elected();
    for (let at = 0; at < 8; at++) expect((await joined(fixture, joinOf(`m${at}`, 60_000))).code).toBe(ErrorCode.NONE);
    expect((await joined(fixture, joinOf('large', 900_000))).code).toBe(ErrorCode.NONE);
  });

  test('may join again with what they have, and no more, when the members loaded take more than there is', async () => {
    const before = await new Fixture().elected();
    const { memberId } = await joined(before, joinOf('a', 900_000, GROUP));
    expect((await before.sync(memberId, 1, {}, 'a')).errorCode).toBe(ErrorCode.NONE);
    const after = await new Fixture(before.partition, {}, 100_000).elected();
    const codes = [];
    for (const bytes of [900_001, 900_000]) {
      codes.push((await joined(after, { ...joinOf('a', bytes, GROUP), memberId })).code);
      // As it does when it has restarted.
      codes.push((await joined(after, joinOf('a', bytes, GROUP))).code);
    }
    const tooLarge = ErrorCode.GROUP_MAX_SIZE_REACHED;
    expect(codes).toEqual([tooLarge, tooLarge, ErrorCode.NONE, ErrorCode.NONE]);
  });

  test('are counted by what they keep: many protocols of nothing too', async () => {
    const fixture = await new Fixture().elected();
    const codes = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      const protocols = list(1000, (at) => ({ name: `p${at}`, metadata: Buffer.alloc(0) }));
      codes.push((await joined(fixture, { ...joinOf(name, 0), protocols })).code);
    }
    expect(codes).toEqual([0, 0, 0, ErrorCode.GROUP_MAX_SIZE_REACHED]);
  });

  test('may offer a thousand protocols, and no more', async () => {
    const fixture = await new Fixture().elected();
    const offering = (count: number): Partial<JoinGroupRequest> => ({
      ...joinOf('a', 0),
      protocols: list(count, (at) => ({ name: `p${at}`, metadata: Buffer.alloc(0) })),
    });
    expect((await joined(fixture, offering(1001))).code).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    expect((await joined(fixture, offering(1000))).code).toBe(ErrorCode.NONE);
  });
});

describe('members that were given an id and have not joined', () => {
  /** There is room for ten. */
  const elected = (): Promise<Fixture> => new Fixture(undefined, {}, 8 * 21_000).elected();
  const pending = async (fixture: Fixture, groupId: string): Promise<string> =>
    (await fixture.join({ groupId })).memberId;

  test('are forgotten when there are too many, the oldest first, whatever their groups', async () => {
    const fixture = await elected();
    const ids = [];
    for (let at = 0; at < 12; at++) ids.push(await pending(fixture, `g${at}`));
    const codes = [];
    for (const [at, memberId] of ids.entries())
      codes.push((await joined(fixture, { groupId: `g${at}`, memberId })).code);
    expect(codes).toEqual([...list(2, () => ErrorCode.UNKNOWN_MEMBER_ID), ...list(10, () => ErrorCode.NONE)]);
  });

  test('are so many only until they join, leave, or their time is over', async () => {
    const fixture = await elected();
    const first = await pending(fixture, 'first');
    const context = { apiVersion: 5, clientId: '', clientHost: '' };
    for (let at = 0; at < 20; at++) {
      const groupId = at % 2 === 0 ? `g${at}` : 'left';
      const memberId = await pending(fixture, groupId);
      if (at % 2 === 0) expect((await joined(fixture, { groupId, memberId })).code).toBe(ErrorCode.NONE);
      const members = [{ memberId, groupInstanceId: null, reason: null }];
      runAtOnce(fixture.coordinator.leaveGroup(context, { groupId, memberId: '', members }));
    }
    expect((await joined(fixture, { groupId: 'first', memberId: first })).code).toBe(ErrorCode.NONE);
    for (let at = 0; at < 9; at++) await pending(fixture, `late${at}`);
    await fixture.clock.advance(10_000);
    const second = await pending(fixture, 'second');
    for (let at = 0; at < 9; at++) await pending(fixture, `later${at}`);
    expect((await joined(fixture, { groupId: 'second', memberId: second })).code).toBe(ErrorCode.NONE);
  });

  test('do not hold up the rebalance of their group when they are forgotten', async () => {
    const fixture = await elected();
    const { memberId } = await fixture.stable();
    await fixture.join();
    void fixture.join({ memberId });
    expect(fixture.state()).toBe('PreparingRebalance');
    for (let at = 0; at < 10; at++) await pending(fixture, `g${at}`);
    expect(fixture.state()).toBe('CompletingRebalance');
  });

  test('have no more than 255 characters of their client id in theirs, none of them cut', async () => {
    const fixture = await elected();
    const idFor = async (clientId: string, groupInstanceId: string | null): Promise<string> => {
      const request = { ...joinOf('a', 0), groupInstanceId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 };
      const whole = { groupId: 'g', memberId: '', protocolType: 'x', protocols: [], reason: null, ...request };
      const { ended: answer } = fixture.coordinator.joinGroup({ apiVersion: 9, clientId, clientHost: '/h' }, whole);
      await fixture.clock.advance(0);
      return (await answer).memberId.slice(0, -37);
    };
    expect(await idFor('c'.repeat(255), null)).toBe('c'.repeat(255));
    expect(await idFor('\u{1f600}'.repeat(10_000), null)).toBe('\u{1f600}'.repeat(255));
    expect(await idFor('c', 'i'.repeat(16_000))).toBe('i'.repeat(255));
  });
});

describe('groups that no one has joined or committed to', () => {
  const namesOf = ({ coordinator }: Fixture): string[] => [...coordinator.listGroups([]).groups].map((g) => g.groupId);

  test('end when there are too many, the oldest first, and no others', async () => {
    // There is room for ten.
    const fixture = await new Fixture(undefined, {}, 8 * 21_000).elected();
    await fixture.commit(5n);
    expect((await joined(fixture, joinOf('static', 10))).code).toBe(ErrorCode.NONE);
    await fixture.join({ groupId: 'given' });
    for (let at = 0; at < 20; at++) {
      // Refused, and nevertheless there since, as in Kafka.
      const refused = await joined(fixture, { groupId: `g${at}`, protocols: [] });
      expect(refused.code).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    }
    expect(namesOf(fixture)).toEqual([GROUP, 'static', ...list(10, (at) => `g${at + 10}`)]);
    // Those that are used since are not counted any more, nor those that have moved away.
    const { memberId } = await fixture.join({ groupId: 'g10' });
    expect((await joined(fixture, { groupId: 'g10', memberId })).code).toBe(ErrorCode.NONE);
    await joined(fixture, { groupId: 'one more', protocols: [] });
    expect(namesOf(fixture)).toHaveLength(13);
    fixture.coordinator.onResignation(0);
    await settle();
    fixture.coordinator.onElection(0, 2);
    await settle();
    for (let at = 0; at < 10; at++) await fixture.join({ groupId: `later${at}` });
    expect(namesOf(fixture).filter((name) => name.startsWith('later'))).toHaveLength(10);
  });

  test('end earlier when their names are long', async () => {
    // There is room for ten with short ones.
    const fixture = await new Fixture(undefined, {}, 8 * 21_000).elected();
    for (let at = 0; at < 10; at++) await joined(fixture, { groupId: `${'g'.repeat(4000)}${at}`, protocols: [] });
    expect(namesOf(fixture).map((name) => name.at(-1))).toEqual(['8', '9']);
    await joined(fixture, { groupId: 'h'.repeat(16_000), protocols: [] });
    expect(namesOf(fixture).map((name) => name[0])).toEqual(['h']);
  });

  test('have names that are told apart without reading all of each', async () => {
    const fixture = await new Fixture().elected();
    const longest = 'g'.repeat(16_383);
    expect((await joined(fixture, joinOf('a', 0, longest))).code).toBe(ErrorCode.NONE);
    const tooLong = `${longest}g`;
    expect((await joined(fixture, joinOf('a', 0, tooLong))).code).toBe(ErrorCode.INVALID_GROUP_ID);
    expect(fixture.coordinator.fetchOffsets(tooLong, [], true).errorCode).toBe(ErrorCode.INVALID_GROUP_ID);
    expect(runAtOnce(fixture.coordinator.deleteGroup(tooLong))).toBe(ErrorCode.INVALID_GROUP_ID);
  });
});

test('a group keeps the names of those protocols only that a member offers now', () => {
  const group = new GroupMetadata('g', 'Empty', 0);
  const offered = (round: number) =>
    ['range', `only-${round}`, 'range'].map((name) => ({ name, metadata: Buffer.alloc(0) }));
  const members = ['a', 'b'].map((id) => new MemberMetadata(id, null, 'c', '/h', 1000, 1000, 'consumer', offered(0)));
  for (const member of members) group.add(member);
  for (let round = 1; round <= 1000; round++) group.update(members[0]!, offered(round), 1000, 1000, null);
  expect([...group['protocolCounts']]).toEqual([
    ['range', 2],
    ['only-0', 1],
    ['only-1000', 1],
  ]);
  for (const { memberId } of members) group.remove(memberId);
  expect([...group['protocolCounts']]).toEqual([]);
});

test('a group whose members name more topics than are read counts as subscribed to all', async () => {
  const subscribed = async (names: number): Promise<number> => {
    const fixture = await new Fixture().elected();
    await fixture.commit(5n);
    const topics = list(names, (at) => `t${at}`);
    const metadata = subscription(topics);
    await joined(fixture, {
      ...joinOf('a', 0, GROUP),
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
    });
    const asked = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }];
    const answer = runAtOnce(fixture.coordinator.deleteOffsets({ groupId: GROUP, topics: asked }));
    return answer.topics[0]!.partitions[0]!.errorCode;
  };
  expect(await subscribed(100_001)).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC);
  expect(await subscribed(90_000)).toBe(ErrorCode.NONE);
});

describe('in steps', () => {
  const stepsOf = (steps: Iterator<void, unknown>): number => {
    let count = 1;
    while (!steps.next().done) count++;
    return count;
  };
  const syncOf = (fixture: Fixture, memberId: string, assignments: { memberId: string; assignment: Buffer }[]) =>
    fixture.coordinator.syncGroup({
      groupId: 'a',
      generationId: 1,
      memberId,
      groupInstanceId: 'a',
      protocolType: null,
      protocolName: null,
      assignments,
    });

  test('the assignments of a SyncGroup are gone through, and those of members are kept, apart from the request', async () => {
    const fixture = await new Fixture().elected();
    const { memberId } = await joined(fixture, joinOf('a', 10));
    const own = Buffer.from('mine');
    const others = list(20_000, (at) => ({ memberId: `m${at}`, assignment: Buffer.from('other') }));
    const all = [...others, { memberId, assignment: own }];
    expect(stepsOf(syncOf(fixture, memberId, all))).toBeGreaterThan(300);
    own.fill('x');
    const again = await runAtOnce(syncOf(fixture, memberId, []));
    expect([again.errorCode, String(again.assignment)]).toEqual([ErrorCode.NONE, 'mine']);
  });

  test('the members of a LeaveGroup leave, and those that are left when the group moves away are not taken for strangers', async () => {
    const fixture = await new Fixture().elected();
    const { memberId } = await joined(fixture, joinOf('a', 10));
    const strangers = list(20_000, (at) => ({ memberId: `m${at}`, groupInstanceId: null, reason: null }));
    const members = [...strangers, { memberId, groupInstanceId: null, reason: null }];
    const context = { apiVersion: 5, clientId: '', clientHost: '' };
    const leave = () => fixture.coordinator.leaveGroup(context, { groupId: 'a', memberId: '', members });
    const unfinished = leave();
    unfinished.next();
    expect(stepsOf(leave())).toBeGreaterThan(300);
    const left = runAtOnce(fixture.coordinator.leaveGroup(context, { groupId: 'a', memberId: '', members }));
    expect(new Set(left.members.map(({ errorCode }) => errorCode))).toEqual(new Set([ErrorCode.UNKNOWN_MEMBER_ID]));
    fixture.coordinator.onResignation(0);
    await fixture.clock.advance(0);
    expect(runAtOnce(unfinished)).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, members: [] });
  });
});

test('a subscription to a name that no topic may have is not read', () => {
  const names = ['orders', 'y'.repeat(249)];
  expect(readSubscribedTopics(subscription(names), 100)).toEqual(names);
  expect(readSubscribedTopics(subscription([...names, 'x'.repeat(250)]), 100)).toBeNull();
  expect(readSubscribedTopics(subscription(names).subarray(0, -10), 100)).toBeNull();
});

describe('a commit for many partitions', () => {
  const committing = (fixture: Fixture): Steps<Promise<OffsetCommitResponse>> =>
    fixture.coordinator.commitOffsets(
      { apiVersion: 8, clientId: 'c', clientHost: '/h' },
      {
        groupId: GROUP,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: ['a', 'b'].map((name) => ({
          name,
          partitions: list(1000, (partitionIndex) => ({
            partitionIndex,
            committedOffset: BigInt(partitionIndex),
            committedLeaderEpoch: -1,
            commitTimestamp: -1n,
            committedMetadata: '',
          })),
        })),
      },
    );
  const codesOf = ({ topics }: OffsetCommitResponse): number[] =>
    topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));

  test('is encoded in steps, and written as one batch', async () => {
    const fixture = await new Fixture().elected();
    const steps = committing(fixture);
    let count = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) {
      count++;
      expect(fixture.partition.batches).toHaveLength(0);
    }
    // They are gone through twice.
    expect(count).toBeGreaterThan((2 * 2000) / 100);
    expect(new Set(codesOf(await step.value))).toEqual(new Set([ErrorCode.NONE]));
    expect(fixture.partition.batches).toHaveLength(1);
    const next = await new Fixture(fixture.partition).elected();
    const { topics } = next.coordinator.fetchOffsets(GROUP, [{ name: 'b', partitionIndexes: [0, 500, 999] }], true);
    expect(topics[0]!.partitions.map(({ committedOffset }) => committedOffset)).toEqual([0n, 500n, 999n]);
  });

  test('is refused if the group has moved away before the last step', async () => {
    const fixture = await new Fixture().elected();
    const steps = committing(fixture);
    steps.next();
    fixture.coordinator.onResignation(0);
    await settle();
    const codes = codesOf(await runAtOnce(steps));
    expect([codes.length, new Set(codes)]).toEqual([2000, new Set([ErrorCode.NOT_COORDINATOR])]);
    expect(fixture.partition.batches).toHaveLength(0);
  });
});

test('a group that its partition would not take is refused before its record is made', async () => {
  const fixture = await new Fixture().elected();
  const partition = fixture.partition;
  let appended = 0;
  const { append } = partition;
  partition.append = function (...args: Parameters<typeof append>) {
    appended++;
    append.apply(this, args);
  };
  const { memberId } = await joined(fixture, joinOf('a', 1000, GROUP));
  partition.maxMessageBytes = 3000;
  const codes = [];
  for (const bytes of [2500, 1500]) {
    const { generationId } = await joinedAgain(fixture, memberId);
    codes.push((await fixture.sync(memberId, generationId, { [memberId]: 'x'.repeat(bytes) }, 'a')).errorCode);
    codes.push(appended);
  }
  expect(codes).toEqual([ErrorCode.UNKNOWN_SERVER_ERROR, 0, ErrorCode.NONE, 1]);
});

async function joinedAgain(fixture: Fixture, memberId: string) {
  const answer = fixture.join({ ...joinOf('a', 1000, GROUP), memberId });
  await fixture.clock.advance(0);
  return answer;
}

test('of many members that go at once the leader is among those that stay, and is chosen once', () => {
  const group = new GroupMetadata('g', 'Empty', 0);
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }];
  const ids = list(1000, (at) => `m${at}`);
  for (const id of ids) group.add(new MemberMetadata(id, null, 'c', '/h', 1000, 1000, 'consumer', protocols));
  const keys = jest.spyOn(group['members'], 'keys');
  group.removeAll(ids.slice(0, 900));
  expect([group.leaderId, group.size, keys.mock.calls.length]).toEqual(['m900', 100, 1]);
  group.removeAll(ids.slice(901));
  expect([group.leaderId, group.size, keys.mock.calls.length]).toEqual(['m900', 1, 1]);
  group.removeAll(['m900']);
  expect(group.leaderId).toBeNull();
});
