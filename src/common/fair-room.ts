import { AddressShares } from './address-shares.js';
import { assert } from './assert.js';
import { WaitingLine } from './waiting-line.js';

/** Who takes of a room, or waits for it. */
export interface Tenant {
  readonly address: string;
  readonly bytes: number;
}

/** Each of four times the bytes of the one before; from the last on all are one. */
const SIZES = 16;
/** Who came late has turns as a size has. */
const LINES = SIZES + 1;

function sizeOf({ bytes }: Tenant): number {
  return bytes < 2 ** 31 ? (31 - Math.clz32(bytes | 1)) >> 1 : SIZES - 1;
}

/**
 * A number of bytes that strangers share (`AddressShares`). A tenant takes all it needs at once, or waits. Whoever finds room passes those who wait
 * because they, or their address, are too large, also those of his own address: half a company may stand behind one.
 *
 * One tenant may overdraw, for it may be larger than all there is; what it takes does not count against the others. While that place is free it is
 * the turn of those who wait, sizes and addresses in turn, whether they need it or fit: so everyone who waits goes in at last, whoever comes and goes.
 */
export class FairRoom<T extends Tenant> {
  private readonly shares: AddressShares;
  /** Those who wait, by size: one that is too large is in the way of none but its like. */
  private readonly lines = Array.from({ length: SIZES }, () => new WaitingLine<T>());
  /** Those that fitted when they came, and came in a turn in which others were to be asked first. */
  private readonly late = new WaitingLine<T>();
  /**
   * The line whose turn is next when one may overdraw. Those that go in since they fit do not move it: small ones that come and go would turn it back
   * to their own size each time.
   */
  private nextToOverdraw = 0;
  /** The line whose turn is next when only who fits may go in. */
  private nextToFit = 0;
  private waiting = 0;
  private overdrawer: T | null = null;

  constructor(capacityBytes: number) {
    this.shares = new AddressShares(capacityBytes, 'held');
  }

  get heldBytes(): number {
    return this.shares.total + (this.overdrawer?.bytes ?? 0);
  }

  /** How many wait. */
  get waiters(): number {
    return this.waiting;
  }

  /**
   * Whether it is in; otherwise it waits, and `admitNext` gives it when its turn has come. `mayPass` is false from when room was freed until
   * `admitNext` was asked: that room is for those who wait, if any do.
   */
  enter(tenant: T, mayPass = true): boolean {
    const isAlone = this.waiting === 0;
    const isIn = ((mayPass || isAlone) && this.fits(tenant)) || (isAlone && this.mayOverdraw);
    if (isIn) {
      this.hold(tenant);
    } else {
      (this.fits(tenant) ? this.late : this.lines[sizeOf(tenant)]!).add(tenant);
      this.waiting++;
    }
    return isIn;
  }

  /** Gives back what it holds, or the wish for it. */
  leave(tenant: T): void {
    if (this.late.delete(tenant) || this.lines[sizeOf(tenant)]!.delete(tenant)) {
      this.waiting--;
      return;
    }
    if (this.overdrawer === tenant) this.overdrawer = null;
    else this.shares.count(tenant.address, -tenant.bytes);
  }

  /** Who need not wait any more, and is in now; null when all that wait have to. */
  admitNext(): T | null {
    const { mayOverdraw } = this;
    const from = mayOverdraw ? this.nextToOverdraw : this.nextToFit;
    for (let passed = 0; passed < LINES && this.waiting > 0; passed++) {
      const at = (from + passed) % LINES;
      if (at === SIZES && !mayOverdraw) this.sortLate();
      const line = this.lines[at] ?? this.late;
      const next = mayOverdraw ? line.first : line.firstThat(this.fits);
      if (next === null) continue;
      if (mayOverdraw) this.nextToOverdraw = (at + 1) % LINES;
      else this.nextToFit = (at + 1) % LINES;
      line.takeFirst(next);
      this.waiting--;
      this.hold(next);
      return next;
    }
    return null;
  }

  /** Those that do not fit any more wait with others of their size: they are not in the way of who came late and does. */
  private sortLate(): void {
    for (let next = this.late.first; next !== null && !this.fits(next); next = this.late.first) {
      this.late.delete(next);
      this.lines[sizeOf(next)]!.add(next);
    }
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
