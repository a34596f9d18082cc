/** Commits that are being written, or wait for the end of their transaction, while what they are for goes: they do not come back. */
import { runAtOnce } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { Fixture, GROUP, MemoryPartition } from './support.js';

const ORDERS = { topic: 'orders', partition: 0 };
const PRODUCER = { producerId: 7n, producerEpoch: 0 };
const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }];

const WAYS: { title: string; remove: (fixture: Fixture) => unknown }[] = [
  { title: 'its group is deleted', remove: ({ coordinator }) => runAtOnce(coordinator.deleteGroup(GROUP)) },
  {
    title: 'its offset is deleted',
    remove: ({ coordinator }) => runAtOnce(coordinator.deleteOffsets({ groupId: GROUP, topics })),
  },
  { title: 'its topic is deleted', remove: ({ coordinator }) => coordinator.onPartitionsDeleted([ORDERS]) },
];

async function committedNext(partition: MemoryPartition): Promise<bigint> {
  const next = await new Fixture(partition).elected(9);
  expect(next.fetchErrorCode()).toBe(ErrorCode.NONE);
  return next.committed();
}

function commitInTransaction({ coordinator }: Fixture): Promise<number> {
  const committed = coordinator.commitTransactionalOffsets({
    transactionalId: 't',
    groupId: GROUP,
    ...PRODUCER,
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [
      {
        name: 'orders',
        partitions: [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }],
      },
    ],
  });
  return runAtOnce(committed).then((answer) => answer.topics[0]!.partitions[0]!.errorCode);
}

async function endTransaction(fixture: Fixture): Promise<void> {
  const marker = { producerId: 7, producerEpoch: 0, type: 'COMMIT', timestampMs: 0, coordinatorEpoch: 0 } as const;
  fixture.partition.append(null, buildEndTxnMarker(marker), null, () => undefined);
  fixture.coordinator.onTransactionCompleted(7, new Set([0]), true);
  await settle();
}

describe.each(WAYS)('when $title', ({ remove }) => {
  test.each([
    { before: null, title: 'the first' },
    { before: 3n, title: 'one after others' },
  ])('a commit that is being written, $title, is acknowledged and gone', async ({ before }) => {
    const fixture = await new Fixture().elected();
    if (before !== null) await fixture.commit(before);
    fixture.partition.held = [];
    const committed = fixture.commit(5n);
    await remove(fixture);
    fixture.partition.release();
    expect(await committed).toBe(ErrorCode.NONE);
    expect(fixture.committed()).toBe(-1n);
    expect(await committedNext(fixture.partition)).toBe(-1n);
  });

  test('a commit of an open transaction is gone, however it ends', async () => {
    const fixture = await new Fixture().elected();
    expect(await commitInTransaction(fixture)).toBe(ErrorCode.NONE);
    await remove(fixture);
    await endTransaction(fixture);
    expect(fixture.committed()).toBe(-1n);
    expect(await committedNext(fixture.partition)).toBe(-1n);
  });

  test('a commit that comes later counts', async () => {
    const fixture = await new Fixture().elected();
    fixture.partition.held = [];
    const before = fixture.commit(5n);
    await remove(fixture);
    fixture.partition.release();
    await before;
    expect(await fixture.commit(8n)).toBe(ErrorCode.NONE);
    expect([fixture.committed(), await committedNext(fixture.partition)]).toEqual([8n, 8n]);
  });
});

test('an offset with a commit in an open transaction does not expire: its tombstone would remove that one too', async () => {
  const fixture = await new Fixture(undefined, { 'offsets.retention.minutes': '1' }).elected();
  await fixture.commit(3n);
  await commitInTransaction(fixture);
  await fixture.clock.advance(3_600_000);
  await endTransaction(fixture);
  expect([fixture.committed(), await committedNext(fixture.partition)]).toEqual([5n, 5n]);
});

describe('a partition that is deleted while the commits are encoded', () => {
  const partitions = [0, 1].map((partitionIndex) => ({
    partitionIndex,
    committedOffset: 4n,
    committedLeaderEpoch: -1,
    commitTimestamp: -1n,
    committedMetadata: null,
  }));
  const commitBoth = (fixture: Fixture, isThere: (partition: number) => boolean) =>
    runAtOnce(
      fixture.coordinator.commitOffsets(
        { apiVersion: 8, clientId: 'c', clientHost: '/h' },
        {
          groupId: GROUP,
          generationIdOrMemberEpoch: -1,
          memberId: '',
          groupInstanceId: null,
          retentionTimeMs: -1n,
          topics: [{ name: 'orders', partitions }],
        },
        ({ partition }) => isThere(partition),
      ),
    ).then(({ topics: [answer] }) => answer!.partitions.map(({ errorCode }) => errorCode));
  const { NONE, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;

  test('gets no offset, the others do', async () => {
    const fixture = await new Fixture().elected();
    expect(await commitBoth(fixture, (partition) => partition === 1)).toEqual([UNKNOWN_TOPIC_OR_PARTITION, NONE]);
    expect([fixture.committed(), await committedNext(fixture.partition)]).toEqual([-1n, -1n]);
    expect(fixture.coordinator.numOffsets(GROUP)).toBe(1);
  });

  test('gets none if it goes while the rest is encoded again', async () => {
    const fixture = await new Fixture().elected();
    let asked = 0;
    // Of the first pass one is gone, of the second the other.
    const codes = await commitBoth(fixture, (partition) => partition === 0 && asked++ < 2);
    expect(codes).toEqual([UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_OR_PARTITION]);
    expect(fixture.coordinator.numOffsets(GROUP)).toBe(0);
  });
});

test('offsets of a topic that is deleted while they are loaded are gone, and stay so', async () => {
  const before = await new Fixture().elected();
  await before.commit(5n);
  const { partition } = before;
  let letRead = (): void => undefined;
  const { read } = MemoryPartition.prototype;
  partition.read = async (...args) => {
    await new Promise<void>((resolve) => (letRead = resolve));
    return read.apply(partition, args);
  };
  const after = await new Fixture(partition).elected(1);
  await after.coordinator.onPartitionsDeleted([ORDERS]);
  expect(after.fetchErrorCode()).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  letRead();
  await settle();
  expect(after.fetchErrorCode()).toBe(ErrorCode.NONE);
  expect(after.committed()).toBe(-1n);
  partition.read = read;
  expect(await committedNext(partition)).toBe(-1n);
});

test.each<[string, (fixture: Fixture, partition: MemoryPartition, remove: () => Promise<void>) => Promise<void>]>([
  [
    'between two tries',
    async (fixture, partition, remove) => {
      partition.unreadable = new Error('EMFILE');
      await fixture.elected(1);
      await remove();
      partition.unreadable = null;
      await fixture.clock.advance(1500);
    },
  ],
  [
    'before the first begins',
    async (fixture, _partition, remove) => {
      fixture.coordinator.onElection(0, 1);
      await remove();
    },
  ],
  [
    'before another one, in a newer epoch, begins',
    async (fixture, partition, remove) => {
      let letRead = (): void => undefined;
      const read = partition.read.bind(partition);
      partition.read = async (...args) => {
        await new Promise<void>((resolve) => (letRead = resolve));
        return read(...args);
      };
      fixture.coordinator.onElection(0, 1);
      await settle();
      await remove();
      partition.read = read;
      fixture.coordinator.onElection(0, 2);
      letRead();
    },
  ],
])('offsets of a topic that is deleted %s are gone, and stay so', async (_when, load) => {
  const before = await new Fixture().elected();
  await before.commit(5n);
  const { partition } = before;
  const after = new Fixture(partition);
  await load(after, partition, () => after.coordinator.onPartitionsDeleted([ORDERS]));
  await settle();
  expect([after.fetchErrorCode(), after.committed()]).toEqual([ErrorCode.NONE, -1n]);
  expect(await committedNext(partition)).toBe(-1n);
});
