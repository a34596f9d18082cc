import { SessionWatchdog } from '../../../../src/zookeeper/core/session-watchdog.js';

const connectedAt = (nowMs: number, timeoutMs = 9_000): SessionWatchdog => {
  const watchdog = new SessionWatchdog(timeoutMs);
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
  const watchdog = new SessionWatchdog(9_000);
  expect(watchdog.judge(0)).toEqual({ kind: 'wait', untilMs: Infinity });
  watchdog.connecting(100, 3);
  expect(watchdog.judge(3_099)).toEqual({ kind: 'wait', untilMs: 3_100 });
  expect(watchdog.judge(3_100)).toMatchObject({ kind: 'dropConnection' });
});

test('works by the time-out that the server granted', () => {
  const watchdog = new SessionWatchdog(1_000);
  watchdog.connecting(0, 1);
  watchdog.connected(0, 4_000);
  expect(watchdog.timeoutMs).toBe(4_000);
  expect(watchdog.judge(1_000)).toEqual({ kind: 'wait', untilMs: 4_000 / 3 });
});

test('never says that a session is over, however long it is cut off: only the servers know', () => {
  const watchdog = connectedAt(0);
  watchdog.disconnected();
  expect(watchdog.judge(3_600_000)).toEqual({ kind: 'wait', untilMs: Infinity });
  watchdog.connecting(3_600_000, 1);
  expect(watchdog.judge(3_600_000)).toEqual({ kind: 'wait', untilMs: 3_609_000 });
  watchdog.connected(3_600_001, 9_000);
  expect(watchdog.judge(3_600_002)).toEqual({ kind: 'wait', untilMs: 3_603_001 });
});
