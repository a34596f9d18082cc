import { SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ProducePurgatory } from '../../../src/replication/delayed-operations.js';
import type { AppendResult } from '../../../src/replication/index.js';

const resultOf = (partition: number): AppendResult => ({
  tp: { topic: 't', partition },
  errorCode: 0,
  errorMessage: null,
  baseOffset: 10,
  lastOffset: 11,
  logAppendTimeMs: -1,
  logStartOffset: 0,
  recordErrors: [],
});

describe('a produce that waits', () => {
  let clock: SimulatedClock;
  let purgatory: ProducePurgatory;
  let answers: number[][];
  let errors: unknown[];
  beforeEach(() => {
    clock = new SimulatedClock();
    errors = [];
    purgatory = new ProducePurgatory(clock, (error) => errors.push(error));
    answers = [];
  });
  /** Waits for partitions up to their offsets. */
  const wait = (offsets: readonly number[], timeoutMs = 1000): (() => void) =>
    purgatory.wait(
      offsets.map((_, partition) => resultOf(partition)),
      offsets.map((offset, partition) => ({ index: partition, key: `t-${partition}`, offset })),
      timeoutMs,
      (results) => answers.push(results.map((result) => result.errorCode)),
    );

  /** Requests of which the purgatory still knows, behind partition 0's first that waits. */
  const kept = (): number => {
    const { queues } = purgatory as unknown as { queues: Map<string, { waiters: unknown[]; head: number }> };
    const queue = queues.get('t-0');
    return queue ? queue.waiters.length - queue.head : 0;
  };

  test('that is given up is never answered, and its time is never up', async () => {
    const startMs = clock.nowMs();
    const giveUp = wait([12, 30], 500);
    wait([12], 2000);
    purgatory.onHighWatermark('t-1', 30, ErrorCode.NONE);
    giveUp();
    giveUp();
    expect([purgatory.numDelayed, kept(), clock.nextTimerMs()]).toEqual([1, 1, startMs + 2000]);
    await clock.advance(1000);
    expect(purgatory.expired).toBe(0);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    expect(answers).toEqual([[0]]);
    expect(purgatory.numDelayed).toBe(0);
  });

  test.each([
    { title: 'are given up', end: (giveUp: () => void) => Promise.resolve(giveUp()) },
    { title: 'time out', end: () => clock.advance(10) },
  ])('keeps little of those behind it that $title', async ({ end }) => {
    wait([12], 1e6);
    for (let at = 0; at < 5000; at++) await end(wait([20 + at], 10));
    wait([9999], 1e6);
    expect(purgatory.numDelayed).toBe(2);
    expect(kept()).toBeLessThan(2500);
    purgatory.onHighWatermark('t-0', 9999, ErrorCode.NONE);
    expect(answers.slice(-2)).toEqual([[0], [0]]);
    expect([purgatory.numDelayed, kept()]).toEqual([0, 0]);
  });

  test('is answered when the last of its partitions has got there', () => {
    wait([12, 30]);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    purgatory.onHighWatermark('t-1', 29, ErrorCode.NONE);
    expect(answers).toEqual([]);
    purgatory.onHighWatermark('t-1', 31, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    expect(answers).toEqual([[0, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]]);
    expect(purgatory.numDelayed).toBe(0);
  });

  test('is answered though the answer of one before it throws', () => {
    const broken = new Error('broken');
    purgatory.wait([resultOf(0)], [{ index: 0, key: 't-0', offset: 12 }], 1000, () => {
      throw broken;
    });
    wait([12]);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    expect(answers).toEqual([[0]]);
    expect(errors).toEqual([broken]);
    expect(purgatory.numDelayed).toBe(0);
  });

  test('is answered once, and only for what is missing, when its time is up', async () => {
    wait([12, 30], 500);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    await clock.advance(500);
    expect(answers).toEqual([[0, ErrorCode.REQUEST_TIMED_OUT]]);
    purgatory.onHighWatermark('t-1', 99, ErrorCode.NONE);
    purgatory.fail('t-1', ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(answers).toHaveLength(1);
    expect(purgatory.expired).toBe(1);
  });

  test('for a retry of an earlier batch is answered with that batch, and not behind later ones', () => {
    for (const offset of [12, 30, 40]) wait([offset]);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    for (const offset of [35, 20]) wait([offset]);
    const counts = [19, 20, 30, 35, 39, 40].map((highWatermark) => {
      purgatory.onHighWatermark('t-0', highWatermark, ErrorCode.NONE);
      return answers.length;
    });
    expect(counts).toEqual([1, 2, 3, 4, 4, 5]);
  });

  test('is let go of when it is answered, though others behind it still wait', () => {
    const answered: AppendResult[][] = [];
    const waiters: { operation: { results: AppendResult[] } }[] = [];
    wait([12]);
    const queue = (purgatory as unknown as { queues: Map<string, { waiters: typeof waiters }> }).queues.get('t-0')!;
    waiters.push(...queue.waiters);
    purgatory.wait([resultOf(0)], [{ index: 0, key: 't-0', offset: 40 }], 1000, (results) => answered.push(results));
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    expect(answers).toEqual([[0]]);
    expect(answered).toEqual([]);
    expect(waiters.map(({ operation }) => operation.results)).toEqual([[]]);
  });

  test('fails with its partition, and those of other partitions do not', () => {
    wait([12]);
    wait([12, 30]);
    purgatory.fail('t-1', ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(answers).toEqual([]);
    purgatory.onHighWatermark('t-0', 12, ErrorCode.NONE);
    expect(answers).toEqual([[0], [0, ErrorCode.NOT_LEADER_OR_FOLLOWER]]);
  });

  test('may be followed by another from within its answer', () => {
    purgatory.wait([resultOf(0)], [{ index: 0, key: 't-0', offset: 5 }], 1000, () => wait([20]));
    purgatory.onHighWatermark('t-0', 10, ErrorCode.NONE);
    expect(answers).toEqual([]);
    purgatory.onHighWatermark('t-0', 20, ErrorCode.NONE);
    expect(answers).toEqual([[0]]);
  });

  test('leaves nothing behind in a partition that never gets there', async () => {
    for (let i = 0; i < 5000; i++) wait([10 + i], 100);
    await clock.advance(100);
    expect(answers).toHaveLength(5000);
    expect(purgatory.numDelayed).toBe(0);
    wait([9000]);
    purgatory.failAll(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(answers).toHaveLength(5001);
  });
});
