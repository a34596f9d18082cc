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

test('an outage longer than the session, of all servers, costs no session', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, network } = await zooKeeper.client();
  const changes: string[] = [];
  zk.onStateChange((change) => changes.push(change));
  const session = zk.sessionId;
  network.isCut = true;
  network.resetAll();
  // The ensemble is down as well: nobody counts the time of sessions.
  jest.spyOn(zooKeeper.server.core, 'expire').mockReturnValue({ expired: [], fired: [] });
  const read = zk.exists('/');
  await zooKeeper.clock.advance(40_000);
  network.isCut = false;
  expect(await zooKeeper.run(read)).not.toBeNull();
  expect(changes).toEqual(['disconnected', 'connected']);
  expect(zk.sessionId).toBe(session);
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
