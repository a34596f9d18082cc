import type { FileSystem } from '../../common/index.js';
import { offsetOfFile, segmentFile, SNAPSHOT_SUFFIX } from './log-file-names.js';

/** The files of a partition's folder while its log is loaded: their names, read once, and what becomes of them. */
export class LogFolder {
  private names: Set<string>;

  constructor(
    private readonly fs: FileSystem,
    readonly dir: string,
  ) {
    this.names = new Set(fs.readDir(dir));
  }

  /** In order of their offsets, as far as they begin with one. */
  get sorted(): string[] {
    return [...this.names].sort();
  }

  get snapshotOffsets(): number[] {
    return this.endingWith(SNAPSHOT_SUFFIX).flatMap((name) => offsetOfFile(name) ?? []);
  }

  endingWith(suffix: string): string[] {
    return [...this.names].filter((name) => name.endsWith(suffix));
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  hasFile(offset: number, suffix: string): boolean {
    return this.names.has(nameOf(offset, suffix));
  }

  /** A file was made by others. */
  add(offset: number, suffix: string): void {
    this.names.add(nameOf(offset, suffix));
  }

  /** A file was renamed by others. */
  renamed(offset: number, from: string, to: string): void {
    this.names.delete(nameOf(offset, from));
    this.add(offset, to);
  }

  remove(name: string): void {
    this.fs.remove(this.pathOf(name));
    this.names.delete(name);
  }

  removeFile(offset: number, suffix: string): void {
    this.remove(nameOf(offset, suffix));
  }

  rename(from: string, to: string): void {
    this.fs.rename(this.pathOf(from), this.pathOf(to));
    this.names.delete(from);
    this.names.add(to);
  }

  /** Reads the names again: files came and went. */
  reread(): void {
    this.names = new Set(this.fs.readDir(this.dir));
  }

  sync(): void {
    this.fs.syncDir(this.dir);
  }

  pathOf(name: string): string {
    return `${this.dir}/${name}`;
  }
}

function nameOf(offset: number, suffix: string): string {
  return segmentFile('', offset, suffix).slice(1);
}
