import { silentLogger, type Logger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
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
  partitions.onResignation(0, () => undefined);
  await settle();
  expect(partitions.isLoading(0)).toBe(false);
  const before = tries;
  await clock.advance(60_000);
  expect(tries).toBe(before);
});

test('an election that is told again begins no other load', async () => {
  let isReadable = false;
  let loads = 0;
  const load = (): Promise<boolean> => (loads++, isReadable ? loaded() : unreadable());
  partitions.onElection(0, 5, load);
  await settle();
  partitions.onElection(0, 5, load);
  await settle();
  expect([loads, partitions.isLoading(0)]).toEqual([1, true]);
  isReadable = true;
  await clock.advance(1000);
  partitions.onElection(0, 5, load);
  await settle();
  expect([loads, partitions.isOwned(0)]).toEqual([2, true]);
});

test('a partition that was given up is taken over again in any epoch: its topic may have been made again', async () => {
  partitions.onElection(0, 5, loaded);
  await settle();
  partitions.onResignation(0, () => undefined);
  partitions.onElection(0, 0, loaded);
  await settle();
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
  if (resigns) partitions.onResignation(0, () => undefined);
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

describe('partitions beside one whose reads hang', () => {
  const hanging = (): Promise<boolean> => new Promise(() => undefined);
  /** As many as would be loaded at once, and more. */
  const hung = Array.from({ length: 9 }, (_, at) => 10 + at);

  test('are taken over, however many hang', async () => {
    for (const partition of hung) partitions.onElection(partition, 1, hanging);
    partitions.onElection(1, 1, loaded);
    await clock.advance(10_000);
    expect([1, ...hung].filter((partition) => partitions.isOwned(partition))).toEqual([1]);
    expect(hung.filter((partition) => partitions.isLoading(partition))).toEqual(hung);
    await settle();
  });

  test('are given up at once, before the next request can ask for them', async () => {
    partitions.onElection(2, 1, loaded);
    await settle();
    for (const partition of hung) partitions.onElection(partition, 1, hanging);
    await settle();
    const unloaded: boolean[] = [];
    partitions.onResignation(2, (wasOwned) => void unloaded.push(wasOwned));
    expect([partitions.isOwned(2), partitions.isLoading(2)]).toEqual([false, false]);
    partitions.onResignation(hung[0]!, (wasOwned) => void unloaded.push(wasOwned));
    expect(partitions.isLoading(hung[0]!)).toBe(false);
    await settle();
    expect(unloaded).toEqual([true, false]);
  });

  afterEach(() => {
    // What hangs is waited for when the broker stops; the broker gives that up.
    partitions = new OwnedPartitions(clock, silentLogger);
  });
});

test('a partition is loading from its election on, and what was told of it is carried out in order', async () => {
  const done: string[] = [];
  const load = (name: string) => (): Promise<boolean> => {
    done.push(name);
    return loaded();
  };
  partitions.onElection(0, 1, load('first'));
  expect([partitions.isOwned(0), partitions.isLoading(0)]).toEqual([false, true]);
  await settle();
  partitions.onResignation(0, () => void done.push('unloaded'));
  partitions.onElection(0, 3, load('second'));
  expect([partitions.isOwned(0), partitions.isLoading(0)]).toEqual([false, true]);
  await settle();
  expect(done).toEqual(['first', 'unloaded', 'second']);
  expect([partitions.isOwned(0), partitions.isLoading(0)]).toEqual([true, false]);
});

test('an owned partition that is elected again stays as it is', async () => {
  partitions.onElection(0, 1, loaded);
  await settle();
  let loads = 0;
  partitions.onElection(0, 2, () => {
    loads++;
    return loaded();
  });
  expect([partitions.isOwned(0), partitions.isLoading(0)]).toEqual([true, false]);
  await settle();
  expect(loads).toBe(0);
});

test('no more are loaded at once than get on, and one that reads on keeps its turn', async () => {
  const running: number[] = [];
  const ends: (() => void)[] = [];
  const ask: (() => boolean)[] = [];
  for (let partition = 0; partition < 6; partition++) {
    partitions.onElection(partition, 1, (isWanted) => {
      running.push(partition);
      ask.push(isWanted);
      return new Promise((resolve) => ends.push(() => resolve(true)));
    });
  }
  await settle();
  expect(running).toEqual([0, 1, 2, 3]);
  // All but the first read on.
  for (let tenth = 0; tenth < 15; tenth++) {
    await clock.advance(100);
    for (const isWanted of ask.slice(1, 4)) expect(isWanted()).toBe(true);
  }
  expect(running).toEqual([0, 1, 2, 3, 4]);
  for (const end of ends) end();
  await settle();
  // It was passed already.
  expect(running).toEqual([0, 1, 2, 3, 4, 5]);
  ends.at(-1)!();
  await settle();
  expect(running.filter((partition) => partitions.isOwned(partition))).toEqual([0, 1, 2, 3, 4, 5]);
});
