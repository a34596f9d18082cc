/** Znodes that someone wrote by hand, and wrongly: each costs what it is about, and that only until it is mended. */
import { silentLogger } from '../../../src/common/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, brokerIdZnode, topicZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const GOOD_ID = 'AAAAAAAAAAAAAAAAAAAABg';
const IDS = ['AAAAAAAAAAAAAAAAAAAABw', 'AAAAAAAAAAAAAAAAAAAACA', 'AAAAAAAAAAAAAAAAAAAACQ'];
const GOOD = '/brokers/topics/good';
const STATE = `${GOOD}/partitions/0/state`;

let lab: ControllerLab;
let controller: Controller;
let logged: string[];

beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  logged = [];
  const keep = (_message: string, fields?: object): void => void logged.push(String(Object.values(fields ?? {})));
  lab.logger = { ...silentLogger, error: keep };
  for (const id of [1, 2, 3]) await lab.register(id);
  controller = await lab.startController(1);
  await createTopic('good', GOOD_ID, [[2, 3]]);
});
afterEach(() => lab.stop());

async function createTopic(topic: string, id: string, replicas: number[][] = [[1]]): Promise<void> {
  const assignment = new Map(replicas.map((list, partition) => [partition, list]));
  await lab.during(lab.adminStores.topics.createTopic(topic, id, assignment));
  await lab.quiesce();
}

async function write(path: string, data: Buffer | string | null): Promise<void> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if ((await lab.during(lab.admin.exists(path))) === null) await lab.during(lab.admin.create(path, bytes));
  else await lab.during(lab.admin.set(path, bytes, ANY_VERSION));
  await lab.quiesce();
}

async function read(path: string): Promise<Buffer | null> {
  return (await lab.during(lab.admin.get(path))).data;
}

async function leaderOf(topic: string, partition = 0): Promise<number | null> {
  const state = await lab.during(lab.adminStores.partitionStates.state({ topic, partition }));
  return state?.leaderAndIsr.leader ?? null;
}

async function changeController(): Promise<void> {
  await lab.during(lab.admin.delete('/controller', ANY_VERSION));
  await lab.quiesce();
}

const assignmentOf = (replicas: number[], topicId: string): Buffer =>
  topicZnode.encode({ topicId, partitions: new Map([[0, { replicas, adding: [], removing: [] }]]) });

function registrationOf(id: number): Buffer {
  const { broker, ...rest } = lab.brokers.get(1)!.registration();
  return brokerIdZnode.encode({ ...rest, broker: { ...broker, id } });
}

/** Who lives, by the last UpdateMetadata that broker 3 got. */
function liveBrokers(): number[] {
  const updates = lab.received.flatMap((it) => (it.to === 3 && it.api === 'UPDATE_METADATA' ? [it.body] : []));
  return updates.at(-1)?.liveBrokers.map(({ id }) => id) ?? [];
}

/** The id of a topic in the last UpdateMetadata about it that broker 3 got. */
function idTold(topic: string): string | undefined {
  const told = lab.received.flatMap((it) => (it.to === 3 && it.api === 'UPDATE_METADATA' ? it.body.topicStates : []));
  return told.findLast(({ topicName }) => topicName === topic)?.topicId;
}

/** That all else goes on: topics are made, and led by others when their leader dies, by this controller and by the next. */
async function everythingElseGoesOn(): Promise<void> {
  await createTopic('before', IDS[0]!, [[2, 1]]);
  expect(await leaderOf('before')).toBe(2);
  await changeController();
  expect(controller.isActive).toBe(true);
  await createTopic('after', IDS[1]!, [[2, 1]]);
  expect(await leaderOf('after')).toBe(2);
  await lab.kill(2);
  await lab.quiesce();
  expect([await leaderOf('before'), await leaderOf('after')]).toEqual([1, 1]);
}

const BAD = '/brokers/topics/bad';

describe.each([
  ['no JSON', 'hello'],
  ['without data', null],
  ['without an object', '[]'],
  ['with partitions that are no object', '{"version":1,"partitions":[1,2]}'],
  ['with a partition that is no number', '{"version":3,"partitions":{"x":[1]},"topic_id":"AAAAAAAAAAAAAAAAAAAACA"}'],
  ['with a partition below 0', '{"version":3,"partitions":{"-1":[1]}}'],
  ['with a replica beyond 32 bits', '{"version":3,"partitions":{"0":[4294967297]}}'],
  ['with half a replica', '{"version":3,"partitions":{"0":[1.5]}}'],
  ['with an id that is none', '{"version":3,"partitions":{"0":[1]},"topic_id":"orders"}'],
  ["with another topic's id", assignmentOf([1], GOOD_ID).toString()],
])('a topic node %s', (_, data) => {
  test('costs that topic, until it is mended', async () => {
    await write(BAD, data);
    await everythingElseGoesOn();
    expect([await leaderOf('bad'), logged.filter((line) => line.includes('bad')).length > 0]).toEqual([null, true]);
    await write(BAD, assignmentOf([3], IDS[2]!));
    expect([await leaderOf('bad'), idTold('bad')]).toEqual([3, IDS[2]]);
  });
});

test('thousands of topic nodes that no one can read cost a few short lines with each change', async () => {
  for (let at = 0; at < 50; at++) await write(`${BAD}-${at}`, `oops ${'!'.repeat(2000)}`);
  logged.length = 0;
  await createTopic('other', IDS[0]!, [[2]]);
  expect(await leaderOf('other')).toBe(2);
  const about = logged.filter((line) => line.includes(BAD));
  expect([about.length, logged.at(-1)]).toEqual([20, '30']);
  expect(Math.max(...logged.map(({ length }) => length))).toBeLessThanOrEqual(500);
});

test.each(['oops', null])(
  'a topic node overwritten with %s loses nothing, and its topic goes on when mended',
  async (data) => {
    const before = await read(GOOD);
    const state = await read(STATE);
    await write(GOOD, data);
    await everythingElseGoesOn();
    // What leads it leads it still; the new controller knows nothing of it.
    expect(await read(STATE)).toEqual(state);
    await write(GOOD, before);
    // Broker 2 is dead: what was read of the state is gone on from.
    expect(await leaderOf('good')).toBe(3);
  },
);

test.each([
  'oops',
  null,
  '{"controller_epoch":1,"leader":2,"version":1,"leader_epoch":0,"isr":[2,3]',
  '{"controller_epoch":1,"leader":9999999999,"version":1,"leader_epoch":0,"isr":[2,3]}',
  '{"controller_epoch":1,"leader":2,"version":1,"leader_epoch":2147483647,"isr":[2,3]}',
])('a partition state of %s costs that partition, and it goes on when mended', async (data) => {
  const before = await read(STATE);
  await write(STATE, data);
  await everythingElseGoesOn();
  expect(logged.some((line) => line.includes(STATE))).toBe(true);
  expect((await read(STATE))?.toString() ?? null).toBe(data);
  await write(STATE, before);
  expect(await leaderOf('good')).toBe(3);
  await lab.register(2);
  await lab.quiesce();
  await lab.kill(3);
  await lab.quiesce();
  expect(await leaderOf('good')).toBe(-1);
});

test.each(['this controller', 'the next'])(
  'a broker node that no one can read is none until it is mended under %s',
  async (under) => {
    await write('/brokers/ids/77', 'oops');
    if (under === 'the next') await everythingElseGoesOn();
    expect(logged.some((line) => line.includes('/brokers/ids/77'))).toBe(true);
    expect(liveBrokers()).not.toContain(77);
    await write('/brokers/ids/77', registrationOf(77));
    expect(liveBrokers()).toContain(77);
  },
);

test('a broker with a port that no request can tell is none', async () => {
  const port = registrationOf(77)
    .toString()
    .replaceAll(/:9092|:\d{4,5}(?=")/g, ':9999999999');
  expect(port).toContain(':9999999999');
  await write('/brokers/ids/77', port);
  await everythingElseGoesOn();
  expect(liveBrokers()).toEqual([1, 3]);
});

test('a broker that came again while its node could not be read is told so under its new epoch when that is mended', async () => {
  const path = '/brokers/ids/2';
  await lab.during(
    lab.admin.multi([
      { op: 'delete', path, version: ANY_VERSION },
      { op: 'create', path, data: Buffer.from('oops') },
    ]),
  );
  await lab.quiesce();
  lab.forget();
  await write(path, registrationOf(2));
  const { czxid } = (await lab.during(lab.admin.exists(path)))!;
  const toTwo = lab.received.filter(({ to }) => to === 2);
  expect(new Set(toTwo.map(({ body }) => body.brokerEpoch))).toEqual(new Set([czxid]));
});

test('a partition being reassigned whose state no one can read is no other one’s trouble, and goes on when mended', async () => {
  const [before, data] = [await read(STATE), await read(GOOD)];
  // Broker 4 is not there yet.
  const moving = { replicas: [4, 2, 3], adding: [4], removing: [2, 3] };
  await write(GOOD, topicZnode.encode({ topicId: GOOD_ID, partitions: new Map([[0, moving]]) }));
  expect(data).not.toBeNull();
  await write(STATE, 'oops');
  await everythingElseGoesOn();
  await lab.register(4);
  await lab.quiesce();
  await createTopic('later', IDS[2]!, [[4]]);
  expect(await leaderOf('later')).toBe(4);
  lab.forget();
  await write(STATE, before);
  const told = lab.received.flatMap((it) => (it.to === 4 && it.api === 'LEADER_AND_ISR' ? it.body.topicStates : []));
  // As new: the reassignment has begun again, from its start.
  expect(told.some(({ topicName, partitionStates }) => topicName === 'good' && partitionStates[0]!.isNew)).toBe(true);
});

test('a live broker whose node was overwritten is as it was, also when others come', async () => {
  await write('/brokers/ids/2', 'oops');
  await lab.register(4);
  await lab.quiesce();
  expect(liveBrokers()).toEqual([1, 2, 3, 4]);
  expect(await leaderOf('good')).toBe(2);
});

test.each(['abc', '01', '1.5', '-7', '99999999999'])('a node %s among the brokers is none', async (name) => {
  await write(`/brokers/ids/${name}`, registrationOf(1));
  await everythingElseGoesOn();
  expect(liveBrokers()).toEqual([1, 3]);
  expect(logged).toContain(`/brokers/ids/${name}`);
});

test('notifications that no one can read are removed, and those beside them are heeded', async () => {
  const { notifications } = lab.adminStores;
  lab.forget();
  const create = (path: string) => lab.admin.create(path, Buffer.from('oops'), { mode: 'persistent_sequential' });
  await lab.during(
    Promise.all([
      create('/isr_change_notification/isr_change_'),
      notifications.propagateIsrChanges([{ topic: 'good', partition: 0 }]),
      create('/log_dir_event_notification/log_dir_event_'),
      notifications.propagateLogDirEvent(3),
    ]),
  );
  await lab.quiesce();
  const told = lab.received.filter(({ to }) => to === 3).map(({ api }) => api);
  expect(told).toEqual(expect.arrayContaining(['UPDATE_METADATA', 'LEADER_AND_ISR']));
  expect(await lab.during(notifications.isrChangeNotifications())).toEqual([]);
  expect(await lab.during(notifications.logDirEvents())).toEqual([]);
  await everythingElseGoesOn();
});

describe('/admin/reassign_partitions', () => {
  const NODE = '/admin/reassign_partitions';
  const asking = (partition: number): string =>
    `{"version":1,"partitions":[{"topic":"good","partition":${partition},"replicas":[3,2]}]}`;
  const replicas = async (): Promise<readonly number[] | undefined> =>
    (await lab.during(lab.adminStores.topics.assignment('good')))?.partitions.get(0)?.replicas;
  const isThere = async (): Promise<boolean> => (await lab.during(lab.admin.exists(NODE))) !== null;

  test.each(['oops', null, '', '{"version":1}', asking(-1)])(
    'that holds %s stays, and is carried out when it is mended',
    async (data) => {
      await write(NODE, data);
      await everythingElseGoesOn();
      expect([await isThere(), logged.some((line) => line.includes(NODE))]).toEqual([true, true]);
      await lab.register(2);
      await lab.quiesce();
      await write(NODE, asking(0));
      expect([await replicas(), await isThere()]).toEqual([[3, 2], false]);
    },
  );

  test('without entries goes, so that others can ask', async () => {
    await write(NODE, '{"version":1,"partitions":[]}');
    expect(await isThere()).toBe(false);
    await write(NODE, asking(0));
    expect([await replicas(), await isThere()]).toEqual([[3, 2], false]);
  });

  test('that names partition -1 of a topic moves no partition of another', async () => {
    await createTopic('good-', IDS[0]!, [[2], [2]]);
    await write(NODE, asking(-1));
    const other = await lab.during(lab.adminStores.topics.assignment('good-'));
    expect(other!.partitions.get(1)).toEqual({ replicas: [2], adding: [], removing: [] });
  });
});

test('features that no one can read are left as they are', async () => {
  await write('/feature', 'oops');
  await everythingElseGoesOn();
  expect((await read('/feature'))?.toString()).toBe('oops');
});

test("a topic's configuration that no one can read is no other topic's trouble", async () => {
  await createTopic('unclean', IDS[2]!, [[2, 3]]);
  for (const topic of ['good', 'unclean']) {
    await lab.during(lab.adminStores.partitionStates.state({ topic, partition: 0 }));
  }
  await write('/config/topics/unclean', '{"version":1,"config":{"unclean.leader.election.enable":"true"}}');
  await write('/config/topics/good', 'oops');
  // First 3 leaves the ISRs, then the last in sync dies, and 3 comes back.
  await lab.kill(3);
  await lab.quiesce();
  await lab.kill(2);
  await lab.quiesce();
  await lab.register(3);
  await lab.quiesce();
  expect([await leaderOf('good'), await leaderOf('unclean')]).toEqual([-1, 3]);
});

describe('a topic that is to be deleted, whose node no one can read,', () => {
  const MARK = '/admin/delete_topics';
  const marks = async (): Promise<readonly string[]> => (await lab.during(lab.admin.children(MARK))).children;
  const isThere = async (path: string): Promise<boolean> => (await lab.during(lab.admin.exists(path))) !== null;
  const toldToStop = (): number[] => lab.received.filter(({ api }) => api === 'STOP_REPLICA').map(({ to }) => to);

  test.each(['before it is asked for', 'after it was'])(
    'is deleted with its replicas once it is mended, also when the controller changes %s',
    async (moment) => {
      const before = await read(GOOD);
      if (moment === 'after it was') {
        // Its replica on 2 stays until 2 is back.
        await lab.kill(2);
        await write(`${MARK}/good`, null);
      }
      await write(GOOD, 'oops');
      await changeController();
      if (moment === 'before it is asked for') await write(`${MARK}/good`, null);
      if (moment === 'after it was') await lab.register(2);
      await everythingElseGoesOnIn('before', 'after');
      expect([await isThere(STATE), await marks()]).toEqual([true, ['good']]);
      lab.forget();
      await write(GOOD, before);
      expect([await isThere(GOOD), await marks()]).toEqual([false, []]);
      expect([...new Set(toldToStop())].sort()).toEqual([2, 3]);
    },
  );

  test('and could not be read from the first is so too', async () => {
    await write(BAD, 'oops');
    await write(`${MARK}/bad`, null);
    expect([await isThere(BAD), await marks()]).toEqual([true, ['bad']]);
    await write(BAD, assignmentOf([3], IDS[2]!));
    expect([await isThere(BAD), await marks()]).toEqual([false, []]);
  });

  test('and is removed by hand is in no one’s way', async () => {
    await write(BAD, 'oops');
    await write(`${MARK}/bad`, null);
    await lab.during(lab.admin.delete(BAD, ANY_VERSION));
    await lab.quiesce();
    await write(`${MARK}/nowhere`, null);
    expect(await marks()).toEqual([]);
  });
});

/** As above, without deaths. */
async function everythingElseGoesOnIn(...topics: readonly string[]): Promise<void> {
  for (const [i, topic] of topics.entries()) {
    await createTopic(topic, IDS[i]!, [[1]]);
    expect(await leaderOf(topic)).toBe(1);
  }
}
