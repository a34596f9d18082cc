import type { ZkClient } from '../../../../src/zookeeper/index.js';
import { writeConfig } from '../../../support/write-config.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

test('what is read as of now is not what a member that lags behind has had until then', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { stores, zk } = await zooKeeper.client();
  const { configs } = stores;
  await zooKeeper.run(writeConfig(zk, 'topics', 'orders', { 'retention.ms': '-1' }));
  // A member answers by what it has when a question reaches it, and has caught up when one comes behind a `sync`.
  let isBehind = true;
  const client: Pick<ZkClient, 'get' | 'sync'> = zk;
  const get = client.get.bind(zk);
  const sync = client.sync.bind(zk);
  client.sync = (path) => {
    isBehind = false;
    return sync(path);
  };
  client.get = (path) => get(isBehind ? '/config/topics/not-there-yet' : path);
  expect([...(await zooKeeper.run(configs.configs('topics', ['orders']))).found.get('orders')!]).toEqual([]);
  const latest = await zooKeeper.run(configs.latestConfigs('topics', ['orders', 'bills']));
  expect([...latest.found].map(([topic, overrides]) => [topic, ...overrides])).toEqual([
    ['orders', ['retention.ms', '-1']],
    ['bills'],
  ]);
});
