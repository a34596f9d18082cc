/** The files of logs that are open at once: how many, which, and that each is closed when nothing needs it. */
import { SimulatedClock, SimulatedFileSystem, settle } from '../../../src/testing/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';
import { FileHandleCache, LogFile } from '../../../src/log/files/file-handles.js';

const READ_MS = 10;

let clock: SimulatedClock;
let fs: SimulatedFileSystem;
beforeEach(() => {
  clock = new SimulatedClock();
  fs = new SimulatedFileSystem(() => clock.nowMs());
  fs.makeDir('/d');
  fs.pace = { clock, delayMs: (operation) => (operation === 'read' || operation === 'sync' ? READ_MS : 0) };
});

function newFiles(count: number, maxOpen: number): { cache: FileHandleCache; files: LogFile[] } {
  const cache = new FileHandleCache(fs, maxOpen);
  const files = Array.from({ length: count }, (_, at) => {
    const file = LogFile.create(cache, `/d/${at}`, false);
    file.append([Buffer.from(`${at}`)], `${at}`.length);
    return file;
  });
  cache.closeIdle();
  return { cache, files };
}

function use(file: LogFile): void {
  file.readSync(Buffer.alloc(1), 0, 1, 0);
}

const MEMORY = { take: (bytes: number) => Buffer.alloc(bytes) };

async function read(file: LogFile): Promise<number> {
  return (await file.read(1, 0, MEMORY)).length;
}

/** Of those files the ones that are open: using them opens nothing. */
function openOf(files: readonly LogFile[]): number[] {
  return files.flatMap((file, at) => ((file as unknown as { handle: unknown }).handle === null ? [] : [at]));
}

test.each([1, 2, 3, 7])('no more than %i are open, and what is open is what is counted', (maxOpen) => {
  const { cache, files } = newFiles(20, maxOpen);
  let most = 0;
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => {
    const handle = open(path, mode);
    most = Math.max(most, fs.openHandles);
    return handle;
  };
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < files.length; at++) {
      use(files[(at * 7 + round) % files.length]!);
      expect([cache.openCount, fs.openHandles]).toEqual([openOf(files).length, openOf(files).length]);
      expect(cache.openCount).toBeLessThanOrEqual(maxOpen);
    }
  }
  expect(cache.openCount).toBe(maxOpen);
  // One is opened before another is closed for it.
  expect(most).toBe(maxOpen + 1);
});

test('a file that was used since it was last passed over stays, and one that was not goes', () => {
  const { files } = newFiles(6, 3);
  for (const at of [0, 1, 2]) use(files[at]!);
  // All were used: each is passed over once, and the oldest goes.
  use(files[3]!);
  expect(openOf(files)).toEqual([1, 2, 3]);
  use(files[1]!);
  use(files[4]!);
  expect(openOf(files)).toEqual([1, 3, 4]);
});

test('files that are being read stay open beyond the bound, and those that are not make room', async () => {
  const { cache, files } = newFiles(8, 2);
  const first = read(files[0]!);
  for (const at of [1, 2, 3]) {
    use(files[at]!);
    expect(openOf(files)).toEqual([0, at]);
  }
  await clock.advance(READ_MS);
  await first;
  for (const at of [4, 5, 6]) use(files[at]!);
  expect(openOf(files)).not.toContain(0);
  expect(cache.openCount).toBe(2);
});

test('a file that is closed while it is read is closed when the last read of it ends, and counts until then', async () => {
  const { cache, files } = newFiles(1, 10);
  const [file] = files as [LogFile];
  const reads = [read(file), clock.advance(READ_MS / 2).then(() => read(file))];
  await clock.advance(1);
  file.close();
  expect([cache.openCount, fs.openHandles]).toEqual([1, 1]);
  await clock.advance(READ_MS);
  expect([cache.openCount, fs.openHandles]).toEqual([1, 1]);
  await clock.advance(READ_MS);
  expect(await Promise.all(reads)).toEqual([1, 1]);
  expect([cache.openCount, fs.openHandles]).toEqual([0, 0]);
  // Opened again it stays open, as any other.
  const again = read(file);
  await clock.advance(READ_MS);
  await again;
  expect([cache.openCount, fs.openHandles]).toEqual([1, 1]);
});

test('a file that is used after it was to be closed stays open', async () => {
  const { cache, files } = newFiles(1, 10);
  const [file] = files as [LogFile];
  const reading = read(file);
  await clock.advance(1);
  file.close();
  use(file);
  await clock.advance(READ_MS);
  await reading;
  expect([cache.openCount, fs.openHandles]).toEqual([1, 1]);
});

test.each<{ title: string; work: (file: LogFile) => unknown }>([
  { title: 'read', work: read },
  { title: 'synced', work: (file) => file.sync() },
  { title: 'kept open', work: (file) => file.keepingOpen(() => undefined) },
  {
    title: 'kept open for something that failed',
    work: (file) =>
      expect(() =>
        file.keepingOpen(() => {
          throw new Error('failed');
        }),
      ).toThrow('failed'),
  },
  {
    title: 'read in vain',
    work: (file) => {
      fs.fault = (operation, path) => (operation === 'read' && path === '/d/0' ? new Error('EIO') : null);
      return read(file).catch(() => (fs.fault = null));
    },
  },
  {
    title: 'synced in vain',
    work: (file) => {
      fs.fault = (operation, path) => (operation === 'sync' && path === '/d/0' ? new Error('EIO') : null);
      return file.sync().catch(() => (fs.fault = null));
    },
  },
])('a file that was $title is idle again', async ({ work }) => {
  const { cache, files } = newFiles(3, 10);
  const reading = read(files[1]!);
  const done = work(files[0]!);
  await clock.advance(READ_MS / 2);
  use(files[2]!);
  await clock.advance(READ_MS / 2);
  await Promise.all([done, reading]);
  const longer = read(files[1]!);
  await settle();
  expect(files.map(({ isPinned }) => isPinned)).toEqual([false, true, false]);
  // Only what was closed is counted as such: whoever needs a handle tries again for it.
  expect(cache.closeIdle()).toBe(2);
  expect([cache.openCount, openOf(files)]).toEqual([1, [1]]);
  expect(cache.closeIdle()).toBe(0);
  await clock.advance(READ_MS);
  await longer;
  expect([cache.openCount, openOf(files)]).toEqual([1, [1]]);
});

test('reads that come all at once are done in turn, no more at a time than leave half of the bound free', async () => {
  const gates = new DirectoryGates([], 6);
  const order: number[] = [];
  let [now, most] = [0, 0];
  const startRead = (at: number): Promise<unknown> =>
    gates.reading('/d/0', async () => {
      order.push(at);
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void clock.setTimer(READ_MS, resolve));
      now--;
    });
  // What ends lets more come, in the moment in which one that waits is to begin.
  const more: Promise<unknown>[] = [];
  const reads = Array.from({ length: 40 }, (_, at) =>
    startRead(at).then(() => {
      if (at < 20) more.push(startRead(100 + at));
    }),
  );
  for (let passed = 0; passed < 60; passed++) await clock.advance(READ_MS);
  await Promise.all(reads);
  await Promise.all(more);
  expect(most).toBe(3);
  const begun = order.filter((at) => at < 100);
  expect(begun).toEqual([...begun].sort((a, b) => a - b));
  expect(begun).toHaveLength(40);
  // Afterwards there is room for as many again.
  [now, most] = [0, 0];
  const again = [1, 2, 3].map(startRead);
  await settle();
  expect(now).toBe(3);
  for (let passed = 0; passed < 4; passed++) await clock.advance(READ_MS);
  await Promise.all(again);
});

test('a file that does not close counts as closed, and costs no other', () => {
  const failures: string[] = [];
  const cache = new FileHandleCache(fs, 1, (path) => failures.push(path));
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => {
    const handle = open(path, mode);
    const close = handle.close.bind(handle);
    handle.close = () => {
      close();
      if (path === '/d/0') throw new Error('EIO: close');
    };
    return handle;
  };
  const files = [0, 1].map((at) => LogFile.create(cache, `/d/${at}`, false));
  expect(failures).toEqual(['/d/0']);
  use(files[0]!);
  use(files[1]!);
  expect([failures.length, cache.openCount, openOf(files)]).toEqual([2, 1, [1]]);
  const strict = new FileHandleCache(fs, 1);
  const file = new LogFile(strict, '/d/0');
  use(file);
  expect(() => file.close()).toThrow('EIO: close');
  expect(strict.openCount).toBe(0);
});

test('files that are removed, or given away to be, are closed', () => {
  const { cache, files } = newFiles(3, 10);
  for (const file of files) use(file);
  files[0]!.remove();
  expect(files[1]!.detach()).toBe('/d/1');
  expect([cache.openCount, fs.openHandles, openOf(files)]).toEqual([1, 1, [2]]);
  expect([fs.exists('/d/0'), fs.exists('/d/1')]).toEqual([false, true]);
});

test('what was made stays open only where that is asked for', () => {
  const cache = new FileHandleCache(fs, 2);
  const files = [0, 1, 2, 3].map((at) => LogFile.create(cache, `/d/${at}`, at % 2 === 0));
  expect([cache.openCount, fs.openHandles, openOf(files)]).toEqual([2, 2, [0, 2]]);
  LogFile.create(cache, '/d/4', true);
  expect([cache.openCount, fs.openHandles]).toEqual([2, 2]);
});

test('a file that is cut and written again has no hole', () => {
  const { files } = newFiles(1, 10);
  const [file] = files as [LogFile];
  file.append([Buffer.from('abcdef')], 6);
  file.truncate(3);
  expect(file.sizeInBytes).toBe(3);
  file.append([Buffer.from('xy')], 2);
  expect(fs.readFile('/d/0').toString()).toBe('0abxy');
});

test('a write that failed half way is written over by the next', () => {
  const { files } = newFiles(1, 10);
  const [file] = files as [LogFile];
  fs.fault = (operation) => (operation === 'write' ? new Error('ENOSPC') : null);
  expect(() => file.append([Buffer.from('lost')], 4)).toThrow('ENOSPC');
  fs.fault = null;
  expect(file.sizeInBytes).toBe(1);
  file.append([Buffer.from('kept')], 4);
  expect([fs.readFile('/d/0').toString(), file.sizeInBytes]).toEqual(['0kept', 5]);
});

test('a flush of a file that was removed meanwhile is done', async () => {
  const { files } = newFiles(1, 10);
  fs.remove('/d/0');
  await files[0]!.sync();
  fs.fault = (operation) => (operation === 'open' ? Object.assign(new Error('EIO'), { code: 'EIO' }) : null);
  await expect(files[0]!.sync()).rejects.toThrow('EIO');
});

test('a file that is retired while its reads wait for their turn is closed when the last is done, and is not flushed', async () => {
  const { cache, files } = newFiles(8, 100);
  const synced: string[] = [];
  fs.pace = {
    clock,
    delayMs: (operation, path) => {
      if (operation === 'sync') synced.push(path);
      return operation === 'read' || operation === 'sync' ? READ_MS : 0;
    },
  };
  const reads = files.map(read);
  const flushes = files.map((file) => file.flush());
  await settle();
  const opened = openOf(files);
  expect(opened.length).toBeGreaterThan(0);
  expect(opened.length).toBeLessThan(files.length);
  const syncedBefore = synced.length;
  for (const file of files) file.retire();
  await clock.advance(10 * READ_MS);
  expect(synced).toHaveLength(syncedBefore);
  expect(await Promise.all(reads)).toEqual(files.map(() => 1));
  await Promise.all(flushes);
  expect([openOf(files), cache.openCount, fs.openHandles]).toEqual([[], 0, 0]);
});
