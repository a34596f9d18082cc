import { SessionWatchdog } from '../../../../src/zookeeper/core/session-watchdog.js';

const connectedAt = (nowMs: number, timeoutMs = 9_000): SessionWatchdog => {
  const watchdog = new SessionWatchdog(timeoutMs, 60_000);
  watchdog.connecting(nowMs, 3);
  watchdog.connected(nowMs, timeoutMs);
  return watchdog;
};

test('pings after a third of the session without a request', () => {
  const watchdog = connectedAt(0);
  expect(watchdog.judge(2_999)).toEqual({ kind: 'wait', untilMs: 3_000 });
  expect(watchdog.judge(3_000)).toEqual({ kind: 'ping' });
  watchdog.sent(3_000);
  expect(watchdog.judge(3_001)).toEqual({ kind: 'wait', untilMs: 6_000 });
});

test('pings at least every ten seconds, however long the session', () => {
  expect(connectedAt(0, 60_000).judge(10_000)).toEqual({ kind: 'ping' });
});

test('leaves a server that is silent for two thirds of the session, pings or not', () => {
  const watchdog = connectedAt(0);
  watchdog.sent(5_999);
  expect(watchdog.judge(5_999)).toEqual({ kind: 'wait', untilMs: 6_000 });
  expect(watchdog.judge(6_000)).toMatchObject({ kind: 'dropConnection' });
  watchdog.received(5_000);
  expect(watchdog.judge(6_000)).toMatchObject({ kind: 'wait' });
});

test('gives each server its share of the session to answer a connect request', () => {
  const watchdog = new SessionWatchdog(9_000, 60_000);
  expect(watchdog.judge(0)).toEqual({ kind: 'wait', untilMs: Infinity });
  watchdog.connecting(100, 3);
  expect(watchdog.judge(3_099)).toEqual({ kind: 'wait', untilMs: 3_100 });
  expect(watchdog.judge(3_100)).toMatchObject({ kind: 'dropConnection' });
});

test('works by the time-out that the server granted', () => {
  const watchdog = new SessionWatchdog(1_000, 60_000);
  watchdog.connecting(0, 1);
  watchdog.connected(0, 4_000);
  expect(watchdog.timeoutMs).toBe(4_000);
  expect(watchdog.judge(1_000)).toEqual({ kind: 'wait', untilMs: 4_000 / 3 });
});

test('gives up a session that is cut off for too long, counted from when the server was last heard', () => {
  const watchdog = connectedAt(0);
  watchdog.received(4_000);
  watchdog.disconnected(10_000, true);
  expect(watchdog.judge(63_999)).toEqual({ kind: 'wait', untilMs: 64_000 });
  watchdog.connecting(63_999, 1);
  watchdog.disconnected(63_999, true);
  expect(watchdog.judge(64_000)).toEqual({ kind: 'giveUpSession' });
  watchdog.ended();
  expect(watchdog.judge(64_000)).toEqual({ kind: 'wait', untilMs: Infinity });
});

test('does not give up once it is connected again', () => {
  const watchdog = connectedAt(0);
  watchdog.disconnected(1_000, true);
  watchdog.connecting(50_000, 1);
  watchdog.connected(50_001, 9_000);
  expect(watchdog.judge(50_002)).toMatchObject({ kind: 'wait' });
  watchdog.disconnected(61_000, true);
  expect(watchdog.judge(62_000)).toMatchObject({ kind: 'wait' });
});
