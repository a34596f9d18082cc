/** The controller takes what is done out of the node of reassignments, and hears of that as of a change: it knows what it has written. */
import { ANY_VERSION, reassignPartitionsZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const { path, encode } = reassignPartitionsZnode;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2, 3]) await lab.register(id);
  await lab.startController(1);
  const assignment = new Map([0, 1].map((partition) => [partition, [1, 2]]));
  await lab.during(lab.adminStores.topics.createTopic('a', 'AAAAAAAAAAAAAAAAAAAABg', assignment));
  await lab.quiesce();
});
afterEach(() => lab.stop());

async function move(targets: Record<string, number[]>): Promise<void> {
  await lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map(Object.entries(targets))));
  await lab.quiesce();
}

const replicasOf = async (partition: number): Promise<readonly number[]> =>
  (await lab.during(lab.adminStores.topics.assignment('a')))!.partitions.get(partition)!.replicas;

test('what is left of it is not read again', async () => {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  const seen: string[] = [];
  core.step = (session, request, ...rest) => {
    const ops = request.op === 'multi' ? request.ops : [request];
    for (const op of ops) if (['get', 'set'].includes(op.op) && 'path' in op && op.path === path) seen.push(op.op);
    return step(session, request, ...rest);
  };
  // The one is over at once, the other waits for a new replica.
  await move({ 'a-0': [2, 1], 'a-1': [1, 3] });
  expect(await replicasOf(0)).toEqual([2, 1]);
  expect(seen).toEqual(['get', 'get', 'set']);
});

test('what someone else asks for just before is taken up', async () => {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  let reads = 0;
  core.step = (session, request, ...rest) => {
    const isIt = request.op === 'get' && request.path === path && ++reads === 2;
    if (!isIt) return step(session, request, ...rest);
    core.step = step;
    const data = encode(new Map(['a-0', 'a-1'].map((key) => [key, [2, 1]])));
    const written = step(session, { op: 'set', path, data, version: ANY_VERSION }, ...rest);
    const read = step(session, request, ...rest);
    return { ...read, fired: [...written.fired, ...read.fired] };
  };
  await move({ 'a-0': [2, 1] });
  expect([await replicasOf(0), await replicasOf(1)]).toEqual([
    [2, 1],
    [2, 1],
  ]);
  expect(await lab.during(lab.admin.exists(path))).toBeNull();
});
