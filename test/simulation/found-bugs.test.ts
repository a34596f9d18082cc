import { ErrorCode } from '../../src/protocol/index.js';
import { partitionOfStatePath } from './support/cluster-state.js';
import type { SimulatedCluster } from './support/simulated-cluster.js';
import { LOG_DIRS } from './support/simulated-broker.js';
import { ZOOKEEPER_HOST } from './support/simulated-zookeeper.js';
import { foldersOf } from './support/stored-log.js';
import { simulate } from './support/simulate.js';

/** The controller and two others. */
function roles({ controllerId, brokers }: SimulatedCluster): readonly [number, number, number] {
  const [one, other] = brokers.map(({ id }) => id).filter((id) => id !== controllerId);
  return [controllerId, one!, other!];
}

/*
 * Bugs that seeds have found. A seed means another run whenever runs change, so each bug is told here as a script that shows it.
 */

// Seed 636: the repetition was refused as BadVersion, and the controller refused every later change of that ISR.
simulate('an ISR change whose answer from ZooKeeper is lost is made all the same', { brokers: 3 }, async (cluster) => {
  const [controller, leader, follower] = roles(cluster);
  const assignment = [[leader, follower, controller]];
  const orders = await cluster.drive(cluster.createTopic('orders', { assignment }));
  const producer = cluster.produceContinuously(orders, { idempotent: true });
  await cluster.until(() => producer.acknowledged().length > 10);
  let isLost = false;
  cluster.zooKeeper.onTransaction(({ changes }) => {
    if (isLost || !changes.some(({ path }) => partitionOfStatePath(path))) return;
    isLost = true;
    cluster.zooKeeper.lostAnswerProbability = 1;
    cluster.clock.setTimer(1, () => (cluster.zooKeeper.lostAnswerProbability = 0));
  });
  cluster.cut(leader, follower);
  await cluster.until(() => isLost && !orders.isr(0).includes(follower), { withinMs: 20_000 });
  const before = producer.acknowledged().length;
  await cluster.until(() => producer.acknowledged().length > before + 10, { withinMs: 5_000 });
  cluster.mend(leader, follower);
  await cluster.until(() => orders.isr(0).includes(follower), { withinMs: 20_000 });
  await cluster.untilQuiet();
});

// Seed 1388: it rested in its fetch session as one in sync, and was not looked at again when it had left.
simulate(
  'a follower that comes back while its leaving the ISR is under way joins again without new records',
  { brokers: 3 },
  async (cluster) => {
    const [controller, leader, follower] = roles(cluster);
    const assignment = [[leader, follower, controller]];
    const orders = await cluster.drive(cluster.createTopic('orders', { assignment }));
    const producer = cluster.produceContinuously(orders);
    await cluster.until(() => producer.acknowledged().length > 10);
    cluster.broker(follower).pause();
    await cluster.run(100);
    producer.finish();
    const { replicas } = cluster.broker(leader).running!.services!;
    // The proposal to shrink waits for a controller that the leader does not reach.
    cluster.cut(leader, controller);
    const partition = replicas.partitionOf({ topic: 'orders', partition: 0 })!;
    await cluster.until(() => partition.isIsrChangePending, { withinMs: 10_000 });
    cluster.broker(follower).resume();
    await cluster.run(1_000);
    await cluster.heal().untilQuiet();
    expect(orders.isr(0)).toContain(follower);
  },
);

// Seed 40284: the controller tells of a deletion only to brokers that are registered; this one went on telling clients of the topic.
simulate(
  'a broker whose session had expired while a topic was deleted forgets it too',
  { brokers: 4 },
  async (cluster) => {
    const [controller, without, ...others] = roles(cluster);
    await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, ...others]] }));
    const { metadata } = cluster.broker(without).running!.services!;
    await cluster.until(() => metadata.hasTopic('orders'));
    cluster.broker(without).pause();
    await cluster.until(() => !cluster.zooKeeper.exists(`/brokers/ids/${without}`), { withinMs: 30_000 });
    await cluster.drive(cluster.deleteTopic('orders'));
    await cluster.until(() => !cluster.zooKeeper.exists('/brokers/topics/orders'));
    cluster.broker(without).resume();
    await cluster.untilQuiet();
    expect(metadata.hasTopic('orders')).toBe(false);
  },
);

// Seed 20024: the next controller knew nothing of the topic.
simulate(
  'a broker that was cut off while a topic was deleted and the controller changed forgets it',
  { brokers: 4 },
  async (cluster) => {
    const [controller, without, ...others] = roles(cluster);
    await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, ...others]] }));
    const { metadata } = cluster.broker(without).running!.services!;
    await cluster.until(() => metadata.hasTopic('orders'));
    cluster.cut(controller, without);
    await cluster.drive(cluster.deleteTopic('orders'));
    await cluster.until(() => !cluster.zooKeeper.exists('/brokers/topics/orders'));
    cluster.broker(controller).crash('process');
    await cluster.heal().untilQuiet();
    expect(metadata.hasTopic('orders')).toBe(false);
  },
);

// Seed 515: the replica of the deleted topic was made anew, and stayed for ever. Which command comes first is up to the seed.
for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  simulate(
    `what a controller sent on a connection that it has replaced does not bring a deleted topic back (seed ${seed})`,
    { brokers: 3, seed },
    async (cluster) => {
      const controller = cluster.controllerId;
      const other = (controller % 3) + 1;
      cluster.cutOneWay(controller, other);
      await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, other]] }));
      await cluster.drive(cluster.deleteTopic('orders'));
      // Until the controller has given the connection up.
      await cluster.run(7_000);
      await cluster.heal().untilQuiet();
      expect(cluster.zooKeeper.exists('/brokers/topics/orders')).toBe(false);
    },
  );
}

// Seed 42057: LeaderAndIsr made those replicas anew that were deleted already, and they stayed for ever.
simulate(
  'a reassignment that can go on does not bring back the replicas of a topic in deletion',
  { brokers: 4 },
  async (cluster) => {
    const { controllerId: controller } = cluster;
    const [second, third, fourth] = [1, 2, 3, 4].filter((id) => id !== controller) as [number, number, number];
    await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, second, third]] }));
    cluster.broker(fourth).crash('process');
    await cluster.until(() => !cluster.zooKeeper.exists(`/brokers/ids/${fourth}`));
    const partitions = [{ topic: 'orders', partition: 0, replicas: [controller, second, fourth] }];
    cluster.zooKeeper.create('/admin/reassign_partitions', JSON.stringify({ version: 1, partitions }));
    await cluster.run(1_000);
    cluster.doLater(() => cluster.deleteTopic('orders'));
    await cluster.until(() => cluster.zooKeeper.exists('/admin/delete_topics/orders'));
    // A broker that starts lets the deletion begin, though it was put off for the reassignment.
    cluster.broker(third).crash('process');
    await cluster.until(() => !cluster.zooKeeper.exists(`/brokers/ids/${third}`));
    cluster.broker(third).start();
    await cluster.until(() => foldersOf(cluster.broker(third).disk, 'orders').length === 0);
    await cluster.heal().untilQuiet();
    expect(cluster.zooKeeper.exists('/brokers/topics/orders')).toBe(false);
  },
);

// Seed 42136: the whole LeaderAndIsr request was answered with UNKNOWN_SERVER_ERROR, and the directory stayed online.
simulate('a directory whose high watermarks cannot be read goes offline', { brokers: 3 }, async (cluster) => {
  const [controller, leader, follower] = roles(cluster);
  const assignment = [[leader, follower, controller]];
  const orders = await cluster.drive(cluster.createTopic('orders', { assignment }));
  cluster.produceContinuously(orders, { idempotent: true });
  const broker = cluster.broker(follower);
  const dir = LOG_DIRS.find((path) => broker.disk.exists(`${path}/orders-0`))!;
  await cluster.until(() => broker.disk.exists(`${dir}/replication-offset-checkpoint`));
  broker.crash('process');
  broker.start();
  // It has loaded its logs, and the controller has not told it yet what they are.
  await cluster.until(() => broker.running !== null);
  broker.failLogDir(dir);
  await cluster.until(() => broker.hasFailedLogDir, { withinMs: 10_000 });
  await cluster.until(() => !orders.isr(0).includes(follower), { withinMs: 10_000 });
  await cluster.heal().untilQuiet();
});

// Seed 42234: the broker said that it had deleted the replica, which was there again when its directory was.
simulate('a replica whose deletion fails is not called deleted', { brokers: 3 }, async (cluster) => {
  const [controller, leader, follower] = roles(cluster);
  await cluster.drive(cluster.createTopic('orders', { assignment: [[leader, follower, controller]] }));
  const broker = cluster.broker(follower);
  await cluster.until(() => foldersOf(broker.disk, 'orders').length > 0);
  broker.failLogDir(LOG_DIRS.find((path) => broker.disk.exists(`${path}/orders-0`))!);
  cluster.doLater(() => cluster.deleteTopic('orders'));
  await cluster.until(() => broker.hasFailedLogDir, { withinMs: 10_000 });
  await cluster.run(5_000);
  expect(cluster.zooKeeper.exists('/brokers/topics/orders')).toBe(true);
  await cluster.heal().untilQuiet();
});

// The start had read that there were no overrides under this name, and no one read again when the topic was made: retention deleted its
// records by the broker's default, on the followers as well.
simulate(
  'a folder of a topic that is gone does not give a later topic of that name the default retention',
  { brokers: 3, properties: { 'log.retention.ms': '60000', 'log.retention.check.interval.ms': '5000' } },
  async (cluster) => {
    const [controller, one, other] = roles(cluster);
    cluster.broker(one).crash('process');
    cluster.broker(one).disk.makeDir('/data1/orders-7');
    cluster.broker(one).start();
    await cluster.until(() => cluster.broker(one).running?.isRunning === true, { withinMs: 60_000 });
    const assignment = [
      [other, controller],
      [one, other],
    ];
    const configs = { 'retention.ms': '-1', 'segment.bytes': '2000' };
    const orders = await cluster.drive(cluster.createTopic('orders', { assignment, configs }));
    const producer = cluster.produceContinuously(orders);
    await cluster.until(() => producer.acknowledged().length > 200, { withinMs: 60_000 });
    producer.finish();
    await cluster.run(90_000);
    const tp = { topic: 'orders', partition: 1 };
    const starts = [one, other].map(
      (id) => cluster.broker(id).running!.services!.replicas.localLog(tp)!.logStartOffset,
    );
    expect(starts).toEqual([0, 0]);
  },
);

const GROUPS_ON_ALL = {
  brokers: 3,
  properties: {
    'offsets.topic.replication.factor': '3',
    'offsets.topic.num.partitions': '1',
    'min.insync.replicas': '1',
  },
};

/** A group of one member, and those brokers that say anything of it but that it is another's. */
async function oneGroup(cluster: SimulatedCluster): Promise<() => readonly number[]> {
  const topic = await cluster.drive(cluster.createTopic('orders', { assignment: [[1, 2, 3]] }));
  cluster.consumeInGroup(topic, 1);
  const coordinators = (): number[] =>
    cluster.brokers
      .filter(({ running }) => running?.services?.groups.describeGroup('group1').errorCode === ErrorCode.NONE)
      .map(({ id }) => id);
  await cluster.until(() => coordinators().length === 1);
  return coordinators;
}

// The leader of the group's partition went on answering heartbeats, and with offsets of before, beside the next one.
simulate('a group has one coordinator after the directory of its partition failed', GROUPS_ON_ALL, async (cluster) => {
  const coordinators = await oneGroup(cluster);
  const [old] = coordinators();
  const broker = cluster.broker(old!);
  broker.failLogDir(LOG_DIRS.find((path) => broker.disk.exists(`${path}/__consumer_offsets-0`))!);
  await cluster.until(() => coordinators().some((id) => id !== old));
  expect(coordinators()).not.toContain(old);
  await cluster.heal().untilQuiet();
});

// Each broker remembered the leader epochs of the one before, and took none of the new one's for news.
simulate(
  'a group finds a coordinator after __consumer_offsets was deleted and made again',
  GROUPS_ON_ALL,
  async (cluster) => {
    const coordinators = await oneGroup(cluster);
    const [old] = coordinators();
    cluster.broker(old!).crash('process');
    await cluster.until(() => coordinators().length === 1);
    cluster.broker(old!).start();
    await cluster.until(() => cluster.broker(old!).running?.isRunning === true);
    for (const members of cluster.groups.values()) for (const member of members) member.stop();
    await cluster.drive(cluster.deleteTopic('__consumer_offsets'));
    const isThere = (): boolean => cluster.zooKeeper.exists('/brokers/topics/__consumer_offsets');
    await cluster.until(() => !isThere() && coordinators().length === 0);
    await cluster.drive(
      cluster.createTopic('__consumer_offsets', { assignment: [cluster.brokers.map(({ id }) => id)] }),
    );
    await cluster.until(() => coordinators().length === 1);
  },
);

const THREE = { brokers: 3, properties: { 'min.insync.replicas': '1' } };

/** Moves the only partition of `orders` to these brokers while one is cut off from all, until its session has ended. */
async function moveAwayFrom(cluster: SimulatedCluster, away: number, replicas: readonly number[]): Promise<void> {
  for (const other of [ZOOKEEPER_HOST, ...replicas]) cluster.cut(away, other);
  const partitions = [{ topic: 'orders', partition: 0, replicas }];
  cluster.zooKeeper.create('/admin/reassign_partitions', JSON.stringify({ version: 1, partitions }));
  const isThere = (path: string): boolean => cluster.zooKeeper.exists(path);
  await cluster.until(() => !isThere('/admin/reassign_partitions') && !isThere(`/brokers/ids/${away}`), {
    withinMs: 60_000,
  });
}

// The command to delete it went with the broker's session, and no one gave it again.
simulate('a replica that was moved away while its broker was cut off is set aside', THREE, async (cluster) => {
  const [controller, away, other] = roles(cluster);
  await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, away]] }));
  const { disk } = cluster.broker(away);
  await cluster.until(() => foldersOf(disk, 'orders').length > 0);
  await moveAwayFrom(cluster, away, [controller, other]);
  await cluster.heal().untilQuiet();
  await cluster.until(() => foldersOf(disk, 'orders').every((folder) => folder.endsWith('-stray')));
  const { replicas } = cluster.broker(away).running!.services!;
  expect(replicas.partitionOf({ topic: 'orders', partition: 0 })).toBeUndefined();
});

// LeaderAndIsr was refused with INCONSISTENT_TOPIC_ID, and ZooKeeper named a leader that did not lead.
for (const isStarted of [false, true]) {
  simulate(
    `a topic made again is led by a broker that has a replica of the old one, ${isStarted ? 'and starts' : 'and was cut off'}`,
    THREE,
    async (cluster) => {
      const [controller, away, other] = roles(cluster);
      await cluster.drive(cluster.createTopic('orders', { assignment: [[controller, away]] }));
      await cluster.until(() => foldersOf(cluster.broker(away).disk, 'orders').length > 0);
      await moveAwayFrom(cluster, away, [controller, other]);
      await cluster.drive(cluster.deleteTopic('orders'));
      await cluster.until(() => !cluster.zooKeeper.exists('/admin/delete_topics/orders'));
      if (isStarted) cluster.broker(away).crash('process');
      cluster.doLater(async () => void (await cluster.createTopic('orders', { assignment: [[away]] })));
      await cluster.until(() => cluster.zooKeeper.exists('/brokers/topics/orders'));
      cluster.heal();
      if (isStarted) cluster.broker(away).start();
      await cluster.untilQuiet();
      const { replicas } = cluster.broker(away).running!.services!;
      expect(replicas.partitionOf({ topic: 'orders', partition: 0 })?.isLeader).toBe(true);
    },
  );
}

// Someone who has lost his ZooKeeper removes meta.properties so that the broker starts with a new one: these are all the records that there are.
for (const isNamed of [true, false]) {
  simulate(
    `a replica of no topic ${isNamed ? 'is set aside' : 'stays when meta.properties does not say of which cluster it is'}`,
    THREE,
    async (cluster) => {
      const broker = cluster.broker(roles(cluster)[1]);
      broker.crash('process');
      broker.disk.makeDir('/data1/lost-0');
      if (!isNamed) for (const dir of LOG_DIRS) broker.disk.remove(`${dir}/meta.properties`);
      broker.start();
      await cluster.until(() => broker.running !== null, { withinMs: 60_000 });
      await cluster.run(5_000);
      expect(broker.disk.exists('/data1/lost-0')).toBe(!isNamed);
    },
  );
}
