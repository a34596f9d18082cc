import { onStop, type StopSignal } from '../../../src/cli/stop-signals.js';
import { SimulatedClock } from '../../../src/testing/index.js';

const clock = new SimulatedClock();
let heard: string[];
let listenNoMore: () => void;
const give = (signal: StopSignal): void => void process.emit(signal);

beforeEach(() => {
  heard = [];
  listenNoMore = onStop(
    clock,
    (signal) => heard.push(`stop ${signal}`),
    (signal) => heard.push(`insist ${signal}`),
  );
});
afterEach(() => listenNoMore());

test.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)('%s stops', (signal) => {
  give(signal);
  expect(heard).toEqual([`stop ${signal}`]);
});

test('the same wish heard from the terminal and from the shell is one', async () => {
  give('SIGINT');
  await clock.advance(1000);
  give('SIGINT');
  expect(heard).toEqual(['stop SIGINT']);
});

test('a person who presses Ctrl-C again later insists', async () => {
  give('SIGHUP');
  await clock.advance(1001);
  give('SIGINT');
  expect(heard).toEqual(['stop SIGHUP', 'insist SIGINT']);
});

test('a slow shell that passes on the hang-up does not', async () => {
  give('SIGHUP');
  await clock.advance(60_000);
  give('SIGHUP');
  expect(heard).toEqual(['stop SIGHUP']);
});

test('a signal caught is never left to the process, nor one that is listened to no more', () => {
  give('SIGTERM');
  expect(process.listenerCount('SIGHUP')).toBe(1);
  listenNoMore();
  expect(process.listenerCount('SIGHUP')).toBe(0);
});
