import * as fs from 'node:fs';
import * as path from 'node:path';
import { lockFile } from './file-lock.js';
import type { FileHandle, FileSystem } from './file-system.js';

const OPEN_FLAGS = {
  r: fs.constants.O_RDONLY,
  'r+': fs.constants.O_RDWR,
  'w+': fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
  'a+': fs.constants.O_RDWR | fs.constants.O_CREAT,
} as const;

/** `writev` takes at most this many buffers a call (IOV_MAX on Linux). */
const WRITEV_MAX_BUFFERS = 1024;

/** The machine's files. */
export const nodeFileSystem: FileSystem = {
  open: (file, mode) => new NodeFileHandle(file, fs.openSync(file, OPEN_FLAGS[mode], 0o644)),
  readFile: (file) => fs.readFileSync(file),
  replaceFile(file, content) {
    const temporary = `${file}.tmp`;
    const fd = fs.openSync(temporary, 'w', 0o644);
    try {
      fs.writeFileSync(fd, content);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, file);
    nodeFileSystem.syncDir(path.dirname(file));
  },
  readDir: (dir) => fs.readdirSync(dir),
  stat(file) {
    const stat = fs.statSync(file);
    return { size: stat.size, modifiedMs: Math.trunc(stat.mtimeMs), isDirectory: stat.isDirectory() };
  },
  exists: (file) => fs.existsSync(file),
  makeDir,
  rename: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { recursive: true, force: true }),
  removeAsync,
  syncDir(dir) {
    const fd = fs.openSync(dir, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  lock: lockFile,
};

/** With all that lead there. `mkdirSync` of Node does not end where a directory that exists has no room for others, as /proc: there it is ENOENT. */
function makeDir(dir: string): void {
  try {
    fs.mkdirSync(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && fs.statSync(dir).isDirectory()) return;
    const parent = path.dirname(dir);
    if (code !== 'ENOENT' || fs.existsSync(parent)) throw error;
    makeDir(parent);
    fs.mkdirSync(dir);
  }
}

/** `fs.promises.rm` would give all files of a folder to the pool at once, and nothing else would get a thread for as long. */
async function removeAsync(file: string, isOver: () => boolean = () => false): Promise<void> {
  if (isOver()) return;
  try {
    if (!(await fs.promises.lstat(file)).isDirectory()) return await fs.promises.unlink(file);
    for (const name of await fs.promises.readdir(file)) await removeAsync(`${file}/${name}`, isOver);
    if (isOver()) return;
    await fs.promises.rmdir(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

class NodeFileHandle implements FileHandle {
  constructor(
    readonly path: string,
    private readonly fd: number,
  ) {}

  size(): number {
    return fs.fstatSync(this.fd).size;
  }

  readSync(target: Buffer, targetOffset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const count = fs.readSync(this.fd, target, targetOffset + done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const count = await new Promise<number>((resolve, reject) =>
        fs.read(this.fd, target, targetOffset + done, length - done, position + done, (error, bytesRead) =>
          error ? reject(error) : resolve(bytesRead),
        ),
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    if (buffers.length === 1) {
      this.writeOne(buffers[0]!, position);
      return;
    }
    for (let from = 0; from < buffers.length; from += WRITEV_MAX_BUFFERS) {
      const part = buffers.slice(from, from + WRITEV_MAX_BUFFERS);
      const length = part.reduce((sum, buffer) => sum + buffer.length, 0);
      const written = fs.writevSync(this.fd, part, position);
      if (written < length) this.writeOne(Buffer.concat(part).subarray(written), position + written);
      position += length;
    }
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.fd, size);
  }

  syncSync(): void {
    fs.fdatasyncSync(this.fd);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => fs.fdatasync(this.fd, (error) => (error ? reject(error) : resolve())));
  }

  setModifiedTime(ms: number): void {
    // Cut to microseconds on its way; seconds as a double may lie just below the millisecond.
    const seconds = (ms + 0.0005) / 1000;
    fs.futimesSync(this.fd, seconds, seconds);
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  private writeOne(buffer: Buffer, position: number): void {
    let done = 0;
    while (done < buffer.length) done += fs.writeSync(this.fd, buffer, done, buffer.length - done, position + done);
  }
}
