/** Content that is looked at piece by piece, in turns. */
import { SimulatedClock } from '../../../src/common/index.js';
import { passContent } from '../../../src/log/unpacking.js';
import {
  AppendAllowance,
  BatchBuilder,
  DecompressionLimitError,
  type Compression,
  type ContentReader,
  type PieceTaker,
} from '../../../src/records/index.js';
import { LOG_CONFIG, newWorld, startManager } from './log-fixture.js';

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
  expect(await passed).toEqual([256 * 1024, 256 * 1024, 88 * 1024, 7]);
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
