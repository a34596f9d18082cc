import { isZkError, type ZooKeeperClient } from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

test('operations wait while the network is cut, and go on in order under the same session', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const session = zk.sessionId;
  network.isCut = true;
  network.resetAll();
  const order: number[] = [];
  const all = Promise.all([1, 2, 3].map((i) => zk.create(`/n${i}`, null).then(() => order.push(i))));
  await zooKeeper.clock.advance(5_000);
  expect([zk.state, order]).toEqual(['disconnected', []]);
  network.isCut = false;
  await zooKeeper.run(all);
  expect([zk.state, order, zk.sessionId]).toEqual(['connected', [1, 2, 3], session]);
});

test('a silent network is noticed after two thirds of the session', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const lost: number[] = [];
  zk.onStateChange((change) => change === 'disconnected' && lost.push(zooKeeper.clock.nowMs()));
  const cutAtMs = zooKeeper.clock.nowMs();
  network.isCut = true;
  await zooKeeper.clock.advance(17_000);
  expect(lost).toEqual([cutAtMs + 12_000]);
});

test.each([40, 75, 600, 86_400])(
  'an outage of all servers of %s s costs no session, no ephemeral node, and nothing that was asked meanwhile',
  async (seconds) => {
    const zooKeeper = new SimulatedZooKeeper();
    const { zk, network } = await zooKeeper.client();
    await zooKeeper.run(zk.create('/me', null, { mode: 'ephemeral' }));
    const changes: string[] = [];
    zk.onStateChange((change) => changes.push(change));
    const session = zk.sessionId;
    network.isCut = true;
    network.resetAll();
    // The servers are down: nobody counts the time of sessions.
    zooKeeper.server.core.touch(session, zooKeeper.clock.monotonicMs() + seconds * 1000);
    const written = zk.set('/me', Buffer.from('x'), 0);
    const read = zk.get('/me');
    await zooKeeper.clock.advance(seconds * 1000);
    network.isCut = false;
    expect(await zooKeeper.run(written)).toMatchObject({ version: 1 });
    expect(await zooKeeper.run(read)).toMatchObject({ data: Buffer.from('x'), stat: { ephemeralOwner: session } });
    expect(changes).toEqual(['disconnected', 'connected']);
    expect(zk.sessionId).toBe(session);
  },
);

test('a session that ended while its client was cut off is over once a server says so, and another begins', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const changes: string[] = [];
  zk.onStateChange((change) => changes.push(change));
  network.isCut = true;
  network.resetAll();
  const read = zk.get('/').catch((error: unknown) => error);
  await zooKeeper.clock.advance(600_000);
  expect(changes).toEqual(['disconnected']);
  network.isCut = false;
  expect(isZkError(await zooKeeper.run(read), 'SessionExpired')).toBe(true);
  await zooKeeper.clock.advance(1_000);
  expect(changes).toEqual(['disconnected', 'expired', 'reconnectedWithNewSession']);
});

test.each(['SessionMoved', 'SessionExpired'] as const)(
  'requests that a server refuses with %s are made in their order once the session is confirmed',
  async (refusal) => {
    const zooKeeper = new SimulatedZooKeeper();
    const { zk } = await zooKeeper.client();
    const { core } = zooKeeper.server;
    const step = core.step.bind(core);
    let refused = 3;
    core.step = (...args) => {
      if (args[1].op !== 'create' || refused-- <= 0) return step(...args);
      return { response: { op: 'error', error: refusal, zxid: core.lastZxid }, fired: [] };
    };
    const order: string[] = [];
    const paths = ['/p', '/p/c', '/p/c/d', '/p/c/d/e'];
    await zooKeeper.run(
      Promise.all(
        paths.map((path) =>
          zk.create(path, null).then(
            () => order.push(path),
            (error: unknown) => order.push(String(error)),
          ),
        ),
      ),
    );
    expect(order).toEqual(paths);
  },
);

test('a member that restarts has its clients back one by one, and a first connection waits for nothing', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const backAtMs: number[] = [];
  const clients = [];
  for (let seed = 1; seed <= 40; seed++) {
    const startedMs = zooKeeper.clock.nowMs();
    const client = await zooKeeper.client({ seed });
    expect(zooKeeper.clock.nowMs()).toBe(startedMs);
    client.zk.onStateChange((change) => change === 'connected' && backAtMs.push(zooKeeper.clock.nowMs()));
    clients.push(client);
  }
  const lostMs = zooKeeper.clock.nowMs();
  for (const { network } of clients) network.resetAll();
  await zooKeeper.clock.advance(5_000);
  expect(backAtMs).toHaveLength(40);
  // Each in a tenth of the second of its own choice: no tenth has half of them.
  const tenths = new Map<number, number>();
  for (const ms of backAtMs) {
    const tenth = Math.floor((ms - lostMs) / 100);
    tenths.set(tenth, (tenths.get(tenth) ?? 0) + 1);
  }
  expect(Math.max(...tenths.values())).toBeLessThan(20);
});

describe('a node whose first creation went unanswered', () => {
  /** A client whose connection breaks after the server has carried out its first create, and before the answer. */
  const clientThatLosesAnAnswer = async (): Promise<{ zooKeeper: SimulatedZooKeeper; zk: ZooKeeperClient }> => {
    const zooKeeper = new SimulatedZooKeeper();
    const { zk, network } = await zooKeeper.client();
    const { core } = zooKeeper.server;
    const step = core.step.bind(core);
    let broken = false;
    jest.spyOn(core, 'step').mockImplementation((...args) => {
      const done = step(...args);
      if (!broken && args[1].op === 'create') {
        broken = true;
        network.resetAll();
      }
      return done;
    });
    return { zooKeeper, zk };
  };

  test('counts as created when it is ephemeral, since its owner tells whose it is', async () => {
    const { zooKeeper, zk } = await clientThatLosesAnAnswer();
    const { stat } = await zooKeeper.run(zk.create('/e', null, { mode: 'ephemeral' }));
    expect(stat.ephemeralOwner).toBe(zk.sessionId);
  });

  test('is in the way of its second creation when it is persistent: another may have made it', async () => {
    const { zooKeeper, zk } = await clientThatLosesAnAnswer();
    await expect(zooKeeper.run(zk.create('/p', Buffer.from('x')))).rejects.toMatchObject({ code: 'NodeExists' });
    expect(await zooKeeper.run(zk.get('/p'))).toMatchObject({ data: Buffer.from('x'), stat: { version: 0 } });
  });
});

test('rubbish from a server costs the connection, not the operation', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const changes: string[] = [];
  zk.onStateChange((change) => changes.push(change));
  const { core } = zooKeeper.server;
  const step = core.step.bind(core);
  jest.spyOn(core, 'step').mockImplementationOnce((...args) => {
    const done = step(...args);
    // An answer of another kind than was asked for.
    return { ...done, response: { op: 'done', zxid: 1n } };
  });
  await expect(zooKeeper.run(zk.get('/'))).rejects.toMatchObject({ code: 'MarshallingError' });
  expect(await zooKeeper.run(zk.exists('/'))).not.toBeNull();
  expect(changes).toEqual(['disconnected', 'connected']);
  expect(network.isCut).toBe(false);
});

test('what waits when the client closes is told so', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  network.isCut = true;
  network.resetAll();
  const read = zk.get('/').catch((error: unknown) => error);
  await zooKeeper.run(zk.close());
  expect(isZkError(await read, 'Closed')).toBe(true);
});

test('closing ends a connect that is under way', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client({ started: false });
  network.isCut = true;
  const connecting = zk.connect().catch((error: unknown) => error);
  await zooKeeper.clock.advance(1_000);
  await zooKeeper.run(zk.close());
  expect(isZkError(await zooKeeper.run(connecting), 'Closed')).toBe(true);
});

test('40,000 watches come through a reconnection, and those that fire do so once', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const other = await zooKeeper.client();
  const total = 40_000;
  const path = (i: number): string => `/a-name-that-is-as-long-as-those-of-partition-states-are-${i}`;
  const fired = new Map<string, number>();
  const note = ({ path: of }: { path: string }): void => void fired.set(of, (fired.get(of) ?? 0) + 1);
  await zooKeeper.run(Promise.all(Array.from({ length: total }, (_, i) => zk.exists(path(i), note))));
  const changes: string[] = [];
  zk.onStateChange((change) => changes.push(change));
  network.resetAll();
  // One changes while nobody watches.
  await zooKeeper.run(other.zk.create(path(0), null));
  await zooKeeper.clock.advance(2_000);
  await zooKeeper.run(Promise.all(Array.from({ length: 1_999 }, (_, i) => other.zk.create(path(20 * (i + 1)), null))));
  await zooKeeper.clock.advance(1_000);
  expect([fired.size, Math.max(...fired.values()), changes]).toEqual([2_000, 1, ['disconnected', 'connected']]);
});

test('a member that lags behind what was seen is left for another', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  await zooKeeper.run(zk.create('/n', null));
  const { core } = zooKeeper.server;
  Object.defineProperty(core, 'lastZxid', { configurable: true, get: () => 1n });
  network.resetAll();
  await zooKeeper.clock.advance(5_000);
  expect(zk.state).toBe('disconnected');
  // What is its own is covered by that of its class again.
  Reflect.deleteProperty(core, 'lastZxid');
  expect(await zooKeeper.run(zk.exists('/n'))).not.toBeNull();
});

test('a new session waits until the last one has been wound up', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk } = await zooKeeper.client();
  const order: string[] = [];
  zk.registerStateChangeHandler({
    name: 'slow',
    beforeInitializingSession: async () => {
      await new Promise<void>((resolve) => zooKeeper.clock.setTimer(3_000, resolve));
      order.push('wound up');
    },
    afterInitializingSession: () => order.push('new session'),
  });
  zooKeeper.server.expireSession(zk.sessionId);
  await zooKeeper.clock.advance(10_000);
  expect(order).toEqual(['wound up', 'new session']);
});
