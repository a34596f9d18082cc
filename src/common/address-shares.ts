import { assert } from './assert.js';

/**
 * What strangers have of one capacity. An address is given no more than it leaves to the others: however much one of them takes, one at another
 * finds room.
 */
export class AddressShares {
  private sum = 0;
  private readonly byAddress = new Map<string, number>();

  constructor(
    private readonly capacity: number,
    /** How what is counted is called: held, say. */
    private readonly what: string,
  ) {}

  /** Of all addresses. */
  get total(): number {
    return this.sum;
  }

  /** How many addresses have something. */
  get addresses(): number {
    return this.byAddress.size;
  }

  of(address: string): number {
    return this.byAddress.get(address) ?? 0;
  }

  /** What is left for an address if its own counts twice; negative when others have more than there is. */
  leftFor(address: string): number {
    return this.capacity - this.sum - this.of(address);
  }

  /** So much more would count twice as well. */
  hasRoomFor(address: string, amount: number): boolean {
    return 2 * amount <= this.leftFor(address);
  }

  /** There may be room for so much, once no one has anything. */
  mayHold(amount: number): boolean {
    return 2 * amount <= this.capacity;
  }

  /** It has so much more, or less. */
  count(address: string, change: number): void {
    if (change === 0) return;
    const amount = this.of(address) + change;
    this.sum += change;
    assert(amount >= 0 && this.sum >= 0, () => `what is ${this.what} is counted off once`);
    if (amount > 0) this.byAddress.set(address, amount);
    else this.byAddress.delete(address);
  }
}
