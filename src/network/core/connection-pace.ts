/** How many connections a second may be made (KIP-612): read again for each connection, since they can change while the broker runs. */
export interface ConnectionRateLimits {
  /** `max.connection.creation.rate` */
  maxRate(): number;
  /** `listener.name.X.max.connection.creation.rate`, else the broker's. */
  maxRateOfListener(listenerName: string): number;
  /** `quota.window.size.seconds` and `quota.window.num`: over what time the rate is taken. */
  readonly windowMs: number;
  readonly windows: number;
}

/** `MAX_VALUE`, the default: nothing is counted. */
const UNLIMITED = 2_147_483_647;

/** What becomes of a connection now. */
export interface PaceVerdict {
  /** 0: it may go on. Else it waits, and those of its listener that come after it wait behind it. */
  readonly waitMs: number;
  /** It counts by now, and is not to be counted again. */
  readonly isCounted: boolean;
}

const GO_ON: PaceVerdict = { waitMs: 0, isCounted: true };

/**
 * Holds new connections back while more are made than is allowed, over all listeners or on one (`ConnectionQuotas.waitForConnectionSlot`).
 * As Kafka's acceptor it lets one connection of a listener wait at a time: the others are counted when their turn comes.
 */
export class ConnectionPace {
  private readonly all: SampledRate;
  private readonly byListener = new Map<string, SampledRate>();
  private readonly heldUntilMs = new Map<string, number>();

  constructor(
    private readonly limits: ConnectionRateLimits,
    /** The rate over all listeners does not hold for it. */
    private readonly isProtected: (listenerName: string) => boolean,
  ) {
    this.all = new SampledRate(limits);
  }

  /** Asked for a new connection, and again after its wait. */
  enter(listenerName: string, nowMs: number, isCounted: boolean): PaceVerdict {
    const heldMs = (this.heldUntilMs.get(listenerName) ?? 0) - nowMs;
    if (heldMs > 0) return { waitMs: heldMs, isCounted };
    if (isCounted) return GO_ON;
    const waitMs = this.count(listenerName, nowMs);
    if (waitMs === 0) return GO_ON;
    this.heldUntilMs.set(listenerName, nowMs + waitMs);
    return { waitMs, isCounted: true };
  }

  private count(listenerName: string, nowMs: number): number {
    const limit = this.isProtected(listenerName) ? UNLIMITED : this.limits.maxRate();
    const ownLimit = this.limits.maxRateOfListener(listenerName);
    const waitMs = limit < UNLIMITED ? this.all.record(nowMs, limit) : 0;
    if (ownLimit >= UNLIMITED) return waitMs;
    let own = this.byListener.get(listenerName);
    if (!own) this.byListener.set(listenerName, (own = new SampledRate(this.limits)));
    return Math.max(waitMs, own.record(nowMs, ownLimit));
  }
}

/** Kafka's `Rate`: events a second over the last windows, the one under way among them; at first as if the others had been without. */
class SampledRate {
  private samples: { startMs: number; count: number }[] = [];

  constructor(private readonly options: { readonly windowMs: number; readonly windows: number }) {}

  /** Counts one event. Gives how long the next has to wait for the rate to be `limit` again; a window at most. */
  record(nowMs: number, limit: number): number {
    const { windowMs, windows } = this.options;
    const current = this.samples.at(-1);
    if (current && nowMs - current.startMs < windowMs) current.count++;
    else this.samples.push({ startMs: nowMs, count: 1 });
    this.samples = this.samples.filter(({ startMs }) => nowMs - startMs < windows * windowMs).slice(-windows);
    const elapsedMs = nowMs - this.samples[0]!.startMs;
    const missingWindows = Math.max(0, windows - 1 - Math.floor(elapsedMs / windowMs));
    const overMs = Math.max(windowMs, elapsedMs + missingWindows * windowMs);
    const rate = (this.samples.reduce((sum, { count }) => sum + count, 0) * 1000) / overMs;
    if (rate <= limit) return 0;
    return limit > 0 ? Math.min(windowMs, Math.ceil(((rate - limit) / limit) * overMs)) : windowMs;
  }
}
