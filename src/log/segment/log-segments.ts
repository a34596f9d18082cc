import type { LogSegment } from './log-segment.js';

/** The segments of a log in order of their base offsets (`kafka.log.LogSegments`); the last is active. */
export class LogSegments {
  private readonly list: LogSegment[] = [];

  get count(): number {
    return this.list.length;
  }

  get all(): readonly LogSegment[] {
    return this.list;
  }

  get first(): LogSegment | undefined {
    return this.list[0];
  }

  /** The one that is appended to; a log that is open has one. */
  get active(): LogSegment {
    return this.list[this.list.length - 1]!;
  }

  get sizeInBytes(): number {
    let sum = 0;
    for (const segment of this.list) sum += segment.sizeInBytes;
    return sum;
  }

  add(segment: LogSegment): void {
    const at = this.indexOfFloor(segment.baseOffset);
    const replaced = at >= 0 && this.list[at]!.baseOffset === segment.baseOffset;
    this.list.splice(replaced ? at : at + 1, replaced ? 1 : 0, segment);
  }

  get(baseOffset: number): LogSegment | undefined {
    const floor = this.floor(baseOffset);
    return floor?.baseOffset === baseOffset ? floor : undefined;
  }

  /** The segment that would hold `offset`: the last whose base offset is not beyond it. */
  floor(offset: number): LogSegment | undefined {
    // Most questions are about the end of the log.
    if (this.list.length > 0 && this.active.baseOffset <= offset) return this.active;
    return this.list[this.indexOfFloor(offset)];
  }

  /** The next segment after the one with `baseOffset`. */
  higher(baseOffset: number): LogSegment | undefined {
    return this.list[this.indexOfFloor(baseOffset) + 1];
  }

  /** Those that hold offsets of [from, to). */
  range(from: number, to: number): LogSegment[] {
    const first = Math.max(0, this.indexOfFloor(from));
    return this.list.slice(first).filter((segment) => segment.baseOffset < to);
  }

  remove(segment: LogSegment): void {
    const at = this.list.indexOf(segment);
    if (at >= 0) this.list.splice(at, 1);
  }

  clear(): void {
    this.list.length = 0;
  }

  private indexOfFloor(offset: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle]!.baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
