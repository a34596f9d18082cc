import { ANY_VERSION, ControllerMovedError, isZkError, type ZkStores } from '../../../../src/zookeeper/index.js';
import type { LeaderAndIsr, LeaderIsrAndControllerEpoch } from '../../../../src/cluster/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

const leaderAndIsr = (over: Partial<LeaderAndIsr> = {}): LeaderAndIsr => ({
  leader: 1,
  leaderEpoch: 0,
  isr: [1, 2],
  recovering: false,
  partitionEpoch: 0,
  ...over,
});
const state = (over: Partial<LeaderAndIsr> = {}): LeaderIsrAndControllerEpoch => ({
  leaderAndIsr: leaderAndIsr(over),
  controllerEpoch: 1,
});

async function twoBrokers() {
  const zooKeeper = new SimulatedZooKeeper();
  const one = await zooKeeper.client();
  const two = await zooKeeper.client();
  await zooKeeper.run(one.stores.cluster.createTopLevelPaths());
  return { zooKeeper, one, two };
}

const elect = (stores: ZkStores, id: number) => stores.controller.registerControllerAndIncrementControllerEpoch(id);

describe('the election', () => {
  test('has one winner, whose epoch is one more than the last', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    const results = await zooKeeper.run(Promise.allSettled([elect(one.stores, 1), elect(two.stores, 2)]));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won).toEqual([{ status: 'fulfilled', value: { epoch: 1, zkVersion: 1 } }]);
    const lost = results.find((result) => result.status === 'rejected');
    expect(lost?.reason).toBeInstanceOf(ControllerMovedError);
  });

  test('goes on when the controller’s session ends', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    await zooKeeper.run(elect(one.stores, 1));
    expect(await zooKeeper.run(two.stores.controller.controllerId())).toBe(1);
    await zooKeeper.run(one.zk.close());
    expect(await zooKeeper.run(two.stores.controller.controller())).toBeNull();
    expect(await zooKeeper.run(elect(two.stores, 2))).toEqual({ epoch: 2, zkVersion: 2 });
    expect(await zooKeeper.run(two.stores.controller.controllerEpoch())).toEqual({ epoch: 2, zkVersion: 2 });
  });

  test('is won also when the answer to the winning write is lost', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { core } = zooKeeper.server;
    const step = core.step.bind(core);
    jest.spyOn(core, 'step').mockImplementation((...args) => {
      const done = step(...args);
      // The connection breaks between the write and its answer.
      if (args[1].op === 'multi' && done.response.op === 'multi' && done.response.results[0]?.op === 'create') {
        one.network.resetAll();
      }
      return done;
    });
    expect(await zooKeeper.run(elect(one.stores, 1))).toEqual({ epoch: 1, zkVersion: 1 });
    expect(await zooKeeper.run(one.stores.controller.controllerId())).toBe(1);
  });
});

describe('writes of the controller', () => {
  test('are made under its epoch and refused to a deposed one', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    const old = await zooKeeper.run(elect(one.stores, 1));
    await zooKeeper.run(two.stores.topics.createTopic('t', null, new Map([[0, [1, 2]]])));
    const created = await zooKeeper.run(
      one.stores.partitionStates.createStates(new Map([['t-0', state()]]), old.zkVersion),
    );
    expect(created.get('t-0')?.ok).toBe(true);
    await zooKeeper.run(one.stores.controller.deleteController(old.zkVersion));
    const current = await zooKeeper.run(elect(two.stores, 2));
    const update = new Map([['t-0', leaderAndIsr({ leader: 2, leaderEpoch: 1 })]]);
    await expect(
      zooKeeper.run(one.stores.partitionStates.updateLeaderAndIsr(update, old.epoch, old.zkVersion)),
    ).rejects.toBeInstanceOf(ControllerMovedError);
    await expect(zooKeeper.run(one.stores.deletions.deleteTopicDeletions(['t'], old.zkVersion))).rejects.toBeInstanceOf(
      ControllerMovedError,
    );
    expect(await zooKeeper.run(two.stores.partitionStates.state({ topic: 't', partition: 0 }))).toEqual(state());
    const { finished } = await zooKeeper.run(
      two.stores.partitionStates.updateLeaderAndIsr(update, current.epoch, current.zkVersion),
    );
    expect(finished.get('t-0')).toEqual(leaderAndIsr({ leader: 2, leaderEpoch: 1, partitionEpoch: 1 }));
  });

  test('tell which partitions were changed by somebody else and which are gone', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { epoch, zkVersion } = await zooKeeper.run(elect(one.stores, 1));
    const { partitionStates, topics } = one.stores;
    await zooKeeper.run(
      topics.createTopic(
        't',
        null,
        new Map([
          [0, [1]],
          [1, [1]],
        ]),
      ),
    );
    await zooKeeper.run(
      partitionStates.createStates(
        new Map([
          ['t-0', state()],
          ['t-1', state()],
        ]),
        zkVersion,
      ),
    );
    await zooKeeper.run(one.zk.set('/brokers/topics/t/partitions/1/state', Buffer.from('{}'), 0));
    const { finished, toRetry } = await zooKeeper.run(
      partitionStates.updateLeaderAndIsr(
        new Map([
          ['t-0', leaderAndIsr()],
          ['t-1', leaderAndIsr()],
          ['t-2', leaderAndIsr()],
        ]),
        epoch,
        zkVersion,
      ),
    );
    expect(toRetry).toEqual([{ topic: 't', partition: 1 }]);
    expect(finished.get('t-0')).toMatchObject({ partitionEpoch: 1 });
    expect(isZkError(finished.get('t-2'), 'NoNode')).toBe(true);
  });

  test('delete a topic with all under it, and say nothing when it is gone', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { zkVersion } = await zooKeeper.run(elect(one.stores, 1));
    const { partitionStates, topics } = one.stores;
    await zooKeeper.run(topics.createTopic('t', null, new Map([[0, [1]]])));
    await zooKeeper.run(partitionStates.createStates(new Map([['t-0', state()]]), zkVersion));
    await zooKeeper.run(topics.deleteTopic('t', zkVersion));
    expect(await zooKeeper.run(topics.topics())).toEqual([]);
    await zooKeeper.run(topics.deleteTopic('t', zkVersion));
  });

  test('creating states twice reports those that were there', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { zkVersion } = await zooKeeper.run(elect(one.stores, 1));
    await zooKeeper.run(one.stores.topics.createTopic('t', null, new Map([[0, [1]]])));
    const create = (isr: number[]) =>
      one.stores.partitionStates.createStates(new Map([['t-0', state({ isr })]]), zkVersion);
    await zooKeeper.run(create([1, 2]));
    expect((await zooKeeper.run(create([1]))).get('t-0')).toEqual({ ok: false, code: 'NodeExists' });
  });
});

describe('producer ids', () => {
  test('are handed out in blocks that never overlap', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    const blocks = await zooKeeper.run(
      Promise.all([one, two, one, two].map(({ stores }, index) => stores.producerIds.nextBlock(index))),
    );
    expect(blocks.map((block) => block.firstProducerId).sort((a, b) => a - b)).toEqual([0, 1000, 2000, 3000]);
    expect(blocks.every((block) => block.lastProducerId - block.firstProducerId === 999)).toBe(true);
  });
});

describe('other stores', () => {
  test('topic assignments keep ids and reassignments', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { topics } = one.stores;
    const topicId = 'AAAAAAAAAAAAAAAAAAAAEA';
    await zooKeeper.run(topics.createTopic('t', topicId, new Map([[0, [1, 2]]])));
    const partitions = new Map([[0, { replicas: [3, 1, 2], adding: [3], removing: [2] }]]);
    await zooKeeper.run(topics.changeAssignment('t', (current) => ({ ...current, partitions })));
    expect(await zooKeeper.run(topics.assignments(['t', 'missing']))).toEqual({
      found: new Map([['t', { topic: 't', topicId, partitions }]]),
      unreadable: new Map(),
    });
    await expect(zooKeeper.run(topics.createTopic('t', null, new Map()))).rejects.toMatchObject({
      code: 'NodeExists',
    });
  });

  test('topics come by age, whatever order they are asked for in: of two with one id the older is the topic', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { topics } = one.stores;
    for (const topic of ['orders', 'bills', 'copy']) {
      await zooKeeper.run(topics.createTopic(topic, null, new Map([[0, [1]]])));
    }
    const { found } = await zooKeeper.run(topics.assignments(['copy', 'bills', 'missing', 'orders']));
    expect([...found.keys()]).toEqual(['orders', 'bills', 'copy']);
  });

  test('configs are replaced whole, and an unknown entity has none', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { configs } = one.stores;
    await zooKeeper.run(configs.changeConfig('users', 'ann/clients/app', new Map([['a', '1']])));
    await zooKeeper.run(configs.changeConfig('users', 'ann/clients/app', new Map([['b', '2']])));
    expect(await zooKeeper.run(configs.config('users', 'ann/clients/app'))).toEqual(new Map([['b', '2']]));
    expect(await zooKeeper.run(configs.entities('users'))).toEqual(['ann']);
    expect(await zooKeeper.run(configs.entities('users', 'ann/clients'))).toEqual(['app']);
    expect(await zooKeeper.run(configs.configs('users', ['ann', 'eve']))).toEqual({
      found: new Map([
        ['ann', new Map()],
        ['eve', new Map()],
      ]),
      unreadable: new Map(),
    });
  });

  test('reassignments, elections and notifications are kept until they are done', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const { reassignments, elections, notifications } = one.stores;
    const { zkVersion } = await zooKeeper.run(elect(one.stores, 1));
    const wanted = new Map([
      ['t-0', [3, 1]],
      ['t-1', [2]],
    ]);
    const remove = (key: string): Promise<boolean> =>
      zooKeeper.run(reassignments.removePartitionReassignments((asked) => asked === key, zkVersion));
    expect(await remove('t-0')).toBe(false);
    await zooKeeper.run(reassignments.createPartitionReassignment(wanted));
    expect(await zooKeeper.run(reassignments.partitionReassignment())).toEqual(wanted);
    expect([await remove('t-2'), await remove('t-0')]).toEqual([false, false]);
    expect(await zooKeeper.run(reassignments.partitionReassignment())).toEqual(new Map([['t-1', [2]]]));
    expect(await remove('t-1')).toBe(true);
    expect(await zooKeeper.run(reassignments.partitionReassignment())).toEqual(new Map());
    await zooKeeper.run(elections.createPreferredReplicaElection([{ topic: 't', partition: 0 }]));
    expect(await zooKeeper.run(elections.preferredReplicaElection())).toEqual([{ topic: 't', partition: 0 }]);
    await zooKeeper.run(elections.deletePreferredReplicaElection(zkVersion));
    await zooKeeper.run(notifications.propagateLogDirEvent(3));
    const names = await zooKeeper.run(notifications.logDirEvents());
    expect(names).toEqual(['log_dir_event_0000000000']);
    expect(await zooKeeper.run(notifications.brokerIdsFromLogDirEvents(names))).toMatchObject({
      found: new Map([[names[0], 3]]),
    });
    await zooKeeper.run(notifications.deleteLogDirEvents(zkVersion));
    await zooKeeper.run(notifications.propagateIsrChanges([{ topic: 't', partition: 1 }]));
    expect(
      await zooKeeper.run(notifications.partitionsFromIsrChanges(['isr_change_0000000000', 'isr_change_9'])),
    ).toMatchObject({ found: new Map([['isr_change_0000000000', [{ topic: 't', partition: 1 }]]]) });
    await zooKeeper.run(notifications.deleteIsrChangeNotifications(zkVersion));
    expect(await zooKeeper.run(notifications.isrChangeNotifications())).toEqual([]);
  });

  test('features are created once and updated after', async () => {
    const { zooKeeper, one } = await twoBrokers();
    const features = { version: 2, enabled: true, features: new Map([['f', 3]]) };
    expect(await zooKeeper.run(one.stores.cluster.features())).toBeNull();
    await zooKeeper.run(one.stores.cluster.createFeatures(features));
    expect(await zooKeeper.run(one.stores.cluster.updateFeatures(features))).toBe(1);
    expect(await zooKeeper.run(one.stores.cluster.features())).toEqual({ features, zkVersion: 1 });
    expect(await zooKeeper.run(one.stores.cluster.createOrGetClusterId('x'))).toBe('x');
    expect(await zooKeeper.run(one.stores.cluster.createOrGetClusterId('y'))).toBe('x');
    await zooKeeper.run(one.zk.delete('/cluster/id', ANY_VERSION));
    expect(await zooKeeper.run(one.stores.cluster.clusterId())).toBeNull();
  });
});
