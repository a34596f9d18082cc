/** Content that is looked at piece by piece, in turns. */
import { type Clock } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { ReadInterest } from '../../../src/log/segment/read-interest.js';
import { prepareAppend, searchContent, unpackingOf } from '../../../src/log/unpacking.js';
import {
  AppendAllowance,
  BatchBuilder,
  DecompressionLimitError,
  type Compression,
  type ContentReader,
  type PieceTaker,
} from '../../../src/records/index.js';
import { LOG_CONFIG, newWorld, startManager } from './log-fixture.js';

const VALIDATION = {
  topicPartition: 'orders-0',
  origin: 'client' as const,
  nextOffset: 0,
  partitionLeaderEpoch: 0,
  nowMs: 5,
  maxMessageBytes: 100 * 1024 * 1024,
  timestampType: 'CreateTime' as const,
  timestampBeforeMaxMs: 1_000_000,
  timestampAfterMaxMs: 1_000_000,
  compactedTopic: false,
};

const passContent = <T>(clock: Clock, open: () => ContentReader, taker: PieceTaker<T>, address = 'a'): Promise<T> =>
  unpackingOf(clock).pass(address, open, taker);

const settle = async (clock: SimulatedClock): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    await clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** A reader whose pieces are given by hand. */
class HandReader implements ContentReader {
  give: (piece: Buffer | null) => void = () => undefined;
  fail: (error: Error) => void = () => undefined;
  isAsked = false;
  isClosed = false;

  next(): Promise<Buffer | null> {
    this.isAsked = true;
    return new Promise((resolve, reject) => {
      this.give = resolve;
      this.fail = reject;
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

function* lengths(): PieceTaker<number[]> {
  const seen: number[] = [];
  for (let piece = yield; piece !== null; piece = yield) seen.push(piece.length);
  return seen;
}

test('pieces are given in parts, and their end once', async () => {
  const clock = new SimulatedClock();
  const reader = new HandReader();
  const passed = passContent(clock, () => reader, lengths());
  await settle(clock);
  reader.give(Buffer.alloc(600 * 1024));
  await settle(clock);
  reader.give(Buffer.alloc(7));
  await settle(clock);
  reader.give(null);
  await settle(clock);
  expect(await passed).toEqual([...Array<number>(9).fill(64 * 1024), 24 * 1024, 7]);
  expect(reader.isClosed).toBe(true);
});

test('no more than two of one address are looked at together; who waits goes on when one ends, however it ends', async () => {
  const clock = new SimulatedClock();
  const readers = Array.from({ length: 4 }, () => new HandReader());
  const outcomes = readers.map((reader) =>
    passContent(clock, () => reader, lengths()).catch((error: Error) => error.message),
  );
  await settle(clock);
  expect(readers.map(({ isAsked }) => isAsked)).toEqual([true, true, false, false]);
  readers[1]!.fail(new Error('broken'));
  await settle(clock);
  expect(readers.map(({ isAsked }) => isAsked)).toEqual([true, true, true, false]);
  readers[0]!.give(null);
  await settle(clock);
  expect(readers[3]!.isAsked).toBe(true);
  for (const reader of readers.slice(2)) reader.give(null);
  await settle(clock);
  expect(await Promise.all(outcomes)).toEqual([[], 'broken', [], []]);
  expect(readers.every(({ isClosed }) => isClosed)).toBe(true);
  const fifth = new HandReader();
  const last = passContent(clock, () => fifth, lengths());
  await settle(clock);
  expect(fifth.isAsked).toBe(true);
  fifth.give(null);
  await settle(clock);
  await last;
});

test('those that wait take turns by address, however many one address has, and three of all are looked at together', async () => {
  const clock = new SimulatedClock();
  const begun: string[] = [];
  const readers: HandReader[] = [];
  const pass = (address: string): Promise<number[]> => {
    const open = (): HandReader => {
      begun.push(address);
      readers.push(new HandReader());
      return readers.at(-1)!;
    };
    return passContent(clock, open, lengths(), address);
  };
  const all = ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'c'].map(pass);
  await settle(clock);
  expect(readers).toHaveLength(3);
  for (let at = 0; at < all.length; at++) {
    await settle(clock);
    readers[at]!.give(null);
  }
  await Promise.all(all);
  expect(begun).toEqual(['a', 'a', 'b', 'a', 'b', 'c', 'a', 'a']);
});

test('one that cannot be opened leaves its place to the next', async () => {
  const clock = new SimulatedClock();
  for (let i = 0; i < 3; i++) {
    const opening = passContent(
      clock,
      () => {
        throw new Error('no content');
      },
      lengths(),
    );
    await expect(opening).rejects.toThrow('no content');
  }
  const reader = new HandReader();
  const passed = passContent(clock, () => reader, lengths());
  await settle(clock);
  reader.give(null);
  await settle(clock);
  expect(await passed).toEqual([]);
});

function zeros(compression: Compression, mebibytes: number): Buffer {
  const builder = new BatchBuilder({ compression });
  builder.append({ timestamp: 5, key: null, value: Buffer.alloc(mebibytes * 1024 * 1024) });
  return builder.build();
}

describe('the append of a large batch', () => {
  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'of %s is bounded by what its request may hold',
    async (codec) => {
      const world = newWorld();
      const log = (await startManager(world)).getOrCreateLog({ topic: 't', partition: 0 });
      const allowance = new AppendAllowance('a', 25 * 1024 * 1024);
      const outcomes: string[] = [];
      for (let i = 0; i < 3; i++) {
        const records = zeros(codec, 10);
        const preparing = log.prepareAppend(records, { leaderEpoch: 0, allowance });
        let prepared: Awaited<typeof preparing> | null = null;
        void preparing.then((result) => (prepared = result));
        while (!prepared) await settle(world.clock);
        try {
          log.appendAsLeader(records, { leaderEpoch: 0, prepared });
          outcomes.push('taken');
        } catch (error) {
          expect(error).toBeInstanceOf(DecompressionLimitError);
          outcomes.push('too large');
        }
      }
      expect(outcomes).toEqual(['taken', 'taken', 'too large']);
      expect(log.logEndOffset).toBe(2);
    },
  );
});

test.each(['gzip', 'snappy', 'lz4', 'zstd', 'none'] as const)(
  'a record is found by its time in a batch of %s that holds more than may be had at once',
  async (codec) => {
    const world = newWorld();
    const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, maxMessageBytes: 1e9 } });
    const log = manager.getOrCreateLog({ topic: 't', partition: 0 });
    const builder = new BatchBuilder({ compression: codec, partitionLeaderEpoch: 3 });
    const megabyte = Buffer.alloc(1024 * 1024);
    // More than 128 MiB, which a leader of another make may have taken.
    for (let i = 0; i < (codec === 'none' ? 20 : 140); i++)
      builder.append({ timestamp: 1000 + i, key: null, value: megabyte });
    log.appendAsFollower(builder.build());
    const wanted = codec === 'none' ? 18 : 135;
    const searching = log.fetchOffsetByTimestamp(1000 + wanted) as Promise<unknown>;
    let isDone = false;
    void searching.finally(() => (isDone = true));
    while (!isDone) await settle(world.clock);
    expect(await searching).toEqual({ timestamp: 1000 + wanted, offset: wanted, leaderEpoch: 3 });
  },
);

describe('searches of large batches', () => {
  const searcherOf = (address: string) => ({ address, interest: new ReadInterest('search') });

  test('are a few at a time of each directory, hold nothing before their turn, and leave when their client is gone', async () => {
    const clock = new SimulatedClock();
    const begun: string[] = [];
    const readers: HandReader[] = [];
    const search = (dir: string, searcher: ReturnType<typeof searcherOf>): Promise<number[] | null> =>
      searchContent(clock, dir, searcher, (pass) => {
        begun.push(dir + searcher.address);
        const open = (): ContentReader => {
          readers.push(new HandReader());
          return readers.at(-1)!;
        };
        return pass(open, lengths());
      });
    const crowd = Array.from({ length: 50 }, () => searcherOf('a'));
    const searches = crowd.map((searcher) => search('/d/', searcher));
    const other = search('/d/', searcherOf('b'));
    const another = search('/e/', searcherOf('a'));
    await settle(clock);
    expect(begun).toEqual(['/d/a', '/d/a', '/d/b', '/e/a']);
    // Two of all searches look into batches at once; what the third place of batches is for is not theirs.
    expect(readers).toHaveLength(2);
    for (const { interest } of crowd) interest.end();
    // One waits for its client's next piece, which comes.
    for (const reader of readers.slice()) reader.give(Buffer.alloc(1));
    await settle(clock);
    expect(readers.slice(0, 2).map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(await Promise.all(searches)).toEqual(Array<null>(50).fill(null));
    await settle(clock);
    for (const reader of readers.slice(2)) reader.give(null);
    expect(await Promise.all([other, another])).toEqual([[], []]);
    expect(begun).toHaveLength(4);
    // No one who has gone has taken a place.
    const later = ['a', 'b', 'a'].map((address) => search('/d/', searcherOf(address)));
    for (let at = 4; at < 7; at++) {
      await settle(clock);
      for (const reader of readers.slice(4)) reader.give(null);
    }
    expect(await Promise.all(later)).toEqual([[], [], []]);
  });

  test('find what lies before, in and behind a batch that is more than one step may look into', async () => {
    const world = newWorld();
    const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, maxMessageBytes: 1e9 } });
    const log = manager.getOrCreateLog({ topic: 't', partition: 0 });
    const megabyte = Buffer.alloc(1024 * 1024);
    for (const at of [0, 20, 40]) {
      const count = at === 20 ? 20 : 1;
      const builder = new BatchBuilder({ baseOffset: log.logEndOffset, compression: 'gzip', partitionLeaderEpoch: 3 });
      for (let i = 0; i < count; i++) builder.append({ timestamp: 1000 + at + i, key: null, value: megabyte });
      log.appendAsFollower(builder.build());
    }
    const offsets: (number | null)[] = [];
    for (const time of [1000, 1001, 1030, 1040]) {
      let found: { readonly offset: number } | null | undefined;
      void Promise.resolve(log.fetchOffsetByTimestamp(time)).then((one) => (found = one));
      while (found === undefined) await settle(world.clock);
      offsets.push(found && found.offset);
    }
    expect(offsets).toEqual([0, 1, 11, 21]);
    const gone = searcherOf('a');
    gone.interest.end();
    expect(log.fetchOffsetByTimestamp(1030, gone)).toBeNull();
  });
});

test('sixteen searches of a directory have a piece of its logs, eight of one address', async () => {
  const clock = new SimulatedClock();
  const ends: (() => void)[] = [];
  const scan = (dir: string, address: string): Promise<void | null> =>
    unpackingOf(clock).scan(dir, { address, interest: null }, () => new Promise<void>((resolve) => ends.push(resolve)));
  const begun = async (): Promise<number> => {
    await settle(clock);
    return ends.length;
  };
  const all = Array.from({ length: 10 }, () => scan('/d/', 'a'));
  expect(await begun()).toBe(8);
  all.push(...Array.from({ length: 10 }, (_, at) => scan('/d/', `b${at}`)));
  expect(await begun()).toBe(16);
  all.push(scan('/e/', 'a'));
  expect(await begun()).toBe(17);
  for (let at = 0; at < all.length; at++) {
    ends[at]!();
    await settle(clock);
  }
  expect(await Promise.all(all)).toHaveLength(21);
});

test('a small batch is built again beside large ones of another client, and beside its own', async () => {
  const clock = new SimulatedClock();
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const rebuild = (address: string, contentBytes: number): Promise<void> =>
    unpackingOf(clock).rebuild(address, contentBytes, () => {
      begun.push(address + contentBytes);
      return new Promise((resolve) => ends.push(resolve));
    });
  const small = 1024 * 1024;
  const all = [small + 1, small + 1, small, small].map((bytes) => rebuild('a', bytes));
  all.push(rebuild('b', small), rebuild('c', small));
  await settle(clock);
  expect(begun).toEqual([`a${small + 1}`, `a${small}`, `b${small}`]);
  for (let at = 0; at < all.length; at++) {
    ends[at]!();
    await settle(clock);
  }
  await Promise.all(all);
  expect(begun).toHaveLength(all.length);
});

test('a batch that is built again waits no second time behind others of its client', async () => {
  const clock = new SimulatedClock();
  const builder = new BatchBuilder({ compression: 'gzip' });
  builder.append({ timestamp: 5, key: null, value: Buffer.alloc(3 * 1024 * 1024) });
  let isPrepared = false;
  const options = { ...VALIDATION, targetCompression: 'zstd' as const, allowance: new AppendAllowance('a') };
  void prepareAppend(clock, builder.build(), options).then(() => (isPrepared = true));
  const others = Array.from({ length: 4 }, () => new HandReader());
  const passed = others.map((reader) => passContent(clock, () => reader, lengths()));
  for (let i = 0; i < 1000 && !isPrepared; i++) await settle(clock);
  expect([isPrepared, others.map(({ isAsked }) => isAsked)]).toEqual([true, [true, true, false, false]]);
  for (const reader of others) {
    reader.give(null);
    await settle(clock);
  }
  await Promise.all(passed);
});
