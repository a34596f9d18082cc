/** V8 hashes texts of more than 16,383 characters by their length alone: among such keys each look-up compares all of one length. */
import { silentLogger } from '../../../src/common/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { BatchBuilder, buildEndTxnMarker } from '../../../src/records/index.js';
import { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import { MemberMetadata } from '../../../src/coordinator/core/member-metadata.js';
import {
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from '../../../src/coordinator/group-records.js';
import { GroupLoader } from '../../../src/coordinator/group-loader.js';
import { Fixture, GROUP, MemoryPartition } from './support.js';

const LONGEST_HASHED = 16_383;

/** The length of the longest text that becomes a key of a map, or is in a set, while `act` runs. */
async function longestKeyOf(act: () => Promise<void>): Promise<number> {
  let longest = 0;
  const see = (key: unknown): void => {
    if (typeof key === 'string') longest = Math.max(longest, key.length);
  };
  const { set } = Map.prototype;
  const { add } = Set.prototype;
  const spies = [
    jest.spyOn(Map.prototype, 'set').mockImplementation(function (this: Map<unknown, unknown>, key, value) {
      see(key);
      return set.call(this, key, value) as Map<unknown, unknown>;
    }),
    jest.spyOn(Set.prototype, 'add').mockImplementation(function (this: Set<unknown>, key) {
      see(key);
      return add.call(this, key) as Set<unknown>;
    }),
  ];
  try {
    await act();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return longest;
}

const commitBatch = (groupId: string, producerId: number | null, partitions: number): Buffer => {
  const isTransactional = producerId !== null;
  const builder = new BatchBuilder({
    isTransactional,
    producerId: producerId ?? -1,
    producerEpoch: 0,
    baseSequence: 0,
  });
  for (let partition = 0; partition < partitions; partition++) {
    const value = { offset: 7n, leaderEpoch: null, metadata: '', commitTimestampMs: 1, expireTimestampMs: null };
    const key = encodeOffsetCommitKey(groupId, { topic: 'orders', partition });
    builder.append({ timestamp: 0, key, value: encodeOffsetCommitValue(value) });
  }
  return builder.build();
};

test.each([
  { how: 'committed', producerId: null, marker: null, offset: 7n },
  { how: 'committed in an open transaction', producerId: 5, marker: null, offset: -1n },
  { how: 'committed in one that was committed', producerId: 5, marker: 'COMMIT' as const, offset: 7n },
  { how: 'committed in one that was aborted', producerId: 5, marker: 'ABORT' as const, offset: -1n },
])('the offsets of a group with a long id, $how, are loaded under keys that are hashed', async (commit) => {
  const groupId = 'g'.repeat(LONGEST_HASHED);
  const partition = new MemoryPartition();
  const { producerId, marker } = commit;
  partition.append(null, commitBatch(groupId, producerId, 3), null, () => undefined);
  if (marker) {
    const ofTransaction = { producerId: 5, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 0 };
    partition.append(null, buildEndTxnMarker({ type: marker, ...ofTransaction }), null, () => undefined);
  }
  let fixture!: Fixture;
  const longest = await longestKeyOf(async () => {
    fixture = await new Fixture(partition).elected();
  });
  expect(longest).toBe(LONGEST_HASHED);
  const asked = [{ name: 'orders', partitionIndexes: [0, 1, 2] }];
  const { errorCode, topics } = fixture.coordinator.fetchOffsets(groupId, asked, false);
  expect(errorCode).toBe(ErrorCode.NONE);
  expect(topics[0]!.partitions.map(({ committedOffset }) => committedOffset)).toEqual(Array(3).fill(commit.offset));
});

describe('names that a client chooses and members are looked up by', () => {
  const tooLong = 'x'.repeat(LONGEST_HASHED + 1);
  const protocol = (name: string) => [{ name, metadata: Buffer.alloc(0) }];

  test.each([
    { what: 'instance id', request: { groupInstanceId: tooLong }, code: ErrorCode.INVALID_REQUEST },
    { what: 'protocol type', request: { protocolType: tooLong }, code: ErrorCode.INCONSISTENT_GROUP_PROTOCOL },
    {
      what: 'name of a protocol',
      request: { protocols: [...protocol('range'), ...protocol(tooLong)] },
      code: ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    },
  ])('a $what that is not hashed is refused', async ({ request, code }) => {
    const fixture = await new Fixture().elected();
    const answer = fixture.join({ groupInstanceId: 'a', ...request });
    await fixture.clock.advance(0);
    expect((await answer).errorCode).toBe(code);
  });

  test('the longest that are hashed are taken', async () => {
    const fixture = await new Fixture().elected();
    const longest = 'x'.repeat(LONGEST_HASHED);
    const answer = fixture.join({ groupInstanceId: longest, protocolType: longest, protocols: protocol(longest) });
    await fixture.clock.advance(0);
    expect((await answer).errorCode).toBe(ErrorCode.NONE);
  });

  test('of others that the log has no group is lost, and none is a key', async () => {
    const partition = new MemoryPartition();
    const group = new GroupMetadata(GROUP, 'Empty', 0);
    group.generationId = 3;
    group.protocolName = 'range';
    for (const [memberId, instanceId] of [
      ['m1', tooLong],
      ['m2', 'short'],
    ] as const)
      group.add(new MemberMetadata(memberId, instanceId, 'c', '/h', 60_000, 10_000, 'consumer', protocol('range')));
    const assignment = new Map(['m1', 'm2'].map((memberId) => [memberId, Buffer.from(memberId)]));
    const builder = new BatchBuilder({});
    const value = encodeGroupMetadataValue(group, assignment);
    builder.append({ timestamp: 0, key: encodeGroupMetadataKey(GROUP), value });
    partition.append(null, builder.build(), null, () => undefined);
    partition.append(null, commitBatch(tooLong, null, 1), null, () => undefined);
    let fixture!: Fixture;
    const longest = await longestKeyOf(async () => {
      fixture = await new Fixture(partition).elected();
    });
    expect(longest).toBeLessThanOrEqual(LONGEST_HASHED);
    expect(fixture.heartbeat('m1', 3)).toBe(ErrorCode.NONE);
    expect(fixture.heartbeat('m1', 3, tooLong)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(fixture.heartbeat('m2', 3, 'short')).toBe(ErrorCode.NONE);
    const { members } = fixture.coordinator.describeGroup(GROUP);
    expect(members.map(({ memberAssignment }) => String(memberAssignment))).toEqual(['m1', 'm2']);
  });
});

test('a step of a load replays so many bytes, not only so many records', () => {
  const stepsOf = (groupId: string): number => {
    const steps = new GroupLoader(0, silentLogger).replay(commitBatch(groupId, null, 400), 0);
    let count = 0;
    while (!steps.next().done) count++;
    return count;
  };
  expect(stepsOf('g')).toBe(1);
  expect(stepsOf('g'.repeat(16_000))).toBeGreaterThan(10);
});
