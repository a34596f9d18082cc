/**
 * What a leader knows of one follower (Kafka's `Replica`). A follower with nothing to fetch is not looked at on every fetch: while its
 * partition rests, it shares the time of its last fetch with its whole fetch session (`restIn`). Times are of the monotonic clock: a follower
 * that hangs must not count as caught up for as long as the machine's clock was set back.
 */
import { assert } from '../../common/index.js';
import type { LogOffsetMetadata } from '../../log/index.js';

/** When a follower's fetch session was last used, shared by all partitions that rest in it. */
export interface FetchTimes {
  lastFetchTimeMs: number;
}

export const UNKNOWN_OFFSET = -1;
/** The monotonic clock may have begun with the process: 0 is a time shortly before. */
const NEVER_MS = -Infinity;

export class Replica {
  /** Where the follower last fetched from: all before it is in its log. Null until it has fetched. */
  logEnd: LogOffsetMetadata | null = null;
  logStartOffset = UNKNOWN_OFFSET;
  /** The leader's log end when the follower last fetched. */
  private lastFetchLeaderLogEndOffset = 0;
  private ownLastFetchTimeMs = NEVER_MS;
  private ownLastCaughtUpTimeMs = NEVER_MS;
  private resting: FetchTimes | null = null;
  /** The place of the fetch that was recorded last in the order in which they arrived. */
  private lastArrival = 0;

  constructor(readonly brokerId: number) {}

  /** The offset of `logEnd`; -1 until the follower has fetched. */
  get logEndOffset(): number {
    return this.logEnd === null ? UNKNOWN_OFFSET : this.logEnd.messageOffset;
  }

  get lastFetchTimeMs(): number {
    return this.resting ? Math.max(this.ownLastFetchTimeMs, this.resting.lastFetchTimeMs) : this.ownLastFetchTimeMs;
  }

  /** The last time at which the follower had all that the leader had when the follower asked. */
  get lastCaughtUpTimeMs(): number {
    return this.resting
      ? Math.max(this.ownLastCaughtUpTimeMs, this.resting.lastFetchTimeMs)
      : this.ownLastCaughtUpTimeMs;
  }

  /** In sync by KIP-16's rule: at the end now, or at the end of some moment within the last `maxLagMs`. */
  isCaughtUp(leaderEndOffset: number, nowMs: number, maxLagMs: number): boolean {
    return leaderEndOffset === this.logEndOffset || nowMs - this.lastCaughtUpTimeMs <= maxLagMs;
  }

  /**
   * False for a fetch that arrived before the one that was recorded last: it was still being read, in a session that the follower has given
   * up, and says nothing of the follower any more.
   */
  isNewest(arrival: number): boolean {
    if (arrival < this.lastArrival) return false;
    this.lastArrival = arrival;
    return true;
  }

  /**
   * The follower fetched from `logEnd` at `nowMs`, when the leader's log ended at `leaderEndOffset`. A fetch from where the log
   * ended at the fetch before proves that the follower was caught up at that earlier time, however fast the log grows.
   */
  updateFetchState(logEnd: LogOffsetMetadata, logStartOffset: number, nowMs: number, leaderEndOffset: number): void {
    this.endRest();
    const fetchOffset = logEnd.messageOffset;
    if (fetchOffset >= leaderEndOffset) {
      this.ownLastCaughtUpTimeMs = Math.max(this.ownLastCaughtUpTimeMs, nowMs);
    } else if (fetchOffset >= this.lastFetchLeaderLogEndOffset) {
      this.ownLastCaughtUpTimeMs = Math.max(this.ownLastCaughtUpTimeMs, this.ownLastFetchTimeMs);
    }
    this.logStartOffset = logStartOffset;
    this.logEnd = logEnd;
    this.lastFetchLeaderLogEndOffset = Math.max(leaderEndOffset, this.lastFetchLeaderLogEndOffset);
    this.ownLastFetchTimeMs = nowMs;
  }

  /** A new leader epoch began here. A new leader knows nothing of the follower but whether it is in the ISR. */
  reset(nowMs: number, leaderEndOffset: number, isNewLeader: boolean, isInSync: boolean): void {
    this.endRest();
    this.ownLastCaughtUpTimeMs = isInSync ? nowMs : NEVER_MS;
    if (isNewLeader) {
      this.logStartOffset = UNKNOWN_OFFSET;
      this.logEnd = null;
      this.lastFetchLeaderLogEndOffset = UNKNOWN_OFFSET;
      this.ownLastFetchTimeMs = NEVER_MS;
    } else {
      this.lastFetchLeaderLogEndOffset = leaderEndOffset;
      this.ownLastFetchTimeMs = isInSync ? nowMs : NEVER_MS;
    }
  }

  /** The follower is at the leader's end and keeps fetching in a session: as long as nothing changes, its times are the session's. */
  restIn(times: FetchTimes, leaderEndOffset: number): void {
    assert(this.logEndOffset >= leaderEndOffset, "a follower rests only at the leader's end");
    this.resting = times;
  }

  /** The session with those times ended or left the partition out. Nothing happens when the replica rests in another. */
  endRestIn(times: FetchTimes): void {
    if (this.resting === times) this.endRest();
  }

  /** The times stand still from here. */
  endRest(): void {
    const { resting } = this;
    if (!resting) return;
    this.ownLastFetchTimeMs = Math.max(this.ownLastFetchTimeMs, resting.lastFetchTimeMs);
    this.ownLastCaughtUpTimeMs = Math.max(this.ownLastCaughtUpTimeMs, resting.lastFetchTimeMs);
    this.resting = null;
  }
}
