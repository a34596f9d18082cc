/**
 * A file system in memory, for simulations and tests. It knows what a disk would still have after a loss of power: what was not synced may
 * be there whole, in part, or not at all.
 */
import type { FileHandle, FileStat, FileSystem } from './file-system.js';
import type { Random } from './random.js';

/** What happens to unsynced changes: a process that dies leaves them in the page cache; with the power they go, or are torn. */
export type CrashKind = 'process' | 'power';

/** Decides whether an operation on a path fails, and how; null lets it pass. */
export type FaultInjector = (operation: FileOperation, path: string) => NodeJS.ErrnoException | null;
export type FileOperation =
  'open' | 'read' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'readDir' | 'makeDir' | 'stat';

type FileChange = { kind: 'write'; position: number; bytes: Buffer } | { kind: 'truncate'; size: number };
type DirChange =
  | { kind: 'link'; name: string; node: Node }
  | { kind: 'unlink'; name: string }
  | { kind: 'rename'; from: string; to: string };

class FileNode {
  content: Content = new Content();
  durable: Content = new Content();
  unsynced: FileChange[] = [];

  constructor(public modifiedMs: number) {}

  sync(): void {
    if (this.unsynced.length === 0) return;
    for (const change of this.unsynced) this.durable.apply(change);
    this.unsynced = [];
  }
}

class DirNode {
  entries = new Map<string, Node>();
  durable = new Map<string, Node>();
  unsynced: DirChange[] = [];

  change(change: DirChange): void {
    applyDirChange(this.entries, change);
    this.unsynced.push(change);
  }

  sync(): void {
    this.durable = new Map(this.entries);
    this.unsynced = [];
  }
}

type Node = FileNode | DirNode;

/** Bytes that grow. */
class Content {
  private bytes: Buffer = Buffer.alloc(0);
  length = 0;

  apply(change: FileChange): void {
    if (change.kind === 'truncate') this.truncate(change.size);
    else this.write(change.bytes, change.position);
  }

  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    this.reserve(end);
    bytes.copy(this.bytes, position);
    this.length = Math.max(this.length, end);
  }

  truncate(size: number): void {
    this.reserve(size);
    if (size < this.length) this.bytes.fill(0, size, this.length);
    this.length = size;
  }

  read(target: Buffer, targetOffset: number, length: number, position: number): number {
    const end = Math.min(this.length, position + length);
    return end <= position ? 0 : this.bytes.copy(target, targetOffset, position, end);
  }

  toBuffer(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }

  copy(): Content {
    const copy = new Content();
    copy.bytes = this.toBuffer();
    copy.length = this.length;
    return copy;
  }

  private reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(size, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Paths are absolute, with slashes. Handles and locks are those of one process, which ends with `crash`. */
export class SimulatedFileSystem implements FileSystem {
  private readonly root = new DirNode();
  private readonly locks = new Set<string>();
  /** Handles of an earlier life are dead. */
  private life = 0;
  private openCount = 0;
  /** Set it to make operations fail. */
  fault: FaultInjector | null = null;

  /** `nowMs` gives the times of modification. */
  constructor(private readonly nowMs: () => number = () => 0) {}

  /** Handles that are open now. */
  get openHandles(): number {
    return this.openCount;
  }

  /** The process ends, or the machine. Open handles are dead, locks are free, and what was not synced may be lost. */
  crash(kind: CrashKind, random: Random): void {
    this.life++;
    this.openCount = 0;
    this.locks.clear();
    if (kind === 'power') losePower(this.root, random);
  }

  open(path: string, mode: 'r' | 'r+' | 'w+' | 'a+'): FileHandle {
    this.check('open', path);
    const existing = this.find(path);
    if (existing instanceof DirNode) {
      if (mode !== 'r') throw failure('EISDIR', 'open', path);
      return new DirHandle(path, existing);
    }
    if (!existing && (mode === 'r' || mode === 'r+')) throw failure('ENOENT', 'open', path);
    let node = existing;
    if (!node) {
      node = new FileNode(this.nowMs());
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
    for (const name of partsOf(path)) {
      let next = dir.entries.get(name);
      if (next instanceof FileNode) throw failure('EEXIST', 'mkdir', path);
      if (!next) {
        next = new DirNode();
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
    if (source === target) {
      source.change({ kind: 'rename', from: baseName(from), to: baseName(to) });
    } else {
      target.change({ kind: 'link', name: baseName(to), node });
      source.change({ kind: 'unlink', name: baseName(from) });
    }
  }

  remove(path: string): void {
    this.check('remove', path);
    if (!this.find(path)) return;
    this.parentOf(path, 'rm').change({ kind: 'unlink', name: baseName(path) });
  }

  syncDir(path: string): void {
    this.check('sync', path);
    this.dir(path, 'open').sync();
  }

  lock(path: string): { release(): void } | null {
    this.check('open', path);
    if (this.locks.has(path)) return null;
    if (!this.exists(path)) this.open(path, 'a+').close();
    this.locks.add(path);
    return { release: () => void this.locks.delete(path) };
  }

  /** For handles. */
  check(operation: FileOperation, path: string): void {
    const error = this.fault?.(operation, path);
    if (error) throw error;
  }

  write(node: FileNode, change: FileChange): void {
    node.content.apply(change);
    node.unsynced.push(change);
    node.modifiedMs = this.nowMs();
  }

  isAlive(life: number): boolean {
    return life === this.life;
  }

  onHandleClosed(): void {
    this.openCount--;
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
    await Promise.resolve();
    return this.readSync(target, targetOffset, length, position);
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    this.ensureUsable('write');
    if (!this.writable) throw failure('EBADF', 'write', this.path);
    const bytes = Buffer.concat(buffers);
    try {
      this.fs.check('write', this.path);
    } catch (error) {
      // As a full disk does: a part is written.
      const part = bytes.subarray(0, bytes.length >> 1);
      if (part.length > 0) this.fs.write(this.node, { kind: 'write', position, bytes: part });
      throw error;
    }
    this.fs.write(this.node, { kind: 'write', position, bytes });
  }

  truncate(size: number): void {
    this.ensureUsable('ftruncate');
    this.fs.check('truncate', this.path);
    this.fs.write(this.node, { kind: 'truncate', size });
  }

  syncSync(): void {
    this.ensureUsable('fdatasync');
    this.fs.check('sync', this.path);
    this.node.sync();
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.syncSync();
  }

  setModifiedTime(ms: number): void {
    this.ensureUsable('futimes');
    this.node.modifiedMs = ms;
  }

  close(): void {
    if (this.closed || !this.fs.isAlive(this.life)) return;
    this.closed = true;
    this.fs.onHandleClosed();
  }

  private ensureUsable(syscall: string): void {
    if (this.closed || !this.fs.isAlive(this.life)) throw failure('EBADF', syscall, this.path);
  }
}

/** A folder that was opened to be synced. */
class DirHandle implements FileHandle {
  constructor(
    readonly path: string,
    private readonly node: DirNode,
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
    this.node.sync();
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.node.sync();
  }

  setModifiedTime(): void {
    throw failure('EBADF', 'futimes', this.path);
  }

  close(): void {
    // Nothing is held.
  }
}

/** Each folder keeps its synced entries and some of the changes since, in order; each file likewise, the last change perhaps torn. */
function losePower(dir: DirNode, random: Random): void {
  const entries = new Map(dir.durable);
  for (const change of dir.unsynced.slice(0, random.nextInt(dir.unsynced.length + 1))) applyDirChange(entries, change);
  dir.entries = entries;
  dir.sync();
  for (const node of entries.values()) {
    if (node instanceof DirNode) losePower(node, random);
    else loseUnsynced(node, random);
  }
}

function loseUnsynced(file: FileNode, random: Random): void {
  const kept = random.nextInt(file.unsynced.length + 1);
  for (const change of file.unsynced.slice(0, kept)) file.durable.apply(change);
  const torn = file.unsynced[kept];
  if (torn?.kind === 'write') {
    const bytes = Buffer.from(torn.bytes);
    const good = random.nextInt(bytes.length + 1);
    // The length may be written before the bytes are.
    if (random.nextInt(2) === 0) file.durable.write(bytes.fill(0, good), torn.position);
    else if (good > 0) file.durable.write(bytes.subarray(0, good), torn.position);
  }
  file.content = file.durable.copy();
  file.unsynced = [];
}

function applyDirChange(entries: Map<string, Node>, change: DirChange): void {
  switch (change.kind) {
    case 'link':
      entries.set(change.name, change.node);
      break;
    case 'unlink':
      entries.delete(change.name);
      break;
    case 'rename': {
      const node = entries.get(change.from);
      entries.delete(change.from);
      if (node) entries.set(change.to, node);
      break;
    }
  }
}

function failure(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
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
