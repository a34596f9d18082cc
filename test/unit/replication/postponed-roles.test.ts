import { SimulatedClock } from '../../../src/testing/index.js';
import { PostponedRoles } from '../../../src/replication/roles/postponed-roles.js';

let clock: SimulatedClock;
let tried: string[];
let turns: number;
/** Still want: for a handle, or for a place. */
let wanting: Map<string, 'handle' | 'place'>;
let isBusy: boolean;
let roles: PostponedRoles<string>;
beforeEach(() => {
  clock = new SimulatedClock();
  tried = [];
  turns = 0;
  wanting = new Map();
  isBusy = false;
  const postpone = (key: string): void => roles.postpone(key, key, wanting.get(key) === 'handle');
  roles = new PostponedRoles<string>({
    clock,
    isOver: () => false,
    isBusy: () => isBusy,
    beginTries: () => {
      turns++;
      return (key) => {
        tried.push(key);
        if (wanting.has(key)) postpone(key);
        else roles.delete(key);
      };
    },
    onTried: () => undefined,
  });
});
const postponeAll = (keys: readonly string[], what: 'handle' | 'place'): void => {
  for (const key of keys) {
    wanting.set(key, what);
    roles.postpone(key, key, what === 'handle');
  }
};
const keysOf = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${name}-${at}`);

test('no more than one that wants for a file handle is tried in a second', async () => {
  postponeAll(keysOf('t', 3), 'handle');
  await clock.advance(3000);
  expect(tried).toEqual(['t-0', 't-1', 't-2']);
});

test('those that want for a place keep no other from being tried, however many they are', async () => {
  postponeAll(keysOf('placeless', 120), 'place');
  postponeAll(['t-0', 't-1'], 'handle');
  wanting.delete('t-0');
  wanting.delete('t-1');
  await clock.advance(1000);
  expect([roles.get('t-0'), roles.get('t-1'), roles.get('placeless-0')]).toEqual([undefined, undefined, 'placeless-0']);
  // And others have their turns.
  expect([tried.length, turns]).toEqual([122, 3]);
  await clock.advance(9000);
  expect(tried).toHaveLength(122 + 9 * 120);
});

test('all are tried at once, some a turn, as soon as they can be done', async () => {
  postponeAll(keysOf('t', 120), 'handle');
  wanting.clear();
  await clock.advance(1000);
  expect([tried.length, turns, roles.get('t-119')]).toEqual([120, 3, undefined]);
  await clock.advance(5000);
  expect(turns).toBe(3);
});

test('one that finds its place is done within a second, however many wait on', async () => {
  postponeAll(keysOf('placeless', 1000), 'place');
  await clock.advance(5500);
  wanting.delete('placeless-700');
  await clock.advance(1000);
  expect([roles.get('placeless-700'), roles.get('placeless-701')]).toEqual([undefined, 'placeless-701']);
});

test('each waits for a second of its own', async () => {
  postponeAll(['first'], 'place');
  await clock.advance(700);
  postponeAll(['second'], 'place');
  await clock.advance(300);
  expect(tried).toEqual(['first']);
  await clock.advance(700);
  expect(tried).toEqual(['first', 'second']);
});

test('nothing is tried while a command is carried out, and all is a second later', async () => {
  postponeAll(['t'], 'handle');
  isBusy = true;
  await clock.advance(1500);
  expect(tried).toEqual([]);
  isBusy = false;
  await clock.advance(500);
  expect(tried).toEqual(['t']);
});

test('only those that want for handles may have a log', () => {
  postponeAll(['placeless'], 'place');
  expect(roles.wantHandles).toBe(false);
  postponeAll(['t'], 'handle');
  expect(roles.wantHandles).toBe(true);
  roles.delete('t');
  expect(roles.wantHandles).toBe(false);
});
