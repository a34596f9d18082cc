/**
 * Requests that wait for a partition (Kafka's purgatories). Nothing here is ever scanned: what waits is kept by partition, in the order
 * in which it can be satisfied, so that waiting costs nothing and progress costs what it satisfies.
 */
import type { Clock, Timer } from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import type { AppendResult } from './append/append.js';

/** A produce request with acks=all, waiting for its records to be replicated (Kafka's `DelayedProduce`). */
class DelayedProduce {
  readonly waiters: ProduceWaiter[] = [];
  timer: Timer | null = null;
  isDone = false;

  constructor(
    public results: AppendResult[],
    public remaining: number,
    public onComplete: (results: AppendResult[]) => void,
  ) {}

  /** Answers. */
  complete(): void {
    const { results, onComplete } = this;
    this.end();
    onComplete(results);
  }

  /** What is left of it in queues afterwards holds on to nothing: the request hangs on the answer. */
  end(): void {
    this.isDone = true;
    this.timer?.cancel();
    this.timer = null;
    this.results = [];
    this.onComplete = () => undefined;
  }
}

interface ProduceWaiter {
  readonly operation: DelayedProduce;
  /** Its place in `operation.results`. */
  readonly index: number;
  readonly key: string;
  /** The high watermark that satisfies it. */
  readonly requiredOffset: number;
  isSatisfied: boolean;
}

/** Waiters of one partition, in the order of their offsets. `head` is the first that still waits. */
interface ProduceQueue {
  waiters: ProduceWaiter[];
  head: number;
  /** About how many wait no more behind the head. */
  done: number;
}

/** Beyond this many a queue gives back the memory of those that were satisfied. */
const COMPACT_ABOVE = 1000;

export class ProducePurgatory {
  private readonly queues = new Map<string, ProduceQueue>();
  private delayedCount = 0;
  expired = 0;

  constructor(
    private readonly clock: Clock,
    /** Told what a completion threw. */
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Requests that wait. */
  get numDelayed(): number {
    return this.delayedCount;
  }

  /**
   * Lets a request wait for those of its partitions that `required` names by the place of their result, until `timeoutMs` is up, when
   * what is missing answers REQUEST_TIMED_OUT. Gives how to give up waiting.
   */
  wait(
    results: AppendResult[],
    required: readonly { readonly index: number; readonly key: string; readonly offset: number }[],
    timeoutMs: number,
    onComplete: (results: AppendResult[]) => void,
  ): () => void {
    const operation = new DelayedProduce(results, required.length, onComplete);
    this.delayedCount++;
    for (const { index, key, offset } of required) {
      const waiter = { operation, index, key, requiredOffset: offset, isSatisfied: false };
      operation.waiters.push(waiter);
      const queue = this.queues.get(key);
      if (queue) enqueue(queue, waiter);
      else this.queues.set(key, { waiters: [waiter], head: 0, done: 0 });
    }
    operation.timer = this.clock.setTimer(timeoutMs, () => this.expire(operation), { background: true });
    return () => this.giveUp(operation);
  }

  /** The high watermark rose: completes what is satisfied, with `errorCode` when the ISR has become too small meanwhile. */
  onHighWatermark(key: string, highWatermark: number, errorCode: number): void {
    const queue = this.queues.get(key);
    if (!queue) return;
    while (queue.head < queue.waiters.length && queue.waiters[queue.head]!.requiredOffset <= highWatermark) {
      this.satisfy(queue.waiters[queue.head++]!, errorCode);
    }
    this.trim(key, queue);
  }

  /** The partition is led elsewhere, stopped or offline: what waits for it is answered with the error. */
  fail(key: string, errorCode: number): void {
    const queue = this.queues.get(key);
    if (!queue) return;
    this.queues.delete(key);
    for (let at = queue.head; at < queue.waiters.length; at++) this.satisfy(queue.waiters[at]!, errorCode);
  }

  /** Answers everything that waits, for a broker that stops. */
  failAll(errorCode: number): void {
    for (const key of [...this.queues.keys()]) this.fail(key, errorCode);
  }

  private satisfy(waiter: ProduceWaiter, errorCode: number): void {
    const { operation, index } = waiter;
    if (operation.isDone || waiter.isSatisfied) return;
    waiter.isSatisfied = true;
    if (errorCode !== ErrorCode.NONE) operation.results[index] = withError(operation.results[index]!, errorCode);
    if (--operation.remaining === 0) this.complete(operation);
  }

  private expire(operation: DelayedProduce): void {
    if (operation.isDone) return;
    this.expired++;
    for (const { isSatisfied, index } of operation.waiters) {
      if (!isSatisfied) operation.results[index] = withError(operation.results[index]!, ErrorCode.REQUEST_TIMED_OUT);
    }
    this.complete(operation);
    this.trimAll(operation);
  }

  private giveUp(operation: DelayedProduce): void {
    if (operation.isDone) return;
    this.delayedCount--;
    operation.end();
    this.trimAll(operation);
  }

  private trimAll({ waiters }: DelayedProduce): void {
    for (const { key, isSatisfied } of waiters) {
      const queue = this.queues.get(key);
      if (!queue || isSatisfied) continue;
      queue.done++;
      this.trim(key, queue);
    }
  }

  /** An answer that throws is no one's trouble but its own: those behind it in the queue are told too. */
  private complete(operation: DelayedProduce): void {
    this.delayedCount--;
    try {
      operation.complete();
    } catch (error) {
      this.onError(error);
    }
  }

  /** Lets go of what is done, so that a partition that is stuck does not collect requests that timed out, or were given up. */
  private trim(key: string, queue: ProduceQueue): void {
    while (queue.head < queue.waiters.length && queue.waiters[queue.head]!.operation.isDone) queue.head++;
    if (queue.head === queue.waiters.length) {
      // A completion may have put a new queue in this one's place already.
      if (this.queues.get(key) === queue) this.queues.delete(key);
    } else if (queue.head > COMPACT_ABOVE) {
      queue.waiters = queue.waiters.slice(queue.head);
      queue.head = 0;
    } else if (queue.done > COMPACT_ABOVE && queue.done > queue.waiters.length / 2) {
      queue.waiters = queue.waiters.slice(queue.head).filter(({ operation }) => !operation.isDone);
      queue.head = queue.done = 0;
    }
  }
}

/** Appends come in the order of offsets, but a retry of a batch that is in the log waits for what that one does. */
function enqueue({ waiters, head }: ProduceQueue, waiter: ProduceWaiter): void {
  let at = waiters.length;
  while (at > head && waiters[at - 1]!.requiredOffset > waiter.requiredOffset) at--;
  waiters.splice(at, 0, waiter);
}

/** Kafka answers the offset that the records got even when their replication failed. */
function withError(result: AppendResult, errorCode: number): AppendResult {
  return { ...result, errorCode };
}
