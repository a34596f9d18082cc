/** Lookups in long indexes against a walk over all entries: what is read at once, what is halved, and what is not written yet. */
import { seededRandom } from '../../../src/common/index.js';
import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { FileHandleCache, LogFile } from '../../../src/log/files/file-handles.js';
import { OffsetIndex } from '../../../src/log/segment/offset-index.js';
import { TimeIndex } from '../../../src/log/segment/time-index.js';

const BASE = 1000;
const MAX_BYTES = 1 << 20;
/** Around the 64 entries that are written together, the 512 that are read at once, and far beyond. */
const COUNTS = [0, 1, 63, 64, 65, 512, 513, 576, 577, 1026, 5000];

interface Entry {
  readonly offset: number;
  readonly position: number;
  readonly timestamp: number;
}

function entriesOf(count: number): Entry[] {
  const random = seededRandom(count + 7);
  const entries: Entry[] = [];
  let [offset, position, timestamp] = [BASE, 0, 5000];
  for (let at = 0; at < count; at++) {
    offset += 1 + random.nextInt(5);
    position += 100 + random.nextInt(5000);
    timestamp += 1 + random.nextInt(3);
    entries.push({ offset, position, timestamp });
  }
  return entries;
}

function newFiles(): FileHandleCache {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  return new FileHandleCache(fs);
}

function offsetIndexOf(entries: readonly Entry[], files = newFiles()): OffsetIndex {
  const index = new OffsetIndex(LogFile.create(files, '/d/a.index', false), BASE, MAX_BYTES);
  for (const { offset, position } of entries) index.append(offset, position);
  return index;
}

function timeIndexOf(entries: readonly Entry[], files = newFiles()): TimeIndex {
  const index = new TimeIndex(LogFile.create(files, '/d/a.timeindex', false), BASE, MAX_BYTES);
  for (const { offset, timestamp } of entries) index.maybeAppend(timestamp, offset);
  return index;
}

/** Values near entries, and both ends. */
function probes(values: readonly number[]): number[] {
  const step = Math.max(1, Math.floor(values.length / 40));
  const near = new Set([0, BASE - 1, BASE, 1e9]);
  values.forEach((value, at) => {
    if (at % step === 0 || at > values.length - 5) for (const delta of [-1, 0, 1]) near.add(value + delta);
  });
  return [...near];
}

/** The index as it is, and as the next start of the broker finds it. */
const STATES = ['pending', 'written'] as const;

describe.each(STATES)('an offset index whose last entries are %s', (state) => {
  test.each(COUNTS)('of %d entries finds what a walk finds', (count) => {
    const entries = entriesOf(count);
    const files = newFiles();
    let index = offsetIndexOf(entries, files);
    if (state === 'written') {
      index.close();
      index = new OffsetIndex(new LogFile(files, '/d/a.index'), BASE, MAX_BYTES);
    }
    expect(index.entries).toBe(count);
    const none = { offset: BASE, position: 0 };
    const placeOf = (entry: Entry | undefined) => (entry ? { offset: entry.offset, position: entry.position } : none);
    const offsets = probes(entries.map((entry) => entry.offset));
    expect(offsets.map((offset) => index.lookup(offset))).toEqual(
      offsets.map((offset) => placeOf(lastOf(entries, (entry) => entry.offset <= offset))),
    );
    const positions = probes(entries.map((entry) => entry.position));
    expect(positions.map((position) => index.lookupPosition(position))).toEqual(
      positions.map((position) => placeOf(lastOf(entries, (entry) => entry.position <= position))),
    );
  });
});

describe.each(STATES)('a time index whose last entries are %s', (state) => {
  test.each(COUNTS)('of %d entries finds what a walk finds', (count) => {
    const entries = entriesOf(count);
    const files = newFiles();
    let index = timeIndexOf(entries, files);
    if (state === 'written') {
      index.close();
      index = new TimeIndex(new LogFile(files, '/d/a.timeindex'), BASE, MAX_BYTES);
    }
    expect(index.entries).toBe(count);
    const timestamps = probes(entries.map((entry) => entry.timestamp));
    expect(timestamps.map((timestamp) => index.lookup(timestamp))).toEqual(
      timestamps.map((timestamp) => {
        const found = lastOf(entries, (entry) => entry.timestamp <= timestamp);
        return { timestamp: found?.timestamp ?? -1, offset: found?.offset ?? BASE };
      }),
    );
  });
});

test.each([
  { count: 40, keep: 0 },
  { count: 40, keep: 17 },
  { count: 100, keep: 30 },
  { count: 100, keep: 64 },
  { count: 100, keep: 80 },
  { count: 2000, keep: 1 },
  { count: 2000, keep: 700 },
  { count: 2000, keep: 1990 },
])('indexes of $count entries that are cut to $keep go on as if no more had been there', ({ count, keep }) => {
  const all = entriesOf(count);
  const cut = all[keep]!.offset;
  const [offsets, times] = [offsetIndexOf(all), timeIndexOf(all)];
  // What is cached must not survive.
  offsets.lastEntry();
  times.lastEntry();
  offsets.truncateTo(cut);
  times.truncateTo(cut);
  const later = { offset: cut + 1, position: all[keep]!.position + 7, timestamp: all[keep]!.timestamp };
  const expected = [...all.slice(0, keep), later];
  expect(offsets.lastEntry()).toEqual(keep === 0 ? { offset: BASE, position: 0 } : placed(all[keep - 1]!));
  offsets.append(later.offset, later.position);
  times.maybeAppend(later.timestamp, later.offset);
  for (const index of [offsets, times]) index.close();
  expect(offsets.file.sizeInBytes).toBe(expected.length * 8);
  expect(times.file.sizeInBytes).toBe(expected.length * 12);
  const asked = probes(all.map((entry) => entry.offset));
  expect(asked.map((offset) => offsets.lookup(offset).offset)).toEqual(
    asked.map((offset) => lastOf(expected, (entry) => entry.offset <= offset)?.offset ?? BASE),
  );
  const timestamps = probes(all.map((entry) => entry.timestamp));
  expect(timestamps.map((timestamp) => times.lookup(timestamp).offset)).toEqual(
    timestamps.map((timestamp) => lastOf(expected, (entry) => entry.timestamp <= timestamp)?.offset ?? BASE),
  );
});

function lastOf(entries: readonly Entry[], matches: (entry: Entry) => boolean): Entry | undefined {
  return entries.filter(matches).at(-1);
}

function placed({ offset, position }: Entry): { offset: number; position: number } {
  return { offset, position };
}

test('indexes are full when the next entry would exceed their size, the time index with room for one more', () => {
  const files = newFiles();
  const offsets = new OffsetIndex(LogFile.create(files, '/d/a.index', false), BASE, 80);
  const times = new TimeIndex(LogFile.create(files, '/d/a.timeindex', false), BASE, 60);
  for (const { offset, position } of entriesOf(9)) offsets.append(offset, position);
  for (const { offset, timestamp } of entriesOf(3)) times.maybeAppend(timestamp, offset);
  expect([offsets.isFull, times.isFull]).toEqual([false, false]);
  offsets.append(BASE + 500, 50_000);
  times.maybeAppend(9_000, BASE + 500);
  expect([offsets.isFull, times.isFull]).toEqual([true, true]);
});
