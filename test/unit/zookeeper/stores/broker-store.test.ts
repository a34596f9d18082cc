import { ANY_VERSION, brokerIdZnode, type BrokerRegistration } from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

const registrationOf = (id: number, port = 9092): BrokerRegistration => ({
  broker: {
    id,
    endPoints: [{ host: 'h', port, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' }],
    rack: null,
  },
  jmxPort: -1,
  timestampMs: 1,
  version: 5,
  features: new Map(),
});

async function prepared() {
  const zooKeeper = new SimulatedZooKeeper();
  const first = await zooKeeper.client();
  await zooKeeper.run(first.stores.cluster.createTopLevelPaths());
  return { zooKeeper, first };
}

test('a broker registers as Kafka does: created empty, then set, its czxid the epoch', async () => {
  const { zooKeeper, first } = await prepared();
  const { epoch } = await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  const { data, stat } = await zooKeeper.run(first.zk.get('/brokers/ids/3'));
  expect(stat).toMatchObject({ version: 1, czxid: epoch, mzxid: epoch, ephemeralOwner: first.zk.sessionId });
  expect(brokerIdZnode.decode(3, data, epoch)).toMatchObject({ broker: { id: 3, epoch } });
  expect(await zooKeeper.run(first.stores.brokers.brokers())).toEqual({
    found: new Map([[3, { ...registrationOf(3).broker, epoch }]]),
    unreadable: new Map(),
  });
});

test('registering again under the same session keeps the epoch', async () => {
  const { zooKeeper, first } = await prepared();
  const { epoch } = await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  expect(await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)))).toEqual({ epoch });
});

test('the successor of a killed broker waits for its session to end', async () => {
  const { zooKeeper, first } = await prepared();
  const { epoch } = await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  first.network.isCut = true;
  const second = await zooKeeper.client();
  const startedMs = zooKeeper.clock.nowMs();
  const registered = await zooKeeper.run(second.stores.brokers.registerBroker(registrationOf(3, 9999)));
  expect(registered.epoch).toBeGreaterThan(epoch);
  expect(zooKeeper.clock.nowMs() - startedMs).toBeGreaterThan(1_000);
  expect(zooKeeper.clock.nowMs() - startedMs).toBeLessThanOrEqual(18_000);
});

test('a second live broker with the same id is refused, and told why', async () => {
  const { zooKeeper, first } = await prepared();
  await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  const second = await zooKeeper.client();
  await expect(zooKeeper.run(second.stores.brokers.registerBroker(registrationOf(3)))).rejects.toMatchObject({
    code: 'NodeExists',
    message: expect.stringContaining('broker id 3 is in use') as string,
  });
  expect((await zooKeeper.run(first.zk.get('/brokers/ids/3'))).stat.ephemeralOwner).toBe(first.zk.sessionId);
});

test('a broker that writes to its node while the other waits ends the wait at once', async () => {
  const { zooKeeper, first } = await prepared();
  await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  const second = await zooKeeper.client();
  const refused = expect(second.stores.brokers.registerBroker(registrationOf(3))).rejects.toMatchObject({
    code: 'NodeExists',
  });
  await zooKeeper.clock.advance(100);
  await zooKeeper.run(first.stores.brokers.updateBroker(registrationOf(3, 9094)));
  const startedMs = zooKeeper.clock.nowMs();
  await zooKeeper.run(refused);
  expect(zooKeeper.clock.nowMs() - startedMs).toBeLessThan(1_000);
});

test('what an earlier session of the same process left is replaced without a wait', async () => {
  const { zooKeeper, first } = await prepared();
  const { epoch } = await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  // ZooKeeper keeps the old session's node for a while (ZOOKEEPER-2985): put it back under that owner.
  const { stat } = await zooKeeper.run(first.zk.get('/brokers/ids/3'));
  const owner = stat.ephemeralOwner;
  zooKeeper.server.expireSession(owner);
  const again = new Promise<void>((resolve) =>
    first.zk.registerStateChangeHandler({ name: 'again', afterInitializingSession: resolve }),
  );
  await zooKeeper.run(again);
  zooKeeper.server.core.tree.add('/kafka/brokers/ids/3', {
    data: null,
    acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
    ephemeralOwner: owner,
    zxid: zooKeeper.server.core.lastZxid,
    nowMs: 0,
  });
  const startedMs = zooKeeper.clock.nowMs();
  const registered = await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  expect(registered.epoch).toBeGreaterThan(epoch);
  expect(zooKeeper.clock.nowMs() - startedMs).toBeLessThan(1_000);
});

test('generated ids begin at 1 and never repeat', async () => {
  const { zooKeeper, first } = await prepared();
  const ids = await zooKeeper.run(Promise.all([1, 2, 3].map(() => first.stores.cluster.generateBrokerSequenceId())));
  expect(ids).toEqual([1, 2, 3]);
  await zooKeeper.run(first.zk.delete('/brokers/seqid', ANY_VERSION));
  expect(await zooKeeper.run(first.stores.cluster.generateBrokerSequenceId())).toBe(1);
});

test('a wait for a predecessor ends when the client of ZooKeeper is closed', async () => {
  const { zooKeeper, first } = await prepared();
  await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  const second = await zooKeeper.client();
  const waiting = second.stores.brokers.registerBroker(registrationOf(3)).catch((error: unknown) => error);
  await zooKeeper.clock.advance(100);
  const startedMs = zooKeeper.clock.nowMs();
  await zooKeeper.run(second.zk.close());
  expect(await zooKeeper.run(waiting)).toMatchObject({ code: 'Closed' });
  expect(zooKeeper.clock.nowMs() - startedMs).toBeLessThan(2_000);
});

test('a wait for a predecessor ends with the session that waits, and not when its time is over', async () => {
  const { zooKeeper, first } = await prepared();
  await zooKeeper.run(first.stores.brokers.registerBroker(registrationOf(3)));
  const second = await zooKeeper.client();
  const waiting = second.stores.brokers.registerBroker(registrationOf(3)).catch((error: unknown) => error);
  await zooKeeper.clock.advance(100);
  const startedMs = zooKeeper.clock.nowMs();
  zooKeeper.server.expireSession(second.zk.sessionId);
  expect(await zooKeeper.run(waiting)).toMatchObject({ code: 'SessionExpired' });
  expect(zooKeeper.clock.nowMs() - startedMs).toBeLessThan(2_000);
});
