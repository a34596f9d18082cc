/** How long appends wait for their logs, and how much memory what waits for one directory may hold. */
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { AppendWaits } from '../../../src/replication/append/append-waits.js';
import { strayRejections } from '../../support/stray-rejections.js';

const MAX_BYTES = 1000;

let clock: SimulatedClock;
let waits: AppendWaits;
let oldestSyncMs: number | null;
beforeEach(() => {
  clock = new SimulatedClock();
  oldestSyncMs = null;
  waits = new AppendWaits(clock, MAX_BYTES, () => oldestSyncMs);
});

/** A log that is not ready until it is told to be. */
class SlowLog {
  isReadyForAppends = false;
  makeReady: () => void = () => undefined;
  private readonly ready = new Promise<void>((resolve) => {
    this.makeReady = () => {
      this.isReadyForAppends = true;
      resolve();
    };
  });

  constructor(readonly parentDir: string) {}

  prepared = 0;

  async prepareForAppends(): Promise<void> {
    this.prepared++;
    await this.ready;
    this.isReadyForAppends = true;
  }
}

const TIME_MS = 20_000;
/** So long a directory may make no log ready without counting as one that hangs. */
const PROGRESS_MS = 5000;
const begin = (bytes: number, ...logs: SlowLog[]) => waits.begin(logs as unknown as UnifiedLog[], bytes, TIME_MS);
const endOf = async (wait: ReturnType<typeof begin>): Promise<string> => {
  let end = 'waiting';
  void wait!.ended.then((how) => (end = how));
  await settle();
  return end;
};

test('a wait ends when all of its logs are ready, and there is none when they are', async () => {
  const [a, b] = [new SlowLog('/a'), new SlowLog('/b')];
  const wait = begin(1, a, b);
  a.makeReady();
  expect(await endOf(wait)).toBe('waiting');
  b.makeReady();
  expect(await endOf(wait)).toBe('ready');
  expect(begin(1, a, b)).toBeNull();
  await clock.advance(TIME_MS);
  expect(await endOf(wait)).toBe('ready');
});

test('a wait ends after its time, though the disk goes on hanging', async () => {
  const wait = begin(1, new SlowLog('/a'));
  await clock.advance(TIME_MS - 1);
  expect(await endOf(wait)).toBe('waiting');
  await clock.advance(1);
  expect(await endOf(wait)).toBe('timedOut');
});

test('what waits for a directory that hangs holds no more than its share, and no one waits for another for it', async () => {
  const [a, b] = [new SlowLog('/a'), new SlowLog('/b')];
  const first = begin(600, a);
  await clock.advance(PROGRESS_MS);
  expect(await endOf(begin(500, a))).toBe('tooMany');
  expect(await endOf(begin(500, b, a))).toBe('tooMany');
  expect(await endOf(begin(500, b))).toBe('waiting');
  expect(await endOf(begin(400, a))).toBe('waiting');
  expect(await endOf(begin(1, a))).toBe('tooMany');
  // A coordinator's writes count for nothing.
  expect(await endOf(begin(0, a))).toBe('waiting');
  first!.giveUp();
  expect(await endOf(first)).toBe('givenUp');
  expect(await endOf(begin(600, a))).toBe('waiting');
});

test('no one is refused while logs of the directory become ready', async () => {
  const logs = Array.from({ length: 10 }, () => new SlowLog('/a'));
  const waiting = logs.map((log) => begin(600, log));
  for (const [at, log] of logs.entries()) {
    await clock.advance(PROGRESS_MS - 1);
    expect(await endOf(begin(600, logs.at(-1)!))).toBe('waiting');
    log.makeReady();
    expect(await endOf(waiting[at]!)).toBe(at < 4 ? 'ready' : 'timedOut');
  }
});

test('no one is refused while syncs of the directory end, though no log is ready yet; one that does not end is another thing', async () => {
  const a = new SlowLog('/a');
  begin(600, a);
  for (let round = 0; round < 3; round++) {
    await clock.advance(PROGRESS_MS - 1);
    expect(await endOf(begin(600, a))).toBe('waiting');
    oldestSyncMs = clock.monotonicMs();
  }
  await clock.advance(PROGRESS_MS);
  expect(await endOf(begin(600, a))).toBe('tooMany');
});

test('a directory that hangs goes on hanging when those that waited for it have gone', async () => {
  const a = new SlowLog('/a');
  const first = begin(600, a);
  await clock.advance(TIME_MS);
  expect(await endOf(first)).toBe('timedOut');
  // The first that waits may be as large as it likes.
  expect(await endOf(begin(600, a))).toBe('waiting');
  expect(await endOf(begin(600, a))).toBe('tooMany');
  a.makeReady();
  await settle();
  // Another time it begins again.
  const b = new SlowLog('/a');
  begin(600, b);
  expect(await endOf(begin(600, b))).toBe('waiting');
});

test('what is larger than the share waits where nothing else does', async () => {
  const a = new SlowLog('/a');
  const wait = begin(5 * MAX_BYTES, a);
  expect(await endOf(wait)).toBe('waiting');
  await clock.advance(PROGRESS_MS);
  expect(await endOf(begin(1, a))).toBe('tooMany');
  await clock.advance(TIME_MS);
  expect(await endOf(wait)).toBe('timedOut');
  expect(await endOf(begin(1, a))).toBe('waiting');
});

test('waits that end leave nothing behind: a log is prepared once for all who ask while its disk hangs', async () => {
  const a = new SlowLog('/a');
  const first = begin(600, a);
  await clock.advance(PROGRESS_MS);
  for (let count = 0; count < 10; count++) expect(await endOf(begin(500, a))).toBe('tooMany');
  await clock.advance(TIME_MS);
  expect(await endOf(first)).toBe('timedOut');
  const second = begin(600, a);
  second!.giveUp();
  expect(await endOf(second)).toBe('givenUp');
  expect(waits.size).toBe(0);
  const third = begin(600, a);
  expect(a.prepared).toBe(1);
  a.makeReady();
  expect(await endOf(third)).toBe('ready');
  // Later, when it was cut, it is prepared again.
  a.isReadyForAppends = false;
  expect(await endOf(begin(600, a))).toBe('ready');
  expect(a.prepared).toBe(2);
});

test('logs by the thousand are begun in turns, and no more of them once the wait is over', async () => {
  const logs = Array.from({ length: 1000 }, () => new SlowLog('/a'));
  const begun = (): number => logs.reduce((sum, { prepared }) => sum + prepared, 0);
  const wait = begin(1, ...logs);
  expect(begun()).toBeLessThanOrEqual(200);
  clock.step();
  await settle();
  const before = begun();
  expect(before).toBeGreaterThan(200);
  wait!.giveUp();
  expect(await endOf(wait)).toBe('givenUp');
  await clock.advance(1);
  expect(begun()).toBe(before);
  const next = begin(1, ...logs);
  await clock.advance(1);
  expect(begun()).toBe(1000);
  for (const log of logs) log.makeReady();
  expect(await endOf(next)).toBe('ready');
});

describe('a log that is not ready though it was prepared, for want of a file handle', () => {
  /** Its tries end at once, and do nothing before `handles`. */
  class WantingLog {
    isReadyForAppends = false;
    isClosed = false;
    readonly parentDir = '/a';
    tries = 0;
    handles = false;

    async prepareForAppends(): Promise<void> {
      this.tries++;
      if (this.handles) this.isReadyForAppends = true;
    }
  }

  const beginFor = (...logs: WantingLog[]) => waits.begin(logs as unknown as UnifiedLog[], 1, TIME_MS);

  test('is prepared again, and the wait ends when it is', async () => {
    const log = new WantingLog();
    const wait = beginFor(log);
    await clock.advance(1000);
    expect(await endOf(wait)).toBe('waiting');
    log.handles = true;
    await clock.advance(100);
    expect(await endOf(wait)).toBe('ready');
  });

  test('is left when no one waits for it any more, or it is closed', async () => {
    const [given, closed] = [new WantingLog(), new WantingLog()];
    const wait = beginFor(given);
    const other = beginFor(closed);
    await clock.advance(500);
    wait!.giveUp();
    closed.isClosed = true;
    await clock.advance(200);
    // The append says that it is closed.
    expect(await endOf(other)).toBe('ready');
    const tries = [given.tries, closed.tries];
    await clock.advance(10_000);
    expect([given.tries, closed.tries]).toEqual(tries);
    expect(waits.size).toBe(0);
  });
});

test('a log that is cut while another one is prepared is waited for again', async () => {
  const [a, b] = [new SlowLog('/a'), new SlowLog('/b')];
  const wait = begin(1, a, b);
  a.makeReady();
  await settle();
  a.isReadyForAppends = false;
  b.makeReady();
  expect(await endOf(wait)).toBe('ready');
  expect([a.isReadyForAppends, a.prepared]).toEqual([true, 2]);
});

test('a wait that fails before anyone listens is told to whoever does then, and strays nowhere', async () => {
  const broken = new SlowLog('/a');
  const failure = new Error('broken');
  broken.prepareForAppends = () => Promise.reject(failure);
  let wait: ReturnType<typeof begin> = null;
  const strays = await strayRejections(async () => {
    wait = begin(1, broken);
    await settle();
  });
  expect(strays).toEqual([]);
  await expect(wait!.ended).rejects.toBe(failure);
});
