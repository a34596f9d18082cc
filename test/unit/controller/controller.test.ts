import { MetricsRegistry } from '../../../src/common/index.js';
import { ErrorCode, type AlterPartitionRequest } from '../../../src/protocol/index.js';
import type { TopicAssignment } from '../../../src/cluster/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, topicZnode, brokerIdZnode } from '../../../src/zookeeper/index.js';
import { ControllerLab, type Received } from '../../support/controller-lab.js';
import { writeConfig } from '../../support/write-config.js';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABg';

let lab: ControllerLab;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
});
afterEach(() => lab.stop());

async function start(brokers: number[], config: Record<string, string> = {}): Promise<Controller> {
  for (const id of brokers) await lab.register(id);
  const controller = await lab.startController(brokers[0]!, config);
  lab.forget();
  return controller;
}

async function createTopic(topic: string, replicas: number[][], topicId: string | null = TOPIC_ID): Promise<void> {
  const assignment = new Map(replicas.map((list, partition) => [partition, list]));
  await lab.during(lab.adminStores.topics.createTopic(topic, topicId, assignment));
  await lab.quiesce();
}

async function stateOf(topic: string, partition = 0) {
  const state = await lab.during(lab.adminStores.partitionStates.state({ topic, partition }));
  if (!state) return null;
  const { leader, leaderEpoch, isr, recovering, partitionEpoch } = state.leaderAndIsr;
  return { leader, leaderEpoch, isr, recovering, partitionEpoch };
}

const alter = (
  brokerId: number,
  isr: number[],
  fields: { leaderEpoch?: number; partitionEpoch?: number; brokerEpoch?: bigint; topicId?: string } = {},
): AlterPartitionRequest => ({
  brokerId,
  brokerEpoch: fields.brokerEpoch ?? lab.brokers.get(brokerId)!.epoch,
  topics: [
    {
      topicName: '',
      topicId: fields.topicId ?? TOPIC_ID,
      partitions: [
        {
          partitionIndex: 0,
          leaderEpoch: fields.leaderEpoch ?? 0,
          newIsr: [],
          newIsrWithEpochs: isr.map((id) => ({ brokerId: id, brokerEpoch: -1n })),
          leaderRecoveryState: 0,
          partitionEpoch: fields.partitionEpoch ?? 0,
        },
      ],
    },
  ],
});
const received = (api: Received['api']) => lab.received.filter((it) => it.api === api).map(({ to }) => to);

describe('elections of the controller', () => {
  test('the first broker becomes it in epoch 1, and tells itself who lives', async () => {
    await lab.register(1);
    const controller = await lab.startController(1);
    expect({ active: controller.isActive, epoch: controller.epoch }).toEqual({ active: true, epoch: 1 });
    expect(lab.received).toMatchObject([
      { to: 1, api: 'UPDATE_METADATA', body: { controllerEpoch: 1, liveBrokers: [{ id: 1 }] } },
    ]);
  });

  test('it makes the feature node, enabled and empty', async () => {
    await start([1]);
    const { data } = await lab.during(lab.admin.get('/feature'));
    expect(data!.toString()).toBe('{"features":{},"version":2,"status":1}');
  });

  test('below inter-broker protocol 2.7 it makes the feature node disabled, and the next one enables it', async () => {
    const old = await start([1], { 'inter.broker.protocol.version': '2.6' });
    const content = async (): Promise<string> => (await lab.during(lab.admin.get('/feature'))).data!.toString();
    expect(await content()).toBe('{"features":{},"version":1,"status":0}');
    await lab.during(old.shutdown());
    await lab.during(lab.admin.delete('/controller', ANY_VERSION));
    await lab.register(2);
    await lab.startController(2);
    expect(await content()).toBe('{"features":{},"version":2,"status":1}');
  });

  test('of three brokers one is active, and the others know it', async () => {
    for (const id of [1, 2, 3]) await lab.register(id);
    const controllers = [];
    for (const id of [1, 2, 3]) controllers.push(await lab.startController(id));
    expect(controllers.map(({ isActive }) => isActive)).toEqual([true, false, false]);
    expect(controllers.map(({ activeControllerId }) => activeControllerId)).toEqual([1, 1, 1]);
  });

  test('a removed /controller node is an election in the next epoch', async () => {
    const controller = await start([1]);
    await lab.during(lab.admin.delete('/controller', ANY_VERSION));
    await lab.quiesce();
    expect({ active: controller.isActive, epoch: controller.epoch }).toEqual({ active: true, epoch: 2 });
  });

  test('an expired session ends the term; under the new one the broker registers and is elected again', async () => {
    const controller = await start([1]);
    const epochBefore = controller.brokerEpoch;
    lab.zooKeeper.expireSession(lab.brokers.get(1)!.client.sessionId);
    await lab.clock.advance(5_000);
    await lab.quiesce();
    expect({ active: controller.isActive, epoch: controller.epoch }).toEqual({ active: true, epoch: 2 });
    expect(controller.brokerEpoch).toBeGreaterThan(epochBefore);
    expect(await lab.during(lab.adminStores.brokers.brokerIds())).toEqual([1]);
  });

  test('a session that expires lets another broker take over, and the former controller follows', async () => {
    const former = await start([1, 2]);
    const other = await lab.startController(2);
    lab.zooKeeper.expireSession(lab.brokers.get(1)!.client.sessionId);
    await lab.clock.advance(5_000);
    await lab.quiesce();
    expect([former.isActive, other.isActive]).toEqual([false, true]);
    expect([former.epoch, other.epoch]).toEqual([0, 2]);
    expect(former.activeControllerId).toBe(2);
  });

  test('a controller that was deposed without knowing writes nothing and steps down', async () => {
    const deposed = await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    // Another took the epoch on, and our watch of /controller has not told us.
    await lab.during(lab.admin.set('/controller_epoch', Buffer.from('2'), ANY_VERSION));
    const before = await stateOf('a');
    lab.forget();
    const answer = await lab.during(deposed.alterPartitions(alter(1, [1]), 3));
    expect(answer.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    expect(await stateOf('a')).toEqual(before);
    await lab.quiesce();
    // Nobody has taken over: the next term is its own again, in the epoch after.
    expect(deposed.epoch).toBe(3);
    const told = lab.written.filter(({ ops }) => ops.some(({ path }) => path.endsWith('/state')));
    expect(told.flatMap(({ results }) => results.filter(({ ok }) => ok))).toEqual([]);
  });

  test('shutting down answers those who wait', async () => {
    const controller = await start([1]);
    const waiting = [
      controller.alterPartitions(alter(1, [1]), 3),
      controller.controlledShutdown({ brokerId: 1, brokerEpoch: -1n }),
      controller.allocateProducerIds({ brokerId: 1, brokerEpoch: 0n }),
    ];
    const election = controller.electLeaders([{ topic: 'a', partition: 0 }], 'preferred');
    await lab.during(controller.shutdown());
    expect((await lab.during(Promise.all(waiting))).map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.NOT_CONTROLLER,
      ErrorCode.STALE_CONTROLLER_EPOCH,
      ErrorCode.NOT_CONTROLLER,
    ]);
    expect(await lab.during(election)).toMatchObject([{ errorCode: ErrorCode.NOT_CONTROLLER }]);
    lab.brokers.get(1)!.controller = undefined as never;
  });

  test('a broker that is not the controller refuses what only the controller does', async () => {
    await start([1, 2]);
    const other = await lab.startController(2);
    const answers = await lab.during(
      Promise.all([
        other.alterPartitions(alter(1, [1]), 3),
        other.controlledShutdown({ brokerId: 1, brokerEpoch: -1n }),
        other.allocateProducerIds({ brokerId: 1, brokerEpoch: 0n }),
      ]),
    );
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.NOT_CONTROLLER,
      ErrorCode.STALE_CONTROLLER_EPOCH,
      ErrorCode.NOT_CONTROLLER,
    ]);
  });
});

describe('topics', () => {
  test('a topic of before topic ids gets one', async () => {
    await start([1, 2]);
    await createTopic('old', [[1, 2]], null);
    const { data } = await lab.during(lab.admin.get('/brokers/topics/old'));
    const { topicId } = topicZnode.decode('old', data);
    expect(topicId).toHaveLength(22);
    expect(lab.received[0]).toMatchObject({
      api: 'LEADER_AND_ISR',
      body: { topicStates: [{ topicName: 'old', topicId }] },
    });
  });

  test('live replicas of a new partition are in sync, the first of them leads', async () => {
    await start([1, 2]);
    await createTopic('a', [[3, 2, 1]]);
    expect(await stateOf('a')).toMatchObject({ leader: 2, isr: [2, 1], leaderEpoch: 0 });
  });

  test('a partition without a live replica waits for the first one', async () => {
    await start([1]);
    await createTopic('a', [[3]]);
    expect(await stateOf('a')).toBeNull();
    await lab.register(3);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 3, isr: [3], leaderEpoch: 0 });
  });

  test('a topic made again under its name has a life of its own', async () => {
    await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual([]);
    lab.forget();
    await createTopic('a', [[2, 1], [1]], 'AAAAAAAAAAAAAAAAAAAABw');
    expect([await stateOf('a', 0), await stateOf('a', 1)]).toMatchObject([
      { leader: 2, leaderEpoch: 0, partitionEpoch: 0 },
      { leader: 1, leaderEpoch: 0 },
    ]);
    expect(received('LEADER_AND_ISR')).toEqual([2, 1]);
  });

  test('deletion is refused by delete.topic.enable=false, and asked for in vain for topics that do not exist', async () => {
    await start([1], { 'delete.topic.enable': 'false' });
    await createTopic('a', [[1]]);
    for (const topic of ['a', 'nowhere']) await lab.during(lab.adminStores.deletions.createDeleteTopicPath(topic));
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.deletions.topicDeletions())).toEqual([]);
    expect(await stateOf('a')).not.toBeNull();
  });

  test('an expansion while the topic is being deleted is taken back', async () => {
    const controller = await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    await lab.kill(2);
    await lab.quiesce();
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
    await lab.quiesce();
    expect(controller.isTopicQueuedForDeletion('a')).toBe(true);
    const replicas = { replicas: [1, 2], adding: [], removing: [] };
    const grow = (current: TopicAssignment): TopicAssignment => ({
      ...current,
      partitions: new Map([...current.partitions, [1, replicas]]),
    });
    await lab.during(lab.adminStores.topics.changeAssignment('a', grow));
    await lab.quiesce();
    const { partitions: kept } = (await lab.during(lab.adminStores.topics.assignment('a')))!;
    expect([...kept.keys()]).toEqual([0]);
    expect(await stateOf('a', 1)).toBeNull();
    await lab.register(2);
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual([]);
    expect(await lab.during(lab.adminStores.deletions.topicDeletions())).toEqual([]);
  });

  test('a deletion goes on under the next controller', async () => {
    await start([1, 2, 3]);
    await lab.startController(3);
    await createTopic('a', [[1, 2]]);
    await lab.kill(2);
    await lab.quiesce();
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
    await lab.quiesce();
    await lab.kill(1);
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual(['a']);
    for (const id of [1, 2]) await lab.register(id);
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual([]);
    expect(await lab.during(lab.adminStores.deletions.topicDeletions())).toEqual([]);
  });

  test('a broker that fails to delete a replica halts the deletion until it is back', async () => {
    const controller = await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    lab.stopReplicaError = (broker) => (broker === 2 ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE);
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
    await lab.quiesce();
    expect(controller.isTopicQueuedForDeletion('a')).toBe(true);
    lab.stopReplicaError = () => ErrorCode.NONE;
    await lab.kill(2);
    await lab.quiesce();
    await lab.register(2);
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual([]);
  });

  describe('of which a broker that stays failed to delete a replica', () => {
    let stops: number;
    /** Broker 2 fails. */
    async function startAndDelete(): Promise<void> {
      stops = 0;
      await start([1, 2]);
      await createTopic('a', [[1, 2]]);
      lab.stopReplicaError = (broker) => (broker === 2 ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE);
      await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
      await lab.quiesce();
      lab.forget();
    }
    const isThere = async (): Promise<boolean> => (await lab.during(lab.adminStores.topics.topics())).includes('a');
    async function minutes(count: number): Promise<void> {
      for (let minute = 0; minute < count; minute++) {
        await lab.clock.advance(60_000);
        await lab.quiesce();
      }
      stops = received('STOP_REPLICA').filter((broker) => broker === 2).length;
    }

    test('go once it can, a minute later', async () => {
      await startAndDelete();
      await lab.clock.advance(50_000);
      await lab.quiesce();
      expect([received('STOP_REPLICA'), await isThere()]).toEqual([[], true]);
      lab.stopReplicaError = () => ErrorCode.NONE;
      await minutes(1);
      expect(await isThere()).toBe(false);
      await minutes(5);
      expect(received('STOP_REPLICA')).not.toContain(1);
    });

    test('are tried again each minute, and by no one whose term is over', async () => {
      await startAndDelete();
      await minutes(1);
      const atOnce = stops;
      expect(atOnce).toBeGreaterThan(0);
      await minutes(2);
      expect([stops, await isThere()]).toEqual([3 * atOnce, true]);
      await lab.during(lab.admin.delete('/controller', ANY_VERSION));
      lab.stopReplicaError = () => ErrorCode.NONE;
      await minutes(2);
      expect(await isThere()).toBe(false);
    });

    test('wait for another broker that is away', async () => {
      await startAndDelete();
      await lab.kill(2);
      await lab.quiesce();
      lab.forget();
      await minutes(3);
      expect([received('STOP_REPLICA'), await isThere()]).toEqual([[], true]);
    });
  });
});

describe('brokers', () => {
  test('a broker that died and came back between two looks is told what it is now, under its new epoch', async () => {
    await start([1, 2]);
    await createTopic('a', [[2, 1]]);
    lab.forget();
    const before = lab.brokers.get(2)!;
    await lab.during(Promise.all([before.client.close()]));
    await lab.register(2);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 1, isr: [1], leaderEpoch: 1 });
    const epoch = lab.brokers.get(2)!.epoch;
    const toTwo = lab.received.filter(({ to }) => to === 2);
    expect(toTwo.map(({ api }) => api)).toEqual(['UPDATE_METADATA', 'LEADER_AND_ISR', 'UPDATE_METADATA']);
    expect(toTwo.every(({ body }) => body.brokerEpoch === epoch)).toBe(true);
  });

  test('changed end points are told to everybody', async () => {
    await start([1, 2]);
    const { broker, ...rest } = lab.brokers.get(2)!.registration();
    const moved = { ...rest, broker: { ...broker, endPoints: [{ ...broker.endPoints[0]!, port: 9999 }] } };
    await lab.during(lab.brokers.get(2)!.client.set('/brokers/ids/2', brokerIdZnode.encode(moved), ANY_VERSION));
    await lab.quiesce();
    expect(lab.received.map(({ to, api }) => `${api} to ${to}`)).toEqual([
      'UPDATE_METADATA to 1',
      'UPDATE_METADATA to 2',
    ]);
    expect(lab.received[0]).toMatchObject({
      body: { liveBrokers: [{ id: 1 }, { id: 2, endpoints: [{ port: 9999 }] }] },
    });
  });

  test('a controlled shutdown moves what it can and names what it cannot', async () => {
    const controller = await start([1, 2]);
    await createTopic('a', [[2, 1], [2, 1], [2]]);
    await lab.during(controller.alterPartitions(alter(2, [2]), 3));
    const brokerEpoch = lab.brokers.get(2)!.epoch;
    const answer = await lab.during(controller.controlledShutdown({ brokerId: 2, brokerEpoch }));
    // Nobody else is in sync on partition 0; partition 2 has no other replica and does not count.
    expect(answer).toEqual({ errorCode: 0, remainingPartitions: [{ topicName: 'a', partitionIndex: 0 }] });
    expect(await stateOf('a', 1)).toMatchObject({ leader: 1, isr: [1] });
  });

  test('a controlled shutdown is refused to an earlier life of a broker, and to one that is not registered', async () => {
    const controller = await start([1, 2]);
    const brokerEpoch = lab.brokers.get(2)!.epoch - 1n;
    const [stale, unknown] = await lab.during(
      Promise.all([
        controller.controlledShutdown({ brokerId: 2, brokerEpoch }),
        controller.controlledShutdown({ brokerId: 7, brokerEpoch: -1n }),
      ]),
    );
    expect([stale.errorCode, unknown.errorCode]).toEqual([
      ErrorCode.STALE_BROKER_EPOCH,
      ErrorCode.BROKER_NOT_AVAILABLE,
    ]);
  });
});

describe('AlterPartition', () => {
  test.each([
    {
      title: 'an earlier life of the leader',
      request: () => alter(1, [1], { brokerEpoch: 1n }),
      error: ErrorCode.STALE_BROKER_EPOCH,
    },
    {
      title: 'a broker that is not registered',
      request: () => alter(9, [1], { brokerEpoch: 1n }),
      error: ErrorCode.STALE_BROKER_EPOCH,
    },
  ])('is refused to $title', async ({ request, error }) => {
    const controller = await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    expect((await lab.during(controller.alterPartitions(request(), 3))).errorCode).toBe(error);
  });

  test('changes the ISR, leaves the leader epoch, and is told to metadata caches alone', async () => {
    const controller = await start([1, 2, 3]);
    await createTopic('a', [[1, 2, 3]]);
    lab.forget();
    const response = await lab.during(controller.alterPartitions(alter(1, [1, 3]), 3));
    await lab.quiesce();
    expect(response.topics![0]!.partitions).toEqual([
      {
        partitionIndex: 0,
        errorCode: 0,
        leaderId: 1,
        leaderEpoch: 0,
        isr: [1, 3],
        leaderRecoveryState: 0,
        partitionEpoch: 1,
      },
    ]);
    expect(await stateOf('a')).toMatchObject({ isr: [1, 3], leaderEpoch: 0, partitionEpoch: 1 });
    expect([received('LEADER_AND_ISR'), received('UPDATE_METADATA')]).toEqual([[], [1, 2, 3]]);
  });

  test('of an unknown topic id has an error of its own for each partition', async () => {
    const controller = await start([1]);
    const response = await lab.during(controller.alterPartitions(alter(1, [1]), 3));
    expect(response.topics![0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }]);
  });

  test('that lost a race for the znode is INVALID_UPDATE_VERSION', async () => {
    const controller = await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    const path = '/brokers/topics/a/partitions/0/state';
    const { data } = await lab.during(lab.admin.get(path));
    await lab.during(lab.admin.set(path, data, ANY_VERSION));
    const response = await lab.during(controller.alterPartitions(alter(1, [1]), 3));
    expect(response.topics![0]!.partitions).toEqual([
      { partitionIndex: 0, errorCode: ErrorCode.INVALID_UPDATE_VERSION },
    ]);
  });
});

describe('elections of leaders', () => {
  test('run again when the state changed under them', async () => {
    await start([1, 2, 3]);
    await createTopic('a', [[2, 1, 3]]);
    const path = '/brokers/topics/a/partitions/0/state';
    await lab.during(
      lab.admin.set(
        path,
        Buffer.from('{"controller_epoch":1,"leader":2,"version":1,"leader_epoch":5,"isr":[2,3]}'),
        ANY_VERSION,
      ),
    );
    await lab.kill(2);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 3, isr: [3], leaderEpoch: 6 });
  });

  test('answer for each partition why it was not elected', async () => {
    const controller = await start([1, 2]);
    await createTopic('a', [
      [1, 2],
      [2, 1],
    ]);
    await lab.kill(2);
    await lab.quiesce();
    const results = await lab.during(
      controller.electLeaders(
        [0, 1, 2].map((partition) => ({ topic: 'a', partition })),
        'preferred',
      ),
    );
    expect(Object.fromEntries(results.map(({ partition, errorCode }) => [partition, errorCode]))).toEqual({
      0: ErrorCode.ELECTION_NOT_NEEDED,
      1: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
      2: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    });
    const unclean = await lab.during(controller.electLeaders([{ topic: 'a', partition: 0 }], 'unclean'));
    expect(unclean).toMatchObject([{ errorCode: ErrorCode.ELECTION_NOT_NEEDED }]);
  });

  test('a partition is led uncleanly once its topic, or the broker default, allows it', async () => {
    const controller = await start([1, 2, 3]);
    await createTopic('a', [[2, 3]]);
    await createTopic('b', [[2, 3]], 'AAAAAAAAAAAAAAAAAAAABw');
    await lab.during(controller.alterPartitions(alter(2, [2]), 3));
    await lab.during(controller.alterPartitions(alter(2, [2], { topicId: 'AAAAAAAAAAAAAAAAAAAABw' }), 3));
    await lab.kill(2);
    await lab.quiesce();
    expect([await stateOf('a'), await stateOf('b')]).toMatchObject([{ leader: -1 }, { leader: -1 }]);
    await lab.during(writeConfig(lab.admin, 'topics', 'a', { 'unclean.leader.election.enable': 'true' }));
    controller.enableTopicUncleanLeaderElection('a');
    await lab.quiesce();
    expect([await stateOf('a'), await stateOf('b')]).toMatchObject([
      { leader: 3, isr: [3], recovering: true },
      { leader: -1 },
    ]);
    controller.updateConfig(lab.configOf(1, { 'unclean.leader.election.enable': 'true' }));
    await lab.quiesce();
    expect(await stateOf('b')).toMatchObject({ leader: 3, isr: [3], recovering: true });
  });

  test('leaders move back to preferred replicas five seconds into the term and then as configured', async () => {
    await start([1, 2], { 'leader.imbalance.check.interval.seconds': '20' });
    await createTopic('a', [[2, 1]]);
    const controller = lab.brokers.get(1)!.controller!;
    await lab.kill(2);
    await lab.quiesce();
    await lab.register(2);
    await lab.quiesce();
    const { leaderEpoch, partitionEpoch } = (await stateOf('a'))!;
    await lab.during(controller.alterPartitions(alter(1, [1, 2], { leaderEpoch, partitionEpoch }), 3));
    expect(await stateOf('a')).toMatchObject({ leader: 1 });
    await lab.clock.advance(25_000);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 2, isr: [1, 2] });
  });

  test('with auto.leader.rebalance.enable=false they stay', async () => {
    await start([1, 2], { 'auto.leader.rebalance.enable': 'false', 'leader.imbalance.check.interval.seconds': '1' });
    await createTopic('a', [[2, 1]]);
    await lab.kill(2);
    await lab.quiesce();
    await lab.register(2);
    await lab.quiesce();
    const { leaderEpoch, partitionEpoch } = (await stateOf('a'))!;
    const controller = lab.brokers.get(1)!.controller!;
    await lab.during(controller.alterPartitions(alter(1, [1, 2], { leaderEpoch, partitionEpoch }), 3));
    await lab.clock.advance(60_000);
    expect(await stateOf('a')).toMatchObject({ leader: 1 });
  });

  test('an old leader that changed an ISR itself is believed', async () => {
    await start([1, 2]);
    await createTopic('a', [[1, 2]]);
    lab.forget();
    const state = '{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1]}';
    await lab.during(lab.admin.set('/brokers/topics/a/partitions/0/state', Buffer.from(state), ANY_VERSION));
    await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'a', partition: 0 }]));
    await lab.quiesce();
    expect(lab.received).toMatchObject([
      { to: 1, api: 'UPDATE_METADATA', body: { topicStates: [{ partitionStates: [{ isr: [1], zkVersion: 1 }] }] } },
      { to: 2, api: 'UPDATE_METADATA' },
    ]);
    expect(await lab.during(lab.adminStores.notifications.isrChangeNotifications())).toEqual([]);
  });
});

describe('an ISR that an old leader wrote and that the controller has not been told of', () => {
  /** What is written is written behind the controller's back: no notification. */
  const writeIsr = (isr: number[], { leader = 1, leaderEpoch = 0 } = {}): Promise<unknown> => {
    const state = `{"controller_epoch":1,"leader":${leader},"version":1,"leader_epoch":${leaderEpoch},"isr":[${isr.join()}]}`;
    return lab.during(lab.admin.set('/brokers/topics/a/partitions/0/state', Buffer.from(state), ANY_VERSION));
  };

  /** Broker 2 leads; 3 has left the ISR, as the controller knows, and is back in it. */
  const rejoined = async (): Promise<void> => {
    await start([1, 2, 3]);
    await createTopic('a', [[2, 3]]);
    await lab.kill(3);
    await lab.quiesce();
    await lab.register(3);
    await lab.quiesce();
    const { leaderEpoch } = (await stateOf('a'))!;
    await writeIsr([2, 3], { leader: 2, leaderEpoch });
  };

  test('is looked at before no one is found to lead', async () => {
    await rejoined();
    await lab.kill(2);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 3, isr: [3] });
  });

  test('loses a broker that dies, though the controller did not know that it had joined', async () => {
    await rejoined();
    await lab.kill(3);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 2, isr: [2] });
  });

  test('is looked at before replicas are deleted because all that are to stay are in it', async () => {
    await start([1, 2, 3]);
    await createTopic('a', [[1, 2, 3]]);
    await writeIsr([1, 2]);
    lab.forget();
    await lab.during(lab.adminStores.reassignments.createPartitionReassignment(new Map([['a-0', [3]]])));
    await lab.quiesce();
    expect(received('STOP_REPLICA')).toEqual([]);
    expect(await stateOf('a')).toMatchObject({ leader: 1, isr: [1, 2] });
    const { leaderEpoch } = (await stateOf('a'))!;
    await writeIsr([1, 2, 3], { leaderEpoch });
    await lab.during(lab.adminStores.notifications.propagateIsrChanges([{ topic: 'a', partition: 0 }]));
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 3, isr: [3] });
    expect(new Set(received('STOP_REPLICA'))).toEqual(new Set([1, 2]));
  });
});

describe('a reassignment found in ZooKeeper', () => {
  test('is carried on by a new controller: told with what is added and removed, completed when the target is in sync', async () => {
    for (const id of [1, 2, 3]) await lab.register(id);
    const assignment = { replicas: [3, 1, 2], adding: [3], removing: [2] };
    await lab.during(
      lab.admin.create(
        '/brokers/topics/a',
        topicZnode.encode({ topicId: TOPIC_ID, partitions: new Map([[0, assignment]]) }),
      ),
    );
    for (const node of ['/partitions', '/partitions/0'])
      await lab.during(lab.admin.create(`/brokers/topics/a${node}`, null));
    const state = '{"controller_epoch":0,"leader":1,"version":1,"leader_epoch":4,"isr":[1,2]}';
    await lab.during(lab.admin.create('/brokers/topics/a/partitions/0/state', Buffer.from(state)));
    const controller = await lab.startController(1);
    const told = lab.received.filter(({ to, api }) => to === 3 && api === 'LEADER_AND_ISR');
    expect(told[told.length - 1]).toMatchObject({
      body: { topicStates: [{ partitionStates: [{ addingReplicas: [3], removingReplicas: [2], isNew: true }] }] },
    });
    const { leaderEpoch, partitionEpoch } = (await stateOf('a'))!;
    lab.forget();
    await lab.during(controller.alterPartitions(alter(1, [1, 2, 3], { leaderEpoch, partitionEpoch }), 3));
    await lab.quiesce();
    const { partitions } = (await lab.during(lab.adminStores.topics.assignment('a')))!;
    expect(partitions.get(0)).toEqual({ replicas: [3, 1], adding: [], removing: [] });
    expect(await stateOf('a')).toMatchObject({ isr: [1, 3] });
    expect(received('STOP_REPLICA')).toEqual([2, 2]);
  });

  test('of partitions that do not exist, or in a node that cannot be read, does no harm', async () => {
    const controller = await start([1]);
    const assigned = new Map([['nowhere-0', [1]]]);
    await lab.during(lab.adminStores.reassignments.createPartitionReassignment(assigned));
    await lab.quiesce();
    expect(await lab.during(lab.admin.exists('/admin/reassign_partitions'))).toBeNull();
    await lab.during(lab.admin.create('/admin/reassign_partitions', Buffer.from('nonsense')));
    await lab.during(lab.admin.create('/admin/preferred_replica_election', Buffer.from('nonsense')));
    await lab.quiesce();
    await createTopic('a', [[1]]);
    expect(await stateOf('a')).toMatchObject({ leader: 1 });
    expect(controller.isActive).toBe(true);
  });
});

test('producer ids come in blocks of a thousand, to registered brokers under their epoch', async () => {
  const controller = await start([1, 2]);
  const ask = (brokerId: number, brokerEpoch = lab.brokers.get(brokerId)?.epoch ?? 0n) =>
    lab.during(controller.allocateProducerIds({ brokerId, brokerEpoch }));
  expect(await ask(1)).toEqual({ errorCode: 0, producerIdStart: 0n, producerIdLen: 1000 });
  expect(await ask(2)).toEqual({ errorCode: 0, producerIdStart: 1000n, producerIdLen: 1000 });
  expect((await ask(2, 1n)).errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
  expect((await ask(7)).errorCode).toBe(ErrorCode.BROKER_ID_NOT_REGISTERED);
});

test('metrics say how the cluster is', async () => {
  for (const id of [1, 2]) await lab.register(id);
  const metrics = new MetricsRegistry();
  await lab.startController(1, {}, metrics);
  await createTopic('a', [[2, 1], [2]]);
  await lab.kill(2);
  await lab.quiesce();
  const value = (name: string) => metrics.snapshot().get(`kafka.controller:type=KafkaController,name=${name}`);
  expect({
    active: value('ActiveControllerCount'),
    offline: value('OfflinePartitionsCount'),
    imbalance: value('PreferredReplicaImbalanceCount'),
    topics: value('GlobalTopicCount'),
    partitions: value('GlobalPartitionCount'),
    brokers: value('ActiveBrokerCount'),
  }).toEqual({ active: 1, offline: 1, imbalance: 2, topics: 1, partitions: 2, brokers: 1 });
  await lab.during(lab.brokers.get(1)!.controller!.shutdown());
  expect(value('ActiveControllerCount')).toBeUndefined();
});

test('2,000 partitions of three replicas are made, and taken over, in a handful of requests', async () => {
  await start([1, 2, 3]);
  await lab.startController(2);
  const replicas = Array.from({ length: 2000 }, (_, i) => [1 + (i % 3), 1 + ((i + 1) % 3), 1 + ((i + 2) % 3)]);
  lab.forget();
  await createTopic('wide', replicas);
  expect(lab.received).toHaveLength(6);
  lab.forget();
  await lab.kill(1);
  await lab.quiesce();
  const toTwo = lab.received.filter(({ to }) => to === 2).map(({ api }) => api);
  expect(toTwo).toEqual(['UPDATE_METADATA', 'LEADER_AND_ISR', 'UPDATE_METADATA']);
  const states = await lab.during(
    lab.adminStores.partitionStates.states(replicas.map((_, partition) => ({ topic: 'wide', partition }))),
  );
  expect(
    [...states.found.values()].every(({ leaderAndIsr }) => leaderAndIsr.leader > 1 && !leaderAndIsr.isr.includes(1)),
  ).toBe(true);
});

describe.each(['2.7', '2.3', '2.1', '0.11.0'])('with inter.broker.protocol.version %s', (protocol) => {
  const OLD = { 'inter.broker.protocol.version': protocol, 'log.message.format.version': protocol };

  test('a topic gets no id, and keeps one that it has', async () => {
    await start([1, 2], OLD);
    await createTopic('old', [[1, 2]], null);
    await createTopic('known', [[1, 2]]);
    const idOf = async (topic: string): Promise<string | null> => {
      const { data } = await lab.during(lab.admin.get(`/brokers/topics/${topic}`));
      return topicZnode.decode(topic, data).topicId;
    };
    expect([await idOf('old'), await idOf('known')]).toEqual([null, TOPIC_ID]);
  });

  test('a replica on a failed disk is heard of, and its partition led by another', async () => {
    lab.partitionError = (broker) => (broker === 1 ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE);
    await start([1, 2], OLD);
    await createTopic('a', [[1, 2]], null);
    expect(await stateOf('a')).toMatchObject({ leader: 2, isr: [2] });
  });

  test('a topic is deleted once its replicas are', async () => {
    await start([1, 2], OLD);
    await createTopic('a', [[1, 2]], null);
    await lab.during(lab.adminStores.deletions.createDeleteTopicPath('a'));
    await lab.quiesce();
    expect(await lab.during(lab.adminStores.topics.topics())).toEqual([]);
  });

  test('a leader elected uncleanly is not said to recover, which no broker could say to be over', async () => {
    const controller = await start([1, 2, 3], { ...OLD, 'unclean.leader.election.enable': 'true' });
    await createTopic('a', [[2, 3]]);
    await lab.during(controller.alterPartitions(alter(2, [2]), 3));
    await lab.kill(2);
    await lab.quiesce();
    expect(await stateOf('a')).toMatchObject({ leader: 3, isr: [3], recovering: false });
  });
});
