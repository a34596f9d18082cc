import { assert } from '../../common/index.js';

/**
 * How many partitions are kept, in sessions and in large fetches that wait. An address takes no more than it leaves to the others, as in
 * `FairRoom`: however much one of them keeps, one at another finds room. Here no one waits for it.
 */
export class PartitionRoom {
  private kept = 0;
  private readonly keptByAddress = new Map<string, number>();

  constructor(private readonly capacity: number) {}

  hasRoomFor(address: string, count: number): boolean {
    return this.keptBy(address) + count <= this.capacity - this.kept - count;
  }

  /** So many more are kept for a client at this address, or less. */
  count(address: string, change: number): void {
    if (change === 0) return;
    const kept = this.keptBy(address) + change;
    this.kept += change;
    assert(kept >= 0 && this.kept >= 0, 'what is kept is counted off once');
    if (kept > 0) this.keptByAddress.set(address, kept);
    else this.keptByAddress.delete(address);
  }

  private keptBy(address: string): number {
    return this.keptByAddress.get(address) ?? 0;
  }
}
