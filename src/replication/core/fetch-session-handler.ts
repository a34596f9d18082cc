/**
 * Incremental fetch sessions on the side that asks (KIP-227; `org.apache.kafka.clients.FetchSessionHandler`). What goes into a request
 * is only what changed since the last one; the caller says which partitions those may be, so a request costs what changed.
 */
import { ZERO_UUID, type Uuid } from '../../common/index.js';
import { INITIAL_EPOCH, INVALID_SESSION_ID, isFullRequest, nextEpoch } from './fetch-session.js';

/** What is asked of a partition, as sent. */
export interface SentPartition {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  /** `ZERO_UUID` when the topic has none. */
  readonly topicId: Uuid;
  readonly fetchOffset: number;
  readonly logStartOffset: number;
  readonly maxBytes: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
}

export interface ForgottenPartition {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
}

/** The session's part of a request. */
export interface SessionRequest {
  readonly sessionId: number;
  readonly epoch: number;
  readonly toSend: readonly SentPartition[];
  readonly toForget: readonly ForgottenPartition[];
  /** Partitions in `toSend` that had another topic id before: forgotten too, if the request speaks in topic ids. */
  readonly toReplace: readonly ForgottenPartition[];
  /** All partitions of the session have topic ids: v13 and later may be used. */
  readonly canUseTopicIds: boolean;
}

/** The session's part of a response. */
export interface SessionResponse {
  readonly errorCode: number;
  readonly sessionId: number;
  readonly throttleTimeMs: number;
  /** Keys of all partitions in it; null for one whose topic id we do not know. */
  readonly keys: readonly (string | null)[];
}

const FETCH_SESSION_ID_NOT_FOUND = 70;

export class FetchSessionHandler {
  private sessionId = INVALID_SESSION_ID;
  private epoch = INITIAL_EPOCH;
  private readonly session = new Map<string, SentPartition>();
  private partitionsWithoutTopicId = 0;

  /** The next request names all partitions. */
  get isFull(): boolean {
    return isFullRequest(this.epoch);
  }

  get sessionPartitionCount(): number {
    return this.session.size;
  }

  /** What was last sent of a partition, while it is in the session. */
  sent(key: string): SentPartition | undefined {
    return this.session.get(key);
  }

  /**
   * Builds the next request. `changed` are the keys of all partitions that may differ from what was sent; for a full request they are
   * all that there are. `wanted` gives what to ask of one now, or null when it is not to be fetched.
   */
  build(changed: Iterable<string>, wanted: (key: string) => SentPartition | null): SessionRequest {
    const toSend: SentPartition[] = [];
    const toForget: ForgottenPartition[] = [];
    const toReplace: ForgottenPartition[] = [];
    if (this.isFull) {
      this.session.clear();
      this.partitionsWithoutTopicId = 0;
    }
    for (const key of changed) {
      const before = this.session.get(key);
      const now = wanted(key);
      if (!now) {
        if (before) {
          this.drop(before);
          toForget.push(before);
        }
        continue;
      }
      if (before) {
        if (isSame(before, now)) continue;
        // Another topic of the same name: the old one must go from the session, which knows it by its id.
        if (before.topicId !== now.topicId && before.topicId !== ZERO_UUID) toReplace.push(before);
        this.drop(before);
      }
      this.session.set(key, now);
      if (now.topicId === ZERO_UUID) this.partitionsWithoutTopicId++;
      toSend.push(now);
    }
    const canUseTopicIds = this.partitionsWithoutTopicId === 0 && toForget.every((old) => old.topicId !== ZERO_UUID);
    return { sessionId: this.sessionId, epoch: this.epoch, toSend, toForget, toReplace, canUseTopicIds };
  }

  /** True when the response may be processed. When not, the next request is a full one. */
  handleResponse(response: SessionResponse): boolean {
    if (response.errorCode !== 0) {
      if (response.errorCode === FETCH_SESSION_ID_NOT_FOUND) this.startOver(INVALID_SESSION_ID);
      else this.startOver(this.sessionId);
      return false;
    }
    const wasFull = this.isFull;
    const isExpected = wasFull
      ? this.isWholeSession(response.keys)
      : response.keys.every((key) => this.isInSession(key));
    if (!isExpected) {
      this.startOver(wasFull ? INVALID_SESSION_ID : this.sessionId);
      return false;
    }
    if (response.sessionId === INVALID_SESSION_ID) {
      // No session was made, or this one was closed: go on with full requests.
      this.startOver(INVALID_SESSION_ID);
    } else {
      this.epoch = nextEpoch(wasFull ? INITIAL_EPOCH : this.epoch);
      this.sessionId = response.sessionId;
    }
    return true;
  }

  /** No response came: nobody knows whether the request was served, so the session is replaced. */
  handleError(): void {
    this.startOver(this.sessionId);
  }

  private startOver(sessionId: number): void {
    this.sessionId = sessionId;
    this.epoch = INITIAL_EPOCH;
  }

  private drop(partition: SentPartition): void {
    this.session.delete(partition.key);
    if (partition.topicId === ZERO_UUID) this.partitionsWithoutTopicId--;
  }

  private isInSession(key: string | null): boolean {
    return key !== null && this.session.has(key);
  }

  private isWholeSession(keys: readonly (string | null)[]): boolean {
    return keys.length === this.session.size && keys.every((key) => this.isInSession(key));
  }
}

function isSame(a: SentPartition, b: SentPartition): boolean {
  return (
    a.fetchOffset === b.fetchOffset &&
    a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.logStartOffset === b.logStartOffset &&
    a.maxBytes === b.maxBytes &&
    a.topicId === b.topicId
  );
}
