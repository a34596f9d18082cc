/** Somebody adds partitions to a topic just when the controller writes its assignment: neither undoes the other. */
import type { ReplicaAssignment } from '../../../src/cluster/index.js';
import { ANY_VERSION, topicZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const PATH = '/brokers/topics/a';
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABg';

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2]) await lab.register(id);
  await lab.startController(1);
});
afterEach(() => lab.stop());

/** Adds a partition right before the next write of the controller to the topic's node. */
function growJustBeforeTheNextWrite(): void {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const isIt = request.op === 'multi' && request.ops.some(({ op, path }) => op === 'set' && path === PATH);
    if (!isIt) return step(session, request, ...rest);
    core.step = step;
    const read = step(session, { op: 'get', path: PATH, watch: false }, ...rest).response;
    if (read.op !== 'get') throw new Error('the topic is not there');
    const { topicId, partitions } = topicZnode.decode('a', read.data);
    const added = [partitions.size, { replicas: [1, 2], adding: [], removing: [] }] as const;
    const data = topicZnode.encode({ topicId, partitions: new Map([...partitions, added]) });
    const grown = step(session, { op: 'set', path: PATH, data, version: ANY_VERSION }, ...rest);
    const written = step(session, request, ...rest);
    return { ...written, fired: [...grown.fired, ...written.fired] };
  };
}

async function createTopic(topicId: string | null): Promise<void> {
  await lab.during(lab.adminStores.topics.createTopic('a', topicId, new Map([[0, [1, 2]]])));
  await lab.quiesce();
}

const partitionsNow = async (): Promise<[number, ReplicaAssignment][]> => [
  ...(await lab.during(lab.adminStores.topics.assignment('a')))!.partitions,
];

const leaderOf = async (partition: number): Promise<number | undefined> =>
  (await lab.during(lab.adminStores.partitionStates.state({ topic: 'a', partition })))?.leaderAndIsr.leader;

const [MOVED, ADDED] = [
  { replicas: [2, 1], adding: [], removing: [] },
  { replicas: [1, 2], adding: [], removing: [] },
];

test('a reassignment that is stored', async () => {
  await createTopic(TOPIC_ID);
  growJustBeforeTheNextWrite();
  await lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map([['a-0', [2, 1]]])));
  await lab.quiesce();
  expect(await partitionsNow()).toEqual([
    [0, MOVED],
    [1, ADDED],
  ]);
  expect(await leaderOf(1)).toBe(1);
});

test('an id for a topic of a version without ids', async () => {
  growJustBeforeTheNextWrite();
  await createTopic(null);
  expect((await partitionsNow()).map(([partition]) => partition)).toEqual([0, 1]);
  expect([await leaderOf(0), await leaderOf(1)]).toEqual([1, 1]);
  expect((await lab.during(lab.adminStores.topics.assignment('a')))!.topicId).not.toBeNull();
});

test('a reassignment is not written into a topic that has taken the name', async () => {
  await createTopic(TOPIC_ID);
  const other = topicZnode.encode({ topicId: 'AAAAAAAAAAAAAAAAAAAABw', partitions: new Map([[0, ADDED]]) });
  await lab.during(lab.admin.set(PATH, other, ANY_VERSION));
  await lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map([['a-0', [2, 1]]])));
  await lab.quiesce();
  expect(await partitionsNow()).toEqual([[0, ADDED]]);
});
