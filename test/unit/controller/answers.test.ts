/** What brokers answer, and what ZooKeeper refuses: neither leaves a topic half deleted, or a controller that can write nothing. */
import { silentLogger } from '../../../src/common/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ofLife, responseReceived } from '../../../src/controller/events/responses.js';
import type { ControllerRuntime } from '../../../src/controller/runtime.js';
import { ANY_VERSION } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';
import { addPartition, contextWith } from './core/support.js';

let lab: ControllerLab;
let controller: Controller;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of [1, 2]) await lab.register(id);
  controller = await lab.startController(1);
});
afterEach(() => lab.stop());

async function createTopic(topic: string, replicas: number[]): Promise<void> {
  await lab.during(lab.adminStores.topics.createTopic(topic, null, new Map([[0, replicas]])));
  await lab.quiesce();
}

async function askToDelete(...topics: string[]): Promise<void> {
  const { deletions } = lab.adminStores;
  await lab.during(Promise.all(topics.map((topic) => deletions.createDeleteTopicPath(topic))));
  await lab.quiesce();
}

const topicsNow = (): Promise<string[]> => lab.during(lab.adminStores.topics.topics());
const marks = (): Promise<string[]> => lab.during(lab.adminStores.deletions.topicDeletions());

async function aMinutePasses(): Promise<void> {
  await lab.clock.advance(60_000);
  await lab.quiesce();
}

test('a broker that fails to stop replicas, and names none, is asked again', async () => {
  await createTopic('a', [1, 2]);
  lab.stopReplicaFailure = (broker) => (broker === 2 ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.NONE);
  await askToDelete('a');
  expect(await topicsNow()).toEqual(['a']);
  lab.stopReplicaFailure = () => ErrorCode.NONE;
  await aMinutePasses();
  expect([await topicsNow(), await marks()]).toEqual([[], []]);
});

test('a topic whose znodes cannot be removed is in no other one’s way, and is removed a minute later', async () => {
  for (const topic of ['a', 'b']) await createTopic(topic, [1, 2]);
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    const path = '/brokers/topics/a';
    if (request.op !== 'multi' || !request.ops.some((op) => op.op === 'delete' && op.path === path)) {
      return step(session, request, ...rest);
    }
    // A node that has others under it.
    const ops = request.ops.map((op) => (op.path === path ? { ...op, path: '/brokers' } : op));
    return step(session, { ...request, ops }, ...rest);
  };
  await askToDelete('a', 'b');
  expect([await topicsNow(), await marks()]).toEqual([['a'], ['a']]);
  core.step = step;
  await aMinutePasses();
  expect([await topicsNow(), await marks()]).toEqual([[], []]);
});

test('the configuration of a deleted topic goes before the topic, and its mark last', async () => {
  await createTopic('a', [1, 2]);
  lab.forget();
  await askToDelete('a');
  const paths = ['/config/topics/a', '/brokers/topics/a', '/admin/delete_topics/a'];
  const deleted = lab.written.flatMap(({ ops }) => ops.flatMap(({ op, path }) => (op === 'delete' ? [path] : [])));
  expect(deleted.filter((path) => paths.includes(path))).toEqual(paths);
});

test('a controller whose epoch someone has written by hand begins a new term', async () => {
  await createTopic('before', [1, 2]);
  await lab.during(lab.admin.set('/controller_epoch', Buffer.from('1'), ANY_VERSION));
  await createTopic('after', [1, 2]);
  await lab.clock.advance(5_000);
  await lab.quiesce();
  expect([controller.isActive, controller.epoch]).toEqual([true, 2]);
  const state = await lab.during(lab.adminStores.partitionStates.state({ topic: 'after', partition: 0 }));
  expect(state).toMatchObject({ controllerEpoch: 2, leaderAndIsr: { leader: 1 } });
});

test('an answer of an earlier life of a broker says nothing of its replicas', async () => {
  const context = contextWith(1);
  const partition = addPartition(context, 'a', 0, [1]);
  context.setTopicId('a', 'AAAAAAAAAAAAAAAAAAAABg');
  const { epoch } = context.liveOrShuttingDownBrokers.get(1)!;
  const errorCode = ErrorCode.NONE;
  const sent = { brokerId: 1, request: { apiKey: ApiKey.LeaderAndIsr, version: 4, body: {} }, deletedPartitions: [] };
  const failed = { topicName: 'a', partitionIndex: 0, errorCode: ErrorCode.KAFKA_STORAGE_ERROR };
  const event = responseReceived(sent as never, { errorCode, partitionErrors: [failed], topics: [] })!;
  const replicasAreOffline = (): void => {
    throw new Error('no more is needed here');
  };
  const stateChanges = { replicasAreOffline };
  const runtime = { isActive: true, context, stateChanges, log: silentLogger } as unknown as ControllerRuntime;
  await ofLife(1, epoch - 1n, event).process(runtime);
  expect(context.isReplicaOnline(1, partition)).toBe(true);
  await expect(async () => ofLife(1, epoch, event).process(runtime)).rejects.toThrow('no more');
  expect(context.isReplicaOnline(1, partition)).toBe(false);
});

test('an unclean election that fails says so', async () => {
  await createTopic('a', [2]);
  await lab.kill(2);
  await lab.quiesce();
  const [result] = await lab.during(controller.electLeaders([{ topic: 'a', partition: 0 }], 'unclean'));
  expect(result).toMatchObject({ errorCode: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE });
  expect(result!.errorMessage).toMatch(/under strategy OfflinePartitionLeaderElectionStrategy\(true\)$/);
});
