/** ISR changes below `inter.broker.protocol.version` 2.7-IV2: in ZooKeeper, with a notification to the controller. */
import type { LeaderAndIsr } from '../../../src/cluster/index.js';
import { silentLogger } from '../../../src/common/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { AlterPartitionManager, type AlterPartitionResult } from '../../../src/replication/index.js';
import { alterPartitionSender } from '../../../src/server/ports/alter-partition.js';
import { ZkAlterPartitionManager } from '../../../src/server/ports/zk-alter-partition-manager.js';
import { ANY_VERSION } from '../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

const TP = { topic: 't', partition: 0 };
const OTHER = { topic: 't', partition: 1 };
const STATE: LeaderAndIsr = { leader: 1, leaderEpoch: 3, isr: [1, 2], recovering: false, partitionEpoch: 0 };
const CONTROLLER_EPOCH = 7;

let zooKeeper: SimulatedZooKeeper;
let client: Awaited<ReturnType<SimulatedZooKeeper['client']>>;
let manager: ZkAlterPartitionManager;

beforeEach(async () => {
  zooKeeper = new SimulatedZooKeeper();
  client = await zooKeeper.client();
  const { stores } = client;
  await zooKeeper.run(stores.cluster.createTopLevelPaths());
  const assignment = new Map([0, 1].map((partition) => [partition, [1, 2]]));
  await zooKeeper.run(stores.topics.createTopic('t', null, assignment));
  const state = { leaderAndIsr: STATE, controllerEpoch: CONTROLLER_EPOCH };
  const states = new Map(['t-0', 't-1'].map((key) => [key, state]));
  await zooKeeper.run(stores.partitionStates.createStates(states, ANY_VERSION));
  manager = new ZkAlterPartitionManager({ stores, clock: zooKeeper.clock, logger: silentLogger });
});
afterEach(async () => {
  manager.close();
  await zooKeeper.run(client.zk.close());
});

const submit = (tp = TP, change: Partial<LeaderAndIsr> = { isr: [1] }): Promise<AlterPartitionResult> =>
  new Promise((resolve) => manager.submit(tp, null, { ...STATE, ...change }, CONTROLLER_EPOCH, resolve));
const stateOf = (tp = TP) => zooKeeper.run(client.stores.partitionStates.state(tp));
const notified = async () => {
  const { notifications } = client.stores;
  const { found } = await zooKeeper.run(
    notifications.isrChangeNotifications().then((names) => notifications.partitionsFromIsrChanges(names)),
  );
  return [...found.values()].flat();
};

test('a change is written under the epoch of the controller that made the leader, and the next one names its epoch', async () => {
  const written = { ...STATE, isr: [1], partitionEpoch: 1 };
  expect(await zooKeeper.run(submit())).toEqual({ errorCode: ErrorCode.NONE, leaderAndIsr: written });
  expect(await stateOf()).toEqual({ leaderAndIsr: written, controllerEpoch: CONTROLLER_EPOCH });
  const again = await zooKeeper.run(submit(TP, { isr: [1, 2], partitionEpoch: 1 }));
  expect(again.leaderAndIsr?.partitionEpoch).toBe(2);
});

test('a change of a state that someone else has written is refused and not told', async () => {
  await zooKeeper.run(submit());
  await zooKeeper.run(submit(OTHER, { isr: [1], partitionEpoch: 5 }));
  expect(await zooKeeper.run(submit(TP, { isr: [2] }))).toEqual({
    errorCode: ErrorCode.INVALID_UPDATE_VERSION,
    leaderAndIsr: null,
  });
  expect((await stateOf())!.leaderAndIsr.isr).toEqual([1]);
  await zooKeeper.clock.advance(60_000);
  expect(await notified()).toEqual([TP]);
});

test('the controller is told of several changes at once, when no more have come for a while', async () => {
  await zooKeeper.run(submit());
  await zooKeeper.clock.advance(4_000);
  await zooKeeper.run(submit(OTHER));
  await zooKeeper.clock.advance(4_000);
  expect(await notified()).toEqual([]);
  await zooKeeper.clock.advance(5_000);
  expect(await notified()).toEqual([TP, OTHER]);
});

test('changes that keep coming are told of within a minute or so', async () => {
  let partitionEpoch = 0;
  for (let second = 0; second < 70; second++) {
    await zooKeeper.run(submit(TP, { isr: [1], partitionEpoch: partitionEpoch++ }));
    await zooKeeper.clock.advance(1000);
  }
  expect((await notified()).length).toBeGreaterThan(0);
});

test('nothing is told when nothing has changed', async () => {
  await zooKeeper.clock.advance(600_000);
  expect(await notified()).toEqual([]);
});

test.each([
  { ibp: '2.7-IV1', asksController: false },
  { ibp: '2.7-IV2', asksController: true },
])('under $ibp a leader asks the controller: $asksController', ({ ibp, asksController }) => {
  const { stores } = client;
  const sender = alterPartitionSender({
    stores,
    brokerId: 1,
    brokerEpoch: () => 1n,
    clock: zooKeeper.clock,
    logger: silentLogger,
    channel: { alterPartition: () => Promise.reject(new Error('unused')) },
    protocolAtLeast: (version) => ibp >= version,
  });
  expect(sender instanceof AlterPartitionManager).toBe(asksController);
  sender.close();
});
