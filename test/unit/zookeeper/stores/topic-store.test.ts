import type { ReplicaAssignment, TopicAssignment } from '../../../../src/cluster/index.js';
import { ControllerMovedError } from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

const ON_1: ReplicaAssignment = { replicas: [1], adding: [], removing: [] };

const growTo =
  (count: number) =>
  (current: TopicAssignment): TopicAssignment | null => {
    if (current.partitions.size >= count) return null;
    const added = Array.from({ length: count }, (_, partition) => [partition, ON_1] as const);
    return { ...current, partitions: new Map([...added, ...current.partitions]) };
  };

const moveFirst = (current: TopicAssignment): TopicAssignment => ({
  ...current,
  partitions: new Map([...current.partitions, [0, { replicas: [1, 2], adding: [2], removing: [] }]]),
});

async function twoAdministrators() {
  const zooKeeper = new SimulatedZooKeeper();
  const [one, two] = [await zooKeeper.client(), await zooKeeper.client()];
  await zooKeeper.run(one.stores.cluster.createTopLevelPaths());
  await zooKeeper.run(one.stores.topics.createTopic('orders', null, new Map([[0, [1]]])));
  return { zooKeeper, one, two };
}

test('two changes at once do not undo each other', async () => {
  const { zooKeeper, one, two } = await twoAdministrators();
  const seen: number[] = [];
  await zooKeeper.run(
    Promise.all([
      one.stores.topics.changeAssignment('orders', (current) => {
        seen.push(current.partitions.size);
        return moveFirst(current);
      }),
      two.stores.topics.changeAssignment('orders', growTo(3)),
    ]),
  );
  const { partitions } = (await zooKeeper.run(one.stores.topics.assignment('orders')))!;
  expect([partitions.size, partitions.get(0)!.adding]).toEqual([3, [2]]);
  // Whoever was slower was asked again: here at most one, and one at least.
  expect(seen.length).toBeLessThanOrEqual(2);
});

test('a change is refused by what stands there when it is written, not by what was read first', async () => {
  const { zooKeeper, one, two } = await twoAdministrators();
  let isFirst = true;
  const refusing = one.stores.topics.changeAssignment('orders', async (current) => {
    if (isFirst) await two.stores.topics.changeAssignment('orders', moveFirst);
    isFirst = false;
    if (current.partitions.get(0)!.adding.length > 0) throw new Error('a reassignment is in progress');
    return growTo(2)(current);
  });
  await expect(zooKeeper.run(refusing)).rejects.toThrow('a reassignment is in progress');
  expect((await zooKeeper.run(one.stores.topics.assignment('orders')))!.partitions.size).toBe(1);
});

test('it tells what stands there when nothing is changed, and null of a topic that is not there', async () => {
  const { zooKeeper, one } = await twoAdministrators();
  const { topics } = one.stores;
  const kept = await zooKeeper.run(topics.changeAssignment('orders', () => null));
  expect([...kept!.partitions.keys()]).toEqual([0]);
  expect(await zooKeeper.run(topics.changeAssignment('bills', growTo(2)))).toBeNull();
});

test('one that is deleted while it is changed stays deleted', async () => {
  const { zooKeeper, one, two } = await twoAdministrators();
  const { zkVersion } = await zooKeeper.run(two.stores.controller.registerControllerAndIncrementControllerEpoch(2));
  const change = one.stores.topics.changeAssignment('orders', async (current) => {
    await two.stores.topics.deleteTopic('orders', zkVersion);
    return growTo(2)(current);
  });
  expect(await zooKeeper.run(change)).toBeNull();
  expect(await zooKeeper.run(one.stores.topics.topics())).toEqual([]);
});

test('a change of a controller that was deposed is not made', async () => {
  const { zooKeeper, one, two } = await twoAdministrators();
  const { zkVersion } = await zooKeeper.run(one.stores.controller.registerControllerAndIncrementControllerEpoch(1));
  await zooKeeper.run(one.stores.controller.deleteController(zkVersion));
  await zooKeeper.run(two.stores.controller.registerControllerAndIncrementControllerEpoch(2));
  const change = zooKeeper.run(one.stores.topics.changeAssignment('orders', growTo(2), zkVersion));
  await expect(change).rejects.toThrow(ControllerMovedError);
  expect((await zooKeeper.run(one.stores.topics.assignment('orders')))!.partitions.size).toBe(1);
});

test('a change whose answer was lost with the connection was made, and is not asked for again', async () => {
  const { zooKeeper, one } = await twoAdministrators();
  zooKeeper.loseNextAnswer(one.network);
  let asked = 0;
  const change = one.stores.topics.changeAssignment('orders', (current) => {
    asked++;
    if (current.partitions.size > 1) throw new Error('there are more already');
    return growTo(2)(current);
  });
  expect([(await zooKeeper.run(change))!.partitions.size, asked]).toEqual([2, 1]);
});

test('a member that lags behind is waited for, not asked again and again', async () => {
  const { zooKeeper, one, two } = await twoAdministrators();
  const behind = await zooKeeper.run(one.zk.get('/brokers/topics/orders'));
  await zooKeeper.run(two.stores.topics.changeAssignment('orders', growTo(2)));
  let isBehind = true;
  let reads = 0;
  const [get, sync] = [one.zk.get.bind(one.zk), one.zk.sync.bind(one.zk)];
  one.zk.get = (path) => {
    if (++reads > 5) throw new Error('asked again and again');
    return isBehind ? Promise.resolve(behind) : get(path);
  };
  one.zk.sync = (path) => {
    isBehind = false;
    return sync(path);
  };
  const grown = await zooKeeper.run(one.stores.topics.changeAssignment('orders', growTo(3)));
  expect([...grown!.partitions.keys()]).toEqual([0, 1, 2]);
});

test('a topic has been led when states of partitions stand below its node', async () => {
  const { zooKeeper, one } = await twoAdministrators();
  await zooKeeper.run(one.stores.topics.createTopic('nowhere', null, new Map([[0, [9]]])));
  await zooKeeper.run(one.zk.create('/brokers/topics/orders/partitions', null));
  expect(await zooKeeper.run(one.stores.topics.everLed(['nowhere', 'orders', 'gone']))).toEqual(['orders']);
});
