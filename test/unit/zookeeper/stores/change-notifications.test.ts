import { silentLogger } from '../../../../src/common/index.js';
import { ChangeNotificationListener, configChangeZnode, ZkError } from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

async function listening() {
  const zooKeeper = new SimulatedZooKeeper();
  const writer = await zooKeeper.client();
  const reader = await zooKeeper.client();
  const seen: string[] = [];
  const listener = new ChangeNotificationListener(reader.zk, {
    parent: configChangeZnode.parent,
    prefix: configChangeZnode.prefix,
    clock: zooKeeper.clock,
    logger: silentLogger,
    onNotification: (data) => {
      const { entityPath } = configChangeZnode.decode(data);
      seen.push(entityPath);
      if (entityPath === 'topics/bad') throw new Error('a handler that fails');
    },
  });
  const notify = (entity: string) => {
    const [type, name] = entity.split('/') as ['topics' | 'users', string];
    return zooKeeper.run(writer.stores.configs.changeConfig(type, name, new Map()));
  };
  return { zooKeeper, writer, reader, seen, listener, notify };
}

test('every change is handled once and in order, before and after the start', async () => {
  const { zooKeeper, seen, listener, notify } = await listening();
  await notify('topics/a');
  await zooKeeper.run(listener.start());
  expect(seen).toEqual(['topics/a']);
  await notify('topics/bad');
  await notify('users/u');
  await zooKeeper.clock.advance(100);
  expect(seen).toEqual(['topics/a', 'topics/bad', 'users/u']);
  await zooKeeper.run(listener.close());
});

test('changes made while the session was lost are handled under the next one', async () => {
  const { zooKeeper, reader, seen, listener, notify } = await listening();
  await zooKeeper.run(listener.start());
  reader.network.isCut = true;
  reader.network.resetAll();
  zooKeeper.server.expireSession(reader.zk.sessionId);
  await notify('topics/a');
  reader.network.isCut = false;
  await zooKeeper.clock.advance(10_000);
  expect(seen).toEqual(['topics/a']);
  await zooKeeper.run(listener.close());
});

test('nodes older than a quarter of an hour are removed when the next one comes', async () => {
  const { zooKeeper, writer, listener, notify } = await listening();
  await zooKeeper.run(listener.start());
  await notify('topics/a');
  await zooKeeper.clock.advance(16 * 60_000);
  await notify('topics/b');
  await zooKeeper.clock.advance(100);
  const { children } = await zooKeeper.run(writer.zk.children('/config/changes'));
  expect(children).toEqual(['config_change_0000000001']);
  await zooKeeper.run(listener.close());
});

test('a change that could not be handled for want of ZooKeeper is handled again', async () => {
  const { zooKeeper, reader, notify } = await listening();
  const handled: string[] = [];
  let failures = 1;
  const listener = new ChangeNotificationListener(reader.zk, {
    parent: configChangeZnode.parent,
    prefix: configChangeZnode.prefix,
    clock: zooKeeper.clock,
    logger: silentLogger,
    onNotification: (data) => {
      const { entityPath } = configChangeZnode.decode(data);
      if (failures-- > 0) throw new ZkError('SessionExpired', `/config/${entityPath}`);
      handled.push(entityPath);
    },
  });
  await zooKeeper.run(listener.start());
  // It alone: the next one would have it read again in any case.
  await notify('topics/a');
  await zooKeeper.clock.advance(2_000);
  expect(handled).toEqual(['topics/a']);
  await zooKeeper.run(listener.close());
});

test('a broker whose own clock is wrong removes nothing that others have not read', async () => {
  const { zooKeeper, writer, reader, notify } = await listening();
  const seen: string[] = [];
  const { clock } = zooKeeper;
  const listener = new ChangeNotificationListener(reader.zk, {
    parent: configChangeZnode.parent,
    prefix: configChangeZnode.prefix,
    clock: {
      nowMs: () => clock.nowMs() + 60 * 60_000,
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, task) => clock.setTimer(delayMs, task),
      defer: (task) => clock.defer(task),
    },
    logger: silentLogger,
    onNotification: (data) => void seen.push(configChangeZnode.decode(data).entityPath),
  });
  await zooKeeper.run(listener.start());
  await notify('topics/a');
  await notify('topics/b');
  await clock.advance(1_000);
  expect(seen).toEqual(['topics/a', 'topics/b']);
  expect((await zooKeeper.run(writer.zk.children('/config/changes'))).children).toHaveLength(2);
  await zooKeeper.run(listener.close());
});

test.each([
  'config_change_9999999999',
  'config_change_2147483647',
  'config_change_',
  'config_change_x',
  'config_change_-1',
])('a node that someone made by hand, %s, hides none that comes after it', async (name) => {
  const { zooKeeper, writer, seen, listener, notify } = await listening();
  await zooKeeper.run(listener.start());
  await zooKeeper.run(writer.zk.create(`/config/changes/${name}`, Buffer.from('oops')));
  await notify('topics/a');
  await notify('users/u');
  await zooKeeper.clock.advance(100);
  expect(seen).toEqual(['topics/a', 'users/u']);
  await zooKeeper.run(listener.close());
});
