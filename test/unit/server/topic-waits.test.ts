/** Administrative requests that wait for the metadata: thousands of them, of thousands of partitions, are looked at a few a turn. */
import { forEachInSteps, type Steps } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { TopicWaiter } from '../../../src/server/admin/topic-waiter.js';

/** A slice under a simulated clock ends after 200 steps. */
const STEPS_A_SLICE = 200;
const COUNT = 1000;

/** A crowd of waits, each for partitions that are looked at one in a step. */
function crowd(clock: SimulatedClock, count = COUNT, partitions = 3 * 64) {
  const waiter = new TopicWaiter(clock);
  const leaders = new Set<number>();
  let looks = 0;
  const ended: number[] = [];
  const waits = Array.from({ length: count }, (_, at) => {
    function* isDone(): Steps<boolean> {
      yield* forEachInSteps(Array<number>(partitions).fill(at), () => void looks++);
      return leaders.has(at);
    }
    const wait = waiter.wait(1000, isDone);
    void wait.ended.then(() => ended.push(at));
    return wait;
  });
  return { waiter, leaders, ended, waits, partitions, looks: () => looks };
}

test('after a change all of them are looked at, in many turns, and those that have what they asked for end', async () => {
  const clock = new SimulatedClock();
  const { waiter, leaders, ended, looks, partitions } = crowd(clock);
  await clock.advance(100);
  expect(looks()).toBe(COUNT * partitions);
  for (const at of [3, COUNT - 1]) leaders.add(at);
  waiter.onChanged();
  const inFirstTurn = looks() - COUNT * partitions;
  expect(inFirstTurn).toBeGreaterThan(0);
  expect(inFirstTurn).toBeLessThanOrEqual(64 * STEPS_A_SLICE);
  await clock.advance(100);
  expect([ended, looks()]).toEqual([[3, COUNT - 1], 2 * COUNT * partitions]);
});

test('a change that comes while they are looked at is looked at for each, and who was first has his turn before', async () => {
  const clock = new SimulatedClock();
  const { waiter, leaders, ended } = crowd(clock);
  await clock.advance(100);
  waiter.onChanged();
  // Passed already, and yet to come.
  for (const at of [0, COUNT - 1]) leaders.add(at);
  for (let changes = 0; changes < 5; changes++) waiter.onChanged();
  await clock.advance(100);
  expect(ended).toEqual([COUNT - 1, 0]);
});

test('one that has what it asks for ends at once, and one that was given up is not looked at again', async () => {
  const clock = new SimulatedClock();
  const { waiter, waits, looks, ended } = crowd(clock, 2, 1);
  const done = waiter.wait(1000, function* () {
    return true;
  });
  void done.ended.then(() => ended.push(-1));
  await settle();
  expect(ended).toEqual([-1]);
  waits[0]!.giveUp!();
  waiter.onChanged();
  await clock.advance(2000);
  expect([looks(), ended]).toEqual([3, [-1, 1]]);
  expect(clock.nextTimerMs()).toBeNull();
});
