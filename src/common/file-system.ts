/**
 * The file port. Everything that `log` keeps goes through it: the real kind is `node-file-system.ts`, the simulated one (with crashes
 * and torn writes) stands in for whole brokers under simulation. Errors are Node's (`code` is `ENOENT`, `EEXIST`, `ENOSPC` …).
 */
export interface FileSystem {
  /**
   * Opens a file. `r` reads an existing one, `r+` reads and writes an existing one, `w+` makes it, or makes it empty, `a+` opens it
   * for reading and writing and makes it when missing (without truncating; writes still name their position).
   */
  open(path: string, mode: 'r' | 'r+' | 'w+' | 'a+'): FileHandle;
  readFile(path: string): Buffer;
  /** Writes beside the target, syncs, renames over it and syncs the folder: after a crash the old or the new content is there, whole. */
  replaceFile(path: string, content: Buffer | string): void;
  /** Names of the entries of a folder, in no order. */
  readDir(path: string): string[];
  stat(path: string): FileStat;
  exists(path: string): boolean;
  /** Makes the folder and its parents; an existing one is fine. */
  makeDir(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file, or a folder with all in it. A missing one is fine. */
  remove(path: string): void;
  /**
   * The same through the thread pool, one entry after the other: a large file takes the disk long to free. Once `isOver` it goes on with no
   * other entry.
   */
  removeAsync(path: string, isOver?: () => boolean): Promise<void>;
  /** Makes the entries of a folder (created, renamed, removed) durable. */
  syncDir(path: string): void;
  /** Takes an exclusive lock on a file, made when missing, that lives until the process ends or `release` is called. */
  lock(path: string): FileLock;
}

/** `holder` says who has the lock, when that can be told. */
export type FileLock =
  { readonly isHeld: true; release(): void } | { readonly isHeld: false; readonly holder: string | null };

export interface FileStat {
  readonly size: number;
  /** Whole milliseconds. */
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
}

export interface FileHandle {
  readonly path: string;
  size(): number;
  /** Reads up to `length` bytes into `target` at once. Returns how many; fewer only at the end of the file. */
  readSync(target: Buffer, targetOffset: number, length: number, position: number): number;
  /** The same through the thread pool: for cold reads that may wait for the disk. */
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;
  /** Writes all bytes of all buffers at `position` as one gathered write. A failed write may leave a torn tail. */
  writeSync(buffers: readonly Buffer[], position: number): void;
  truncate(size: number): void;
  /** Makes the content durable; blocks. */
  syncSync(): void;
  /** Makes the content durable through the thread pool. */
  sync(): Promise<void>;
  setModifiedTime(ms: number): void;
  close(): void;
}
