import { SimulatedClock } from '../../../src/testing/index.js';
import { SlowClients } from '../../../src/network/server/slow-clients.js';

/** The times of the looks, over `seconds` in which memory is short and each turn takes `turnMs`. */
function looksOver(seconds: number, turnMs: number): number[] {
  const clock = new SimulatedClock(0);
  const looks: number[] = [];
  const slowClients = new SlowClients(late(clock, turnMs), (nowMs) => looks.push(nowMs) > 0);
  slowClients.watch();
  while (clock.step(seconds * 1000));
  slowClients.stop();
  return looks;
}

/** Timers fire at the beginning of a turn. */
function late(clock: SimulatedClock, turnMs: number): SimulatedClock {
  const setTimer = clock.setTimer.bind(clock);
  jest.spyOn(clock, 'setTimer').mockImplementation((delayMs, task) => {
    const dueMs = clock.monotonicMs() + delayMs;
    return setTimer(Math.ceil(dueMs / turnMs) * turnMs - clock.monotonicMs(), task);
  });
  return clock;
}

describe('the look for slow clients', () => {
  test('comes every tenth of a second while memory is short', () => {
    expect(looksOver(1, 1)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });

  test('comes every other time, however long the turns of the process are', () => {
    expect(looksOver(10, 300).length).toBeGreaterThan(3);
    expect(looksOver(10, 1100).length).toBeGreaterThan(2);
  });

  test('is put off when the process has stood still', () => {
    expect(looksOver(61, 30_000)).toEqual([]);
  });

  test('comes after what has come by then is read', () => {
    const clock = new SimulatedClock(0);
    const order: string[] = [];
    const slowClients = new SlowClients(clock, () => order.push('look') === 0);
    slowClients.watch();
    // What is ready then comes before what the timers of the turn have put off.
    clock.setTimer(100, () => order.push('read'));
    while (clock.step(1000));
    expect(order).toEqual(['read', 'look']);
  });

  test('ends when it is stopped, also between a timer and its look', () => {
    const clock = new SimulatedClock(0);
    let looks = 0;
    const slowClients = new SlowClients(clock, () => ++looks > 0);
    slowClients.watch();
    clock.setTimer(100, () => slowClients.stop());
    while (clock.step(1000));
    slowClients.watch();
    while (clock.step(2000));
    expect(looks).toBe(0);
  });
});
