import type { Uuid } from '../../../src/common/index.js';

/** One state that a log was told to be in: its values by offset, and what goes with them. */
export interface LogState {
  readonly start: number;
  readonly end: number;
  readonly values: ReadonlyMap<number, string>;
  readonly topicId: Uuid | null;
}

/**
 * What a log may hold after its process died, or the power went: one of the states it was told to be in. While an operation is under way
 * there are two or more of them; of those that no flush has made durable, the power may bring any back.
 */
export class LogModel {
  private underWay: LogState[];
  private unsynced: LogState[] = [];
  /** Everything below was told to be durable. */
  durable = 0;
  /** Offsets before which others are missing. */
  readonly afterGaps = new Set<number>();

  constructor(topicId: Uuid | null) {
    this.underWay = [{ start: 0, end: 0, values: new Map(), topicId }];
  }

  get now(): LogState {
    return this.underWay.at(-1)!;
  }

  /** Values stand at the end of the log, once the operation is done. */
  appends(values: readonly string[]): void {
    const next = new Map(this.now.values);
    for (const [index, value] of values.entries()) next.set(this.now.end + index, value);
    this.begins({ end: this.now.end + values.length, values: next });
  }

  /** What is from `offset` on goes; what was durable there is so no more. */
  truncates(offset: number): void {
    this.durable = Math.min(this.durable, offset);
    const values = new Map([...this.now.values].filter(([at]) => at < offset));
    this.begins({ end: offset, values });
  }

  /** A change begins: from now on both states are possible. */
  begins(change: Partial<LogState>): void {
    this.underWay.push({ ...this.now, ...change });
  }

  /** The last change is acknowledged. */
  isDone(): void {
    this.unsynced.push(...this.underWay.slice(0, -1));
    this.underWay = [this.now];
  }

  /** All up to `offset` was told to be durable, and with it every change before. */
  isFlushed(offset: number): void {
    this.durable = offset;
    this.unsynced = [];
  }

  /** The states that are possible now. */
  possible(isPowerLost: boolean): readonly LogState[] {
    return isPowerLost ? [...this.unsynced, ...this.underWay] : this.underWay;
  }

  /** The log ends here or later. */
  leastEnd(isPowerLost: boolean): number {
    return Math.min(...this.possible(isPowerLost).map(({ end }) => (isPowerLost ? Math.min(this.durable, end) : end)));
  }
}
