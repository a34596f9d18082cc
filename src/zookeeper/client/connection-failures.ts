import type { Clock, Endpoint, Logger } from '../../common/index.js';

/** While there is no connection a line says why, so often. */
const TELL_EVERY_MS = 60_000;

/** Counts the attempts to connect that failed in a row, and says why: when every server was tried in vain, and then every minute. */
export class ConnectionFailures {
  /** In a row. */
  count = 0;
  /** Of the last attempt: where, and why. Null when that succeeded. */
  last: string | null = null;
  private toldMs = -Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly serverCount: number,
  ) {}

  failed({ host, port }: Endpoint, reason: string): void {
    this.count++;
    this.last = `${host}:${port}: ${reason}`;
    const nowMs = this.clock.monotonicMs();
    const isToTell = this.count >= this.serverCount && nowMs - this.toldMs >= TELL_EVERY_MS;
    if (isToTell) this.toldMs = nowMs;
    const fields = { host, port, reason };
    if (isToTell) this.logger.warn('Cannot connect to ZooKeeper; trying again', fields);
    else this.logger.debug('No connection to ZooKeeper', fields);
  }

  connected(): void {
    this.count = 0;
    this.last = null;
    this.toldMs = -Infinity;
  }
}
