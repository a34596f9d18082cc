/** A ping goes out at least this often, so that a long session time-out does not hide a dead server (`ClientCnxn.SendThread`). */
const MAX_PING_INTERVAL_MS = 10_000;

export type WatchdogVerdict =
  /** Nothing to do before `untilMs`. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** Nothing was sent for a third of the session: the server must hear from us. */
  | { readonly kind: 'ping' }
  /** The server has been silent for two thirds of the session, or did not take the connection in time: try another one. */
  | { readonly kind: 'dropConnection'; readonly reason: string }
  /** Cut off for so long that the session is taken for lost. */
  | { readonly kind: 'giveUpSession' };

/**
 * Decides when a ZooKeeper server counts as dead and when the session does. The rules are those of ZooKeeper's own client: ping after
 * a third of the session time-out without a request, another server after two thirds without an answer. The server alone knows
 * whether a session expired, and after an outage of the whole ensemble sessions live on; so a cut-off client keeps its session for
 * `giveUpAfterMs` and only then fails what is waiting. All times are monotonic milliseconds.
 */
export class SessionWatchdog {
  private phase: 'idle' | 'connecting' | 'connected' = 'idle';
  private lastSentMs = 0;
  private lastReceivedMs = 0;
  private connectDeadlineMs = 0;
  /** Since when there has been no connection; null while there is one, or no session. */
  private cutOffSinceMs: number | null = null;

  constructor(
    private sessionTimeoutMs: number,
    private readonly giveUpAfterMs: number,
  ) {}

  get timeoutMs(): number {
    return this.sessionTimeoutMs;
  }

  /** A connection to one of `serverCount` servers is being opened: each gets its share of the session time-out. */
  connecting(nowMs: number, serverCount: number): void {
    this.phase = 'connecting';
    this.connectDeadlineMs = nowMs + Math.max(1, this.sessionTimeoutMs / serverCount);
  }

  /** The server gave or confirmed the session. */
  connected(nowMs: number, negotiatedTimeoutMs: number): void {
    this.phase = 'connected';
    this.sessionTimeoutMs = negotiatedTimeoutMs;
    this.lastSentMs = nowMs;
    this.lastReceivedMs = nowMs;
    this.cutOffSinceMs = null;
  }

  sent(nowMs: number): void {
    this.lastSentMs = nowMs;
  }

  received(nowMs: number): void {
    this.lastReceivedMs = nowMs;
  }

  /** The connection is gone. `hasSession` is false before the first session, which cannot be lost. */
  disconnected(nowMs: number, hasSession: boolean): void {
    // The server last heard of us when we last heard of it, at the earliest.
    if (this.phase === 'connected' && hasSession) this.cutOffSinceMs ??= Math.min(nowMs, this.lastReceivedMs);
    this.phase = 'idle';
  }

  /** The session is over; the next one starts afresh. */
  ended(): void {
    this.cutOffSinceMs = null;
  }

  judge(nowMs: number): WatchdogVerdict {
    const giveUpAtMs = this.cutOffSinceMs === null ? Infinity : this.cutOffSinceMs + this.giveUpAfterMs;
    if (nowMs >= giveUpAtMs) return { kind: 'giveUpSession' };
    if (this.phase === 'idle') return { kind: 'wait', untilMs: giveUpAtMs };
    if (this.phase === 'connecting') {
      if (nowMs >= this.connectDeadlineMs)
        return { kind: 'dropConnection', reason: 'no answer to the connect request' };
      return { kind: 'wait', untilMs: Math.min(this.connectDeadlineMs, giveUpAtMs) };
    }
    const silentAtMs = this.lastReceivedMs + (this.sessionTimeoutMs * 2) / 3;
    if (nowMs >= silentAtMs) {
      return { kind: 'dropConnection', reason: `silent for ${Math.round(nowMs - this.lastReceivedMs)} ms` };
    }
    const pingAtMs = this.lastSentMs + Math.min(this.sessionTimeoutMs / 3, MAX_PING_INTERVAL_MS);
    if (nowMs >= pingAtMs) return { kind: 'ping' };
    return { kind: 'wait', untilMs: Math.min(silentAtMs, pingAtMs) };
  }
}
