import { isInternalTopic, type TopicPartition } from '../../cluster/index.js';
import type { Clock, Steps, Timer } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { errorCodeOf, ReplicationError } from '../errors.js';
import type { Partition } from '../partition.js';

/** What DeleteRecords answers for a partition. */
export interface DeleteRecordsResult {
  readonly tp: TopicPartition;
  readonly errorCode: number;
  /** The first offset that some live replica still has; -1 on error. */
  readonly lowWatermark: number;
}

/** A request (Kafka's `DelayedDeleteRecords`). */
interface Deletion {
  readonly requested: readonly { readonly tp: TopicPartition }[];
  /** In the order asked for, of those that were begun with. */
  readonly results: DeleteRecordsResult[];
  readonly waiters: Waiter[];
  /** Partitions that are not begun with, or wait. */
  remaining: number;
  readonly onComplete: (results: DeleteRecordsResult[]) => void;
  timer: Timer | null;
  isDone: boolean;
}

/** A partition of a request that waits for its replicas. */
interface Waiter {
  readonly deletion: Deletion;
  /** Its place in `deletion.results`. */
  readonly index: number;
  readonly key: string;
  /** The low watermark that satisfies it. */
  readonly requestedOffset: number;
}

/**
 * DeleteRecords requests: moves log starts forward, and answers when all live replicas have followed, or the time is up (Kafka's
 * `ReplicaManager.deleteRecords`). A request may name thousands of partitions, each of which changes: what waits is kept by partition, and
 * each request counts what it lacks, so that a change costs what it satisfies.
 */
export class Deletions {
  private readonly waiting = new Map<string, Set<Waiter>>();
  private readonly delayed = new Set<Deletion>();

  constructor(
    private readonly clock: Clock,
    private readonly partitionOrError: (tp: TopicPartition) => Partition | number,
    /** Told what a completion threw. */
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Requests that wait. */
  get numDelayed(): number {
    return this.delayed.size;
  }

  /**
   * Takes a request in steps of one partition each: moving a log start writes files. The time runs from the last one on. Gives what ends the wait
   * without an answer: its client is gone.
   */
  *delete(
    timeoutMs: number,
    requested: readonly { readonly tp: TopicPartition; readonly offset: number }[],
    onComplete: (results: DeleteRecordsResult[]) => void,
  ): Steps<() => void> {
    const results: DeleteRecordsResult[] = [];
    const remaining = requested.length;
    const giveUp = (): void => this.forget(deletion);
    const deletion: Deletion = { requested, results, waiters: [], remaining, onComplete, timer: null, isDone: false };
    this.delayed.add(deletion);
    try {
      for (const [index, { tp, offset }] of requested.entries()) {
        if (index > 0) yield;
        // The broker stops: it has answered.
        if (deletion.isDone) return giveUp;
        this.begin(deletion, index, tp, offset);
      }
    } catch (error) {
      this.forget(deletion);
      throw error;
    }
    if (deletion.isDone) return giveUp;
    if (deletion.remaining === 0) {
      // What it throws is for the caller to answer.
      this.forget(deletion);
      onComplete(results);
      return giveUp;
    }
    deletion.timer = this.clock.setTimer(timeoutMs, () => this.expire(deletion), { background: true });
    return giveUp;
  }

  /** Something changed in the partition: looks at what waits for it, and at nothing else. */
  checkAndComplete(key: string): void {
    const waiters = this.waiting.get(key);
    if (!waiters) return;
    let now: DeleteRecordsResult | null = null;
    for (const waiter of [...waiters]) this.check(waiter, (now ??= this.resultNow(waiter)));
  }

  /** Something changed that is no partition's own, as which brokers are alive: looks at all that waits. */
  checkAll(): void {
    for (const key of [...this.waiting.keys()]) this.checkAndComplete(key);
  }

  /** Ends everything that waits as if its time were up. */
  expireAll(): void {
    for (const deletion of [...this.delayed]) this.expire(deletion);
  }

  private begin(deletion: Deletion, index: number, tp: TopicPartition, offset: number): void {
    const { results } = deletion;
    try {
      if (isInternalTopic(tp.topic)) throw new ReplicationError(ErrorCode.INVALID_TOPIC_EXCEPTION);
      const partition = this.partitionOrError(tp);
      if (typeof partition === 'number') throw new ReplicationError(partition);
      const { requestedOffset, lowWatermark } = partition.deleteRecordsOnLeader(offset);
      results[index] = { tp, errorCode: ErrorCode.NONE, lowWatermark };
      if (lowWatermark >= requestedOffset) deletion.remaining--;
      else this.watch({ deletion, index, key: partition.key, requestedOffset });
    } catch (error) {
      results[index] = failed(tp, errorCodeOf(error));
      deletion.remaining--;
    }
  }

  private watch(waiter: Waiter): void {
    waiter.deletion.waiters.push(waiter);
    const waiters = this.waiting.get(waiter.key);
    if (waiters) waiters.add(waiter);
    else this.waiting.set(waiter.key, new Set([waiter]));
  }

  /** The same for all that wait for the partition. */
  private resultNow({ deletion, index }: Waiter): DeleteRecordsResult {
    const { tp } = deletion.results[index]!;
    const partition = this.partitionOrError(tp);
    if (typeof partition === 'number') return failed(tp, partition);
    if (!partition.leaderLog) return failed(tp, ErrorCode.NOT_LEADER_OR_FOLLOWER);
    return { tp, errorCode: ErrorCode.NONE, lowWatermark: partition.lowWatermarkIfLeader() };
  }

  private check(waiter: Waiter, now: DeleteRecordsResult): void {
    const { deletion, index, requestedOffset } = waiter;
    if (deletion.isDone) return;
    deletion.results[index] = now;
    if (now.errorCode === ErrorCode.NONE && now.lowWatermark < requestedOffset) return;
    this.unwatch(waiter);
    // While others of its partitions are to be begun with, they count too.
    if (--deletion.remaining === 0) this.complete(deletion);
  }

  private expire(deletion: Deletion): void {
    const { results, waiters } = deletion;
    for (const waiter of waiters) {
      if (!this.waiting.get(waiter.key)?.has(waiter)) continue;
      results[waiter.index] = { ...results[waiter.index]!, errorCode: ErrorCode.REQUEST_TIMED_OUT };
    }
    this.complete(deletion);
  }

  /** An answer that throws is no one's trouble but its own: whoever changed the partition goes on. */
  private complete(deletion: Deletion): void {
    this.forget(deletion);
    const { requested, results } = deletion;
    for (let at = results.length; at < requested.length; at++) {
      results.push(failed(requested[at]!.tp, ErrorCode.NOT_LEADER_OR_FOLLOWER));
    }
    try {
      deletion.onComplete(results);
    } catch (error) {
      this.onError(error);
    }
  }

  private forget(deletion: Deletion): void {
    deletion.isDone = true;
    deletion.timer?.cancel();
    this.delayed.delete(deletion);
    for (const waiter of deletion.waiters) this.unwatch(waiter);
  }

  private unwatch(waiter: Waiter): void {
    const waiters = this.waiting.get(waiter.key);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.waiting.delete(waiter.key);
  }
}

function failed(tp: TopicPartition, errorCode: number): DeleteRecordsResult {
  return { tp, errorCode, lowWatermark: -1 };
}
