/** The parts that a segment is made of, each over a simulated disk. */
import { BufferPool, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';
import { DEFAULT_MAX_OPEN_FILES, FileHandleCache, LogFile } from '../../../src/log/files/file-handles.js';
import {
  InconsistentMetaPropertiesError,
  loadMetaProperties,
  OffsetCheckpointFile,
  writeMetaProperties,
} from '../../../src/log/index.js';
import { deleteDirName, offsetOfFile, parseLogDirName } from '../../../src/log/files/log-file-names.js';
import { OffsetIndex } from '../../../src/log/segment/offset-index.js';
import { ProducerStateEntry } from '../../../src/log/core/producer-state-entry.js';
import {
  CorruptSnapshotError,
  decodeProducerSnapshot,
  encodeProducerSnapshot,
} from '../../../src/log/producer/producer-snapshot.js';
import type { ProducerStateManager } from '../../../src/log/core/producer-state-manager.js';
import { ProducerSnapshots } from '../../../src/log/producer/producer-snapshots.js';
import { Scheduler } from '../../../src/log/manager/scheduler.js';
import { TailCache } from '../../../src/log/segment/tail-cache.js';
import { TimeIndex } from '../../../src/log/segment/time-index.js';
import { TransactionIndex } from '../../../src/log/segment/transaction-index.js';
import { numbered, recordsOf } from './log-fixture.js';

function newFiles(maxOpen = DEFAULT_MAX_OPEN_FILES) {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  return { fs, files: new FileHandleCache(fs, maxOpen) };
}

describe('an offset index', () => {
  function newIndex(count: number, maxBytes = 1 << 20) {
    const { fs, files } = newFiles();
    const index = new OffsetIndex(LogFile.create(files, '/d/a.index', false), 100, maxBytes);
    for (let at = 1; at <= count; at++) index.append(100 + at * 10, at * 1000);
    return { fs, files, index };
  }

  test.each([0, 1, 63, 64, 65, 600, 5000])('of %d entries finds the last one not beyond an offset', (count) => {
    const { index } = newIndex(count);
    for (const offset of [100, 105, 110, 119, 120, 100 + count * 5, 100 + count * 10, 1_000_000]) {
      const at = Math.min(count, Math.floor((offset - 100) / 10));
      expect(index.lookup(offset)).toEqual(
        at === 0 ? { offset: 100, position: 0 } : { offset: 100 + at * 10, position: at * 1000 },
      );
    }
    expect(index.entries).toBe(count);
  });

  test('is the same after it was written and opened again', () => {
    const { files, index } = newIndex(700);
    index.close();
    const again = new OffsetIndex(new LogFile(files, '/d/a.index'), 100, 1 << 20);
    expect(again.entries).toBe(700);
    expect(again.lookup(100 + 333 * 10 + 5)).toEqual({ offset: 100 + 333 * 10, position: 333_000 });
    expect(again.lookupPosition(333_999)).toEqual({ offset: 100 + 333 * 10, position: 333_000 });
  });

  test.each([0, 1, 40, 600])('that a killed Kafka left with %d entries loses its tail of zeros', (count) => {
    const { fs, files, index } = newIndex(count);
    index.close();
    const handle = fs.open('/d/a.index', 'r+');
    handle.writeSync([Buffer.alloc(16_384)], count * 8);
    handle.close();
    const again = new OffsetIndex(new LogFile(files, '/d/a.index'), 100, 1 << 20);
    expect(again.entries).toBe(count);
    again.append(9_000_000, 77);
    expect(again.lastEntry()).toEqual({ offset: 9_000_000, position: 77 });
    again.close();
    expect(fs.stat('/d/a.index').size).toBe((count + 1) * 8);
  });

  test.each([50, 64, 200])('of %d entries forgets the offsets that are cut', (count) => {
    const { index } = newIndex(count);
    index.truncateTo(100 + 10 * 10);
    expect(index.entries).toBe(9);
    index.append(195, 9500);
    expect(index.lookup(10_000)).toEqual({ offset: 195, position: 9500 });
  });

  test('is full when its largest size is reached', () => {
    const { index } = newIndex(3, 35);
    expect(index.isFull).toBe(false);
    index.append(500, 5000);
    expect(index.isFull).toBe(true);
  });
});

test('an index of aborted transactions that was read takes more without a copy of all for each', () => {
  const { files } = newFiles();
  const index = new TransactionIndex(files, '/d/a.txnindex', false);
  const txnAt = (at: number) => ({ producerId: at, firstOffset: at, lastOffset: at + 1, lastStableOffset: at });
  const all = Array.from({ length: 600 }, (_, at) => txnAt(at));
  for (const txn of all.slice(0, 100)) index.append(txn);
  expect(index.all()).toEqual(all.slice(0, 100));
  // What the simulated disk copies is not of the index.
  jest.spyOn(LogFile.prototype, 'append').mockImplementation(() => undefined);
  const copies = [jest.spyOn(Buffer, 'concat'), jest.spyOn(Buffer.prototype, 'copy')];
  for (const txn of all.slice(100)) index.append(txn);
  const bytes = copies[1]!.mock.contexts.reduce((sum: number, source) => sum + (source as Buffer).length, 0);
  expect(copies[0]).not.toHaveBeenCalled();
  jest.restoreAllMocks();
  expect(index.all()).toEqual(all);
  expect(bytes).toBeLessThan(34 * all.length * 4);
});

test('an index of aborted transactions that a start looks at keeps neither its bytes nor its file open', () => {
  const { files } = newFiles();
  const txn = { producerId: 1, firstOffset: 5, lastOffset: 6, lastStableOffset: 5 };
  const written = new TransactionIndex(files, '/d/a.txnindex', false);
  written.append(txn);
  written.close();
  const index = new TransactionIndex(files, '/d/a.txnindex', true);
  expect(index.problem(0)).toBeNull();
  expect(files.openCount).toBe(0);
  const reads = jest.spyOn(LogFile.prototype, 'readSync');
  expect(index.all()).toEqual([txn]);
  expect(reads).toHaveBeenCalledTimes(1);
  // What was in memory before stays there.
  expect(index.problem(0)).toBeNull();
  expect(index.all()).toEqual([txn]);
  expect(reads).toHaveBeenCalledTimes(1);
  jest.restoreAllMocks();
});

describe('a time index', () => {
  function newIndex() {
    const { files } = newFiles();
    return new TimeIndex(LogFile.create(files, '/d/a.timeindex', false), 100, 1200);
  }

  test('takes later timestamps only', () => {
    const index = newIndex();
    index.maybeAppend(1000, 110);
    index.maybeAppend(1000, 120);
    index.maybeAppend(900, 130);
    index.maybeAppend(1500, 140);
    expect(index.entries).toBe(2);
    expect(index.lookup(999)).toEqual({ timestamp: -1, offset: 100 });
    expect(index.lookup(1499)).toEqual({ timestamp: 1000, offset: 110 });
    expect(index.lookup(1500)).toEqual({ timestamp: 1500, offset: 140 });
    index.truncateTo(140);
    expect(index.lastEntry()).toEqual({ timestamp: 1000, offset: 110 });
  });

  test('takes the greatest timestamp that a record can have', () => {
    const index = newIndex();
    index.maybeAppend(Number(0x7fffffffffffffffn), 110);
    expect(index.lastEntry().offset).toBe(110);
    index.writePending();
    expect(index.lookup(Number.MAX_VALUE).offset).toBe(110);
  });
});

describe('open files', () => {
  test('are closed when others need their place, and opened again', () => {
    const { fs, files } = newFiles(3);
    const all = Array.from({ length: 10 }, (_, at) => LogFile.create(files, `/d/${at}`, true));
    for (const file of all) file.append([Buffer.from('abc')], 3);
    expect(fs.openHandles).toBeLessThanOrEqual(4);
    for (const file of all) {
      const target = Buffer.alloc(3);
      expect(file.readSync(target, 0, 3, 0)).toBe(3);
      expect(target.toString()).toBe('abc');
    }
  });

  test('stay open while a read waits', async () => {
    const { files } = newFiles();
    const file = LogFile.create(files, '/d/a', true);
    file.append([Buffer.from('abc')], 3);
    const read = file.read(3, 0, new BufferPool(0));
    file.remove();
    expect((await read).toString()).toBe('abc');
    expect(files.openCount).toBe(0);
  });
});

describe('the ends of logs in memory', () => {
  const batches = Array.from({ length: 10 }, (_, at) => numbered(at * 2, 2, { baseOffset: at * 2 }));

  function fill(cache: TailCache) {
    const tail = cache.openTail();
    let position = 0;
    batches.forEach((bytes, at) => {
      tail.append(0, position, at * 2, at * 2 + 2, bytes);
      position += bytes.length;
    });
    return tail;
  }

  test('are read from any offset to any other', () => {
    const tail = fill(new TailCache(new SimulatedClock()));
    for (let from = 0; from < 20; from++) {
      for (let upTo = from + 2; upTo <= 20; upTo += 2) {
        const read = tail.read(from, upTo, 1 << 20, true)!;
        const values = recordsOf(read.records).map((record) => record.offset);
        const first = from - (from % 2);
        expect(values).toEqual(Array.from({ length: upTo - (upTo % 2) - first }, (_, at) => first + at));
      }
    }
    expect(tail.read(20, 99, 100, true)).toBeNull();
  });

  test('are dropped, the oldest first, beyond the budget', () => {
    const clock = new SimulatedClock();
    const cache = new TailCache(clock, 130_000);
    const [first, second] = [cache.openTail(), cache.openTail()];
    const bytes = () => numbered(1, 1, { baseOffset: 1 });
    const large = numbered(0, 1, { values: ['x'.repeat(30_000)] });
    first.append(0, 0, 0, 1, Buffer.from(large));
    for (let at = 0; at < 2; at++) second.append(0, at * large.length, at, at + 1, Buffer.from(large));
    expect(first.read(0, 9, 1 << 20, true)).not.toBeNull();
    second.append(0, 2 * large.length, 2, 3, Buffer.from(large));
    expect(first.read(0, 9, 1 << 20, true)).toBeNull();
    expect(second.read(0, 9, 1 << 20, true)).not.toBeNull();
    expect(cache.sizeInBytes).toBeLessThanOrEqual(130_000);
    first.append(0, large.length, 1, 2, bytes());
    expect(first.read(1, 9, 1 << 20, true)).not.toBeNull();
  });

  test('are copies: the memory of a request is used again', () => {
    const cache = new TailCache(new SimulatedClock());
    const tail = cache.openTail();
    const frame = Buffer.alloc(1 << 20);
    const bytes = numbered(0, 1);
    bytes.copy(frame);
    tail.append(0, 0, 0, 1, frame.subarray(0, bytes.length));
    expect(cache.sizeInBytes).toBeLessThan(1000);
    frame.fill(0);
    expect(recordsOf(tail.read(0, 1, 1000, true)!.records)).toHaveLength(1);
  });

  test('go with time', async () => {
    const clock = new SimulatedClock();
    const cache = new TailCache(clock);
    const tail = fill(cache);
    await clock.advance(30_000);
    expect(tail.read(0, 20, 1 << 20, true)).toBeNull();
    expect(cache.sizeInBytes).toBe(0);
    expect(clock.nextTimerMs()).toBeNull();
  });

  test('that were cut are gone', () => {
    const cache = new TailCache(new SimulatedClock());
    const tail = fill(cache);
    tail.clear();
    expect(cache.sizeInBytes).toBe(0);
    expect(tail.locate(3)).toBeNull();
    tail.append(0, 0, 50, 52, numbered(50, 2, { baseOffset: 50 }));
    expect(tail.locate(51)).toEqual({ segmentBaseOffset: 0, position: 0 });
  });
});

describe('producer snapshots', () => {
  const entry = new ProducerStateEntry(42, 3, 7, 1234, 99, {
    lastSequence: 8,
    lastOffset: 108,
    offsetDelta: 2,
    timestamp: 1234,
  });

  test('are synced again when another one is taken at the same offset during the sync', async () => {
    const clock = new SimulatedClock();
    const fs = new SimulatedFileSystem();
    fs.makeDir('/d');
    const snapshots = new ProducerSnapshots(fs, '/d', [], silentLogger);
    const state = {
      mapEndOffset: 5,
      activeProducers: new Map([[42, entry]]),
      clear: () => undefined,
    } as unknown as ProducerStateManager;
    snapshots.take(state);
    fs.pace = { clock, delayMs: (operation) => (operation === 'sync' ? 10 : 0) };
    const synced = snapshots.sync();
    await clock.advance(5);
    // A cut, and the log has come there again.
    snapshots.truncateFully(state, 0);
    snapshots.take(state);
    await clock.advance(10);
    await synced;
    expect(snapshots.areDurable).toBe(false);
    const again = snapshots.sync();
    await clock.advance(10);
    await again;
    expect(snapshots.areDurable).toBe(true);
  });

  test('come back as they were written', () => {
    const [read] = decodeProducerSnapshot(encodeProducerSnapshot([entry], 1), 'x');
    expect(read).toMatchObject({
      producerId: 42,
      producerEpoch: 3,
      coordinatorEpoch: 7,
      lastTimestamp: 1234,
      currentTxnFirstOffset: 99,
    });
    expect(read!.batches).toEqual(entry.batches);
    expect(read!.historyIncomplete).toBe(true);
  });

  test.each([
    ['torn', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['empty', () => Buffer.alloc(0)],
    ['of another version', (bytes: Buffer) => Buffer.concat([Buffer.from([0, 2]), bytes.subarray(2)])],
    ['damaged', (bytes: Buffer) => Buffer.from(bytes).fill(1, 20, 21)],
  ])('that are %s are refused', (_, damage) => {
    expect(() => decodeProducerSnapshot(damage(encodeProducerSnapshot([entry], 1)), 'x')).toThrow(CorruptSnapshotError);
  });
});

describe('checkpoints', () => {
  test('come back as they were written, and are written only when something changed', () => {
    const { fs } = newFiles();
    const file = new OffsetCheckpointFile(fs, '/d/checkpoint');
    expect(file.read().size).toBe(0);
    const offsets = new Map([
      ['a-b-0', 5],
      ['c-12', 0],
    ]);
    file.write(offsets);
    expect(fs.readFile('/d/checkpoint').toString()).toBe('0\n2\na-b 0 5\nc 12 0\n');
    expect(file.read()).toEqual(offsets);
    fs.fault = () => Object.assign(new Error('no'), { code: 'EIO' });
    file.write(new Map(offsets));
    expect(() => file.write(new Map())).toThrow('no');
  });

  test.each(['1\n0\n', '0\nx\n', '0\n2\na 0 5\n', '0\n1\na 0\n', '0\n1\na zero 5\n'])('like %j are refused', (text) => {
    const { fs } = newFiles();
    fs.replaceFile('/d/checkpoint', text);
    expect(() => new OffsetCheckpointFile(fs, '/d/checkpoint').read()).toThrow(
      expect.objectContaining({ name: 'CheckpointFormatError' }),
    );
  });
});

describe('meta.properties', () => {
  const mine = { brokerId: 3, clusterId: 'ZHngPtqUSAOoF0jliI6leg' };

  test('is written as Kafka writes it', () => {
    const { fs } = newFiles();
    writeMetaProperties(fs, ['/d'], mine, Date.UTC(2026, 10, 21, 7, 46, 31), silentLogger);
    expect(fs.readFile('/d/meta.properties').toString()).toBe(
      '#\n#Sat Nov 21 07:46:31 UTC 2026\ncluster.id=ZHngPtqUSAOoF0jliI6leg\nbroker.id=3\nversion=0\n',
    );
    expect(loadMetaProperties(fs, ['/d'], silentLogger)).toEqual({ properties: mine, offlineDirs: [] });
  });

  test('must be the same in all directories that have one', () => {
    const { fs } = newFiles();
    for (const dir of ['/a', '/b', '/c']) fs.makeDir(dir);
    writeMetaProperties(fs, ['/a', '/b'], mine, 0, silentLogger);
    expect(loadMetaProperties(fs, ['/a', '/b', '/c'], silentLogger).properties).toEqual(mine);
    writeMetaProperties(fs, ['/c'], { ...mine, brokerId: 4 }, 0, silentLogger);
    expect(() => loadMetaProperties(fs, ['/a', '/b', '/c'], silentLogger)).toThrow(InconsistentMetaPropertiesError);
  });

  test('of another version is refused', () => {
    const { fs } = newFiles();
    fs.replaceFile('/d/meta.properties', 'version=1\nnode.id=3\n');
    expect(() => loadMetaProperties(fs, ['/d'], silentLogger)).toThrow(/version 1, need 0/);
  });
});

describe('names', () => {
  test.each([
    ['orders-0', { topicPartition: { topic: 'orders', partition: 0 }, kind: 'current' }],
    ['a-b.c-12', { topicPartition: { topic: 'a-b.c', partition: 12 }, kind: 'current' }],
    [`orders-0.${'0'.repeat(32)}-delete`, { topicPartition: { topic: 'orders', partition: 0 }, kind: 'delete' }],
    [`orders-0.${'f'.repeat(32)}-future`, { topicPartition: { topic: 'orders', partition: 0 }, kind: 'future' }],
    [`orders-0.${'f'.repeat(32)}-stray`, { topicPartition: { topic: 'orders', partition: 0 }, kind: 'stray' }],
    ['a--1', { topicPartition: { topic: 'a-', partition: 1 }, kind: 'current' }],
    ['orders-00', null],
    ['orders-07', null],
    ['lost+found', null],
    ['orders', null],
    ['meta.properties', null],
  ])('%s', (name, expected) => {
    expect(parseLogDirName(name)).toEqual(expected);
  });

  test('of deleted logs are never too long for a file', () => {
    const name = deleteDirName({ topic: 't'.repeat(249), partition: 12345 }, 'a'.repeat(32));
    expect(name.length).toBe(255);
    expect(name.endsWith(`-12345.${'a'.repeat(32)}-delete`)).toBe(true);
  });

  test('begin with an offset or not', () => {
    expect(offsetOfFile('00000000000000000042.log')).toBe(42);
    expect(offsetOfFile('00000000000000000042.log.deleted')).toBe(42);
    expect(offsetOfFile('leader-epoch-checkpoint')).toBeNull();
  });
});

describe('background tasks', () => {
  test.each([0, -1])('of a period of %d run once', async (periodMs) => {
    const clock = new SimulatedClock();
    const scheduler = new Scheduler(clock, silentLogger);
    let runs = 0;
    scheduler.schedule('once', () => void runs++, 10, periodMs);
    await clock.advance(1000);
    expect(runs).toBe(1);
  });

  test('come again, also after one failed, until shut down', async () => {
    const clock = new SimulatedClock();
    const scheduler = new Scheduler(clock, silentLogger);
    const runs: string[] = [];
    scheduler.schedule(
      'periodic',
      () => {
        runs.push('periodic');
        if (runs.length === 1) throw new Error('once');
      },
      10,
      100,
    );
    scheduler.scheduleOnce('once', () => void runs.push('once'), 50);
    scheduler.scheduleOnce('never', () => void runs.push('never'), 60).cancel();
    await clock.advance(250);
    expect(runs).toEqual(['periodic', 'once', 'periodic', 'periodic']);
    scheduler.shutdown();
    await clock.advance(1000);
    expect(runs).toHaveLength(4);
  });
});
