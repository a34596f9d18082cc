/** All that members keep is counted, by address; of those that wait the ones whose clients are gone make room. */
import { runAtOnce } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode, type JoinGroupResponse } from '../../../src/protocol/index.js';
import { Fixture, GROUP } from './support.js';

/** Two megabytes for the members at one address, of which each keeps 60,000 and some. */
const MAX_MEMBER_BYTES = (4 << 20) / 3;
const FIT = 33;
const HERE = '/10.0.0.1';
const THERE = '/10.0.0.2';

interface Parked {
  readonly giveUp: () => void;
  answer: JoinGroupResponse | null;
}

/** A static member of a group that waits for one that does not come. */
function join(fixture: Fixture, name: string, address = HERE, bytes = 60_000): Parked {
  const protocols = [{ name: 'range', metadata: Buffer.alloc(bytes) }];
  const timeouts = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 6000 };
  const request = { groupInstanceId: name, protocolType: 'x', protocols, ...timeouts };
  const { ended, giveUp } = fixture.parked(request, 9, address);
  const parked: Parked = { giveUp, answer: null };
  void ended.then((answer) => (parked.answer = answer));
  return parked;
}

const codeOf = ({ answer }: Parked): number | null => answer?.errorCode ?? null;

async function elected(): Promise<Fixture> {
  return new Fixture(undefined, { 'group.initial.rebalance.delay.ms': '3000' }, MAX_MEMBER_BYTES).elected();
}

function usedBytes(fixture: Fixture): { counted: number; kept: number } {
  const store = fixture.coordinator['store'];
  const members = store.all().flatMap((group) => group.allMembers());
  return {
    counted: store.memberRoom.usedBytes,
    kept: members.reduce((sum, member) => sum + member.keptBytes + member.assignment.length + 1700, 0),
  };
}

async function filled(fixture: Fixture): Promise<Parked[]> {
  const members = Array.from({ length: FIT }, (_, at) => join(fixture, `m${at}`));
  await settle();
  expect(members.map(codeOf)).toEqual(members.map(() => null));
  return members;
}

test('beyond what there is for an address the next member is refused, and one at another address is not', async () => {
  const fixture = await elected();
  await filled(fixture);
  const [refused, other] = [join(fixture, 'one more'), join(fixture, 'other', THERE)];
  await settle();
  expect([refused, other].map(codeOf)).toEqual([ErrorCode.GROUP_MAX_SIZE_REACHED, null]);
  const { counted, kept } = usedBytes(fixture);
  expect(counted).toBe(kept);
  expect(fixture.coordinator.numMembers(GROUP)).toBe(FIT + 1);
});

test('the oldest of those whose clients are gone make room, and only as many as it takes', async () => {
  const fixture = await elected();
  const members = await filled(fixture);
  for (const at of [7, 3, 5]) members[at]!.giveUp();
  const next = join(fixture, 'next', HERE, 63_000);
  await settle();
  const gone = members.flatMap((member, at) => (codeOf(member) === ErrorCode.UNKNOWN_MEMBER_ID ? [at] : []));
  expect([codeOf(next), gone]).toEqual([null, [7]]);
  const { counted, kept } = usedBytes(fixture);
  expect(counted).toBe(kept);
});

test('one that has joined again, or been answered, does not go for others', async () => {
  const fixture = await elected();
  const members = await filled(fixture);
  members[0]!.giveUp();
  await fixture.clock.advance(7000);
  expect(codeOf(members[0]!)).toBe(ErrorCode.NONE);
  // They are given up when they are answered already.
  for (const member of members) member.giveUp();
  const next = join(fixture, 'next');
  await settle();
  expect(codeOf(next)).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  expect(fixture.coordinator['store'].memberRoom.oldestAbandoned).toBeNull();
});

test('those of groups that have moved away are not counted', async () => {
  const fixture = await elected();
  const [first] = await filled(fixture);
  first!.giveUp();
  fixture.coordinator.onResignation(0);
  await settle();
  const { memberRoom } = fixture.coordinator['store'];
  expect([memberRoom.usedBytes, memberRoom.oldestAbandoned]).toEqual([0, null]);
});

test('those of groups that were loaded are', async () => {
  const before = await new Fixture().elected();
  await before.stable();
  const after = await new Fixture(before.partition).elected();
  const { counted, kept } = usedBytes(after);
  expect(counted).toBe(kept);
  expect(counted).toBeGreaterThan(1700);
});

describe('assignments', () => {
  const HALF_A_MEGABYTE = 'a'.repeat(500_000);

  /** A group of one member, which has yet to be told what to work on. */
  async function generation(fixture: Fixture, groupId: string): Promise<{ memberId: string; generationId: number }> {
    const { memberId } = await fixture.join({ groupId });
    const joined = fixture.join({ groupId, memberId });
    await fixture.clock.advance(1);
    return { memberId, generationId: (await joined).generationId };
  }

  async function sync(
    fixture: Fixture,
    groupId: string,
    { memberId, generationId }: { memberId: string; generationId: number },
    text = HALF_A_MEGABYTE,
  ): Promise<{ errorCode: number; assignment: Buffer }> {
    const assignments = [{ memberId, assignment: Buffer.from(text) }];
    const request = { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null };
    const answer = await runAtOnce(fixture.coordinator.syncGroup({ ...request, assignments }));
    await settle();
    return answer;
  }

  test('are counted as long as members have them, and a leader that brings more than there is room for is refused', async () => {
    const fixture = await new Fixture(undefined, {}, MAX_MEMBER_BYTES).elected();
    const codes: number[] = [];
    const groups: { memberId: string; generationId: number }[] = [];
    for (let at = 0; at < 5; at++) {
      groups.push(await generation(fixture, `g${at}`));
      codes.push((await sync(fixture, `g${at}`, groups[at]!)).errorCode);
      const { counted, kept } = usedBytes(fixture);
      expect(counted).toBe(kept);
    }
    // Two megabytes for one address.
    const { NONE, COORDINATOR_NOT_AVAILABLE } = ErrorCode;
    expect(codes).toEqual([NONE, NONE, NONE, NONE, COORDINATOR_NOT_AVAILABLE]);
    const { counted } = usedBytes(fixture);
    expect(counted).toBeGreaterThan(4 * HALF_A_MEGABYTE.length);
    fixture.leave(groups[0]!.memberId, 'g0');
    expect(usedBytes(fixture).counted).toBeLessThan(counted - HALF_A_MEGABYTE.length);
    const again = await generation(fixture, 'g5');
    expect((await sync(fixture, 'g5', again)).errorCode).toBe(NONE);
  });

  test('count with who brought them while they are stored, and not twice', async () => {
    const fixture = await new Fixture(undefined, {}, MAX_MEMBER_BYTES).elected();
    const first = await generation(fixture, 'g');
    const { counted: before } = usedBytes(fixture);
    fixture.partition.held = [];
    const synced = sync(fixture, 'g', first);
    await settle();
    expect(usedBytes(fixture).counted).toBe(before + HALF_A_MEGABYTE.length);
    fixture.partition.release();
    expect((await synced).assignment).toHaveLength(HALF_A_MEGABYTE.length);
    const { counted, kept } = usedBytes(fixture);
    expect([counted, counted]).toEqual([kept, before + HALF_A_MEGABYTE.length]);
  });

  test('that are too large for the log are not copied before they are refused, nor counted', async () => {
    const fixture = await new Fixture(undefined, {}, MAX_MEMBER_BYTES).elected();
    fixture.partition.maxMessageBytes = 400_000;
    const group = await generation(fixture, 'g');
    const { counted: before } = usedBytes(fixture);
    const copied = jest.spyOn(Buffer, 'from');
    const { errorCode } = await sync(fixture, 'g', group);
    // The test's own one.
    const large = copied.mock.results.filter(({ value }) => (value as Buffer).length >= HALF_A_MEGABYTE.length);
    copied.mockRestore();
    expect([errorCode, large.length]).toEqual([ErrorCode.UNKNOWN_SERVER_ERROR, 1]);
    expect(usedBytes(fixture).counted).toBe(before);
  });
});
