/** Sessions that end, and a ZooKeeper that does not answer, at the moments that are in the way of each other. */
import type { Controller } from '../../../src/controller/index.js';
import { ZkError } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

let lab: ControllerLab;
let controller: Controller;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  await lab.register(1);
  controller = await lab.startController(1);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await lab.stop();
});

const unanswered = (): ZkError => new ZkError('OperationTimeout', null);
const stores = () => lab.brokers.get(1)!.stores;

async function loseSession(): Promise<void> {
  lab.zooKeeper.expireSession(lab.brokers.get(1)!.client.sessionId);
  await lab.clock.advance(5_000);
  await lab.quiesce();
}

test('a registration that ZooKeeper did not answer is asked for again', async () => {
  jest.spyOn(stores().brokers, 'registerBroker').mockRejectedValueOnce(unanswered());
  await loseSession();
  expect(await lab.during(lab.adminStores.brokers.brokerIds())).toEqual([1]);
  expect(controller.isActive).toBe(true);
});

test('what was to be tried again in a session that ended does not end the term of the next', async () => {
  // An event that is not answered, and then the look who is the controller, which is put off for a while.
  jest.spyOn(stores().topics, 'topics').mockRejectedValueOnce(unanswered());
  jest.spyOn(stores().controller, 'controllerId').mockRejectedValueOnce(unanswered());
  await lab.during(lab.adminStores.topics.createTopic('a', 'AAAAAAAAAAAAAAAAAAAABg', new Map([[0, [1]]])));
  const clients = lab.brokers.get(1)!.client;
  await lab.clock.advance(20);
  lab.zooKeeper.expireSession(clients.sessionId);
  const elections: number[] = [];
  const elect = stores().controller.registerControllerAndIncrementControllerEpoch.bind(stores().controller);
  jest.spyOn(stores().controller, 'registerControllerAndIncrementControllerEpoch').mockImplementation(async (id) => {
    const elected = await elect(id);
    elections.push(elected.epoch);
    return elected;
  });
  await lab.clock.advance(10_000);
  await lab.quiesce();
  expect([elections, controller.isActive]).toEqual([[2], true]);
});
