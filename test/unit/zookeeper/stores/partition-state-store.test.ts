import type { LeaderIsrAndControllerEpoch } from '../../../../src/cluster/index.js';
import type { ZkClient } from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

const KEY = 'orders-0';
const STATE: LeaderIsrAndControllerEpoch = {
  leaderAndIsr: { leader: 1, leaderEpoch: 0, isr: [1, 2], recovering: false, partitionEpoch: 0 },
  controllerEpoch: 1,
};

/** The controller, whose connection breaks after the server has carried out the next write and before it answers. */
async function controllerWithoutAnswer() {
  const zooKeeper = new SimulatedZooKeeper();
  const { stores, network, zk } = await zooKeeper.client();
  await zooKeeper.run(stores.cluster.createTopLevelPaths());
  const { zkVersion } = await zooKeeper.run(stores.controller.registerControllerAndIncrementControllerEpoch(1));
  await zooKeeper.run(stores.topics.createTopic('orders', null, new Map([[0, [1, 2]]])));
  const { core } = zooKeeper.server;
  const loseAnswerTo = (path: string): void => {
    const step = core.step.bind(core);
    core.step = (...args) => {
      const result = step(...args);
      const [, request] = args;
      if (request.op === 'multi' && request.ops.some((op) => op.path.endsWith(path))) {
        core.step = step;
        network.resetAll();
      }
      return result;
    };
  };
  const client: Pick<ZkClient, 'get' | 'sync'> = zk;
  return { zooKeeper, zk: client, states: stores.partitionStates, zkVersion, loseAnswerTo };
}

test('a state whose answer was lost with the connection counts as written', async () => {
  const { zooKeeper, states, zkVersion, loseAnswerTo } = await controllerWithoutAnswer();
  await zooKeeper.run(states.createStates(new Map([[KEY, STATE]]), zkVersion));
  const next = { ...STATE.leaderAndIsr, isr: [1] };
  loseAnswerTo('/state');
  const result = await zooKeeper.run(states.updateLeaderAndIsr(new Map([[KEY, next]]), 1, zkVersion));
  expect(result).toEqual({ finished: new Map([[KEY, { ...next, partitionEpoch: 1 }]]), toRetry: [] });
});

test('a state that is refused for a version of somebody else is to be tried again', async () => {
  const { zooKeeper, states, zkVersion } = await controllerWithoutAnswer();
  await zooKeeper.run(states.createStates(new Map([[KEY, STATE]]), zkVersion));
  await zooKeeper.run(states.updateLeaderAndIsr(new Map([[KEY, { ...STATE.leaderAndIsr, isr: [2] }]]), 1, zkVersion));
  const next = { ...STATE.leaderAndIsr, isr: [1] };
  const result = await zooKeeper.run(states.updateLeaderAndIsr(new Map([[KEY, next]]), 1, zkVersion));
  expect(result).toEqual({ finished: new Map(), toRetry: [{ topic: 'orders', partition: 0 }] });
});

test('a first state whose answer was lost counts as created, one of somebody else does not', async () => {
  const { zooKeeper, states, zkVersion, loseAnswerTo } = await controllerWithoutAnswer();
  loseAnswerTo('/state');
  const created = await zooKeeper.run(states.createStates(new Map([[KEY, STATE]]), zkVersion));
  expect(created.get(KEY)).toMatchObject({ ok: true });
  const other = { ...STATE, leaderAndIsr: { ...STATE.leaderAndIsr, isr: [2] } };
  const refused = await zooKeeper.run(states.createStates(new Map([[KEY, other]]), zkVersion));
  expect(refused.get(KEY)).toEqual({ ok: false, code: 'NodeExists' });
});

test('states as of now are not what a member that lags behind has had until then', async () => {
  const { zooKeeper, states, zk, zkVersion } = await controllerWithoutAnswer();
  await zooKeeper.run(states.createStates(new Map([[KEY, STATE]]), zkVersion));
  // A member answers by what it has when a question reaches it, and has caught up when one comes behind a `sync`.
  let isBehind = true;
  const [get, sync] = [zk.get.bind(zk), zk.sync.bind(zk)];
  zk.sync = (path) => {
    isBehind = false;
    return sync(path);
  };
  zk.get = (path) => get(isBehind ? '/brokers/topics/not-there-yet' : path);
  const orders = [{ topic: 'orders', partition: 0 }];
  expect((await zooKeeper.run(states.states(orders))).found.size).toBe(0);
  expect((await zooKeeper.run(states.latestStates(orders))).found.get(KEY)).toMatchObject(STATE);
});
