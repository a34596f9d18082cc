import { seededRandom, type FileHandle } from '../../../src/common/index.js';
import { settle, SimulatedFileSystem } from '../../../src/testing/index.js';
import { OffsetCheckpointFile } from '../../../src/log/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';

const PATH = '/d/recovery-point-offset-checkpoint';
let fs: SimulatedFileSystem;
let file: OffsetCheckpointFile;
/** Syncs that wait; each is let go by a call. */
let syncs: (() => void)[];
let isHeld: boolean;
beforeEach(() => {
  fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  fs.syncDir('/');
  syncs = [];
  isHeld = true;
  const open = fs.open.bind(fs);
  fs.open = (path, mode): FileHandle => {
    const handle = open(path, mode);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      if (isHeld) await new Promise<void>((resolve) => syncs.push(resolve));
      await sync();
    };
    return handle;
  };
  file = new OffsetCheckpointFile(fs, PATH);
});

const at = (offset: number) => new Map([['orders-0', offset]]);
const stored = () => new OffsetCheckpointFile(fs, PATH).read().get('orders-0');

async function letGo(): Promise<void> {
  isHeld = false;
  for (const resolve of syncs.splice(0)) resolve();
  await settle();
}

test('a write in the background blocks no one, and is durable when it resolves', async () => {
  let isDone = false;
  const written = file.writeInBackground(at(5)).then(() => (isDone = true));
  await settle();
  expect([isDone, stored()]).toEqual([false, undefined]);
  await letGo();
  await written;
  fs.crash('power', seededRandom(1));
  expect(stored()).toBe(5);
});

test('of what waits for a write under way only the newest is written', async () => {
  const contents: string[] = [];
  const rename = fs.rename.bind(fs);
  fs.rename = (from, to) => {
    contents.push(fs.readFile(from).toString());
    rename(from, to);
  };
  const all = [1, 2, 3].map((offset) => file.writeInBackground(at(offset)));
  await letGo();
  await Promise.all(all);
  expect(contents).toEqual(['0\n1\norders 0 1\n', '0\n1\norders 0 3\n']);
});

test('what is asked for right after a write that had nothing to do is written', async () => {
  file.write(at(1));
  const last = file.writeInBackground(at(1));
  const next = file.writeInBackground(at(3));
  await letGo();
  await Promise.all([last, next]);
  expect(stored()).toBe(3);
});

test('what is asked for in the step in which a write ends is written', async () => {
  const next = file.writeInBackground(at(1)).then(() => file.writeInBackground(at(3)));
  await letGo();
  await settle();
  await letGo();
  await next;
  expect(stored()).toBe(3);
});

test('a recovery point that a truncation lowered is not raised again by a write under way', async () => {
  const before = file.writeInBackground(at(9));
  await settle();
  file.write(at(4));
  await letGo();
  await before;
  expect(stored()).toBe(4);
  expect(fs.readDir('/d')).toEqual(['recovery-point-offset-checkpoint']);
});

test('a recovery point lowered to what the file said before stays so, whatever is under way', async () => {
  file.write(at(4));
  const before = file.writeInBackground(at(9));
  await settle();
  file.write(at(4));
  await letGo();
  await before;
  expect(stored()).toBe(4);
});

test('the same offsets are not written twice', async () => {
  isHeld = false;
  await file.writeInBackground(at(4));
  fs.fault = () => Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'open' });
  await file.writeInBackground(at(4));
  file.write(at(4));
  await expect(file.writeInBackground(at(5))).rejects.toThrow('EIO');
});

test('a blocking write that fails does not stop the one under way', async () => {
  const before = file.writeInBackground(at(4));
  await settle();
  fs.fault = (operation) =>
    operation === 'open' ? Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' }) : null;
  expect(() => file.write(at(9))).toThrow('EMFILE');
  fs.fault = null;
  await letGo();
  await before;
  expect(stored()).toBe(4);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a blocking write that fails after its rename is not overwritten by the one under way, and durable when that is (seed %i)',
  async (seed) => {
    const before = file.writeInBackground(at(9));
    await settle();
    fs.fault = (operation, path) =>
      operation === 'sync' && path === '/d'
        ? Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })
        : null;
    expect(() => file.write(at(4))).toThrow('EMFILE');
    fs.fault = null;
    await letGo();
    await before;
    fs.crash('power', seededRandom(seed));
    expect(stored()).toBe(4);
  },
);

describe('an entry that is to be forgotten', () => {
  const both = new Map([
    ['orders-0', 8],
    ['others-0', 3],
  ]);
  const all = () => [...new OffsetCheckpointFile(fs, PATH).read()];

  test('does not come with what was on its way to the disk, and the others do', async () => {
    file.write(new Map([['others-0', 1]]));
    const before = file.writeInBackground(both);
    await settle();
    file.forget('orders-0', () => true);
    await letGo();
    await before;
    expect(all()).toEqual([['others-0', 3]]);
  });

  test('is found in a file that no one has read or written yet', () => {
    file.write(both);
    const later = new OffsetCheckpointFile(fs, PATH);
    later.forget('orders-0', (key) => key !== 'gone-0');
    expect(all()).toEqual([['others-0', 3]]);
    later.write(new Map([...both, ['gone-0', 2]]));
    later.forget('orders-0', (key) => key !== 'gone-0');
    expect(all()).toEqual([['others-0', 3]]);
  });

  test('costs no write when there is none, and a malformed file has none', () => {
    file.write(both);
    fs.fault = (operation) =>
      operation === 'write' ? Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' }) : null;
    file.forget('more-0', () => false);
    fs.fault = null;
    fs.replaceFile(PATH, 'no checkpoint');
    new OffsetCheckpointFile(fs, PATH).forget('orders-0', () => false);
    expect(fs.readFile(PATH).toString()).toBe('no checkpoint');
  });

  test('is looked for in a malformed file once, however often it is asked for', () => {
    fs.replaceFile(PATH, 'no checkpoint');
    const malformed = new OffsetCheckpointFile(fs, PATH);
    let reads = 0;
    fs.fault = () => {
      reads++;
      return null;
    };
    expect(malformed.names('orders-0')).toBe(false);
    const once = reads;
    for (let at = 0; at < 10; at++) malformed.forget(`orders-${at}`, () => true);
    expect([once > 0, reads]).toEqual([true, once]);
  });

  test('is taken out without blocking, and is known until no loss of power brings it back', async () => {
    file.write(both);
    // Synced, and renamed: only the folder is not synced yet.
    const before = file.writeInBackground(new Map([['others-0', 4]]));
    await settle();
    syncs.shift()!();
    await settle();
    expect(all()).toEqual([['others-0', 4]]);
    expect(file.names('orders-0')).toBe(true);
    let isForgotten = false;
    const forgotten = file.forgetInBackground(new Set(['orders-0']), () => true).then(() => (isForgotten = true));
    await settle();
    expect(isForgotten).toBe(false);
    await letGo();
    await Promise.all([before, forgotten]);
    expect(file.names('orders-0')).toBe(false);
    fs.crash('power', seededRandom(1));
    expect(all()).toEqual([['others-0', 4]]);
  });

  test('is known while a lower offset is on its way to the disk', async () => {
    file.write(at(8));
    const lower = file.writeInBackground(at(5));
    await settle();
    expect(file.has((key, offset) => key === 'orders-0' && offset > 5)).toBe(true);
    await letGo();
    await lower;
    expect(file.has((key, offset) => key === 'orders-0' && offset > 5)).toBe(false);
  });
});

test('a blocking write is not undone by contents that waited for other syncs of the directory', async () => {
  const gates = new DirectoryGates(['/d']);
  file = new OffsetCheckpointFile(fs, PATH, gates);
  const others = [1, 2].map(() => gates.syncing('/d', () => new Promise<void>((resolve) => syncs.push(resolve))));
  const written = file.writeInBackground(at(9));
  await settle();
  file.write(at(3));
  await letGo();
  await Promise.all([written, ...others]);
  expect(stored()).toBe(3);
});
