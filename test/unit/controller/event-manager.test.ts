import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { ControllerEventManager } from '../../../src/controller/event-manager.js';
import type { ControllerEvent } from '../../../src/controller/runtime.js';

const clock = new SimulatedClock();
const done: string[] = [];
const event = (name: string): ControllerEvent => ({
  name,
  state: 'Idle',
  process: () => undefined,
  preempt: () => void done.push(`${name} preempted`),
});
const [a, b] = [event('a'), event('b')];

let endHandling: () => void = () => undefined;
let events: ControllerEventManager;
beforeEach(() => {
  done.length = 0;
  const handle = (it: ControllerEvent): Promise<void> => {
    done.push(it.name);
    return new Promise((resolve) => (endHandling = resolve));
  };
  events = new ControllerEventManager(handle, clock, silentLogger);
});

test('events that are put off do not take each other’s places, and one that is put off again has its later time', async () => {
  events.putLater(a, 10);
  events.putLater(b, 20);
  events.putLater(a, 30);
  await clock.advance(25);
  endHandling();
  await clock.advance(25);
  expect(done).toEqual(['b', 'a']);
});

test('what waits, or is put off, is not handled once it was dropped, and who waits for it is told', async () => {
  events.put(a);
  events.put(b);
  events.putLater(a, 10);
  await settle();
  events.dropWaiting();
  endHandling();
  await clock.advance(20);
  expect(done).toEqual(['a', 'b preempted']);
});

test('what is put after the end is answered at once', async () => {
  const closed = events.close();
  events.put(a);
  await closed;
  expect(done).toEqual(['a preempted']);
});
