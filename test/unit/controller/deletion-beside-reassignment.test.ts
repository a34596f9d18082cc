/** A topic is deleted while its replicas are moved: at every moment of the move it is gone in the end, and nothing of it is left in the way. */
import { ANY_VERSION, isZkError, OPEN_ACL_UNSAFE } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';

const BROKERS = [1, 2, 3, 4];
const IDS = ['AAAAAAAAAAAAAAAAAAAABg', 'AAAAAAAAAAAAAAAAAAAABw', 'AAAAAAAAAAAAAAAAAAAACA'] as const;
/** By then a move that no one disturbs has ended (see the test below), in milliseconds of the laboratory. */
const MOMENTS = 40;
/** When the new replicas have caught up. */
const JOINED = 20;

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  for (const id of BROKERS) await bringUp(id);
});
afterEach(() => lab.stop());

async function bringUp(id: number): Promise<void> {
  await lab.register(id);
  await lab.startController(id);
}

async function createTopic(topic: string, id: string, replicas: number[][]): Promise<void> {
  const assignment = new Map(replicas.map((list, partition) => [partition, list]));
  await lab.during(lab.adminStores.topics.createTopic(topic, id, assignment));
  await lab.quiesce();
}

const move = (targets: Record<string, number[]>): Promise<void> =>
  lab.adminStores.reassignments.createPartitionReassignment(new Map(Object.entries(targets)));

const exists = async (path: string): Promise<boolean> => (await lab.during(lab.admin.exists(path))) !== null;

/** Each leader that is up asks, as its replication would, for an ISR of all replicas that are. */
async function catchUp(topic: string): Promise<void> {
  const { topics, partitionStates } = lab.adminStores;
  const controller = [...lab.brokers.values()].find((broker) => broker.controller?.isActive)?.controller;
  const assignment = await lab.during(topics.assignment(topic));
  for (const [partitionIndex, { replicas }] of assignment?.partitions ?? []) {
    const state = await lab.during(partitionStates.state({ topic, partition: partitionIndex }));
    const leader = state && lab.brokers.get(state.leaderAndIsr.leader);
    if (!controller || !leader || !assignment!.topicId) continue;
    const { leader: brokerId, leaderEpoch, partitionEpoch } = state.leaderAndIsr;
    const isr = replicas.filter((id) => lab.brokers.has(id));
    const partition = {
      partitionIndex,
      leaderEpoch,
      partitionEpoch,
      leaderRecoveryState: 0,
      newIsr: [],
      newIsrWithEpochs: isr.map((id) => ({ brokerId: id, brokerEpoch: -1n })),
    };
    const asked = [{ topicName: '', topicId: assignment!.topicId, partitions: [partition] }];
    const { brokerEpoch } = leader.controller!;
    await lab.during(controller.alterPartitions({ brokerId, brokerEpoch, topics: asked }, 3));
  }
}

/** All brokers are up, and time passes. */
async function peace(topic: string): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const id of BROKERS) if (!lab.brokers.has(id)) await bringUp(id);
    await lab.clock.advance(10_000);
    await lab.quiesce();
    await catchUp(topic);
    await lab.quiesce();
  }
}

/** Which brokers have a replica of the first topic `t`, as they were told by the latest controller they had heard of then. */
function replicasLeft(): string[] {
  const left = new Set<string>();
  const epochs = new Map<number, number>();
  for (const { to, api, body } of lab.received) {
    if (body.controllerEpoch < (epochs.get(to) ?? 0)) continue;
    epochs.set(to, body.controllerEpoch);
    if (api === 'UPDATE_METADATA') continue;
    for (const topic of body.topicStates) {
      if (topic.topicName !== 't' || ('topicId' in topic && topic.topicId !== IDS[1])) continue;
      for (const state of topic.partitionStates) {
        const replica = `${state.partitionIndex} on ${to}`;
        if (!('deletePartition' in state)) left.add(replica);
        else if (state.deletePartition) left.delete(replica);
      }
    }
  }
  return [...left];
}

/** That the topic is gone, with all that was asked for it, and that one of its name can be made, and moved. */
async function isGoneForGood(): Promise<void> {
  const { topics, deletions, partitionStates } = lab.adminStores;
  expect(await lab.during(topics.topics())).toEqual(['other']);
  expect(await lab.during(deletions.topicDeletions())).toEqual([]);
  expect(await exists('/admin/reassign_partitions')).toBe(false);
  expect(replicasLeft()).toEqual([]);
  await createTopic('t', IDS[2], [[1, 2]]);
  await lab.during(move({ 't-0': [4, 3], 'other-0': [3] }));
  await peace('t');
  await catchUp('other');
  await lab.quiesce();
  const { partitions } = (await lab.during(topics.assignment('t')))!;
  expect(partitions.get(0)).toEqual({ replicas: [4, 3], adding: [], removing: [] });
  const { leaderAndIsr } = (await lab.during(partitionStates.state({ topic: 't', partition: 0 })))!;
  expect(leaderAndIsr).toMatchObject({ leader: 4, isr: [4, 3] });
  expect(await exists('/admin/reassign_partitions')).toBe(false);
}

/** Moves on by so many milliseconds, in each of which something is answered. */
async function pass(moments: number): Promise<void> {
  for (let i = 0; i < moments; i++) await lab.clock.advance(1);
}

async function begin(): Promise<void> {
  await createTopic('other', IDS[0], [[2]]);
  lab.forget();
  await createTopic('t', IDS[1], [[2], [1, 2]]);
}

test('a move that no one disturbs has ended by the last moment that is tried below', async () => {
  await begin();
  void move({ 't-0': [1, 3], 't-1': [3, 4] });
  await pass(JOINED);
  expect(await exists('/admin/reassign_partitions')).toBe(true);
  await catchUp('t');
  await pass(MOMENTS - JOINED);
  expect(await exists('/admin/reassign_partitions')).toBe(false);
});

describe.each([
  { title: 'everybody up', from: 0, leaderGoes: false, nextController: false },
  { title: 'the leader gone', from: 1, leaderGoes: true, nextController: false },
  { title: 'another controller', from: 2, leaderGoes: false, nextController: true },
  { title: 'the leader gone and another controller', from: 3, leaderGoes: true, nextController: true },
])('a topic deleted while it is moved, with $title', ({ from, leaderGoes, nextController }) => {
  test.each(Array.from({ length: MOMENTS / 4 }, (_, i) => from + 4 * i))('at moment %i', async (moment) => {
    await begin();
    const asked = move({ 't-0': [1, 3], 't-1': [3, 4] });
    await pass(Math.min(moment, JOINED));
    if (moment > JOINED) await catchUp('t');
    await pass(Math.max(0, moment - JOINED));
    const marked = lab.adminStores.deletions.createDeleteTopicPath('t');
    if (leaderGoes) await lab.kill(2);
    await lab.during(Promise.all([asked, marked]));
    if (nextController) {
      await lab.during(
        lab.admin.delete('/controller', ANY_VERSION).catch((error: unknown) => {
          if (!isZkError(error, 'NoNode')) throw error;
        }),
      );
    }
    await pass(moment % 5);
    await peace('t');
    await isGoneForGood();
  });
});

test('a topic whose state no one can read is deleted though its move has failed half-way', async () => {
  await begin();
  await lab.during(lab.admin.set('/brokers/topics/t/partitions/0/state', Buffer.from('oops'), ANY_VERSION));
  await lab.during(move({ 't-0': [1, 3] }));
  await lab.quiesce();
  await lab.during(lab.adminStores.deletions.createDeleteTopicPath('t'));
  await lab.quiesce();
  await isGoneForGood();
});

test('a topic that someone removed by hand while it was moved is not in the way of other moves', async () => {
  await begin();
  await lab.during(move({ 't-0': [1, 3], 'other-0': [2, 3] }));
  await lab.quiesce();
  await lab.during(lab.adminStores.topics.deleteTopic('t', ANY_VERSION));
  await lab.quiesce();
  expect(await lab.during(lab.adminStores.reassignments.partitionReassignment())).toEqual(
    new Map([['other-0', [2, 3]]]),
  );
  await catchUp('other');
  await lab.quiesce();
  expect(await exists('/admin/reassign_partitions')).toBe(false);
});

test('what a new controller deletes it moves no more, whichever broker is back first', async () => {
  await begin();
  await lab.during(move({ 't-0': [1, 3], 't-1': [3, 4] }));
  await lab.quiesce();
  for (const id of [2, 3]) await lab.kill(id);
  await lab.during(lab.adminStores.deletions.createDeleteTopicPath('t'));
  await lab.during(lab.admin.delete('/controller', ANY_VERSION));
  await lab.quiesce();
  await bringUp(3);
  await lab.quiesce();
  await peace('t');
  await isGoneForGood();
});

test('a topic that is made, and asked to be deleted, while the controller looks for deletions is deleted', async () => {
  await begin();
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    if (request.op !== 'children' || request.path !== '/admin/delete_topics') return step(session, request, ...rest);
    core.step = step;
    const data = Buffer.from(`{"version":3,"partitions":{"0":[1]},"topic_id":"${IDS[2]}"}`);
    const make = { op: 'create', acl: OPEN_ACL_UNSAFE, mode: 'persistent' } as const;
    const fired = [
      step(session, { ...make, path: '/brokers/topics/new', data }, ...rest),
      step(session, { ...make, path: '/admin/delete_topics/new', data: null }, ...rest),
    ].flatMap((written) => written.fired);
    const answered = step(session, request, ...rest);
    return { ...answered, fired: [...fired, ...answered.fired] };
  };
  await lab.during(lab.adminStores.deletions.createDeleteTopicPath('t'));
  await peace('t');
  await isGoneForGood();
});
