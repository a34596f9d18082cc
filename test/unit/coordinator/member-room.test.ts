/** All that members keep is counted, by address; of those that wait the ones whose clients are gone make room. */
import { settle } from '../../../src/common/index.js';
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
    kept: members.reduce((sum, member) => sum + member.keptBytes + 1700, 0),
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
