import type { Clock, LogFields, Logger } from '../common/index.js';

const PERIOD_MS = 10_000;

/**
 * Warns of what clients can cause as often as they like: of each kind one line in ten seconds, which says how many were left out since
 * the last. A flood of bad frames does not flood the log.
 */
export class RateLimitedLog {
  private readonly kinds = new Map<string, { lastMs: number; leftOut: number }>();

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** `message` is the kind: a sentence that stays the same. */
  warn(message: string, fields: LogFields): void {
    const nowMs = this.clock.monotonicMs();
    const kind = this.kinds.get(message);
    if (kind && nowMs - kind.lastMs < PERIOD_MS) {
      kind.leftOut++;
      return;
    }
    this.logger.warn(message, kind?.leftOut ? { ...fields, leftOutSince: kind.leftOut } : fields);
    this.kinds.set(message, { lastMs: nowMs, leftOut: 0 });
  }
}
