import { silentLogger } from '../../../src/common/index.js';
import { FinalizedFeatures } from '../../../src/server/finalized-features.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

test('the epoch is the version of the node while it is enabled, and -1 when it is missing or disabled', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const { stores, zk } = await zooKeeper.client();
  await zooKeeper.run(stores.cluster.createTopLevelPaths());
  const features = new FinalizedFeatures(stores, silentLogger);
  await zooKeeper.run(features.start());
  expect(features.epoch).toBe(-1);
  const write = { version: 2, features: new Map<string, number>() };
  await zooKeeper.run(stores.cluster.createFeatures({ ...write, enabled: true }));
  await zooKeeper.clock.advance(1000);
  expect(features.epoch).toBe(0);
  await zooKeeper.run(stores.cluster.updateFeatures({ ...write, enabled: false }));
  await zooKeeper.clock.advance(1000);
  expect(features.epoch).toBe(-1);
  await zooKeeper.run(stores.cluster.updateFeatures({ ...write, enabled: true }));
  await zooKeeper.clock.advance(1000);
  expect(features.epoch).toBe(2);
  features.close();
  await zooKeeper.run(zk.close());
});
