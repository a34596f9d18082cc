import type { FileHandle, FileSystem } from '../../common/index.js';

/**
 * A small file in a log's folder that is written whole when it changes and synced later, with much else, by the `LogFlusher`. Until then a
 * loss of power may leave it old, new, empty or torn, and a kill old or new: its owner tells a torn one.
 */
export class SmallFile {
  private changes = 0;
  private durable: number;

  /** `isDurable`: what is there, if anything, was synced. */
  constructor(
    private readonly fs: FileSystem,
    private currentPath: string,
    isDurable: boolean,
  ) {
    this.durable = isDurable ? 0 : -1;
  }

  get path(): string {
    return this.currentPath;
  }

  /** Its content, and its name but for the folder, are on the disk. */
  get isDurable(): boolean {
    return this.changes === this.durable;
  }

  movedTo(path: string): void {
    this.currentPath = path;
  }

  /** Writes beside the file and renames over it. */
  replace(text: string): void {
    const temporary = `${this.path}.tmp`;
    const handle = this.fs.open(temporary, 'w+');
    try {
      handle.writeSync([Buffer.from(text)], 0);
    } finally {
      handle.close();
    }
    this.fs.rename(temporary, this.path);
    this.changes++;
  }

  /** Writes into the file: renaming over another makes ext4 write it to the disk at once, which takes milliseconds. */
  writeInPlace(text: string): void {
    const handle = this.fs.open(this.path, 'r+');
    try {
      handle.writeSync([Buffer.from(text)], 0);
    } finally {
      handle.close();
    }
    this.changes++;
  }

  /** Makes the content durable; the folder is to be synced after it. */
  async sync(): Promise<void> {
    if (this.isDurable) return;
    const { changes } = this;
    await syncFile(this.fs, this.path);
    this.durable = changes;
  }

  /** The same, blocking. */
  syncSync(): void {
    if (this.isDurable) return;
    syncFileSync(this.fs, this.path);
    this.durable = this.changes;
  }
}

/** Syncs a file without blocking. One that was removed meanwhile is fine. */
export async function syncFile(fs: FileSystem, path: string): Promise<void> {
  const handle = openIfThere(fs, path);
  if (handle) await syncAndClose(handle);
}

/** Syncs what is open, after `before`, without blocking, and closes it whatever comes. */
export async function syncAndClose(handle: FileHandle, before?: (handle: FileHandle) => void): Promise<void> {
  try {
    before?.(handle);
    await handle.sync();
  } finally {
    handle.close();
  }
}

/** The same, blocking. */
export function syncFileSync(fs: FileSystem, path: string): void {
  const handle = openIfThere(fs, path);
  if (!handle) return;
  try {
    handle.syncSync();
  } finally {
    handle.close();
  }
}

function openIfThere(fs: FileSystem, path: string): ReturnType<FileSystem['open']> | null {
  try {
    return fs.open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
