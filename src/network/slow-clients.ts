import type { Clock, Timer } from '../common/index.js';

/** How often is looked for clients that hold memory which others wait for. */
const PERIOD_MS = 250;

/**
 * Looks for clients that are too slow while memory is short, and only then. A process that stood still saw no bytes either: the time
 * after such a stop is the clients' once more.
 */
export class SlowClients {
  private timer: Timer | null = null;

  /** `cutOff` closes those that are late, and tells whether memory is still short. */
  constructor(
    private readonly clock: Clock,
    private readonly cutOff: (nowMs: number) => boolean,
  ) {}

  /** Memory is short. */
  watch(): void {
    if (this.timer === null) this.lookAgain();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private lookAgain(): void {
    const setMs = this.clock.monotonicMs();
    this.timer = this.clock.setTimer(
      PERIOD_MS,
      () => {
        this.timer = null;
        const nowMs = this.clock.monotonicMs();
        const stoodStill = nowMs - setMs > 2 * PERIOD_MS;
        if (stoodStill || this.cutOff(nowMs)) this.watch();
      },
      { background: true },
    );
  }
}
