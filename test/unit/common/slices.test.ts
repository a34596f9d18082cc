import { runAtOnce, runInSlices, settle, SimulatedClock, type Steps } from '../../../src/common/index.js';

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
