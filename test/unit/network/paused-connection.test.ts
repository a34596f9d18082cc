import type { Connection, ConnectionHandlers } from '../../../src/common/index.js';
import { PausedConnection } from '../../../src/network/server/paused-connection.js';

/** An accepted connection that has read its first bytes by the time it is paused, as Node's sockets may have. */
function lab() {
  let handlers: ConnectionHandlers | null = null;
  let isPaused = false;
  const inner: Pick<Connection, 'setHandlers' | 'pause' | 'resume'> = {
    setHandlers: (given) => (handlers = given),
    pause: () => (isPaused = true),
    resume: () => (isPaused = false),
  };
  const connection = new PausedConnection(inner as Connection, () => undefined);
  return { connection, arrive: (bytes: string) => handlers!.onData(Buffer.from(bytes)), isPaused: () => isPaused };
}

describe('an accepted connection that has to wait', () => {
  test('is not read from until it is served, and then has all that came', async () => {
    const { connection, arrive, isPaused } = lab();
    arrive('one');
    expect(isPaused()).toBe(true);
    const got: string[] = [];
    connection.setHandlers({ onData: (bytes) => got.push(bytes.toString()), onClose: () => undefined });
    expect([got, isPaused()]).toEqual([[], true]);
    await Promise.resolve();
    arrive('two');
    expect([got, isPaused()]).toEqual([['one', 'two'], false]);
  });

  test('stays paused when whoever gets its first bytes wants no more for now', async () => {
    const { connection, arrive, isPaused } = lab();
    arrive('one');
    connection.setHandlers({ onData: () => connection.pause(), onClose: () => undefined });
    await Promise.resolve();
    expect(isPaused()).toBe(true);
    connection.resume();
    expect(isPaused()).toBe(false);
  });
});
