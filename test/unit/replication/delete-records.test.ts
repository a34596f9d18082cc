/** DeleteRecords of many partitions: what a change of one costs, and every way in which a request ends. */
import { runAtOnce } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { Deletions, type DeleteRecordsResult } from '../../../src/replication/append/delete-records.js';
import type { Partition } from '../../../src/replication/index.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

const OFFSET = 5;

/** Partitions of topic `t` as far as deletions look at them, with the low watermarks that the test gives them. */
class Partitions {
  readonly low = new Map<number, number>();
  /** How often a partition was looked at. */
  looks = 0;
  readonly gone = new Set<number>();

  readonly partitionOrError = ({ partition }: { partition: number }): Partition | number => {
    if (this.gone.has(partition)) return ErrorCode.KAFKA_STORAGE_ERROR;
    const lowWatermark = (): number => {
      this.looks++;
      return this.low.get(partition) ?? 0;
    };
    return {
      key: `t-${partition}`,
      leaderLog: {},
      lowWatermarkIfLeader: lowWatermark,
      deleteRecordsOnLeader: (requestedOffset: number) => ({ requestedOffset, lowWatermark: lowWatermark() }),
    } as unknown as Partition;
  };
}

describe('a DeleteRecords that waits for followers', () => {
  const clock = new SimulatedClock();
  const errors: unknown[] = [];
  let partitions: Partitions;
  let deletions: Deletions;
  let answers: DeleteRecordsResult[][];
  beforeEach(() => {
    partitions = new Partitions();
    answers = [];
    errors.length = 0;
    deletions = new Deletions(clock, partitions.partitionOrError, (error) => errors.push(error));
  });
  const steps = (which: readonly number[]) =>
    deletions.delete(
      1000,
      which.map((partition) => ({ tp: { topic: 't', partition }, offset: OFFSET })),
      (results) => answers.push(results),
    );
  const ask = (which: readonly number[]): (() => void) => runAtOnce(steps(which));
  const follow = (partition: number): void => {
    partitions.low.set(partition, OFFSET);
    deletions.checkAndComplete(`t-${partition}`);
  };
  const codes = (): number[][] => answers.map((results) => results.map(({ errorCode }) => errorCode));
  const expectAllForgotten = (): void => {
    expect([deletions.numDelayed, clock.nextTimerMs()]).toEqual([0, null]);
    partitions.looks = 0;
    for (const key of ['t-0', 't-1', 't-2']) deletions.checkAndComplete(key);
    expect([partitions.looks, answers.length]).toEqual([0, 1]);
  };

  test('looks at each of its partitions when that one changes, and at no other', () => {
    const COUNT = 500;
    ask(Array.from({ length: COUNT }, (_, partition) => partition));
    partitions.looks = 0;
    for (let partition = 0; partition < COUNT; partition++) {
      // Appends come in between, which do not complete it.
      deletions.checkAndComplete(`t-${COUNT - 1}`);
      expect(answers).toEqual([]);
      follow(partition);
    }
    expect(codes()).toEqual([Array.from({ length: COUNT }, () => ErrorCode.NONE)]);
    expect(answers[0]!.every(({ lowWatermark }) => lowWatermark === OFFSET)).toBe(true);
    expect(partitions.looks).toBe(2 * COUNT);
  });

  test('is looked after with as many looks at its partition when thousands of others wait for the same', () => {
    for (let at = 0; at < 2000; at++) ask([0]);
    partitions.looks = 0;
    deletions.checkAndComplete('t-0');
    expect([partitions.looks, deletions.numDelayed]).toEqual([1, 2000]);
    follow(0);
    expect(codes()).toEqual(Array.from({ length: 2000 }, () => [ErrorCode.NONE]));
    expect([partitions.looks, deletions.numDelayed]).toEqual([2, 0]);
  });

  test('is answered with what its partitions became, in the order asked for, and forgotten', () => {
    partitions.gone.add(2);
    ask([1, 2, 0, 1]);
    follow(1);
    expect(answers).toEqual([]);
    partitions.gone.add(0);
    deletions.checkAndComplete('t-0');
    expect(codes()).toEqual([
      [ErrorCode.NONE, ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NONE],
    ]);
    expectAllForgotten();
  });

  test.each([
    { title: 'when its time is up', end: () => clock.advance(1000) },
    { title: 'when the broker stops', end: () => Promise.resolve(deletions.expireAll()) },
  ])('says $title which partitions did not get there, and is forgotten', async ({ end }) => {
    ask([0, 1]);
    follow(1);
    partitions.low.set(0, 3);
    deletions.checkAndComplete('t-0');
    await end();
    expect(codes()).toEqual([[ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE]]);
    expect(answers[0]!.map(({ lowWatermark }) => lowWatermark)).toEqual([3, OFFSET]);
    expectAllForgotten();
  });

  test('takes a step for each partition, and is not answered before the last though the others have got there', () => {
    const taken = steps([0, 1, 2]);
    taken.next();
    follow(0);
    taken.next();
    follow(1);
    expect(answers).toEqual([]);
    partitions.low.set(2, OFFSET);
    expect(taken.next().done).toBe(true);
    expect(codes()).toEqual([[0, 0, 0]]);
    expectAllForgotten();
  });

  test('is cut short by the stop of the broker between two steps', () => {
    const taken = steps([0, 1, 2]);
    taken.next();
    deletions.expireAll();
    partitions.looks = 0;
    expect(taken.next().done).toBe(true);
    expect(partitions.looks).toBe(0);
    expect(codes()).toEqual([
      [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_LEADER_OR_FOLLOWER],
    ]);
    expectAllForgotten();
  });

  test('is forgotten when its client is gone, and no other is', () => {
    const giveUp = ask([0, 1, 2]);
    ask([0]);
    giveUp();
    expect(deletions.numDelayed).toBe(1);
    follow(0);
    follow(1);
    follow(2);
    expect(codes()).toEqual([[ErrorCode.NONE]]);
    expectAllForgotten();
  });

  describe('and whose answer throws', () => {
    const broken = new Error('broken');
    const askBroken = (): (() => void) =>
      runAtOnce(
        deletions.delete(1000, [{ tp: { topic: 't', partition: 0 }, offset: OFFSET }], () => {
          throw broken;
        }),
      );

    test.each([
      { title: 'the change of its partition', code: ErrorCode.NONE, end: () => Promise.resolve(follow(0)) },
      { title: 'the end of its time', code: ErrorCode.REQUEST_TIMED_OUT, end: () => clock.advance(1000) },
      { title: 'the stop', code: ErrorCode.REQUEST_TIMED_OUT, end: () => Promise.resolve(deletions.expireAll()) },
    ])('fails neither $title nor the one behind it', async ({ code, end }) => {
      askBroken();
      ask([0]);
      await end();
      expect({ codes: codes(), errors }).toEqual({ codes: [[code]], errors: [broken] });
      expectAllForgotten();
    });

    test('at once throws to its caller, who answers for it', () => {
      partitions.low.set(0, OFFSET);
      expect(askBroken).toThrow(broken);
      expect({ errors, waiting: deletions.numDelayed }).toEqual({ errors: [], waiting: 0 });
    });
  });
});

describe('DeleteRecords of many partitions at a broker', () => {
  const ALL = Array.from({ length: 5 }, (_, partition) => ({ topic: 'orders', partition }));
  let cluster: ReplicaCluster;
  afterEach(() => cluster.stop());

  test('lets others run after each partition, and writes no file for each of them', async () => {
    cluster = await ReplicaCluster.start({ brokers: 1, extras: () => ({ slices: { maxMs: 10, maxSteps: 1 } }) });
    const broker = cluster.broker(1);
    await cluster.create([1], ALL);
    for (const tp of ALL) await broker.produce(['a', 'b'], 1, tp);
    const epochFiles = (): string[] =>
      ALL.map((tp) => broker.fs.readFile(`${broker.log(tp).dir}/leader-epoch-checkpoint`).toString());
    const before = epochFiles();
    let isAnswered = false;
    const deleted = broker.replicas.deleteRecords(
      1000,
      ALL.map((tp) => ({ tp, offset: 1 })),
      () => (isAnswered = true),
    );
    const moved = (): number => ALL.filter((tp) => broker.log(tp).logStartOffset === 1).length;
    expect([moved(), isAnswered]).toEqual([1, false]);
    await cluster.until(() => isAnswered);
    await deleted;
    expect(moved()).toBe(ALL.length);
    expect(epochFiles()).toEqual(before);
  });

  async function start(brokers: number): Promise<void> {
    cluster = await ReplicaCluster.start({ brokers });
    await cluster.create([...cluster.brokers.keys()]);
  }
  const remove = (offset: number, timeoutMs = 60_000): { results: DeleteRecordsResult[] | null } => {
    const asked: { results: DeleteRecordsResult[] | null } = { results: null };
    void cluster.broker(1).replicas.deleteRecords(timeoutMs, [{ tp: ORDERS, offset }], (results) => {
      asked.results = results;
    });
    return asked;
  };

  test('is answered as soon as the last follower says where its log starts', async () => {
    await start(3);
    for (const value of ['a', 'b', 'c']) void cluster.broker(1).produce([value]);
    await cluster.until(() => [1, 2, 3].every((id) => cluster.broker(id).log().highWatermark === 3));
    await cluster.clock.advance(1000);
    // The followers are at rest; nothing else happens than that the start moves.
    const asked = remove(2);
    await cluster.until(() => asked.results !== null, 1000);
    expect(asked.results).toMatchObject([{ errorCode: 0, lowWatermark: 2 }]);
    expect([2, 3].map((id) => cluster.broker(id).log().logStartOffset)).toEqual([2, 2]);
  });

  test('does not wait for a follower that is dead, in the ISR or not', async () => {
    await start(3);
    void cluster.broker(1).produce(['a', 'b']);
    await cluster.until(() => cluster.broker(3).log().highWatermark === 2);
    cluster.broker(3).crash('process');
    const asked = remove(1);
    await cluster.until(() => asked.results !== null, 1000);
    expect(asked.results).toMatchObject([{ errorCode: 0, lowWatermark: 1 }]);
    expect(cluster.stateOf().isr).toContain(3);
  });

  test('up to -1 deletes what is committed, however far the log goes on', async () => {
    await start(2);
    void cluster.broker(1).produce(['a', 'b']);
    await cluster.until(() => cluster.broker(1).log().highWatermark === 2);
    cluster.cut(1, 2);
    for (const value of ['c', 'd']) await cluster.broker(1).produce([value], 1);
    const asked = remove(-1, 0);
    await cluster.clock.advance(10);
    expect(asked.results).toMatchObject([{ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark: 0 }]);
    const { logStartOffset, highWatermark, logEndOffset } = cluster.broker(1).log();
    expect([logStartOffset, highWatermark, logEndOffset]).toEqual([2, 2, 4]);
  });

  test('inside of a batch lets a follower that comes later have the batch whole, and join the ISR', async () => {
    await start(2);
    cluster.cut(1, 2);
    void cluster.broker(1).produce(['a', 'b', 'c', 'd'], 1);
    await cluster.until(() => cluster.stateOf().isr.length === 1);
    await cluster.clock.advance(10);
    remove(2, 0);
    await cluster.clock.advance(10);
    cluster.heal();
    await cluster.until(() => cluster.stateOf().isr.length === 2, 10_000);
    const { logStartOffset, logEndOffset } = cluster.broker(2).log();
    expect([logStartOffset, logEndOffset]).toEqual([2, 4]);
    void cluster.broker(1).produce(['e']);
    await cluster.until(() => cluster.broker(2).log().highWatermark === 5, 5000);
  });

  /** DeleteRecords up to offset 1 of the first partition, which waits. */
  async function deleteInVain(): Promise<{ results: DeleteRecordsResult[] | null }> {
    const outcome: { results: DeleteRecordsResult[] | null } = { results: null };
    await cluster.broker(1).replicas.deleteRecords(600_000, [{ tp: ALL[0]!, offset: 1 }], (results) => {
      outcome.results = results;
    });
    await cluster.clock.advance(1000);
    expect(outcome.results).toBeNull();
    return outcome;
  }
  const done = [{ tp: ALL[0]!, errorCode: ErrorCode.NONE, lowWatermark: 1 }];

  test('waits no longer for a follower when the controller tells that its broker is gone', async () => {
    cluster = await ReplicaCluster.start({ brokers: 2, config: { 'replica.lag.time.max.ms': '600000' } });
    await cluster.create([1, 2], ALL);
    void cluster.broker(1).produce(['a', 'b'], -1, ALL[0]);
    await cluster.until(() => cluster.broker(1).log(ALL[0]).highWatermark === 2);
    cluster.cut(1, 2);
    await cluster.clock.advance(1000);
    const outcome = await deleteInVain();
    cluster.broker(2).crash('process');
    await cluster.clock.advance(1000);
    expect(outcome.results).toBeNull();
    cluster.broker(1).replicas.maybeUpdateMetadata(1, () => undefined);
    expect(outcome.results).toEqual(done);
  });

  test('waits no longer for a copy in another directory that is given up', async () => {
    cluster = await ReplicaCluster.start({ brokers: 1, logDirs: ['/a', '/b'] });
    await cluster.create([1], ALL);
    const { fs, log, logs, replicas } = cluster.broker(1);
    const from = log.call(cluster.broker(1), ALL[0]).parentDir;
    await cluster.broker(1).produce(['a', 'b'], 1, ALL[0]);
    const partition = replicas.partitionOf(ALL[0]!)!;
    fs.fault = (operation, path) =>
      operation === 'open' && path.endsWith('/.replaces-current')
        ? Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' })
        : null;
    expect(replicas.alterReplicaLogDir(ALL[0]!, from === '/a' ? '/b' : '/a')).toBe(ErrorCode.NONE);
    const copy = partition.futureLog!;
    // It does not follow the start of the log.
    jest.spyOn(copy, 'maybeIncrementLogStartOffset').mockReturnValue(false);
    jest.spyOn(copy, 'highWatermark', 'get').mockReturnValue(0);
    const outcome: { results: DeleteRecordsResult[] | null } = { results: null };
    await replicas.deleteRecords(600_000, [{ tp: ALL[0]!, offset: 1 }], (results) => (outcome.results = results));
    expect(outcome.results).toBeNull();
    logs.handleLogDirFailure(copy.parentDir);
    replicas.handleLogDirFailure(copy.parentDir);
    expect(outcome.results).toEqual(done);
  });

  test('is answered when its leader is deposed, and when the broker stops', async () => {
    await start(2);
    for (const value of ['a', 'b']) void cluster.broker(1).produce([value], 1);
    await cluster.until(() => cluster.broker(1).log().highWatermark === 2);
    cluster.cut(1, 2);
    const deposed = remove(1);
    await cluster.clock.advance(10);
    expect(deposed.results).toBeNull();
    cluster.elect(2, [2]);
    await cluster.clock.advance(10);
    expect(deposed.results).toMatchObject([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
    cluster.elect(1, [1]);
    const stopped = remove(2);
    await cluster.clock.advance(10);
    expect(stopped.results).toBeNull();
    cluster.broker(1).replicas.shutdown();
    expect(stopped.results).toMatchObject([{ errorCode: ErrorCode.REQUEST_TIMED_OUT }]);
  });

  test('of a topic that is compacted only is refused', async () => {
    cluster = await ReplicaCluster.start({ brokers: 1, topicConfig: { 'cleanup.policy': 'compact' } });
    await cluster.create([1]);
    await cluster.broker(1).produce(['a'], 1);
    const asked = remove(1);
    await cluster.clock.advance(10);
    expect(asked.results).toMatchObject([{ errorCode: ErrorCode.POLICY_VIOLATION }]);
    expect(cluster.broker(1).log().logStartOffset).toBe(0);
  });
});
