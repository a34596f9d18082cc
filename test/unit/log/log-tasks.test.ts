import { AssertionError, silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { LogContext } from '../../../src/log/log-context.js';
import { LogError } from '../../../src/log/core/log-error.js';
import { LogTasks } from '../../../src/log/manager/log-tasks.js';
import { Scheduler } from '../../../src/log/manager/scheduler.js';
import type { UnifiedLog } from '../../../src/log/index.js';

/** More than one slice of the loop has room for. */
const MANY = 250;
const STORAGE_ERROR = new LogError('KAFKA_STORAGE_ERROR', 'the disk is gone');

/** A log of which retention would delete `expired` segments, with records and a producer that are due. */
class FakeLog {
  readonly parentDir = '/data';
  isClosed = false;
  lastFlushMs = -1000;
  config = { flushMs: 1000 };
  logEndOffset = 1;
  recoveryPoint = 0;
  hasProducers = true;
  areRetentionTimesKnown = true;
  flushes = 0;
  expiries = 0;
  greatestStep = 0;

  constructor(
    public expired = 1,
    private readonly failure: Error | null = null,
  ) {}

  async readRetentionTimes(): Promise<void> {
    throw STORAGE_ERROR;
  }

  deleteOldSegments(maxCount: number): number {
    if (this.failure) throw this.failure;
    const deleted = Math.min(maxCount, this.expired);
    this.expired -= deleted;
    this.greatestStep = Math.max(this.greatestStep, deleted);
    return deleted;
  }

  async flush(): Promise<void> {
    if (this.failure) throw this.failure;
    this.flushes++;
    this.recoveryPoint = this.logEndOffset;
  }

  removeExpiredProducers(): void {
    this.expiries++;
  }
}

const clock = new SimulatedClock();
let scheduler: Scheduler;

function tasksOf(logs: readonly FakeLog[], logger = silentLogger, copies: readonly FakeLog[] = []): LogTasks {
  scheduler = new Scheduler(clock, silentLogger);
  const context = { clock, logger, scheduler } as unknown as LogContext;
  const [current, future] = [logs, copies] as unknown as UnifiedLog[][];
  return new LogTasks(context, { current: () => current!, future: () => future! });
}

const many = (): FakeLog[] => Array.from({ length: MANY }, () => new FakeLog());

async function ended(task: Promise<void>): Promise<void> {
  await clock.advance(0);
  await task;
}

describe.each([
  {
    name: 'retention',
    run: (tasks: LogTasks) => tasks.cleanupLogs('/data'),
    isDone: (log: FakeLog) => log.expired === 0,
  },
  {
    name: 'the expiry of producers',
    run: (tasks: LogTasks) => tasks.expireProducers(),
    isDone: (log: FakeLog) => log.expiries === 1,
  },
])('$name', ({ run, isDone }) => {
  test('lets others run before it has come to all of many logs, and comes to all', async () => {
    const logs = many();
    const task = run(tasksOf(logs));
    await settle();
    const doneAtOnce = logs.filter(isDone).length;
    expect(doneAtOnce).toBeGreaterThan(0);
    expect(doneAtOnce).toBeLessThan(MANY);
    await ended(task);
    expect(logs.filter(isDone)).toHaveLength(MANY);
  });

  test('leaves alone what was deleted before its turn', async () => {
    const logs = many();
    const task = run(tasksOf(logs));
    logs[MANY - 1]!.isClosed = true;
    await ended(task);
    expect(isDone(logs[MANY - 1]!)).toBe(false);
    expect(logs.filter(isDone)).toHaveLength(MANY - 1);
  });

  test('ends when the broker stops', async () => {
    const logs = many();
    const task = run(tasksOf(logs));
    const before = logs.filter(isDone).length;
    scheduler.shutdown();
    await ended(task);
    expect(logs.filter(isDone)).toHaveLength(before);
  });
});

test('retention deletes many segments of one log a few at a time, and all in the end', async () => {
  const log = new FakeLog(105);
  await ended(tasksOf([log]).cleanupLogs('/data'));
  expect(log.expired).toBe(0);
  expect(log.greatestStep).toBe(20);
});

test('retention tells of a log whose times cannot be read, unless it was deleted meanwhile, and goes on with others', async () => {
  const told: unknown[] = [];
  const logger = { ...silentLogger, error: (_message: string, fields?: object) => void told.push(fields) };
  const [unread, deleted, other] = [new FakeLog(), new FakeLog(), new FakeLog()];
  unread.areRetentionTimesKnown = deleted.areRetentionTimesKnown = false;
  deleted.readRetentionTimes = () => ((deleted.isClosed = true), Promise.reject(STORAGE_ERROR));
  await ended(tasksOf([unread, deleted, other], logger).cleanupLogs('/data'));
  expect(told).toMatchObject([{ error: STORAGE_ERROR }]);
  expect([unread.expired, other.expired]).toEqual([1, 0]);
});

test.each([STORAGE_ERROR, new RangeError('no integer')])(
  'logs are cleaned though another fails: %s',
  async (failure) => {
    const [broken, sound] = [new FakeLog(1, failure), new FakeLog()];
    await ended(tasksOf([broken, sound]).cleanupLogs('/data'));
    expect(sound.expired).toBe(0);
  },
);

test('a broken invariant of a log ends retention and flush, as the scheduler wants to hear of it', async () => {
  const broken = new AssertionError('segments overlap');
  const tasks = tasksOf([new FakeLog(1, broken)]);
  for (const task of [() => tasks.cleanupLogs('/data'), () => tasks.flushDirtyLogs('/data')]) {
    const outcome = task().catch((error: unknown) => error);
    await clock.advance(0);
    expect((await outcome) === broken).toBe(true);
  }
});

test('retention deletes of a log of which another segment expires while its times are read', async () => {
  const log = new FakeLog();
  let reads = 0;
  Object.defineProperty(log, 'areRetentionTimesKnown', { get: () => reads === 2 });
  log.readRetentionTimes = async () => void reads++;
  await ended(tasksOf([log]).cleanupLogs('/data'));
  expect([reads, log.expired]).toEqual([2, 0]);
});

test('copies are cleaned and flushed as their logs are, and their producers expire', async () => {
  const copy = new FakeLog();
  const tasks = tasksOf([new FakeLog()], silentLogger, [copy]);
  await ended(tasks.cleanupLogs('/data'));
  await ended(tasks.flushDirtyLogs('/data'));
  await ended(tasks.expireProducers());
  expect(copy).toMatchObject({ expired: 0, flushes: 1, expiries: 1 });
});

describe('the flush of what is due', () => {
  test('lets others run while it looks at many logs that have nothing to flush', async () => {
    const logs = many();
    for (const log of logs) log.recoveryPoint = log.logEndOffset;
    let isOver = false;
    const task = tasksOf(logs)
      .flushDirtyLogs('/data')
      .then(() => (isOver = true));
    await settle();
    expect(isOver).toBe(false);
    await clock.advance(0);
    await task;
    expect(logs.every(({ flushes }) => flushes === 0)).toBe(true);
  });

  test('flushes the logs of other directories though one fails', async () => {
    const [broken, sound] = [new FakeLog(1, STORAGE_ERROR), new FakeLog()];
    await ended(tasksOf([broken, sound]).flushDirtyLogs('/data'));
    expect(sound.flushes).toBe(1);
  });

  test('passes over what was flushed lately, and what was deleted meanwhile', async () => {
    const [lately, deleted, due] = [new FakeLog(), new FakeLog(), new FakeLog()];
    lately.lastFlushMs = clock.monotonicMs() - 999;
    deleted.flush = async () => void deleted.flushes++;
    due.flush = async () => {
      deleted.isClosed = true;
      due.flushes++;
    };
    await ended(tasksOf([lately, due, deleted]).flushDirtyLogs('/data'));
    expect([lately, due, deleted].map(({ flushes }) => flushes)).toEqual([0, 1, 0]);
  });
});
