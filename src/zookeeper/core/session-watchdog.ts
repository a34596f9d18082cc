/** A ping goes out at least this often, so that a long session time-out does not hide a dead server (`ClientCnxn.SendThread`). */
const MAX_PING_INTERVAL_MS = 10_000;

export type WatchdogVerdict =
  /** Nothing to do before `untilMs`. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** Nothing was sent for a third of the session: the server must hear from us. */
  | { readonly kind: 'ping' }
  /** The server has been silent for two thirds of the session, or did not take the connection in time: try another one. */
  | { readonly kind: 'dropConnection'; readonly reason: string };

/**
 * Decides when a ZooKeeper server counts as dead. The rules are those of ZooKeeper's own client: ping after a third of the session time-out
 * without a request, another server after two thirds without an answer. When a session is over is not decided here: the servers alone know,
 * and after an outage of the whole ensemble sessions live on. All times are monotonic milliseconds.
 */
export class SessionWatchdog {
  private phase: 'idle' | 'connecting' | 'connected' = 'idle';
  private lastSentMs = 0;
  private lastReceivedMs = 0;
  private connectDeadlineMs = 0;

  constructor(private sessionTimeoutMs: number) {}

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
  }

  sent(nowMs: number): void {
    this.lastSentMs = nowMs;
  }

  received(nowMs: number): void {
    this.lastReceivedMs = nowMs;
  }

  disconnected(): void {
    this.phase = 'idle';
  }

  judge(nowMs: number): WatchdogVerdict {
    if (this.phase === 'idle') return { kind: 'wait', untilMs: Infinity };
    if (this.phase === 'connecting') {
      if (nowMs >= this.connectDeadlineMs)
        return { kind: 'dropConnection', reason: 'no answer to the connect request' };
      return { kind: 'wait', untilMs: this.connectDeadlineMs };
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
