import type { Clock } from './clock.js';
import { FairRoom, type Tenant } from './fair-room.js';

/**
 * A `FairRoom` that lets in by itself whoever waits, one in each turn of the event loop: never within `leave`, for whoever leaves is in the middle
 * of something, and is not to run the next one inside of it.
 */
export class GrantingRoom<T extends Tenant> {
  private readonly room: FairRoom<T>;
  private isGrantScheduled = false;

  constructor(
    private readonly clock: Clock,
    capacityBytes: number,
    /** Called within `enter`, or in a turn of its own. */
    private readonly onEntered: (tenant: T) => void,
  ) {
    this.room = new FairRoom(capacityBytes);
  }

  get heldBytes(): number {
    return this.room.heldBytes;
  }

  /** How many wait. */
  get waiters(): number {
    return this.room.waiters;
  }

  /** False when it has to wait. */
  enter(tenant: T): boolean {
    const isIn = this.room.enter(tenant, !this.isGrantScheduled);
    if (isIn) this.onEntered(tenant);
    return isIn;
  }

  /** Gives back what it holds, or the wish for it. */
  leave(tenant: T): void {
    this.room.leave(tenant);
    this.scheduleGrant();
  }

  private scheduleGrant(): void {
    if (this.room.waiters === 0 || this.isGrantScheduled) return;
    this.isGrantScheduled = true;
    this.clock.defer(() => {
      this.isGrantScheduled = false;
      const next = this.room.admitNext();
      if (next === null) return;
      this.scheduleGrant();
      this.onEntered(next);
    });
  }
}
