import { BROKER_SLICES, runAtOnce, runInSlices, type SliceLimits, type Steps } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';

/** Takes `count` steps, noting each, and returns how many it took. */
function* counting(count: number, done: number[], onStep: () => void = () => undefined): Steps<number> {
  for (let at = 0; at < count; at++) {
    onStep();
    done.push(at);
    yield;
  }
  return count;
}

test('work that fits a slice is done within the call', async () => {
  const done: number[] = [];
  const result = runInSlices(new SimulatedClock(), counting(3, done), { maxMs: 10, maxSteps: 4 });
  expect(done).toEqual([0, 1, 2]);
  expect(await result).toBe(3);
});

test('others run between two slices, and what they set off before the next', async () => {
  const clock = new SimulatedClock();
  const done: number[] = [];
  const seen: number[][] = [];
  const result = runInSlices(clock, counting(5, done), { maxMs: 10, maxSteps: 2 });
  for (let turn = 0; turn < 3; turn++) {
    seen.push([...done]);
    await clock.advance(0);
  }
  expect(seen[0]).toEqual([0, 1]);
  expect(await result).toBe(5);
  expect(done).toEqual([0, 1, 2, 3, 4]);
});

test('a slice ends with the step after which its time is up, however few steps it took', async () => {
  const clock = new SimulatedClock();
  let passedMs = 0;
  const slow = { ...toClock(clock), monotonicMs: () => clock.monotonicMs() + passedMs };
  const done: number[] = [];
  const result = runInSlices(
    slow,
    counting(4, done, () => (passedMs += 6)),
    { maxMs: 10, maxSteps: 1000 },
  );
  expect(done).toEqual([0, 1]);
  await clock.advance(0);
  expect(await result).toBe(4);
});

test('one step is taken in each slice though it takes longer than a slice may', async () => {
  const clock = new SimulatedClock();
  let passedMs = 0;
  const slow = { ...toClock(clock), monotonicMs: () => clock.monotonicMs() + passedMs++ * 100 };
  const result = runInSlices(slow, counting(3, []), { maxMs: 10, maxSteps: 1000 });
  await clock.advance(0);
  expect(await result).toBe(3);
});

test('what a step throws is thrown to whoever gave the work, in a later slice too', async () => {
  const clock = new SimulatedClock();
  function* failing(): Steps<void> {
    yield;
    throw new Error('step 2');
  }
  const result = runInSlices(clock, failing(), { maxMs: 10, maxSteps: 1 });
  const thrown = result.catch((error: Error) => error.message);
  await clock.advance(0);
  await settle();
  expect(await thrown).toBe('step 2');
});

describe('many tasks', () => {
  let clock: SimulatedClock;
  let passedMs: number;
  let slow: ReturnType<typeof slowed>;
  beforeEach(() => {
    clock = new SimulatedClock();
    passedMs = 0;
    slow = slowed();
  });
  const slowed = () => ({ ...toClock(clock), monotonicMs: () => clock.monotonicMs() + passedMs });
  const tasks = (count: number, steps: number, stepMs: number, limits?: SliceLimits) => {
    const done = Array.from({ length: count }, (): number[] => []);
    const results = done.map((each) =>
      runInSlices(
        slow,
        counting(steps, each, () => (passedMs += stepMs)),
        limits,
      ),
    );
    return { done, results };
  };
  /** What was spent between two turns of the event loop, for each turn until nothing is left to do. */
  const turns = async (): Promise<number[]> => {
    const spent: number[] = [];
    let before = 0;
    for (let turn = 0; turn < 1000; turn++) {
      spent.push(passedMs - before);
      before = passedMs;
      if (!clock.step()) return spent;
      await settle();
    }
    throw new Error('no end');
  };

  test('take no longer of a turn than one, the calls that begin them included', async () => {
    const { results } = tasks(100, 4, 3);
    const spent = await turns();
    expect(Math.max(...spent)).toBeLessThanOrEqual(12);
    expect(await Promise.all(results)).toHaveLength(100);
    // Nor is time left unused.
    expect(spent.filter((ms) => ms === 0).length).toBeLessThan(5);
  });

  test('go on in turn, none further than another by more than what it took within its call', async () => {
    const { done } = tasks(9, 50, 3);
    for (let turn = 0; turn < 12; turn++) {
      expect(clock.step()).toBe(true);
      const counts = done.map((each) => each.length).slice(1);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(Math.min(...done.map((each) => each.length))).toBeGreaterThan(2);
  });

  test('share a turn: a short one that comes while long ones go on is done in the next', async () => {
    const { done } = tasks(3, 1000, 1);
    clock.step();
    clock.step();
    const before = done.map((each) => each.length);
    const short: number[] = [];
    void runInSlices(slow, counting(1, short));
    expect(short).toEqual([]);
    clock.step();
    expect(short).toEqual([0]);
    expect(done.every((each, at) => each.length > before[at]!)).toBe(true);
  });

  test('go on though others come all the time', async () => {
    const long: number[] = [];
    void runInSlices(
      slow,
      counting(100, long, () => (passedMs += 3)),
    );
    for (let turn = 0; turn < 20; turn++) {
      for (let each = 0; each < 10; each++)
        void runInSlices(
          slow,
          counting(1, [], () => (passedMs += 3)),
        );
      clock.step();
    }
    expect(long.length).toBeGreaterThan(5);
  });

  const stepsOf = (done: readonly number[][]): number => done.reduce((sum, each) => sum + each.length, 0);

  test('of brokers have half of each turn, and those of clients the rest, however many they are', () => {
    const crowd = tasks(100, 10_000, 1);
    const ofBrokers = tasks(2, 10_000, 1, BROKER_SLICES);
    clock.step();
    for (let turn = 0; turn < 10; turn++) {
      const before = [stepsOf(ofBrokers.done), stepsOf(crowd.done)];
      clock.step();
      expect([stepsOf(ofBrokers.done), stepsOf(crowd.done)]).toEqual(before.map((count) => count + 5));
    }
  });

  test('of brokers have their half also while requests of clients come all the time', () => {
    const { done } = tasks(1, 10_000, 1, BROKER_SLICES);
    clock.step();
    for (let turn = 0; turn < 10; turn++) {
      const before = stepsOf(done);
      tasks(10, 1000, 1);
      clock.step();
      expect(stepsOf(done) - before).toBeGreaterThanOrEqual(5);
    }
  });

  test('of brokers have all of a turn when no client waits', () => {
    const { done } = tasks(1, 10_000, 1, BROKER_SLICES);
    clock.step();
    const before = stepsOf(done);
    clock.step();
    expect(stepsOf(done) - before).toBe(10);
  });

  test('have what is left of the slice in which they are begun', () => {
    const inner: number[] = [];
    function* outer(): Steps<void> {
      passedMs += 8;
      void runInSlices(
        slow,
        counting(10, inner, () => (passedMs += 3)),
      );
      yield;
    }
    void runInSlices(slow, outer());
    expect(inner).toEqual([0]);
  });
});

test('short tasks one after another are done within the call in each turn', async () => {
  const clock = new SimulatedClock();
  let passedMs = 0;
  const slow = { ...toClock(clock), monotonicMs: () => clock.monotonicMs() + passedMs };
  const done: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    void runInSlices(
      slow,
      counting(1, done, () => (passedMs += 6)),
    );
    expect(done).toHaveLength(turn + 1);
    await clock.advance(0);
  }
  expect(clock.nextTimerMs()).toBeNull();
});

test('work done at once takes all its steps within the call', () => {
  const done: number[] = [];
  expect(runAtOnce(counting(1000, done))).toBe(1000);
  expect(done).toHaveLength(1000);
});

function toClock(clock: SimulatedClock) {
  return {
    nowMs: () => clock.nowMs(),
    setTimer: (delayMs: number, task: () => void) => clock.setTimer(delayMs, task),
    defer: (task: () => void) => clock.defer(task),
  };
}
