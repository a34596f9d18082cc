/** Groups that cannot be read, in whole or in part, are not taken for groups without offsets. */
import { SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { BatchBuilder, BatchView, RECORD_BATCH_OVERHEAD } from '../../../src/records/index.js';
import { GroupMetadata } from '../../../src/coordinator/core/group-metadata.js';
import {
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from '../../../src/coordinator/group-records.js';
import { Fixture, GROUP, MemoryPartition } from './support.js';

const tp = (topic: string) => ({ topic, partition: 0 });

/** The partition of a coordinator that has stored one offset. */
async function withOffset(offset: bigint): Promise<MemoryPartition> {
  const before = await new Fixture().elected();
  expect(await before.commit(offset)).toBe(ErrorCode.NONE);
  return before.partition;
}

function append(partition: MemoryPartition, key: Buffer | null, value: Buffer | null): void {
  const builder = new BatchBuilder({ compression: 'none' });
  builder.append({ timestamp: 0, key, value });
  partition.append(null, builder.build(), null, () => undefined);
}

test('a partition that could not be read is loading until it can be, and then has its offsets', async () => {
  const partition = await withOffset(42n);
  partition.unreadable = new Error('the log was closed');
  const after = await new Fixture(partition).elected(1);
  await after.clock.advance(10_000);
  expect(after.fetchErrorCode()).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  partition.unreadable = null;
  await after.clock.advance(1000);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NONE);
  expect(after.committed()).toBe(42n);
});

test('groups are not all that there are while a partition that the broker leads has not been taken over', async () => {
  const fixture = await new Fixture(await withOffset(42n)).elected(1);
  await fixture.clock.advance(1000);
  const list = (...led: number[]) => {
    const { errorCode, groups } = fixture.coordinator.listGroups(led);
    return [errorCode, [...groups].map(({ groupId }) => groupId)];
  };
  expect(list(0)).toEqual([ErrorCode.NONE, [GROUP]]);
  expect(list(0, 1)).toEqual([ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, [GROUP]]);
});

test('a batch that holds more than any group writes costs no other record, and is not unpacked', async () => {
  const partition = await withOffset(42n);
  const builder = new BatchBuilder({ compression: 'zstd' });
  builder.append({
    timestamp: 0,
    key: encodeOffsetCommitKey(GROUP, tp('orders')),
    value: Buffer.alloc(40 * 1024 * 1024),
  });
  partition.append(null, builder.build(), null, () => undefined);
  const after = await new Fixture(partition).elected(1);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NONE);
  expect(after.committed()).toBe(42n);
});

test('many records of one batch are all loaded, in their order', async () => {
  const partition = await withOffset(42n);
  const builder = new BatchBuilder({});
  const value = (offset: number): Buffer =>
    encodeOffsetCommitValue({
      offset: BigInt(offset),
      leaderEpoch: null,
      metadata: '',
      commitTimestampMs: 1,
      expireTimestampMs: null,
    });
  for (let offset = 0; offset < 5000; offset++) {
    builder.append({ timestamp: 0, key: encodeOffsetCommitKey(GROUP, tp('orders')), value: value(offset) });
  }
  partition.append(null, builder.build(), null, () => undefined);
  const after = await new Fixture(partition).elected(1);
  await after.clock.advance(1000);
  expect(after.committed()).toBe(4999n);
});

const COUNT = 5;
const places = Array.from({ length: COUNT }, (_, at) => at);

/** A batch a read; the one at a place cannot be read until it is mended. */
class BatchByBatch extends MemoryPartition {
  failsAt = -1;

  constructor(from: MemoryPartition) {
    super();
    for (const batch of from.batches) this.append(null, batch, null, () => undefined);
  }

  override read(_topicPartition: unknown, offset: number): Promise<Buffer> {
    const at = this.batches.findIndex((batch) => new BatchView(batch).lastOffset >= offset);
    if (at === this.failsAt) return Promise.reject(new Error('EIO: read'));
    return Promise.resolve(at < 0 ? Buffer.alloc(0) : this.batches[at]!);
  }
}

/** As many groups have committed, each an offset of its own; `odd` stands before the commit of that place. */
async function withGroups(odd: { at: number; record: { key: Buffer | null; value: Buffer | null } } | null) {
  const before = await new Fixture().elected();
  for (const at of places) {
    if (odd?.at === at) append(before.partition, odd.record.key, odd.record.value);
    expect(await before.commit(BigInt(at), '', -1, '', `group-${at}`)).toBe(ErrorCode.NONE);
  }
  return before.partition;
}

const committedBy = ({ coordinator }: Fixture) =>
  places.map((at) => {
    const asked = [{ name: 'orders', partitionIndexes: [0] }];
    const { errorCode, topics } = coordinator.fetchOffsets(`group-${at}`, asked, true);
    return errorCode === ErrorCode.NONE ? Number(topics[0]!.partitions[0]!.committedOffset) : -errorCode;
  });

test.each(places)('when read %i fails nothing is served before all is read, and then all is', async (failsAt) => {
  const partition = new BatchByBatch(await withGroups(null));
  partition.failsAt = failsAt;
  const after = await new Fixture(partition).elected(1);
  await after.clock.advance(3000);
  expect(committedBy(after)).toEqual(places.map(() => -ErrorCode.COORDINATOR_LOAD_IN_PROGRESS));
  partition.failsAt = -1;
  await after.clock.advance(1000);
  expect(committedBy(after)).toEqual(places);
});

const odd = [
  { what: 'no key', record: { key: null, value: Buffer.from('x') } },
  { what: 'a key of one byte', record: { key: Buffer.from([1]), value: Buffer.from('x') } },
  { what: 'a key of a kind to come', record: { key: Buffer.from([0, 9]), value: null } },
  {
    what: 'half a value',
    record: { key: encodeOffsetCommitKey(GROUP, tp('orders')), value: Buffer.from([0, 3, 1]) },
  },
];
test.each(odd.flatMap((one) => places.map((at) => ({ ...one, at }))))(
  'a record of $what at place $at costs no group',
  async ({ record, at }) => {
    const after = await new Fixture(await withGroups({ at, record })).elected(1);
    expect(committedBy(after)).toEqual(places);
  },
);

test('a partition that is gone is not served', async () => {
  const partition = await withOffset(42n);
  partition.isLed = false;
  const after = await new Fixture(partition).elected(1);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NOT_COORDINATOR);
});

test('a partition whose directory fails while it is tried again is not served', async () => {
  const partition = await withOffset(42n);
  partition.unreadable = new Error('EIO');
  const after = await new Fixture(partition).elected(1);
  partition.isLed = false;
  await after.clock.advance(1000);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NOT_COORDINATOR);
});

test.each([
  {
    title: 'a value of a version to come',
    key: encodeOffsetCommitKey(GROUP, tp('orders')),
    value: Buffer.from([0, 99]),
  },
  { title: 'half a value', key: encodeOffsetCommitKey(GROUP, tp('orders')), value: Buffer.from([0, 3, 1]) },
  { title: 'a key of one byte', key: Buffer.from([0]), value: null },
])('$title costs no other record', async ({ key, value }) => {
  const partition = await withOffset(42n);
  append(partition, key, value);
  const before = await new Fixture(partition).elected(1);
  expect(before.committed()).toBe(42n);
  await before.commit(43n);
  expect((await new Fixture(partition).elected(2)).committed()).toBe(43n);
});

test('a batch that does not decompress costs no other batch', async () => {
  const partition = await withOffset(42n);
  const builder = new BatchBuilder({ compression: 'gzip' });
  builder.append({ timestamp: 0, key: encodeOffsetCommitKey(GROUP, tp('orders')), value: null });
  const batch = builder.build();
  batch.fill(0xff, RECORD_BATCH_OVERHEAD);
  partition.append(null, batch, null, () => undefined);
  const before = await new Fixture(partition).elected(1);
  expect(before.committed()).toBe(42n);
  await before.commit(43n);
  expect((await new Fixture(partition).elected(2)).committed()).toBe(43n);
});

test('where no batch can begin the groups have what stands before', async () => {
  const partition = await withOffset(42n);
  await (await new Fixture(partition).elected(1)).commit(43n);
  partition.batches[1] = Buffer.from(partition.batches[1]!);
  partition.batches[1].writeInt32BE(3, 8);
  const after = await new Fixture(partition).elected(2);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NONE);
  expect(after.committed()).toBe(42n);
});

test('what was read when the partition is given up is not put to use, nor found when it comes back', async () => {
  const partition = await withOffset(42n);
  const after = new Fixture(partition);
  const { logBounds } = MemoryPartition.prototype;
  let asked = 0;
  partition.logBounds = function () {
    // At the end of the log: the groups are read, and on their way.
    if (++asked === 3) queueMicrotask(() => after.coordinator.onResignation(0));
    return logBounds.call(this);
  };
  await after.elected(1);
  expect(asked).toBe(3);
  expect(after.fetchErrorCode()).toBe(ErrorCode.NOT_COORDINATOR);
  await (await new Fixture(partition).elected(2)).commit(43n);
  await after.elected(3);
  expect(after.committed()).toBe(43n);
});

test('a group that was stored without a protocol type has none: its offsets expire by when they were committed', async () => {
  const partition = await withOffset(42n);
  const inAYear = new GroupMetadata(GROUP, 'Empty', new SimulatedClock().nowMs() + 365 * 86_400_000);
  append(partition, encodeGroupMetadataKey(GROUP), encodeGroupMetadataValue(inAYear, new Map()));
  const after = await new Fixture(partition, { 'offsets.retention.minutes': '1' }).elected(1);
  expect(after.committed()).toBe(42n);
  await after.clock.advance(3_600_000);
  expect(after.committed()).toBe(-1n);
});
