import { AddressShares } from './address-shares.js';
import { assert } from './assert.js';
import { WaitingLine } from './waiting-line.js';

/** Who takes of a room, or waits for it. */
export interface Tenant {
  readonly address: string;
  readonly bytes: number;
}

/**
 * A number of bytes that strangers share (`AddressShares`). A tenant takes all it needs at once, or waits. Whoever finds room passes those who wait
 * because they, or their address, are too large.
 *
 * One tenant may overdraw, for it may be larger than all there is; what it takes does not count against the others. This place goes to those who
 * wait, the addresses in turn: so everyone who waits goes in at last, though smaller ones come and go.
 */
export class FairRoom<T extends Tenant> {
  private readonly shares: AddressShares;
  private readonly line = new WaitingLine<T>();
  private overdrawer: T | null = null;

  constructor(capacityBytes: number) {
    this.shares = new AddressShares(capacityBytes, 'held');
  }

  get heldBytes(): number {
    return this.shares.total + (this.overdrawer?.bytes ?? 0);
  }

  /** How many wait. */
  get waiters(): number {
    return this.line.size;
  }

  /** Whether it is in; otherwise it waits, and `admitNext` gives it when its turn has come. */
  enter(tenant: T): boolean {
    const isIn = !this.line.hasOf(tenant.address) && (this.fits(tenant) || (this.line.size === 0 && this.mayOverdraw));
    if (isIn) this.hold(tenant);
    else this.line.add(tenant);
    return isIn;
  }

  /** Gives back what it holds, or the wish for it. */
  leave(tenant: T): void {
    if (this.line.delete(tenant)) return;
    if (this.overdrawer === tenant) this.overdrawer = null;
    else this.shares.count(tenant.address, -tenant.bytes);
  }

  /** Who need not wait any more, and is in now; null when all that wait have to. */
  admitNext(): T | null {
    const next = this.mayOverdraw ? this.line.first : this.line.firstThat(this.fits);
    if (next === null) return null;
    this.line.takeFirst(next);
    this.hold(next);
    return next;
  }

  private get mayOverdraw(): boolean {
    return this.overdrawer === null;
  }

  private readonly fits = ({ address, bytes }: Tenant): boolean => this.shares.hasRoomFor(address, bytes);

  private hold(tenant: T): void {
    if (this.fits(tenant)) {
      this.shares.count(tenant.address, tenant.bytes);
    } else {
      assert(this.overdrawer === null, 'one overdraws');
      this.overdrawer = tenant;
    }
  }
}
