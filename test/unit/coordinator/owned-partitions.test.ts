import { settle, silentLogger, SimulatedClock, type Logger } from '../../../src/common/index.js';
import { OwnedPartitions } from '../../../src/coordinator/owned-partitions.js';

let clock: SimulatedClock;
let errors: string[];
let partitions: OwnedPartitions;

beforeEach(() => {
  clock = new SimulatedClock();
  errors = [];
  const log: Logger = { ...silentLogger, error: (message) => void errors.push(message) };
  partitions = new OwnedPartitions(clock, log);
});
afterEach(() => partitions.stop());

const loaded = (): Promise<boolean> => Promise.resolve(true);
const unreadable = (): Promise<boolean> => Promise.reject(new Error('EMFILE: too many open files'));

test('a partition that cannot be read holds up no other', async () => {
  partitions.onElection(0, 1, unreadable);
  partitions.onElection(1, 1, loaded);
  await settle();
  expect([0, 1].map((partition) => partitions.isOwned(partition))).toEqual([false, true]);
  expect([0, 1].map((partition) => partitions.isLoading(partition))).toEqual([true, false]);
});

test('a partition that cannot be read for an hour is still loading, and takes a log line a minute', async () => {
  let tries = 0;
  partitions.onElection(0, 1, () => {
    tries++;
    return unreadable();
  });
  await settle();
  for (let second = 0; second < 3600; second++) await clock.advance(1000);
  expect(partitions.isLoading(0)).toBe(true);
  expect(tries).toBeGreaterThan(1000);
  expect(errors.length).toBeLessThanOrEqual(61);
});

test('a resignation ends the tries', async () => {
  let tries = 0;
  partitions.onElection(0, 1, () => {
    tries++;
    return unreadable();
  });
  await settle();
  partitions.onResignation(0, 2, () => undefined);
  await settle();
  expect(partitions.isLoading(0)).toBe(false);
  const before = tries;
  await clock.advance(60_000);
  expect(tries).toBe(before);
});

test('an outdated resignation does not end them', async () => {
  let isReadable = false;
  partitions.onElection(0, 5, () => (isReadable ? loaded() : unreadable()));
  await settle();
  partitions.onResignation(0, 4, () => undefined);
  isReadable = true;
  await clock.advance(1000);
  expect(partitions.isOwned(0)).toBe(true);
});

test.each([
  { title: 'an older election', resigns: false },
  { title: 'an older election, before a resignation,', resigns: true },
])('what a load begun under $title has read is not taken for the partition', async ({ resigns }) => {
  const waiting: ((isLed: boolean) => void)[] = [];
  const load = (): Promise<boolean> => new Promise((resolve) => waiting.push(resolve));
  partitions.onElection(0, 1, load);
  await settle();
  if (resigns) partitions.onResignation(0, 2, () => undefined);
  partitions.onElection(0, 3, load);
  waiting[0]!(true);
  await settle();
  expect(partitions.isOwned(0)).toBe(false);
  expect(partitions.isLoading(0)).toBe(true);
  waiting[1]!(true);
  await settle();
  expect(partitions.isOwned(0)).toBe(true);
});

test('a partition that is not led any more when it was read is not owned', async () => {
  partitions.onElection(0, 1, () => Promise.resolve(false));
  await settle();
  expect([partitions.isOwned(0), partitions.isLoading(0)]).toEqual([false, false]);
});

test('nothing is tried again once stopped', async () => {
  let tries = 0;
  partitions.onElection(0, 1, () => {
    tries++;
    return unreadable();
  });
  await settle();
  await partitions.stop();
  await clock.advance(60_000);
  expect(tries).toBe(1);
});
