/** `/controller_epoch` is deleted, or written by hand: the cluster has a controller all the same, which its brokers listen to. */
import { ANY_VERSION } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const PATH = '/controller_epoch';
const ids = ['AAAAAAAAAAAAAAAAAAAABg', 'AAAAAAAAAAAAAAAAAAAABw'] as const;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
});
afterEach(() => lab.stop());

const write = (data: string): Promise<unknown> => lab.during(lab.admin.set(PATH, Buffer.from(data), ANY_VERSION));
const remove = (path = PATH): Promise<void> => lab.during(lab.admin.delete(path, ANY_VERSION));

/** Brokers with controllers; the first of them is elected, in epoch 8. */
async function start(...brokers: number[]): Promise<void> {
  for (const id of brokers) await lab.register(id);
  await lab.during(lab.admin.create(PATH, Buffer.from('7')));
  for (const id of brokers) await lab.startController(id);
  await isLed('before', ids[0], brokers);
}

/** That a topic is made, and led by one of its replicas. */
async function isLed(topic: string, topicId: string, replicas: number[]): Promise<void> {
  await lab.during(lab.adminStores.topics.createTopic(topic, topicId, new Map([[0, replicas]])));
  await lab.quiesce();
  await lab.clock.advance(5_000);
  await lab.quiesce();
  const state = await lab.during(lab.adminStores.partitionStates.state({ topic, partition: 0 }));
  expect(state?.leaderAndIsr.leader).toBe(replicas[0]);
}

/** The broker that `/controller` names, and its epoch as it says itself and as ZooKeeper does. */
async function standing(): Promise<unknown> {
  const { controller } = lab.adminStores;
  const id = (await lab.during(controller.controllerId()))!;
  const { epoch, isActive } = lab.brokers.get(id)!.controller!;
  const written = (await lab.during(controller.controllerEpoch()))?.epoch;
  return { id, isActive, epoch, written };
}

test('the controller of a deleted epoch begins a term above it with the next thing to do', async () => {
  await start(1, 2);
  await remove();
  await isLed('after', ids[1], [2, 1]);
  expect(await standing()).toEqual({ id: 1, isActive: true, epoch: 9, written: 9 });
});

test.each([null, '', 'seven', '3'])(
  'another broker that is elected when the epoch is %j begins above what it was told of',
  async (data) => {
    await start(1, 2);
    if (data === null) await remove();
    else await write(data);
    await lab.kill(1);
    await lab.quiesce();
    await isLed('after', ids[1], [2, 1]);
    expect(await standing()).toEqual({ id: 2, isActive: true, epoch: 9, written: 9 });
    // No broker refuses what it is told.
    const told = lab.epochsTold(2);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  },
);

test('brokers that have forgotten what they were told begin above what stands in the states of partitions', async () => {
  await start(1, 2);
  for (const id of [1, 2]) await lab.kill(id);
  const state = await lab.during(lab.adminStores.partitionStates.state({ topic: 'before', partition: 0 }));
  expect(state).toMatchObject({ controllerEpoch: 9, leaderAndIsr: { leader: 2 } });
  await remove();
  lab.forget();
  await lab.register(2);
  await lab.startController(2);
  expect(await standing()).toEqual({ id: 2, isActive: true, epoch: 10, written: 10 });
});

/** Runs `meanwhile` in ZooKeeper right before the next election is written. */
function beforeTheNextElection(meanwhile: () => void): void {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const isIt = request.op === 'multi' && request.ops.some((op) => op.op === 'create' && op.path === '/controller');
    if (isIt) {
      core.step = step;
      meanwhile();
    }
    return step(session, request, ...rest);
  };
}

/** As an administrator does, at once. */
function byHand(...ops: Parameters<typeof lab.admin.multi>[0]): void {
  const { core } = lab.zooKeeper;
  const done = core.step(lab.admin.sessionId, { op: 'multi', ops }, lab.clock.nowMs(), 0);
  lab.zooKeeper.deliver(done.fired);
}

test('an epoch that is deleted while it is raised is made again', async () => {
  await start(1);
  beforeTheNextElection(() => byHand({ op: 'delete', path: PATH, version: ANY_VERSION }));
  await remove('/controller');
  await lab.quiesce();
  expect(await standing()).toEqual({ id: 1, isActive: true, epoch: 9, written: 9 });
});

test('an election that was lost to a controller that is gone by now is held again', async () => {
  await start(1);
  // Whoever is elected in between makes the node, and it goes before the look who it was.
  beforeTheNextElection(() => byHand({ op: 'set', path: PATH, data: Buffer.from('20'), version: ANY_VERSION }));
  await remove('/controller');
  await lab.quiesce();
  expect(await standing()).toEqual({ id: 1, isActive: true, epoch: 21, written: 21 });
});

test('a broker that stands there without a term, as the answer to its election was lost, makes way for itself', async () => {
  await lab.register(1);
  byHand({ op: 'create', path: '/controller', data: Buffer.from('{"version":1,"brokerid":1,"timestamp":"0"}') });
  await lab.startController(1);
  expect(await standing()).toEqual({ id: 1, isActive: true, epoch: 1, written: 1 });
});

test('a broker that reads its own name late does not remove who has been elected in its place', async () => {
  for (const id of [1, 2]) await lab.register(id);
  const controller = await lab.startController(2);
  jest.spyOn(lab.brokers.get(1)!.stores.controller, 'controllerId').mockResolvedValueOnce(1);
  await lab.startController(1);
  expect([controller.isActive, controller.epoch]).toEqual([true, 1]);
  expect(await standing()).toMatchObject({ id: 2, epoch: 1 });
});
