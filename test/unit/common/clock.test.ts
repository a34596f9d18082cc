import { setPeriodicTimer, systemClock, withinTime } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';

test('a periodic task comes again though it has thrown', async () => {
  const clock = new SimulatedClock();
  let runs = 0;
  const timer = setPeriodicTimer(clock, 100, () => {
    runs++;
    throw new Error('this time only');
  });
  await expect(clock.advance(100)).rejects.toThrow('this time only');
  await expect(clock.advance(100)).rejects.toThrow('this time only');
  timer.cancel();
  await clock.advance(1000);
  expect(runs).toBe(2);
});

test.each([0, -1])('a periodic task of a period of %d runs once', async (periodMs) => {
  const clock = new SimulatedClock();
  const runs: string[] = [];
  setPeriodicTimer(clock, periodMs, () => void runs.push('at once'));
  setPeriodicTimer(clock, periodMs, async () => void runs.push('waits'));
  await clock.advance(1000);
  expect(runs).toEqual(['at once', 'waits']);
});

test('a timer of longer than Node can set does not fire at once', async () => {
  let fired = false;
  const timer = systemClock.setTimer(Number.MAX_SAFE_INTEGER, () => (fired = true), { background: true });
  // Node would fire it after a millisecond.
  await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
  expect(fired).toBe(false);
  timer.cancel();
});

test('a timer of sixty days fires after sixty days, and not when it was cancelled before', () => {
  jest.useFakeTimers();
  try {
    const dayMs = 24 * 3600 * 1000;
    const fired: string[] = [];
    systemClock.setTimer(60 * dayMs, () => fired.push('kept'));
    const cancelled = systemClock.setTimer(60 * dayMs, () => fired.push('cancelled'), { background: true });
    jest.advanceTimersByTime(30 * dayMs);
    cancelled.cancel();
    jest.advanceTimersByTime(30 * dayMs - 1);
    expect(fired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual(['kept']);
  } finally {
    jest.useRealTimers();
  }
});

describe('work within a time', () => {
  test('gives its result, and leaves no timer behind', async () => {
    const clock = new SimulatedClock();
    await expect(withinTime(clock, 100, Promise.resolve('there'))).resolves.toBe('there');
    expect(clock.step(Infinity)).toBe(false);
  });

  test('is given up when the time is over', async () => {
    const clock = new SimulatedClock();
    const outcome = withinTime(clock, 100, new Promise<string>(() => undefined));
    await settle();
    await clock.advance(100);
    await expect(outcome).resolves.toBeUndefined();
  });

  test('that fails in time rejects', async () => {
    await expect(withinTime(new SimulatedClock(), 100, Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});
