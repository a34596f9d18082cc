/** The answer to a write on the version that was read is lost, and another node has been made under the path meanwhile. */
import type { TopicAssignment } from '../../../../src/cluster/index.js';
import {
  ANY_VERSION,
  OPEN_ACL_UNSAFE,
  preferredReplicaElectionZnode,
  reassignPartitionsZnode,
  topicZnode,
  type PartitionReassignments,
} from '../../../../src/zookeeper/index.js';
import { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

const NODE = reassignPartitionsZnode.path;
const TOPIC = topicZnode.path('orders');
const ON_1 = { replicas: [1], adding: [], removing: [] };

const topicOf = (count: number): Buffer =>
  topicZnode.encode({
    topicId: null,
    partitions: new Map(Array.from({ length: count }, (_, partition) => [partition, ON_1])),
  });

async function setUp() {
  const zooKeeper = new SimulatedZooKeeper();
  const { core } = zooKeeper.server;
  const [one, other] = [await zooKeeper.client(), await zooKeeper.client()];
  const run = zooKeeper.run.bind(zooKeeper);
  await run(one.stores.cluster.createTopLevelPaths());
  await run(one.stores.topics.createTopic('orders', null, new Map([[0, [1]]])));
  const { zkVersion } = await run(one.stores.controller.registerControllerAndIncrementControllerEpoch(1));

  /** Someone else makes the node anew, and then writes `next` there, in one moment. */
  const makeAnew = (path: string, data: Buffer, next: readonly Buffer[] = []): void => {
    const at = `/kafka${path}`;
    const now = zooKeeper.clock.monotonicMs();
    const ops = [
      ...(core.step(other.zk.sessionId, { op: 'exists', path: at, watch: false }, now, 0).response.op === 'stat'
        ? [{ op: 'delete', path: at, version: ANY_VERSION } as const]
        : []),
      { op: 'create', path: at, data, mode: 'persistent', acl: OPEN_ACL_UNSAFE } as const,
      ...next.map((bytes) => ({ op: 'set', path: at, data: bytes, version: ANY_VERSION }) as const),
    ];
    const { response } = core.step(other.zk.sessionId, { op: 'multi', ops }, now, 0);
    expect(response).toMatchObject({ op: 'multi', results: ops.map(({ op }) => ({ op })) });
  };
  /** The next `multi` takes effect, and its answer is lost with the connection; what is done `meanwhile` is done before the next one. */
  const loseNextAnswer = (meanwhile: () => void): void => {
    const step = core.step.bind(core);
    core.step = (session, request, ...rest) => {
      const result = step(session, request, ...rest);
      if (request.op !== 'multi') return result;
      core.step = step;
      meanwhile();
      one.network.resetAll();
      return result;
    };
  };
  const reassigned = (): Promise<PartitionReassignments> => run(other.stores.reassignments.partitionReassignment());
  return { run, one, zkVersion, makeAnew, loseNextAnswer, reassigned };
}

test.each([
  { title: 'the last', wanted: { 'orders-0': [2] } },
  { title: 'one', wanted: { 'orders-0': [2], 'orders-1': [3] } },
])('$title of what was asked for is taken out, and nothing of what is asked for since', async ({ wanted }) => {
  const { run, one, zkVersion, makeAnew, loseNextAnswer, reassigned } = await setUp();
  const { reassignments } = one.stores;
  await run(reassignments.createPartitionReassignment(new Map(Object.entries(wanted))));
  const later = new Map([['bills-0', [7]]]);
  loseNextAnswer(() => makeAnew(NODE, reassignPartitionsZnode.encode(later)));
  const isAnother = await run(reassignments.removePartitionReassignments((key) => key === 'orders-0', zkVersion));
  expect([isAnother, await reassigned()]).toEqual([true, later]);
});

test('a preferred election that is asked for since stays', async () => {
  const { run, one, zkVersion, makeAnew, loseNextAnswer } = await setUp();
  const { elections } = one.stores;
  const { path, encode } = preferredReplicaElectionZnode;
  const [asked, later] = [0, 1].map((partition) => [{ topic: 'orders', partition }]);
  await run(elections.createPreferredReplicaElection(asked!));
  loseNextAnswer(() => makeAnew(path, encode(later!)));
  await run(elections.deletePreferredReplicaElection(zkVersion));
  expect(await run(elections.preferredReplicaElection())).toEqual(later);
});

/** Grows the topic to two partitions; gives how many it had whenever it was asked for. */
async function grow(
  { run, one }: Awaited<ReturnType<typeof setUp>>,
  meanwhile: () => void = () => undefined,
): Promise<{ asked: number[]; now: TopicAssignment | null }> {
  const asked: number[] = [];
  const change = (current: TopicAssignment): TopicAssignment | null => {
    asked.push(current.partitions.size);
    if (asked.length === 1) meanwhile();
    if (current.partitions.size > 1) return null;
    return { ...current, partitions: new Map([...current.partitions, [1, ON_1]]) };
  };
  await run(one.stores.topics.changeAssignment('orders', change));
  return { asked, now: await run(one.stores.topics.assignment('orders')) };
}

test('a topic that was made anew since is not written for the one before', async () => {
  const world = await setUp();
  world.loseNextAnswer(() => world.makeAnew(TOPIC, topicOf(3)));
  const { asked, now } = await grow(world);
  expect([asked, now?.partitions.size]).toEqual([[1, 3], 3]);
});

test('nor one that was made anew while the change was decided', async () => {
  const world = await setUp();
  const { asked, now } = await grow(world, () => world.makeAnew(TOPIC, topicOf(3)));
  expect([asked, now?.partitions.size]).toEqual([[1, 3], 3]);
});

test('what another of the name says in the same version is not taken for what was written', async () => {
  const world = await setUp();
  world.loseNextAnswer(() => world.makeAnew(TOPIC, topicOf(1), [topicOf(2)]));
  const { asked } = await grow(world);
  expect(asked).toEqual([1, 2]);
});

describe('a topic whose node is larger than what servers take unless they are told to', () => {
  /** One that a server takes here, where it takes a little more. */
  const JUST_TOO_MANY = 80_000 + Math.ceil((0xfffff + 100 - topicOf(80_000).length) / '"80000":[1],'.length);
  const growTo = (count: number, asked: number[]) => (current: TopicAssignment) => {
    asked.push(current.partitions.size);
    return { ...current, partitions: new Map(Array.from({ length: count }, (_, partition) => [partition, ON_1])) };
  };

  test('is refused, and why, when the connection is lost at each of two tries', async () => {
    const { run, one } = await setUp();
    const asked: number[] = [];
    await expect(run(one.stores.topics.changeAssignment('orders', growTo(120_000, asked)))).rejects.toMatchObject({
      code: 'BadArguments',
      path: TOPIC,
      detail: expect.stringMatching(
        /^the server closed the connection at a request of 1[0-9]{6} bytes: .*jute.maxbuffer/,
      ),
    });
    expect(asked).toEqual([1, 1]);
  });

  test('is there when a server took it, and only the answer was lost', async () => {
    const { run, one, loseNextAnswer } = await setUp();
    const asked: number[] = [];
    loseNextAnswer(() => undefined);
    await run(one.stores.topics.changeAssignment('orders', growTo(JUST_TOO_MANY, asked)));
    const { stat } = await run(one.zk.get(TOPIC));
    expect([asked, stat.version]).toEqual([[1], 1]);
    expect(stat.dataLength).toBeGreaterThan(0xfffff);
  });
});
