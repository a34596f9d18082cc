import { ConnectionPace } from '../../../../src/network/core/connection-pace.js';

const UNLIMITED = 2_147_483_647;

function pace(limits: { all?: number; own?: Readonly<Record<string, number>> }) {
  const rates = {
    maxRate: () => limits.all ?? UNLIMITED,
    maxRateOfListener: (listenerName: string) => limits.own?.[listenerName] ?? limits.all ?? UNLIMITED,
    windowMs: 1000,
    windows: 11,
  };
  return new ConnectionPace(rates, (listenerName) => listenerName === 'PROTECTED');
}

/** As many come to a listener as may go on at once. */
function admittedAtOnce(one: ConnectionPace, listenerName: string, nowMs: number, atMost: number): number {
  for (let count = 0; count < atMost; count++) if (one.enter(listenerName, nowMs, false).waitMs > 0) return count;
  return atMost;
}

/** How many of an endless line go on within so many seconds, one waiting after the other. */
function admittedWithin(one: ConnectionPace, listenerName: string, fromMs: number, seconds: number): number {
  let admitted = 0;
  for (let nowMs = fromMs, isCounted = false; nowMs < fromMs + seconds * 1000;) {
    const verdict = one.enter(listenerName, nowMs, isCounted);
    if (verdict.waitMs === 0) admitted++;
    isCounted = verdict.waitMs > 0 && verdict.isCounted;
    nowMs += verdict.waitMs;
  }
  return admitted;
}

test('connections that come fast go on up to the rate of ten seconds, and then at the rate', () => {
  const one = pace({ all: 5 });
  expect(admittedAtOnce(one, 'A', 0, 100)).toBe(50);
  const minute = admittedWithin(one, 'A', 0, 60);
  expect(minute).toBeGreaterThan(230);
  expect(minute).toBeLessThanOrEqual(320);
});

test('a wait is no longer than a window, whatever came before', () => {
  const one = pace({ all: 1 });
  for (let count = 0; count < 1000; count++) expect(one.enter('A', 0, true).waitMs).toBeLessThanOrEqual(1000);
  admittedAtOnce(one, 'A', 0, 100);
  expect(one.enter('A', 0, false).waitMs).toBeLessThanOrEqual(1000);
});

test('one connection of a listener waits for itself, and the others behind it without counting', () => {
  const one = pace({ all: 1 });
  admittedAtOnce(one, 'A', 0, 9);
  expect(one.enter('A', 0, false)).toEqual({ waitMs: 0, isCounted: true });
  const first = one.enter('A', 0, false);
  expect(first).toEqual({ waitMs: expect.any(Number) as number, isCounted: true });
  expect(first.waitMs).toBeGreaterThan(0);
  expect(one.enter('A', 0, false)).toEqual({ waitMs: first.waitMs, isCounted: false });
  expect(one.enter('A', first.waitMs, true)).toEqual({ waitMs: 0, isCounted: true });
});

test('a crowd that waits does not make those that come after it wait longer', () => {
  const one = pace({ all: 100 });
  admittedAtOnce(one, 'A', 0, 1000);
  const { waitMs } = one.enter('A', 0, false);
  for (let count = 0; count < 500; count++) one.enter('A', 0, false);
  expect(one.enter('A', waitMs, false).waitMs).toBeLessThan(50);
});

test('a listener has a rate of its own beside that of all', () => {
  const one = pace({ all: 5, own: { NARROW: 1 } });
  expect(admittedAtOnce(one, 'NARROW', 0, 100)).toBe(10);
  // The one that waits counts too.
  expect(admittedAtOnce(one, 'A', 0, 100)).toBe(39);
});

test('the rate of all does not hold for the protected listener, and takes nothing of it', () => {
  const one = pace({ all: 1, own: { PROTECTED: 5 } });
  expect(admittedAtOnce(one, 'A', 0, 100)).toBe(10);
  expect(admittedAtOnce(one, 'PROTECTED', 0, 100)).toBe(50);
  expect(admittedAtOnce(one, 'A', 20_000, 100)).toBe(10);
});

test('what came long ago no longer counts', () => {
  const one = pace({ all: 5 });
  admittedAtOnce(one, 'A', 0, 100);
  expect(admittedAtOnce(one, 'A', 12_000, 100)).toBe(50);
});

test('without a limit nothing waits', () => {
  expect(admittedAtOnce(pace({}), 'A', 0, 10_000)).toBe(10_000);
});
