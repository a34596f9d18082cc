import type { Clock, Timer } from '../common/index.js';

/** How often is looked for clients that hold memory which others wait for. */
const PERIOD_MS = 100;
/** So long clients have after the process stood still: it saw no bytes meanwhile, and they saw no answers. */
const AFTER_STANDSTILL_MS = 2000;

/** Looks for clients that are too slow while memory is short, and only then. */
export class SlowClients {
  private timer: Timer | null = null;

  /** `cutOff` closes those that are late, and tells whether memory is still short. */
  constructor(
    private readonly clock: Clock,
    private readonly cutOff: (nowMs: number) => boolean,
  ) {}

  /** Memory is short. */
  watch(): void {
    if (this.timer === null) this.lookIn(PERIOD_MS);
  }

  stop(): void {
    this.timer?.cancel();
  }

  private lookIn(delayMs: number): void {
    const dueMs = this.clock.monotonicMs() + delayMs;
    this.timer = this.clock.setTimer(delayMs, () => this.look(dueMs), { background: true });
  }

  private look(dueMs: number): void {
    this.timer = null;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - dueMs > PERIOD_MS) this.lookIn(AFTER_STANDSTILL_MS);
    else if (this.cutOff(nowMs)) this.lookIn(PERIOD_MS);
  }
}
