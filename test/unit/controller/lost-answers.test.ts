/** The answer to a write of the controller is lost: the client makes it again, on whatever someone has written meanwhile. */
import { ANY_VERSION, featureZnode, reassignPartitionsZnode, type MultiOp } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const { path, encode } = reassignPartitionsZnode;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2]) await lab.register(id);
  await lab.startController(1);
  await lab.during(lab.adminStores.topics.createTopic('a', 'AAAAAAAAAAAAAAAAAAAABg', new Map([[0, [1, 2]]])));
  await lab.quiesce();
});
afterEach(() => lab.stop());

/** Makes the next write of this kind to the node twice, with `between` after the first. */
function repeatNext(
  kind: MultiOp['op'],
  at: string,
  between: (session: bigint, ...rest: [number, number]) => void,
): void {
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const ops = request.op === 'multi' ? request.ops : [request];
    const isIt = ops.some((op) => op.op === kind && 'path' in op && op.path === at);
    if (!isIt) return step(session, request, ...rest);
    core.step = step;
    const first = step(session, request, ...rest);
    lab.zooKeeper.deliver(first.fired);
    between(session, ...rest);
    return step(session, request, ...rest);
  };
}

const repeatNextDeletion = (between: Parameters<typeof repeatNext>[2]): void => repeatNext('delete', path, between);

const move = (replicas: readonly number[]): Promise<void> =>
  lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map([['a-0', replicas]])));
const replicasNow = async (): Promise<readonly number[]> =>
  (await lab.during(lab.adminStores.topics.assignment('a')))!.partitions.get(0)!.replicas;

test('what is asked for after a reassignment is over is seen, though its end is written again', async () => {
  repeatNextDeletion(() => undefined);
  await move([2, 1]);
  await lab.quiesce();
  await move([1, 2]);
  await lab.quiesce();
  expect([await replicasNow(), await lab.during(lab.admin.exists(path))]).toEqual([[1, 2], null]);
});

test('what was asked for before the end of a reassignment is written again is carried out', async () => {
  repeatNextDeletion((session, ...rest) => {
    const data = encode(new Map([['a-0', [1, 2]]]));
    lab.zooKeeper.deliver(lab.zooKeeper.core.step(session, { op: 'create', path, data }, ...rest).fired);
    // As another version than the one that the controller has read.
    lab.zooKeeper.deliver(lab.zooKeeper.core.step(session, { op: 'set', path, data, version: 0 }, ...rest).fired);
  });
  await move([2, 1]);
  await lab.quiesce();
  expect([await replicasNow(), await lab.during(lab.admin.exists(path))]).toEqual([[1, 2], null]);
});

test('a term begins though its first write of the features is made twice', async () => {
  await lab.kill(1);
  await lab.during(lab.admin.delete(featureZnode.path, ANY_VERSION));
  repeatNext('create', featureZnode.path, () => undefined);
  const controller = await lab.startController(2);
  expect([controller.isActive, controller.epoch]).toEqual([true, 2]);
});
