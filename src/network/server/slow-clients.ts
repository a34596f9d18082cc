import type { Clock, Timer } from '../../common/index.js';

/** How often is looked for clients that hold memory which others wait for. */
const PERIOD_MS = 100;
/** So long clients have after the process stood still: it saw no bytes meanwhile, and they saw no answers. */
const AFTER_STANDSTILL_MS = 2000;

/** Looks for clients that are too slow while memory is short, and only then. */
export class SlowClients {
  private timer: Timer | null = null;
  private isStopped = false;

  /** `cutOff` closes those that are late, and tells whether memory is still short. */
  constructor(
    private readonly clock: Clock,
    private readonly cutOff: (nowMs: number) => boolean,
  ) {}

  /** Memory is short. */
  watch(): void {
    if (this.timer === null && !this.isStopped) this.lookIn(PERIOD_MS);
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private lookIn(delayMs: number): void {
    // A process whose turns are long has not stood still: put off once, a look may come late by as much.
    const latestMs = this.clock.monotonicMs() + 2 * delayMs;
    // What has come until then is read after the timers of a turn.
    const look = (): void => this.clock.defer(() => this.look(latestMs));
    this.timer = this.clock.setTimer(delayMs, look, { background: true });
  }

  private look(latestMs: number): void {
    if (this.isStopped) return;
    this.timer = null;
    const nowMs = this.clock.monotonicMs();
    if (nowMs > latestMs) this.lookIn(AFTER_STANDSTILL_MS);
    else if (this.cutOff(nowMs)) this.lookIn(PERIOD_MS);
  }
}
