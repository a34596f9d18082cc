import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem, seededRandom, type FileSystem } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';

const temporary = mkdtempSync(join(tmpdir(), 'file-system-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const kinds: [string, () => { fs: FileSystem; dir: string }][] = [
  ['the simulated', () => ({ fs: new SimulatedFileSystem(), dir: '/d' })],
  ['the real', () => ({ fs: nodeFileSystem, dir: mkdtempSync(join(temporary, 'x-')) })],
];

describe.each(kinds)('%s file system', (_, make) => {
  test('writes, reads, cuts, renames and removes', async () => {
    const { fs, dir } = make();
    fs.makeDir(`${dir}/a/b`);
    const handle = fs.open(`${dir}/a/b/f`, 'w+');
    handle.writeSync([Buffer.from('hello '), Buffer.from('world')], 0);
    expect(handle.size()).toBe(11);
    const target = Buffer.alloc(20);
    expect(handle.readSync(target, 0, 20, 6)).toBe(5);
    expect(await handle.read(target, 0, 5, 0)).toBe(5);
    expect(target.subarray(0, 5).toString()).toBe('hello');
    handle.truncate(5);
    await handle.sync();
    handle.close();
    fs.rename(`${dir}/a/b`, `${dir}/a/c`);
    expect(fs.readFile(`${dir}/a/c/f`).toString()).toBe('hello');
    expect(fs.stat(`${dir}/a/c/f`)).toMatchObject({ size: 5, isDirectory: false });
    fs.replaceFile(`${dir}/a/c/f`, 'new');
    expect(fs.readFile(`${dir}/a/c/f`).toString()).toBe('new');
    expect(fs.readDir(`${dir}/a/c`)).toEqual(['f']);
    fs.syncDir(`${dir}/a/c`);
    fs.remove(`${dir}/a`);
    fs.remove(`${dir}/a`);
    expect(fs.exists(`${dir}/a/c/f`)).toBe(false);
    expect(fs.readDir(dir)).toEqual([]);
  });

  test('gives times in whole milliseconds, and those that were set as they were', () => {
    const { fs, dir } = make();
    fs.makeDir(dir);
    const handle = fs.open(`${dir}/f`, 'w+');
    handle.writeSync([Buffer.from('x')], 0);
    const times = [1, 7, 692, 999].map((ms) => 1_793_459_938_000 + ms);
    expect(Number.isInteger(fs.stat(`${dir}/f`).modifiedMs)).toBe(true);
    const read = times.map((ms) => {
      handle.setModifiedTime(ms);
      return fs.stat(`${dir}/f`).modifiedMs;
    });
    handle.close();
    expect(read).toEqual(times);
  });

  test('names what is wrong by its code', () => {
    const { fs, dir } = make();
    fs.makeDir(dir);
    const missing = expect.objectContaining({ code: 'ENOENT' });
    expect(() => fs.open(`${dir}/x`, 'r')).toThrow(missing);
    expect(() => fs.open(`${dir}/x`, 'r+')).toThrow(missing);
    expect(() => fs.readFile(`${dir}/x`)).toThrow(missing);
    expect(() => fs.stat(`${dir}/x`)).toThrow(missing);
    expect(() => fs.readDir(`${dir}/x`)).toThrow(missing);
    expect(() => fs.rename(`${dir}/x`, `${dir}/y`)).toThrow(missing);
    expect(() => fs.open(`${dir}/x/y`, 'w+')).toThrow(missing);
  });

  test('keeps what a file has when it is opened to be read and written', () => {
    const { fs, dir } = make();
    fs.makeDir(dir);
    fs.replaceFile(`${dir}/f`, 'abc');
    for (const mode of ['r+', 'a+'] as const) {
      const handle = fs.open(`${dir}/f`, mode);
      handle.writeSync([Buffer.from('X')], 1);
      handle.close();
    }
    expect(fs.readFile(`${dir}/f`).toString()).toBe('aXc');
    const handle = fs.open(`${dir}/f`, 'w+');
    handle.writeSync([Buffer.from('Z')], 2);
    handle.close();
    expect(fs.readFile(`${dir}/f`)).toEqual(Buffer.from('\0\0Z'));
  });

  test('locks a file once', () => {
    const { fs, dir } = make();
    fs.makeDir(dir);
    const lock = fs.lock(`${dir}/.lock`);
    expect(lock.isHeld).toBe(true);
    expect(fs.lock(`${dir}/.lock`).isHeld).toBe(false);
    if (lock.isHeld) lock.release();
    expect(fs.lock(`${dir}/.lock`).isHeld).toBe(true);
  });
});

describe('a crash', () => {
  function write(fs: SimulatedFileSystem, path: string, text: string, synced: boolean) {
    const handle = fs.open(path, 'a+');
    handle.writeSync([Buffer.from(text)], handle.size());
    if (synced) handle.syncSync();
    return handle;
  }

  test('of the process loses nothing that was written, and its handles and locks', () => {
    const fs = new SimulatedFileSystem();
    fs.makeDir('/d');
    const handle = write(fs, '/d/f', 'abc', false);
    fs.lock('/d/.lock');
    fs.crash('process', seededRandom(1));
    expect(fs.readFile('/d/f').toString()).toBe('abc');
    expect(() => handle.size()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(fs.lock('/d/.lock').isHeld).toBe(true);
    expect(fs.openHandles).toBe(0);
  });

  test('of the machine keeps what was synced, and of the rest some, in any order, perhaps torn', () => {
    const results = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const fs = new SimulatedFileSystem();
      fs.makeDir('/d');
      fs.syncDir('/');
      write(fs, '/d/f', 'synced ', true);
      fs.syncDir('/d');
      write(fs, '/d/f', 'one ', false);
      write(fs, '/d/f', 'two', false);
      fs.crash('power', seededRandom(seed));
      results.add(fs.readFile('/d/f').toString());
    }
    for (const result of results) {
      expect(result.startsWith('synced ')).toBe(true);
      for (const [at, byte] of [...result].entries()) expect(['\0', 'synced one two'[at]]).toContain(byte);
    }
    const whole = ['synced ', 'synced one ', 'synced one two', 'synced \0\0\0\0two'];
    expect([...results]).toEqual(expect.arrayContaining(whole));
    expect(results.size).toBeGreaterThan(5);
  });

  test('of the machine can lose a file whose folder was not synced', () => {
    const survived = new Set<boolean>();
    for (let seed = 0; seed < 50; seed++) {
      const fs = new SimulatedFileSystem();
      fs.makeDir('/d');
      fs.syncDir('/');
      write(fs, '/d/f', 'abc', true);
      fs.crash('power', seededRandom(seed));
      survived.add(fs.exists('/d/f'));
    }
    expect(survived).toEqual(new Set([true, false]));
  });

  test('never leaves a replaced file half', () => {
    for (let seed = 0; seed < 50; seed++) {
      const fs = new SimulatedFileSystem();
      fs.makeDir('/d');
      fs.syncDir('/');
      fs.replaceFile('/d/f', 'old');
      fs.replaceFile('/d/f', 'new');
      fs.crash('power', seededRandom(seed));
      expect(fs.readFile('/d/f').toString()).toBe('new');
    }
  });
});

describe('a loss of power', () => {
  /** What is left of a folder, over many losses of power after `change`. */
  function outcomes(change: (fs: SimulatedFileSystem) => void, order: 'entries' | 'folders' = 'entries'): Set<string> {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const fs = new SimulatedFileSystem();
      fs.lostOrders = ['journal', order];
      fs.makeDir('/d');
      for (const name of ['a', 'b']) fs.open(`/d/${name}`, 'w+').close();
      fs.syncDir('/');
      fs.syncDir('/d');
      change(fs);
      fs.crash('power', seededRandom(seed));
      seen.add(fs.readDir('/d').sort().join(' '));
    }
    return seen;
  }

  test('lets renames come to the disk in any order only when told to, each whole', () => {
    const renames = (fs: SimulatedFileSystem): void => {
      fs.rename('/d/a', '/d/a.deleted');
      fs.rename('/d/b', '/d/b.deleted');
    };
    expect(outcomes(renames)).toEqual(new Set(['a b', 'a.deleted b', 'a b.deleted', 'a.deleted b.deleted']));
    expect(outcomes(renames, 'folders')).toEqual(new Set(['a b', 'a.deleted b', 'a.deleted b.deleted']));
  });

  test('keeps no new name of a file without the rename before it', () => {
    const seen = outcomes((fs) => {
      fs.rename('/d/a', '/d/c');
      fs.rename('/d/c', '/d/e');
    });
    expect(seen).toEqual(new Set(['a b', 'b c', 'b e']));
  });

  test('takes no file away that was made before one that is left', () => {
    const seen = outcomes((fs) => {
      fs.open('/d/c', 'w+').close();
      fs.open('/d/e', 'w+').close();
    });
    expect(seen).toEqual(new Set(['a b', 'a b c', 'a b c e']));
  });

  test('leaves nothing behind a truncation that is not durable', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const fs = new SimulatedFileSystem();
      const handle = fs.open('/f', 'w+');
      handle.writeSync([Buffer.from('old')], 0);
      handle.syncSync();
      fs.syncDir('/');
      handle.truncate(1);
      handle.writeSync([Buffer.from('new')], 1);
      fs.crash('power', seededRandom(seed));
      seen.add(fs.readFile('/f').toString());
    }
    expect([...seen].filter((text) => text !== 'old' && !'onew'.startsWith(text.replace(/\0+$/, '')))).toEqual([]);
    expect([...seen]).toEqual(expect.arrayContaining(['old', 'o', 'onew']));
  });

  test('may take away what was written while a sync was under way', async () => {
    const clock = new SimulatedClock();
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const fs = new SimulatedFileSystem();
      const handle = fs.open('/f', 'w+');
      fs.syncDir('/');
      fs.pace = { clock, delayMs: () => 10 };
      handle.writeSync([Buffer.from('before')], 0);
      const synced = handle.sync();
      handle.writeSync([Buffer.from('after')], 6);
      await clock.advance(10);
      await synced;
      fs.crash('power', seededRandom(seed));
      const text = fs.readFile('/f').toString();
      expect(text.startsWith('before')).toBe(true);
      seen.add(text);
    }
    expect([...seen]).toEqual(expect.arrayContaining(['before', 'beforeafter']));
  });
});

test('operations that wait take their time under the clock, and those that block are added up', async () => {
  const clock = new SimulatedClock();
  const fs = new SimulatedFileSystem();
  const handle = fs.open('/f', 'w+');
  fs.pace = { clock, delayMs: (operation) => (operation === 'sync' ? 300 : 20) };
  handle.writeSync([Buffer.from('abc')], 0);
  expect(fs.blockedMs).toBe(20);
  let isRead = false;
  const read = handle.read(Buffer.alloc(3), 0, 3, 0).then(() => (isRead = true));
  await clock.advance(19);
  expect(isRead).toBe(false);
  await clock.advance(1);
  await read;
  expect(fs.blockedMs).toBe(20);
  handle.syncSync();
  expect(fs.blockedMs).toBe(320);
});

test('a process that is halted in the middle of a write does nothing more, until its life is over', () => {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  const handle = fs.open('/d/f', 'w+');
  fs.fault = (operation, _path, length) => (operation === 'write' ? fs.halt(length - 1) : null);
  const killed = expect.objectContaining({ code: 'EKILLED' });
  expect(() => handle.writeSync([Buffer.from('abcd')], 0)).toThrow(killed);
  fs.fault = null;
  expect(() => handle.truncate(0)).toThrow(killed);
  expect(() => fs.remove('/d/f')).toThrow(killed);
  expect(fs.isHalted).toBe(true);
  fs.crash('process', seededRandom(1));
  expect(fs.isHalted).toBe(false);
  expect(fs.readFile('/d/f').toString()).toBe('abc');
});

test('a close that fails has closed the file', () => {
  const fs = new SimulatedFileSystem();
  const handle = fs.open('/f', 'w+');
  fs.fault = (operation) => (operation === 'close' ? Object.assign(new Error('EIO'), { code: 'EIO' }) : null);
  expect(() => handle.close()).toThrow('EIO');
  expect(fs.openHandles).toBe(0);
  expect(() => handle.size()).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('a folder is removed one entry after another', () => {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  for (const name of ['a', 'b', 'c']) fs.open(`/d/${name}`, 'w+').close();
  let removals = 0;
  fs.fault = (operation) => (operation === 'remove' && ++removals === 3 ? fs.halt() : null);
  expect(() => fs.remove('/d')).toThrow(expect.objectContaining({ code: 'EKILLED' }));
  fs.crash('process', seededRandom(1));
  expect(fs.readDir('/d')).toHaveLength(1);
});

test('a write that fails may have written a part', () => {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  const handle = fs.open('/d/f', 'w+');
  fs.fault = (operation) => (operation === 'write' ? Object.assign(new Error('full'), { code: 'ENOSPC' }) : null);
  expect(() => handle.writeSync([Buffer.from('abcd')], 0)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  fs.fault = null;
  expect(handle.size()).toBe(2);
});

test('a removal through the pool takes as long as the disk, file by file, and ends when it is told', async () => {
  const clock = new SimulatedClock();
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  for (const name of ['a', 'b', 'c']) fs.open(`/d/${name}`, 'w+').close();
  fs.pace = { clock, delayMs: (operation) => (operation === 'remove' ? 100 : 0) };
  let isOver = false;
  void fs.removeAsync('/d', () => isOver);
  await clock.advance(150);
  expect(fs.readDir('/d')).toEqual(['b', 'c']);
  isOver = true;
  await clock.advance(1000);
  expect(fs.readDir('/d')).toEqual(['c']);
});

describe('as rename(2) does', () => {
  let fs: SimulatedFileSystem;
  beforeEach(() => {
    fs = new SimulatedFileSystem();
    for (const dir of ['/from', '/empty', '/full']) fs.makeDir(dir);
    for (const file of ['/from/one', '/full/other', '/file']) fs.open(file, 'w+').close();
  });

  test.each([
    {
      title: 'a folder takes the place of no folder with something in it',
      from: '/from',
      to: '/full',
      code: 'ENOTEMPTY',
    },
    { title: 'a folder takes the place of no file', from: '/from', to: '/file', code: 'ENOTDIR' },
    { title: 'a file takes the place of no folder', from: '/file', to: '/empty', code: 'EISDIR' },
    { title: 'a folder does not go into itself', from: '/from', to: '/from/within', code: 'EINVAL' },
    { title: 'no name is longer than 255 bytes', from: '/from', to: `/${'ä'.repeat(128)}`, code: 'ENAMETOOLONG' },
  ])('$title', ({ from, to, code }) => {
    expect(() => fs.rename(from, to)).toThrow(expect.objectContaining({ code }));
    expect(fs.readDir('/from')).toEqual(['one']);
    expect(fs.readDir('/full')).toEqual(['other']);
  });

  test('a folder takes the place of an empty folder, a file that of a file, and each its own', () => {
    fs.rename('/from', '/empty');
    fs.rename('/file', '/empty/one');
    fs.rename('/empty', '/empty');
    expect([fs.readDir('/').sort(), fs.readDir('/empty')]).toEqual([['empty', 'full'], ['one']]);
  });
});

test('neither a folder nor a file is made with a name that is too long or below a file', () => {
  const fs = new SimulatedFileSystem();
  const name = 'x'.repeat(256);
  fs.open('/file', 'w+').close();
  expect(() => fs.makeDir(`/${name}`)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  expect(() => fs.open(`/${name}`, 'w+')).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  expect(() => fs.makeDir('/file')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => fs.makeDir('/file/below')).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  expect(() => fs.open('/file', 'r').truncate(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('a real file that was written between two milliseconds has the time of the first', () => {
  const file = join(temporary, 'between');
  writeFileSync(file, '');
  utimesSync(file, 1_793_459_938.6915, 1_793_459_938.6915);
  expect(nodeFileSystem.stat(file).modifiedMs).toBe(1_793_459_938_691);
});
