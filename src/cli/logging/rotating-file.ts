import fs from 'node:fs';
import { Writable } from 'node:stream';

export interface RotationLimits {
  /** A file is put aside before it gets longer than this. */
  readonly maxBytes: number;
  /** How many there are at most, with the one that is written to. */
  readonly maxFiles: number;
}

/** What the file says of lines that could not be written to it, once they can be again. */
export type NoteOfLoss = (lines: number, error: unknown) => string;

/**
 * A file that is put aside as `NAME.1` when it is full, what was `NAME.1` as `NAME.2` and so on, as log4j's RollingFileAppender does. What
 * was written is the system's when `write` returns, and so outlives the process, however it ends. A full disk costs lines and nothing else: each
 * is tried, and when there is room again it is said how many were lost. (winston's own File transport never writes again after an error,
 * and keeps in memory whatever it is given from then on.)
 */
export class RotatingFile extends Writable {
  private fd: number | null = null;
  private size = 0;
  private rotateAt: number;
  private lost = 0;
  private lastError: unknown = null;

  constructor(
    private readonly path: string,
    private readonly limits: RotationLimits,
    private readonly noteOfLoss: NoteOfLoss,
  ) {
    super();
    this.rotateAt = limits.maxBytes;
  }

  override _write(line: Buffer, _encoding: BufferEncoding, done: () => void): void {
    try {
      if (this.lost > 0) this.append(Buffer.from(`${this.noteOfLoss(this.lost, this.lastError)}\n`));
      this.lost = 0;
      this.append(line);
    } catch (error) {
      this.lost++;
      this.lastError = error;
      this.release();
    }
    done();
  }

  /** Until the next line. */
  release(): void {
    const { fd } = this;
    this.fd = null;
    try {
      if (fd !== null) fs.closeSync(fd);
    } catch (error) {
      this.lastError = error;
    }
  }

  private append(bytes: Buffer): void {
    this.fd ??= this.open();
    if (this.size > 0 && this.size + bytes.length > this.rotateAt) {
      this.release();
      this.tryToPutAside();
      this.fd = this.open();
    }
    fs.appendFileSync(this.fd, bytes);
    this.size += bytes.length;
  }

  private open(): number {
    const fd = fs.openSync(this.path, 'a');
    this.size = fs.fstatSync(fd).size;
    return fd;
  }

  /** One that cannot be put aside is written on, and put aside when it has got as much again, as by log4j. */
  private tryToPutAside(): void {
    const { maxBytes } = this.limits;
    try {
      this.putAside();
      this.rotateAt = maxBytes;
    } catch (error) {
      this.lastError = error;
      this.rotateAt = this.size + maxBytes;
    }
  }

  /** From the oldest on, so that nothing is overwritten but that, whenever the process ends in between. */
  private putAside(): void {
    const { path, limits } = this;
    const name = (age: number): string => (age === 0 ? path : `${path}.${age}`);
    fs.rmSync(name(limits.maxFiles - 1), { force: true });
    for (let age = limits.maxFiles - 2; age >= 0; age--) {
      if (fs.existsSync(name(age))) fs.renameSync(name(age), name(age + 1));
    }
  }
}
