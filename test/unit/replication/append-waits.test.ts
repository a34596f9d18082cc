/** How long appends wait for their logs, and how much memory what waits for one directory may hold. */
import { settle, SimulatedClock } from '../../../src/common/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { AppendWaits } from '../../../src/replication/append-waits.js';

const MAX_BYTES = 1000;

let clock: SimulatedClock;
let waits: AppendWaits;
beforeEach(() => {
  clock = new SimulatedClock();
  waits = new AppendWaits(clock, MAX_BYTES);
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

  prepareForAppends(): Promise<void> {
    this.prepared++;
    return this.ready;
  }
}

const begin = (bytes: number, ...logs: SlowLog[]) => waits.begin(logs as unknown as UnifiedLog[], bytes, 5000);
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
  await clock.advance(5000);
  expect(await endOf(wait)).toBe('ready');
});

test('a wait ends after its time, though the disk goes on hanging', async () => {
  const wait = begin(1, new SlowLog('/a'));
  await clock.advance(4999);
  expect(await endOf(wait)).toBe('waiting');
  await clock.advance(1);
  expect(await endOf(wait)).toBe('timedOut');
});

test('what waits for one directory holds no more than its share, and no one waits for another for it', async () => {
  const [a, b] = [new SlowLog('/a'), new SlowLog('/b')];
  const first = begin(600, a);
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

test('what is larger than the share waits where nothing else does', async () => {
  const a = new SlowLog('/a');
  const wait = begin(5 * MAX_BYTES, a);
  expect(await endOf(wait)).toBe('waiting');
  expect(await endOf(begin(1, a))).toBe('tooMany');
  await clock.advance(5000);
  expect(await endOf(wait)).toBe('timedOut');
  expect(await endOf(begin(1, a))).toBe('waiting');
});

test('waits that end leave nothing behind: a log is prepared once for all who ask while its disk hangs', async () => {
  const a = new SlowLog('/a');
  const first = begin(600, a);
  for (let count = 0; count < 10; count++) expect(await endOf(begin(500, a))).toBe('tooMany');
  await clock.advance(5000);
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
