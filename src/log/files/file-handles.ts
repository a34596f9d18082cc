/**
 * Open files of all logs of a broker, within one bound: thousands of partitions have tens of thousands of files, and the process may
 * open far fewer. A file is opened when it is used and closed when others need its place.
 */
import { assert, type FileHandle, type FileSystem } from '../../common/index.js';
import { DirectoryGates } from '../manager/directory-gates.js';
import type { ReadInterest } from '../segment/read-interest.js';

/** More than a busy broker touches at once, and below the usual limit of 1024 × 4 or more open files of a process. */
export const DEFAULT_MAX_OPEN_FILES = 1024;

/** Where the memory for a read comes from: at least so many bytes. */
export interface ReadMemory {
  take(bytes: number): Buffer;
}

/** Of what is read once, and looked at. */
export const PLAIN_MEMORY: ReadMemory = { take: (bytes) => Buffer.allocUnsafe(bytes) };

/** Hands out open files, closing those that were not used lately ("second chance") when there are more than `maxOpen`. */
export class FileHandleCache {
  private readonly files = new Set<LogFile>();

  constructor(
    readonly fs: FileSystem,
    private readonly maxOpen: number = DEFAULT_MAX_OPEN_FILES,
    /** A file did not close as it should. It counts as closed: the descriptor is gone whatever close(2) says. */
    private readonly onCloseFailed: (path: string, error: Error) => void = throwAgain,
    /** What waits for the thread pool waits there, with no file open. */
    readonly gates: DirectoryGates = new DirectoryGates(),
  ) {}

  /** How many files are open now. */
  get openCount(): number {
    return this.files.size;
  }

  /**
   * Keeps a file handle back during `work`, by opening a folder: given back, it is there for the next file that is opened, as no one else
   * opens one before. For a change that has to make a file at its end, and must not be begun without being able to.
   */
  withReserved<T>(folder: string, work: (giveBack: () => void) => T): T {
    let handle: FileHandle | null = this.fs.open(folder, 'r');
    const giveBack = (): void => {
      if (handle) this.close(handle, folder);
      handle = null;
    };
    try {
      return work(giveBack);
    } finally {
      giveBack();
    }
  }

  /** Called by a file that has just been opened. */
  onOpened(file: LogFile): void {
    this.files.add(file);
    if (this.files.size > this.maxOpen) this.evict(file);
  }

  onClosed(file: LogFile): void {
    this.files.delete(file);
  }

  /** Closes a handle. Never throws for it: who happens to need the room may be another log, in another directory. */
  close(handle: FileHandle, path: string): void {
    try {
      handle.close();
    } catch (error) {
      this.onCloseFailed(path, error as Error);
    }
  }

  /** Closes every file that nothing is being read from; each is opened again when it is used. Returns how many. */
  closeIdle(): number {
    const before = this.files.size;
    for (const file of [...this.files]) if (!file.isPinned) file.close();
    return before - this.files.size;
  }

  private evict(keep: LogFile): void {
    // Each file is passed over at most once; when all are pinned by reads in flight the bound is exceeded until they end.
    for (let chances = 2 * this.files.size; chances > 0 && this.files.size > this.maxOpen; chances--) {
      const oldest = this.files.values().next().value!;
      if (oldest !== keep && !oldest.takeSecondChance()) {
        oldest.close();
      } else {
        this.files.delete(oldest);
        this.files.add(oldest);
      }
    }
  }
}

function throwAgain(_path: string, error: Error): never {
  throw error;
}

/**
 * One file of a log: where it is, how long it is, and its handle while it is open. Writes go to the end and happen at once; the size is
 * kept here so that no call asks the disk for it. The owner is the segment or index it belongs to.
 */
export class LogFile {
  private handle: FileHandle | null = null;
  private usedLately = false;
  private pins = 0;
  private closeWhenUnpinned = false;
  private isRetired = false;
  private knownSize: number;
  private knownWrittenMs: number | null = null;

  /** `size` is that of the file when known, else -1: it is then asked for on first need. */
  constructor(
    private readonly cache: FileHandleCache,
    private currentPath: string,
    size = -1,
  ) {
    this.knownSize = size;
  }

  /** Makes the file, or makes it empty. It stays open only when `keepOpen` is set. */
  static create(cache: FileHandleCache, path: string, keepOpen: boolean): LogFile {
    const handle = cache.fs.open(path, 'w+');
    const file = new LogFile(cache, path, 0);
    if (keepOpen) {
      file.handle = handle;
      cache.onOpened(file);
    } else {
      cache.close(handle, path);
    }
    return file;
  }

  get path(): string {
    return this.currentPath;
  }

  get isOpen(): boolean {
    return this.handle !== null;
  }

  /** Something waits for a read or a sync of it. */
  get isPinned(): boolean {
    return this.pins > 0;
  }

  get sizeInBytes(): number {
    if (this.knownSize < 0) this.knownSize = this.cache.fs.stat(this.currentPath).size;
    return this.knownSize;
  }

  /** Milliseconds since 1970 of the last write, as the file system says. */
  get modifiedMs(): number {
    return this.cache.fs.stat(this.currentPath).modifiedMs;
  }

  /** The same, asked once after each write: for walks of many files. A time that was set by hand since then is not noticed. */
  get lastWrittenMs(): number {
    return (this.knownWrittenMs ??= this.modifiedMs);
  }

  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
  readSync(target: Buffer, targetOffset: number, length: number, position: number): number {
    return this.opened().readSync(target, targetOffset, length, position);
  }

  /**
   * The same through the thread pool, into memory that is taken when the turn of the read comes. The handle stays open until it is done,
   * whatever happens to the file meanwhile.
   */
  read(length: number, position: number, memory: ReadMemory): Promise<Buffer> {
    return this.cache.gates.reading(this.path, () => this.readNow(length, position, memory));
  }

  /** The same unless there is an interest in it, and that ends before its turn: then gives null. How much to read is asked when that comes. */
  readFor(
    interest: ReadInterest | null,
    length: number | (() => number),
    position: number,
    memory: ReadMemory,
  ): Promise<Buffer | null> {
    const work = (): Promise<Buffer> => this.readNow(typeof length === 'number' ? length : length(), position, memory);
    return interest
      ? this.cache.gates.readingFor(interest, this.path, work)
      : this.cache.gates.reading(this.path, work);
  }

  private async readNow(length: number, position: number, memory: ReadMemory): Promise<Buffer> {
    const handle = this.opened();
    this.pins++;
    try {
      const target = memory.take(length);
      return target.subarray(0, await handle.read(target, 0, length, position));
    } finally {
      this.unpin();
    }
  }

  /** Runs `work` with the file open: whatever else is opened meanwhile, using this one needs no handle. Throws before `work` if it cannot. */
  keepingOpen<T>(work: () => T): T {
    this.opened();
    this.pins++;
    try {
      return work();
    } finally {
      this.unpin();
    }
  }

  /** Runs `work`, and leaves the file closed if it was: for what is read once of many files. */
  usedBriefly<T>(work: () => T): T {
    const wasOpen = this.handle !== null;
    try {
      return work();
    } finally {
      if (!wasOpen) this.close();
    }
  }

  /** Writes behind the last byte. When it throws, a part may have been written; the size stays, so the next write covers it. */
  append(buffers: readonly Buffer[], length: number): void {
    const position = this.sizeInBytes;
    this.knownWrittenMs = null;
    this.opened().writeSync(buffers, position);
    this.knownSize = position + length;
  }

  truncate(size: number): void {
    if (size === this.sizeInBytes) return;
    assert(size < this.sizeInBytes, 'a file is only ever cut');
    this.knownWrittenMs = null;
    this.opened().truncate(size);
    this.knownSize = size;
  }

  /** Makes the content durable without blocking, for someone who waits for it. A file that was removed meanwhile is fine. */
  sync(): Promise<void> {
    return this.cache.gates.syncing(this.path, () => this.syncNow());
  }

  /** The same in the background, behind whatever else is flushed. */
  flush(): Promise<void> {
    return this.cache.gates.flushing(this.path, () => this.syncNow());
  }

  private async syncNow(): Promise<void> {
    if (this.isRetired) return;
    let handle: FileHandle;
    try {
      handle = this.opened();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    this.pins++;
    try {
      await handle.sync();
    } finally {
      this.unpin();
    }
  }

  syncSync(): void {
    this.opened().syncSync();
  }

  /** Renames the file. An open handle stays good. */
  rename(path: string): void {
    this.cache.fs.rename(this.currentPath, path);
    this.currentPath = path;
  }

  /** The folder it lies in was renamed. */
  movedTo(path: string): void {
    this.currentPath = path;
  }

  /** Closes the file for who removes it, and names it. */
  detach(): string {
    this.retire();
    return this.currentPath;
  }

  /**
   * Closes the handle for good: a read that waited for its turn may still open the file, and closes it when it is done. Left open, a removed
   * file would keep its place on the disk.
   */
  retire(): void {
    this.isRetired = true;
    this.close();
  }

  /** Closes and removes the file. A missing one is fine. */
  remove(): void {
    this.close();
    this.cache.fs.remove(this.currentPath);
  }

  /** Closes the handle, as soon as no read needs it; the next use opens it again. */
  close(): void {
    if (!this.handle) return;
    if (this.pins > 0) {
      this.closeWhenUnpinned = true;
      return;
    }
    const { handle } = this;
    this.handle = null;
    this.closeWhenUnpinned = false;
    this.cache.onClosed(this);
    this.cache.close(handle, this.currentPath);
  }

  /** For the cache: true, once, when the file was used since it was last asked, or is in use. */
  takeSecondChance(): boolean {
    const spared = this.usedLately || this.pins > 0;
    this.usedLately = false;
    return spared;
  }

  private opened(): FileHandle {
    this.usedLately = true;
    this.closeWhenUnpinned = this.isRetired;
    if (this.handle) return this.handle;
    this.handle = this.cache.fs.open(this.currentPath, 'r+');
    this.cache.onOpened(this);
    return this.handle;
  }

  private unpin(): void {
    this.pins--;
    if (this.pins === 0 && this.closeWhenUnpinned) this.close();
  }
}
