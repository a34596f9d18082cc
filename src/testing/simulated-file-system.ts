/**
 * A file system in memory, for simulations and tests. It knows what a disk would still have after a loss of power: what was not synced may
 * be there whole, in part, not at all, or without what was done before it. Operations can fail, be slow, or be the last of their process.
 */
import {
  sleep,
  type Clock,
  type FileHandle,
  type FileLock,
  type FileStat,
  type FileSystem,
  type Random,
} from '../common/index.js';
import {
  ChangeCounter,
  DirNode,
  drawLostOrder,
  FileNode,
  type LostOrder,
  type NewFileChange,
  type Node,
} from './simulated-disk.js';

/** What happens to unsynced changes: a process that dies leaves them in the page cache; with the power they go, or are torn. */
export type CrashKind = 'process' | 'power';

/** An error of the file system. Of a write that fails, the first `writtenBytes` are written: half of it unless told. */
export interface DiskError extends NodeJS.ErrnoException {
  readonly writtenBytes?: number;
}

/** Decides whether an operation on a path fails, and how; null lets it pass. `length` is that of a write. */
export type FaultInjector = (operation: FileOperation, path: string, length: number) => DiskError | null;
export type FileOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'rename'
  | 'remove'
  | 'readDir'
  | 'makeDir'
  | 'stat'
  | 'setTime';

/** Operations that change what a disk holds, or what of it is durable; `open` does when it makes the file. */
const CHANGING: ReadonlySet<FileOperation> = new Set(['write', 'truncate', 'sync', 'rename', 'remove', 'makeDir']);

/** How long an operation takes. Those that wait do so under `clock`; those that block are added up in `blockedMs`. */
export interface DiskPace {
  readonly clock: Clock;
  delayMs(operation: FileOperation, path: string): number;
}

/** Paths are absolute, with slashes. Handles and locks are those of one process, which ends with `crash`. */
export class SimulatedFileSystem implements FileSystem {
  private readonly counter = new ChangeCounter();
  private readonly root = new DirNode(this.counter);
  private readonly locks = new Set<string>();
  /** Handles of an earlier life are dead. */
  private life = 0;
  private openCount = 0;
  private halted = false;
  /** Set it to make operations fail. */
  fault: FaultInjector | null = null;
  /** Set it to make operations slow. */
  pace: DiskPace | null = null;
  /** Threads of the pool that a process has for operations which wait (libuv's four unless set); null for as many as there are operations. */
  poolThreads: number | null = null;
  private poolBusy = 0;
  private poolQueue: (() => void)[] = [];
  /** What a loss of power may leave of changes of folders; see `LostOrder`. */
  lostOrders: readonly LostOrder['kind'][] = ['journal', 'folders'];
  /** How long operations that block have held the process up. */
  blockedMs = 0;

  /** `nowMs` gives the times of modification. */
  constructor(private readonly nowMs: () => number = () => 0) {}

  /** Handles that are open now. */
  get openHandles(): number {
    return this.openCount;
  }

  /** True when the operation changes the disk, or what of it is durable. */
  isChange(operation: FileOperation, path: string): boolean {
    return CHANGING.has(operation) || (operation === 'open' && !this.exists(path));
  }

  /**
   * The process is dead, between two operations or inside one: nothing that its code does until `crash` has any effect, and every
   * operation throws. Returns the error for an injector to throw.
   */
  halt(writtenBytes = 0): DiskError {
    this.halted = true;
    return Object.assign(failure('EKILLED', 'kill', 'the process'), { writtenBytes });
  }

  get isHalted(): boolean {
    return this.halted;
  }

  /** The process ends, or the machine. Open handles are dead, locks are free, and what was not synced may be lost. */
  crash(kind: CrashKind, random: Random): void {
    this.life++;
    this.openCount = 0;
    this.halted = false;
    this.locks.clear();
    this.poolBusy = 0;
    for (const go of this.poolQueue.splice(0)) go();
    if (kind === 'power') this.root.losePower(drawLostOrder(random, this.counter, this.lostOrders), random);
  }

  open(path: string, mode: 'r' | 'r+' | 'w+' | 'a+'): FileHandle {
    this.check('open', path);
    const existing = this.find(path);
    if (existing instanceof DirNode) {
      if (mode !== 'r') throw failure('EISDIR', 'open', path);
      return new DirHandle(this, path, existing, this.life);
    }
    if (!existing && (mode === 'r' || mode === 'r+')) throw failure('ENOENT', 'open', path);
    let node = existing;
    if (!node) {
      ensureNameFits(baseName(path), 'open', path);
      node = new FileNode(this.counter, this.nowMs());
      this.parentOf(path, 'open').change({ kind: 'link', name: baseName(path), node });
    } else if (mode === 'w+') {
      this.write(node, { kind: 'truncate', size: 0 });
    }
    this.openCount++;
    return new SimulatedFileHandle(this, path, node, mode !== 'r', this.life);
  }

  readFile(path: string): Buffer {
    this.check('read', path);
    return this.file(path, 'open').content.toBuffer();
  }

  replaceFile(path: string, content: Buffer | string): void {
    const temporary = `${path}.tmp`;
    const handle = this.open(temporary, 'w+');
    handle.writeSync([Buffer.from(content)], 0);
    handle.syncSync();
    handle.close();
    this.rename(temporary, path);
    this.syncDir(dirName(path));
  }

  readDir(path: string): string[] {
    this.check('readDir', path);
    return [...this.dir(path, 'scandir').entries.keys()];
  }

  stat(path: string): FileStat {
    this.check('stat', path);
    const node = this.find(path);
    if (!node) throw failure('ENOENT', 'stat', path);
    if (node instanceof DirNode) return { size: 0, modifiedMs: 0, isDirectory: true };
    return { size: node.content.length, modifiedMs: node.modifiedMs, isDirectory: false };
  }

  exists(path: string): boolean {
    return this.find(path) !== undefined;
  }

  makeDir(path: string): void {
    this.check('makeDir', path);
    let dir = this.root;
    const parts = partsOf(path);
    for (const [at, name] of parts.entries()) {
      let next = dir.entries.get(name);
      if (next instanceof FileNode) throw failure(at === parts.length - 1 ? 'EEXIST' : 'ENOTDIR', 'mkdir', path);
      ensureNameFits(name, 'mkdir', path);
      if (!next) {
        next = new DirNode(this.counter);
        dir.change({ kind: 'link', name, node: next });
      }
      dir = next;
    }
  }

  rename(from: string, to: string): void {
    this.check('rename', from);
    const node = this.find(from);
    if (!node) throw failure('ENOENT', 'rename', from);
    const [source, target] = [this.parentOf(from, 'rename'), this.parentOf(to, 'rename')];
    ensureNameFits(baseName(to), 'rename', to);
    this.ensureReplaceable(node, from, to);
    if (this.find(to) === node) return;
    if (source === target) {
      source.change({ kind: 'rename', from: baseName(from), to: baseName(to) });
    } else {
      target.change({ kind: 'link', name: baseName(to), node });
      source.change({ kind: 'unlink', name: baseName(from) });
    }
  }

  /** What a folder has goes before it, one after another. */
  remove(path: string): void {
    const node = this.find(path);
    if (node instanceof DirNode) for (const name of [...node.entries.keys()]) this.remove(`${path}/${name}`);
    this.check('remove', path);
    if (node) this.parentOf(path, 'rm').change({ kind: 'unlink', name: baseName(path) });
  }

  async removeAsync(path: string, isOver: () => boolean = () => false): Promise<void> {
    const { life } = this;
    const node = this.find(path);
    if (node instanceof DirNode)
      for (const name of [...node.entries.keys()]) await this.removeAsync(`${path}/${name}`, isOver);
    if (isOver()) return;
    await this.checkLater('remove', path);
    if (!this.isAlive(life)) throw failure('EKILLED', 'rm', path);
    if (this.find(path)) this.parentOf(path, 'rm').change({ kind: 'unlink', name: baseName(path) });
  }

  syncDir(path: string): void {
    this.check('sync', path);
    this.dir(path, 'open').sync();
  }

  lock(path: string): FileLock {
    this.check('open', path);
    if (this.locks.has(path)) return { isHeld: false, holder: null };
    if (!this.exists(path)) this.open(path, 'a+').close();
    this.locks.add(path);
    return { isHeld: true, release: () => void this.locks.delete(path) };
  }

  /** For handles: throws when the operation fails, and counts how long it blocks. */
  check(operation: FileOperation, path: string, length = 0): void {
    this.refuse(operation, path, length);
    if (this.pace) this.blockedMs += this.pace.delayMs(operation, path);
  }

  /** For handles: the same for an operation that waits. */
  async checkLater(operation: FileOperation, path: string): Promise<void> {
    const { life } = this;
    if (this.poolThreads !== null) await this.takeThread(this.poolThreads);
    const delayMs = this.pace?.delayMs(operation, path) ?? 0;
    if (this.pace && delayMs > 0) await sleep(this.pace.clock, delayMs);
    else await Promise.resolve();
    if (this.poolThreads !== null && this.isAlive(life)) this.giveThread();
    this.refuse(operation, path, 0);
  }

  /** For handles. */
  write(node: FileNode, change: NewFileChange): void {
    node.change(change);
    node.modifiedMs = this.nowMs();
  }

  /** For handles: all that was changed until now. */
  get lastChange(): number {
    return this.counter.last;
  }

  isAlive(life: number): boolean {
    return life === this.life;
  }

  onHandleClosed(): void {
    this.openCount--;
  }

  private async takeThread(threads: number): Promise<void> {
    if (this.poolBusy < threads) this.poolBusy++;
    else await new Promise<void>((resolve) => this.poolQueue.push(resolve));
  }

  private giveThread(): void {
    const next = this.poolQueue.shift();
    if (next) next();
    else this.poolBusy--;
  }

  private refuse(operation: FileOperation, path: string, length: number): void {
    if (this.halted) throw this.halt();
    const error = this.fault?.(operation, path, length);
    if (error) throw error;
  }

  /** As rename(2): a folder takes the place of an empty folder only, a file that of a file. */
  private ensureReplaceable(node: Node, from: string, to: string): void {
    const replaced = this.find(to);
    if (`${to}/`.startsWith(`${from}/`) && to !== from) throw failure('EINVAL', 'rename', to);
    if (!replaced || replaced === node) return;
    if (replaced instanceof FileNode) {
      if (node instanceof DirNode) throw failure('ENOTDIR', 'rename', to);
      return;
    }
    if (node instanceof FileNode) throw failure('EISDIR', 'rename', to);
    if (replaced.entries.size > 0) throw failure('ENOTEMPTY', 'rename', to);
  }

  private find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of partsOf(path)) {
      if (!(node instanceof DirNode)) return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  private file(path: string, syscall: string): FileNode {
    const node = this.find(path);
    if (!node) throw failure('ENOENT', syscall, path);
    if (node instanceof DirNode) throw failure('EISDIR', syscall, path);
    return node;
  }

  private dir(path: string, syscall: string): DirNode {
    const node = this.find(path);
    if (!node) throw failure('ENOENT', syscall, path);
    if (node instanceof FileNode) throw failure('ENOTDIR', syscall, path);
    return node;
  }

  private parentOf(path: string, syscall: string): DirNode {
    return this.dir(dirName(path), syscall);
  }
}

class SimulatedFileHandle implements FileHandle {
  private closed = false;

  constructor(
    private readonly fs: SimulatedFileSystem,
    readonly path: string,
    private readonly node: FileNode,
    private readonly writable: boolean,
    private readonly life: number,
  ) {}

  size(): number {
    this.ensureUsable('fstat');
    return this.node.content.length;
  }

  readSync(target: Buffer, targetOffset: number, length: number, position: number): number {
    this.ensureUsable('read');
    this.fs.check('read', this.path);
    return this.node.content.read(target, targetOffset, length, position);
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.ensureUsable('read');
    await this.fs.checkLater('read', this.path);
    this.ensureUsable('read');
    return this.node.content.read(target, targetOffset, length, position);
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    this.ensureUsable('write');
    if (!this.writable) throw failure('EBADF', 'write', this.path);
    const bytes = Buffer.concat(buffers);
    try {
      this.fs.check('write', this.path, bytes.length);
    } catch (error) {
      // As a full disk does, and as a process does that is killed: a part is written.
      const part = bytes.subarray(0, (error as DiskError).writtenBytes ?? bytes.length >> 1);
      if (part.length > 0) this.fs.write(this.node, { kind: 'write', position, bytes: part });
      throw error;
    }
    this.fs.write(this.node, { kind: 'write', position, bytes });
  }

  truncate(size: number): void {
    this.ensureUsable('ftruncate');
    if (!this.writable) throw failure('EINVAL', 'ftruncate', this.path);
    this.fs.check('truncate', this.path);
    this.fs.write(this.node, { kind: 'truncate', size });
  }

  syncSync(): void {
    this.ensureUsable('fdatasync');
    this.fs.check('sync', this.path);
    this.node.sync();
  }

  async sync(): Promise<void> {
    this.ensureUsable('fdatasync');
    const upTo = this.fs.lastChange;
    await this.fs.checkLater('sync', this.path);
    this.ensureUsable('fdatasync');
    this.node.sync(upTo);
  }

  setModifiedTime(ms: number): void {
    this.ensureUsable('futimes');
    this.fs.check('setTime', this.path);
    this.node.modifiedMs = ms;
  }

  close(): void {
    if (this.closed || !this.fs.isAlive(this.life)) return;
    // One that fails has closed the file all the same.
    this.closed = true;
    this.fs.onHandleClosed();
    this.fs.check('close', this.path);
  }

  private ensureUsable(syscall: string): void {
    if (this.closed || !this.fs.isAlive(this.life)) throw failure('EBADF', syscall, this.path);
  }
}

/** A folder that was opened to be synced. */
class DirHandle implements FileHandle {
  constructor(
    private readonly fs: SimulatedFileSystem,
    readonly path: string,
    private readonly node: DirNode,
    private readonly life: number,
  ) {}

  size(): number {
    return 0;
  }

  readSync(): number {
    throw failure('EISDIR', 'read', this.path);
  }

  read(): Promise<number> {
    return Promise.reject(failure('EISDIR', 'read', this.path));
  }

  writeSync(): void {
    throw failure('EBADF', 'write', this.path);
  }

  truncate(): void {
    throw failure('EBADF', 'ftruncate', this.path);
  }

  syncSync(): void {
    if (!this.fs.isAlive(this.life)) throw failure('EBADF', 'fdatasync', this.path);
    this.fs.check('sync', this.path);
    this.node.sync();
  }

  async sync(): Promise<void> {
    const upTo = this.fs.lastChange;
    await this.fs.checkLater('sync', this.path);
    if (!this.fs.isAlive(this.life)) throw failure('EBADF', 'fdatasync', this.path);
    this.node.sync(upTo);
  }

  setModifiedTime(): void {
    throw failure('EBADF', 'futimes', this.path);
  }

  close(): void {
    // Nothing is held.
  }
}

function failure(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}

/** Longest name of a file on the file systems that brokers use, in bytes. */
const MAX_NAME_LENGTH = 255;

function ensureNameFits(name: string, syscall: string, path: string): void {
  if (Buffer.byteLength(name) > MAX_NAME_LENGTH) throw failure('ENAMETOOLONG', syscall, path);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function dirName(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 1));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
