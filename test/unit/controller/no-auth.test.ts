/** ACLs that do not let a broker do what a controller does: what is missing is told, tried again with patience, and nothing else suffers. */
import { silentLogger, type LogFields } from '../../../src/common/index.js';
import { ANY_VERSION, PERMS, type Acl } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const { READ, WRITE, CREATE, DELETE, ADMIN, ALL } = PERMS;
const HOUR_MS = 3_600_000;

let lab: ControllerLab;
let errors: string[];
beforeEach(async () => {
  lab = new ControllerLab();
  errors = [];
  lab.logger = {
    ...silentLogger,
    error: (message: string, fields: LogFields = {}) => void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  await (await lab.start()).createTopLevelPaths();
  lab.admin.addAuth('digest', Buffer.from('admin:secret'));
  for (const id of [1, 2]) await lab.register(id);
});
afterEach(() => lab.stop());

/** What everyone may do with a node; the administrator may do all. */
async function permit(path: string, perms: number): Promise<void> {
  const acl: Acl[] = [
    { perms: ALL, scheme: 'auth', id: '' },
    { perms, scheme: 'world', id: 'anyone' },
  ];
  await lab.during(lab.admin.setAcl(path, acl, ANY_VERSION));
}

async function pass(ms: number): Promise<void> {
  await lab.clock.advance(ms);
  await lab.quiesce();
}

test.each([
  { path: '/', kept: ALL & ~CREATE, node: '/controller', needed: 'CREATE on /' },
  { path: '/controller_epoch', kept: ALL & ~WRITE, node: '/controller_epoch', needed: 'WRITE on /controller_epoch' },
  { path: '/controller_epoch', kept: ALL & ~READ, node: '/controller_epoch', needed: 'READ on /controller_epoch' },
])('a broker that lacks $needed tells it in a line, is patient, and becomes the controller when it may', async (of) => {
  await lab.during(lab.admin.create('/controller_epoch', Buffer.from('0')));
  await permit(of.path, of.kept);
  const controller = await lab.startController(1);
  await pass(HOUR_MS);
  const line = `NoAuth for ${of.node}: no ACL gives this client ${of.needed}`;
  expect(errors.filter((error) => !error.includes(`"reason":"${line}"`))).toEqual([]);
  expect(errors.length).toBeGreaterThan(1);
  expect(errors.length).toBeLessThan(70);
  expect(controller.isActive).toBe(false);
  await permit(of.path, ALL);
  await pass(60_000);
  expect(controller.isActive).toBe(true);
  errors.length = 0;
  await permit(of.path, of.kept);
  await lab.during(lab.admin.delete('/controller', ANY_VERSION));
  await lab.quiesce();
  expect(errors[0]).toContain('"retryMs":1000}');
});

test('a term that may not begin, nor be given up, begins when it may', async () => {
  await permit('/admin/delete_topics', ALL & ~READ);
  await permit('/', ALL & ~DELETE);
  const controller = await lab.startController(1);
  await pass(HOUR_MS);
  expect(errors.length).toBeLessThan(140);
  expect(errors.join()).toContain(
    'NoAuth for /admin/delete_topics: no ACL gives this client READ on /admin/delete_topics',
  );
  expect(errors.join()).toContain('NoAuth for /controller: no ACL gives this client DELETE on /');
  await permit('/admin/delete_topics', ALL);
  await permit('/', ALL);
  await pass(120_000);
  expect(controller.isActive).toBe(true);
});

test('who may not read who the controller is asks again until it may', async () => {
  const first = await lab.startController(1);
  await permit('/controller', ALL & ~READ);
  const second = await lab.startController(2);
  await pass(HOUR_MS);
  expect(errors.length).toBeLessThan(70);
  expect(new Set(errors.map((error) => /"reason":"[^"]*"/.exec(error)?.[0]))).toEqual(
    new Set(['"reason":"NoAuth for /controller: no ACL gives this client READ on /controller"']),
  );
  await permit('/controller', ALL);
  await pass(60_000);
  expect([first.isActive, second.activeControllerId]).toEqual([true, 1]);
});

test('a broker that may not register again after its session registers when it may', async () => {
  await lab.startController(1);
  await permit('/brokers/ids', ALL & ~CREATE);
  lab.zooKeeper.expireSession(lab.brokers.get(1)!.client.sessionId);
  await pass(HOUR_MS);
  expect(errors.length).toBeLessThan(70);
  expect(errors.at(-1)).toContain(
    '"reason":"NoAuth for /brokers/ids/1: no ACL gives this client CREATE on /brokers/ids"',
  );
  await permit('/brokers/ids', ALL);
  await pass(60_000);
  expect(await lab.during(lab.adminStores.brokers.brokerIds())).toEqual([1, 2]);
});

/** Makes a topic with or without an id. */
async function create(topic: string, id: string | null): Promise<void> {
  await lab.during(lab.adminStores.topics.createTopic(topic, id, new Map([[0, [1, 2]]])));
  await lab.quiesce();
}

async function leaderOf(topic: string): Promise<number | undefined> {
  return (await lab.during(lab.adminStores.partitionStates.state({ topic, partition: 0 })))?.leaderAndIsr.leader;
}

test('what may not be removed stays, and a term begins and goes on', async () => {
  const left = ['/isr_change_notification', '/log_dir_event_notification'];
  await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'orders', partition: 0 }]));
  await lab.during(lab.adminStores.notifications.propagateLogDirEvent(2));
  await lab.during(lab.adminStores.elections.createPreferredReplicaElection([{ topic: 'orders', partition: 0 }]));
  for (const path of [...left, '/admin']) await permit(path, ALL & ~DELETE);
  const controller = await lab.startController(1);
  await create('orders', 'AAAAAAAAAAAAAAAAAAAABg');
  await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'orders', partition: 0 }]));
  await pass(HOUR_MS);
  expect([controller.isActive, await leaderOf('orders')]).toEqual([true, 1]);
  const told = errors.filter((error) => error.startsWith('Leaving what an ACL does not let this broker remove'));
  expect(told).toEqual(errors);
  expect(told.length).toBeGreaterThan(3);
  expect(told.length).toBeLessThan(10);
  for (const path of left) expect((await lab.during(lab.admin.children(path))).children).not.toEqual([]);
});

test('a topic that may not be given an id is used without one, and so are those that come with it', async () => {
  await lab.during(lab.adminStores.topics.createTopic('old', null, new Map([[0, [1, 2]]])));
  await permit('/brokers/topics/old', ALL & ~WRITE);
  const controller = await lab.startController(1);
  await lab.quiesce();
  expect([controller.isActive, await leaderOf('old')]).toEqual([true, 1]);
  await create('orders', 'AAAAAAAAAAAAAAAAAAAABg');
  expect(await leaderOf('orders')).toBe(1);
  expect(errors.length).toBe(1);
  expect(errors[0]).toContain('Cannot give a topic its id');
});

test('a topic that may not be read is named, and costs no other one its leader', async () => {
  await create('hidden', 'AAAAAAAAAAAAAAAAAAAABg');
  await permit('/brokers/topics/hidden', CREATE | WRITE | DELETE | ADMIN);
  const controller = await lab.startController(1);
  await create('orders', 'AAAAAAAAAAAAAAAAAAAABw');
  expect([controller.isActive, await leaderOf('hidden'), await leaderOf('orders')]).toEqual([true, undefined, 1]);
  const why = '/brokers/topics/hidden: no ACL gives this client READ on /brokers/topics/hidden';
  expect(errors).toEqual([`Passing over a znode that cannot be read {"reason":"${why}"}`]);
  // Who mends it writes it: ZooKeeper tells of that, not of ACLs.
  await permit('/brokers/topics/hidden', ALL);
  const { data } = await lab.during(lab.admin.get('/brokers/topics/hidden'));
  await lab.during(lab.admin.set('/brokers/topics/hidden', data, ANY_VERSION));
  await lab.quiesce();
  expect(await leaderOf('hidden')).toBe(1);
});

const LISTS = {
  brokers: '/brokers/ids',
  topics: '/brokers/topics',
  deletions: '/admin/delete_topics',
  isrChanges: '/isr_change_notification',
  logDirEvents: '/log_dir_event_notification',
};

/** Changes a list while it may not be read, and lets it be read a moment later. */
async function changeUnread(path: string, change: () => Promise<unknown>): Promise<void> {
  await permit(path, ALL & ~READ);
  await change();
  await pass(100);
  await permit(path, ALL);
  await pass(60_000);
}

test('a list of brokers that could not be read for a moment is heard of again', async () => {
  await lab.register(3);
  await lab.during(lab.adminStores.topics.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAABg', new Map([[0, [2, 1]]])));
  await lab.startController(1);
  await changeUnread(LISTS.brokers, () => lab.during(lab.admin.delete('/brokers/ids/3', ANY_VERSION)));
  expect(errors.length).toBe(1);
  expect(errors[0]).toContain('"event":"BrokerChange"');
  expect(errors[0]).toContain('"retryMs":1000}');
  await lab.during(lab.admin.delete('/brokers/ids/2', ANY_VERSION));
  await lab.quiesce();
  expect(await leaderOf('orders')).toBe(1);
});

test('a list of topics that could not be read for a moment is heard of again, and so is one of deletions', async () => {
  await lab.startController(1);
  await changeUnread(LISTS.topics, () => create('orders', 'AAAAAAAAAAAAAAAAAAAABg'));
  expect(await leaderOf('orders')).toBe(1);
  await create('more', 'AAAAAAAAAAAAAAAAAAAABw');
  expect(await leaderOf('more')).toBe(1);
  const ask = (topic: string): Promise<void> => lab.during(lab.adminStores.deletions.createDeleteTopicPath(topic));
  await changeUnread(LISTS.deletions, () => ask('orders'));
  await ask('more');
  await lab.quiesce();
  expect(await lab.during(lab.adminStores.deletions.topicDeletions())).toEqual([]);
});

test('notifications that could not be listed for a moment are taken up, and so are later ones', async () => {
  await create('orders', 'AAAAAAAAAAAAAAAAAAAABg');
  await lab.startController(1);
  const { notifications } = lab.adminStores;
  const isrChanges = (): Promise<void> =>
    lab.during(notifications.propagateIsrChanges([{ topic: 'orders', partition: 0 }]));
  const logDirEvent = (): Promise<void> => lab.during(notifications.propagateLogDirEvent(2));
  await changeUnread(LISTS.isrChanges, isrChanges);
  await changeUnread(LISTS.logDirEvents, logDirEvent);
  await isrChanges();
  await logDirEvent();
  await lab.quiesce();
  for (const path of [LISTS.isrChanges, LISTS.logDirEvents]) {
    expect((await lab.during(lab.admin.children(path))).children).toEqual([]);
  }
});

test('a list that may not be read for an hour is asked for once a minute', async () => {
  await lab.startController(1);
  await permit(LISTS.topics, ALL & ~READ);
  await lab.during(lab.adminStores.topics.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAABg', new Map([[0, [1, 2]]])));
  await pass(HOUR_MS);
  expect(errors.length).toBeGreaterThan(30);
  expect(errors.length).toBeLessThan(70);
  await permit(LISTS.topics, ALL);
  await pass(60_000);
  expect(await leaderOf('orders')).toBe(1);
});

test('elections that failed a day ago do not make a broker wait', async () => {
  const first = await lab.startController(1);
  const second = await lab.startController(2);
  await permit('/', ALL & ~CREATE);
  await lab.during(lab.admin.delete('/controller', ANY_VERSION));
  await pass(600_000);
  await permit('/', ALL);
  await pass(60_000);
  const [active, other] = first.isActive ? [first, second] : [second, first];
  expect(active.isActive).toBe(true);
  await pass(24 * HOUR_MS);
  errors.length = 0;
  await permit('/', ALL & ~CREATE);
  await active.shutdown();
  await lab.during(lab.admin.delete('/controller', ANY_VERSION));
  await lab.quiesce();
  await permit('/', ALL);
  expect(errors.at(-1)).toContain('"retryMs":1000}');
  await pass(2_000);
  expect(other.isActive).toBe(true);
});
