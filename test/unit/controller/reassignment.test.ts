/** Replicas are moved: how far they come whatever happens meanwhile, and that none goes before those that are to stay have its records. */
import type { AlterPartitionRequest } from '../../../src/protocol/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, topicZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABg';
const NODE = '/admin/reassign_partitions';
const TOPIC = '/brokers/topics/a';
const STATE = `${TOPIC}/partitions/0/state`;

let lab: ControllerLab;
let controller: Controller;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
});
afterEach(() => lab.stop());

async function start(brokers: number[], config: Record<string, string> = {}): Promise<void> {
  for (const id of brokers) await lab.register(id);
  controller = await lab.startController(brokers[0]!, config);
}

async function createTopic(topic: string, replicas: number[][], topicId: string | null = TOPIC_ID): Promise<void> {
  const assignment = new Map(replicas.map((list, partition) => [partition, list]));
  await lab.during(lab.adminStores.topics.createTopic(topic, topicId, assignment));
  await lab.quiesce();
}

async function move(targets: Record<string, number[]>): Promise<void> {
  await lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map(Object.entries(targets))));
  await lab.quiesce();
}

const exists = async (path: string): Promise<boolean> => (await lab.during(lab.admin.exists(path))) !== null;

async function stateOf(topic = 'a', partition = 0) {
  return (await lab.during(lab.adminStores.partitionStates.state({ topic, partition })))?.leaderAndIsr;
}

async function assignmentOf(topic = 'a', partition = 0) {
  const assignment = await lab.during(lab.adminStores.topics.assignment(topic));
  const { replicas, adding, removing } = assignment!.partitions.get(partition)!;
  return { replicas, ...(adding.length > 0 && { adding }), ...(removing.length > 0 && { removing }) };
}

/** The leader asks for this ISR of `a-0`. */
async function alterIsr(isr: number[]): Promise<number> {
  const { leader: brokerId, leaderEpoch, partitionEpoch } = (await stateOf())!;
  const newIsrWithEpochs = isr.map((id) => ({ brokerId: id, brokerEpoch: -1n }));
  const partition = {
    partitionIndex: 0,
    leaderEpoch,
    newIsr: [],
    newIsrWithEpochs,
    leaderRecoveryState: 0,
    partitionEpoch,
  };
  const request: AlterPartitionRequest = {
    brokerId,
    brokerEpoch: lab.brokers.get(brokerId)!.epoch,
    topics: [{ topicName: '', topicId: TOPIC_ID, partitions: [partition] }],
  };
  const answer = await lab.during(controller.alterPartitions(request, 3));
  await lab.quiesce();
  return answer.topics![0]!.partitions![0]!.errorCode!;
}

/** As a leader of before KIP-497 does: behind the controller's back, which hears of it afterwards. */
async function writeIsr(isr: number[], { isTold = true } = {}): Promise<void> {
  const { leader, leaderEpoch } = (await stateOf())!;
  const state = `{"controller_epoch":1,"leader":${leader},"version":1,"leader_epoch":${leaderEpoch},"isr":[${isr.join()}]}`;
  await lab.during(lab.admin.set(STATE, Buffer.from(state), ANY_VERSION));
  if (!isTold) return;
  await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'a', partition: 0 }]));
  await lab.quiesce();
}

const stopped = (): Set<number> =>
  new Set(lab.received.filter(({ api }) => api === 'STOP_REPLICA').map(({ to }) => to));

/** Right before the next write of the controller to the state of `a-0`, someone else writes another ISR there; with null the write is refused. */
function whenStateIsWritten(isr: number[] | null): void {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const isIt = request.op === 'multi' && request.ops.some(({ op, path }) => op === 'set' && path === STATE);
    if (!isIt) return step(session, request, ...rest);
    core.step = step;
    if (isr === null) {
      const ops = request.ops.map((op) => (op.path === STATE ? { ...op, path: '/nowhere' } : op));
      return step(session, { ...request, ops }, ...rest);
    }
    const { response } = step(session, { op: 'get', path: STATE, watch: false }, ...rest);
    if (response.op !== 'get') throw new Error('there is no state');
    const data = Buffer.from(response.data!.toString().replace(/"isr":\[[^\]]*\]/, `"isr":[${isr.join()}]`));
    step(session, { op: 'set', path: STATE, data, version: ANY_VERSION }, ...rest);
    return step(session, request, ...rest);
  };
}

test('many partitions of a topic are moved in two writes of its node', async () => {
  await start([1, 2]);
  const count = 200;
  await createTopic(
    'a',
    Array.from({ length: count }, () => [1, 2]),
  );
  lab.forget();
  const keys = Array.from({ length: count }, (_, partition) => `a-${partition}`);
  await move(Object.fromEntries(keys.map((key) => [key, [2, 1]])));
  expect(await exists(NODE)).toBe(false);
  expect(await assignmentOf('a', count - 1)).toEqual({ replicas: [2, 1] });
  const writes = lab.written.flatMap(({ by, ops }) => (by === 1 ? ops.map(({ path }) => path) : []));
  expect(writes.filter((path) => path === TOPIC).length).toBeLessThanOrEqual(2);
  expect(writes.filter((path) => path === NODE)).toHaveLength(1);
});

describe('a partition that no one has led yet', () => {
  beforeEach(async () => {
    await start([1, 2]);
    await createTopic('a', [[9]]);
    expect(await stateOf()).toBeUndefined();
    lab.forget();
  });

  test('is led by those that it is moved to', async () => {
    await move({ 'a-0': [1, 2] });
    expect(await stateOf()).toMatchObject({ leader: 1, isr: [1, 2] });
    expect(await assignmentOf()).toEqual({ replicas: [1, 2] });
    expect(await exists(NODE)).toBe(false);
  });

  test('may be moved to where it is', async () => {
    await move({ 'a-0': [9] });
    expect(await exists(NODE)).toBe(false);
    await lab.register(9);
    await lab.quiesce();
    expect(await stateOf()).toMatchObject({ leader: 9, isr: [9] });
  });

  test.each(['this controller', 'the next'])(
    'and goes where no one is up arrives when they are, under %s',
    async (under) => {
      await move({ 'a-0': [8] });
      await createTopic('other', [[1, 2]], null);
      expect(await stateOf('other')).toMatchObject({ leader: 1 });
      if (under === 'the next') {
        await lab.during(lab.admin.delete('/controller', ANY_VERSION));
        await lab.quiesce();
        expect(controller.isActive).toBe(true);
      }
      await lab.register(8);
      await lab.quiesce();
      expect(await stateOf()).toMatchObject({ leader: 8, isr: [8] });
      expect(await assignmentOf()).toEqual({ replicas: [8] });
      expect(await exists(NODE)).toBe(false);
    },
  );
});

test('a target that names a broker twice is refused, and in the way of no other', async () => {
  await start([1, 2]);
  await createTopic('a', [[1]]);
  await move({ 'a-0': [2, 2] });
  expect(await exists(NODE)).toBe(false);
  expect(await assignmentOf()).toEqual({ replicas: [1] });
});

test('old replicas stay until one of the new ones can lead', async () => {
  await start([1, 2, 3]);
  await createTopic('a', [[2]]);
  await move({ 'a-0': [3] });
  await lab.kill(3);
  await lab.quiesce();
  lab.forget();
  // Its leader has not heard yet that 3, which had just caught up, is dead.
  await writeIsr([2, 3]);
  expect(stopped()).not.toContain(2);
  expect(await stateOf()).toMatchObject({ leader: 2 });
  expect(await assignmentOf()).toEqual({ replicas: [3, 2], adding: [3], removing: [2] });
  await lab.register(3);
  await lab.quiesce();
  expect(await stateOf()).toMatchObject({ leader: 3, isr: [3] });
  expect(await assignmentOf()).toEqual({ replicas: [3] });
  expect(await exists(NODE)).toBe(false);
});

test.each([[[1, 3]], [[3, 4]]])(
  'and until an ISR that a leader of before KIP-497 shrinks in the last moment has all of them, on the way to %p',
  async (target) => {
    await start([1, 2, 3, 4], { 'inter.broker.protocol.version': '2.6' });
    await createTopic('a', [[1, 2]]);
    await move({ 'a-0': target });
    lab.forget();
    const joined = [...new Set([1, 2, ...target])];
    const missing = target.at(-1)!;
    whenStateIsWritten(joined.filter((id) => id !== missing));
    await writeIsr(joined);
    expect(stopped()).toEqual(new Set());
    expect(await exists(NODE)).toBe(true);
    expect((await assignmentOf()).adding).toEqual(target.filter((id) => id > 2));
    await writeIsr(joined);
    expect(await assignmentOf()).toEqual({ replicas: target });
    expect([...(await stateOf())!.isr].sort()).toEqual(target);
    expect(await exists(NODE)).toBe(false);
  },
);

test('an ISR that is granted though it is there already finishes what could not be finished before', async () => {
  await start([1, 2]);
  await createTopic('a', [[1]]);
  await move({ 'a-0': [1, 2] });
  await writeIsr([1, 2], { isTold: false });
  whenStateIsWritten(null);
  await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'a', partition: 0 }]));
  await lab.quiesce();
  expect(await assignmentOf()).toEqual({ replicas: [1, 2], adding: [2] });
  expect(await alterIsr([1, 2])).toBe(0);
  expect(await assignmentOf()).toEqual({ replicas: [1, 2] });
  expect(await exists(NODE)).toBe(false);
});

describe('what a topic’s node says is being moved', () => {
  const moving = topicZnode.encode({
    topicId: TOPIC_ID,
    partitions: new Map([[0, { replicas: [2, 1], adding: [2], removing: [1] }]]),
  });
  const write = async (data: Buffer | string): Promise<void> => {
    await lab.during(lab.admin.set(TOPIC, Buffer.from(data), ANY_VERSION));
    await lab.quiesce();
  };

  test('goes on when the node, which no one could read when the term began, is mended', async () => {
    await start([1, 2]);
    await createTopic('a', [[1]]);
    await write('oops');
    await lab.during(lab.admin.delete('/controller', ANY_VERSION));
    await lab.quiesce();
    lab.forget();
    await write(moving);
    await alterIsr([1, 2]);
    expect(await assignmentOf()).toEqual({ replicas: [2] });
    expect(await stateOf()).toMatchObject({ leader: 2, isr: [2] });
    expect(stopped()).toEqual(new Set([1]));
  });

  test('is finished when the node, which no one could read when all had caught up, is mended', async () => {
    await start([1, 2]);
    await createTopic('a', [[1]]);
    await move({ 'a-0': [2] });
    await write('oops');
    await alterIsr([1, 2]);
    await write(moving);
    expect(await assignmentOf()).toEqual({ replicas: [2] });
    expect(await exists(NODE)).toBe(false);
  });

  test('goes on in a topic that is made so', async () => {
    await start([1, 2]);
    await lab.during(lab.admin.create(TOPIC, moving));
    await lab.quiesce();
    expect(await assignmentOf()).toEqual({ replicas: [2] });
    expect(await stateOf()).toMatchObject({ leader: 2, isr: [2] });
  });
});

describe('a new replica that leads when it is no longer wanted', () => {
  beforeEach(async () => {
    await start([1, 2, 3]);
    await createTopic('a', [[2]]);
    await move({ 'a-0': [3, 4] });
    await alterIsr([2, 3]);
    await lab.kill(2);
    await lab.quiesce();
    expect(await stateOf()).toMatchObject({ leader: 3, isr: [3] });
    await lab.register(2);
    await lab.quiesce();
    await lab.during(lab.admin.delete(NODE, ANY_VERSION));
  });

  test('is followed by an old one at once', async () => {
    await alterIsr([2, 3]);
    await move({ 'a-0': [1, 2] });
    expect(await stateOf()).toMatchObject({ leader: 2, isr: [2] });
    await alterIsr([1, 2]);
    expect(await assignmentOf()).toEqual({ replicas: [1, 2] });
    expect(await exists(NODE)).toBe(false);
  });

  test('stays while it alone is in sync', async () => {
    lab.forget();
    await move({ 'a-0': [2] });
    expect(stopped()).toEqual(new Set());
    expect(await stateOf()).toMatchObject({ leader: 3, isr: [3] });
    expect(await exists(NODE)).toBe(false);
    await alterIsr([2, 3]);
    await move({ 'a-0': [2] });
    expect(await assignmentOf()).toEqual({ replicas: [2] });
  });

  test('stays while its state cannot be read, though the controller is new', async () => {
    await lab.during(lab.admin.set(STATE, Buffer.from('oops'), ANY_VERSION));
    await lab.during(lab.admin.delete('/controller', ANY_VERSION));
    await lab.quiesce();
    lab.forget();
    await move({ 'a-0': [2] });
    expect(stopped()).toEqual(new Set());
    expect((await assignmentOf()).replicas).toEqual(expect.arrayContaining([3, 4, 2]));
  });

  test('stays while it alone is in sync by what its leader has written, which the controller has not heard of', async () => {
    await alterIsr([2, 3]);
    const { leaderEpoch } = (await stateOf())!;
    const state = { controller_epoch: 1, leader: 3, version: 1, leader_epoch: leaderEpoch, isr: [3] };
    await lab.during(lab.admin.set(STATE, Buffer.from(JSON.stringify(state)), ANY_VERSION));
    lab.forget();
    await move({ 'a-0': [2] });
    expect(stopped()).toEqual(new Set());
    expect((await assignmentOf()).replicas).toEqual(expect.arrayContaining([3, 4, 2]));
  });
});
