import { ZOOKEEPER_HOST } from './support/simulated-zookeeper.js';
import { simulate } from './support/simulate.js';

const ON_ALL = { assignment: [[1, 2, 3]] };

simulate(
  'a leader cut off from ZooKeeper alone acknowledges nothing that the next leader lacks',
  { brokers: 3 },
  async (cluster) => {
    const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
    const producer = cluster.produceContinuously(orders, { idempotent: true });
    await cluster.until(() => producer.acknowledged().length > 20);
    // Clients and followers still reach it.
    cluster.cut(1, ZOOKEEPER_HOST);
    await cluster.until(() => orders.leader(0) > 1, { withinMs: 30_000 });
    await cluster.run(5_000);
    await cluster.heal().untilQuiet();
    expect(orders.records(0)).toEqual(producer.acknowledged().map(({ value }) => value));
  },
);

simulate('a leader cut off from everybody but its clients acknowledges nothing', { brokers: 3 }, async (cluster) => {
  const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
  const producer = cluster.produceContinuously(orders, { idempotent: true });
  await cluster.until(() => producer.acknowledged().length > 20);
  for (const other of [2, 3, ZOOKEEPER_HOST]) cluster.cut(1, other);
  // What the followers had asked for already may still be acknowledged.
  await cluster.run(1_000);
  const before = producer.acknowledged().length;
  await cluster.until(() => orders.leader(0) > 1, { withinMs: 30_000 });
  expect(producer.acknowledged().length).toBe(before);
  await cluster.until(() => producer.acknowledged().length > before + 20);
  await cluster.heal().untilQuiet();
  expect(orders.isr(0)).toEqual(expect.arrayContaining([1, 2, 3]));
});

simulate('a controller that stood still finds that it was replaced, and resigns', { brokers: 3 }, async (cluster) => {
  const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
  cluster.produceContinuously(orders, { idempotent: true });
  const old = cluster.controllerId;
  cluster.broker(old).pause();
  await cluster.until(() => cluster.controllerId > 0 && cluster.controllerId !== old);
  cluster.broker(old).resume();
  await cluster.heal().untilQuiet();
  expect(cluster.controllerId).not.toBe(old);
  expect(cluster.broker(old).running!.services!.controller.isActive).toBe(false);
});

simulate(
  'a controller that cannot reach ZooKeeper is replaced and writes nothing after',
  { brokers: 3 },
  async (cluster) => {
    const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
    cluster.produceContinuously(orders, { idempotent: true });
    const old = cluster.controllerId;
    cluster.cutOneWay(ZOOKEEPER_HOST, old);
    await cluster.until(() => cluster.controllerId > 0 && cluster.controllerId !== old);
    await cluster.run(2_000);
    await cluster.heal().untilQuiet();
    expect(Number(cluster.zooKeeper.read('/controller_epoch')!.toString())).toBeGreaterThan(1);
  },
);

simulate('everything acknowledged survives kill -9 of all brokers at once', { brokers: 3 }, async (cluster) => {
  const orders = await cluster.drive(
    cluster.createTopic('orders', {
      assignment: [
        [1, 2, 3],
        [2, 3, 1],
      ],
    }),
  );
  const producer = cluster.produceContinuously(orders, { idempotent: true, intervalMs: 20 });
  for (let round = 1; round <= 3; round++) {
    const before = producer.acknowledged().length;
    await cluster.until(() => producer.acknowledged().length > before + 50);
    for (const broker of cluster.brokers) broker.crash('process');
    await cluster.run(500);
    for (const broker of cluster.brokers) broker.start();
  }
  await cluster.untilQuiet();
  const kept = new Set([...orders.records(0), ...orders.records(1)]);
  expect(producer.acknowledged().filter(({ value }) => !kept.has(value))).toEqual([]);
});

simulate(
  'a follower that lags leaves the ISR, and joins it again when it has caught up',
  { brokers: 3 },
  async (cluster) => {
    const controller = cluster.controllerId;
    const [leader, follower] = [1, 2, 3].filter((id) => id !== controller) as [number, number];
    const orders = await cluster.drive(cluster.createTopic('orders', { assignment: [[leader, follower, controller]] }));
    const producer = cluster.produceContinuously(orders);
    await cluster.until(() => producer.acknowledged().length > 20);
    cluster.cut(leader, follower);
    await cluster.until(() => !orders.isr(0).includes(follower), { withinMs: 20_000 });
    const before = producer.acknowledged().length;
    await cluster.until(() => producer.acknowledged().length > before + 20);
    cluster.mend(leader, follower);
    await cluster.until(() => orders.isr(0).includes(follower), { withinMs: 20_000 });
    await cluster.untilQuiet();
  },
);

simulate('a broker whose session expired registers again and serves on', { brokers: 3 }, async (cluster) => {
  const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
  const producer = cluster.produceContinuously(orders, { idempotent: true });
  const broker = cluster.broker(orders.leader(0));
  const session = broker.sessionId;
  cluster.zooKeeper.expireSession(session);
  await cluster.until(
    () => cluster.zooKeeper.ownerOf(`/brokers/ids/${broker.id}`) === broker.sessionId && broker.sessionId !== session,
  );
  const before = producer.acknowledged().length;
  await cluster.until(() => producer.acknowledged().length > before + 20);
  await cluster.untilQuiet();
});

simulate('a broker that is told to stop hands its leaders over before', { brokers: 3 }, async (cluster) => {
  const orders = await cluster.drive(
    cluster.createTopic('orders', {
      assignment: [
        [1, 2, 3],
        [1, 3, 2],
      ],
    }),
  );
  const producer = cluster.produceContinuously(orders, { idempotent: true });
  await cluster.until(() => producer.acknowledged().length > 20);
  await cluster.drive(cluster.broker(1).stop());
  expect([orders.leader(0), orders.leader(1)].every((leader) => leader > 1)).toBe(true);
  expect([orders.isr(0), orders.isr(1)].every((isr) => !isr.includes(1))).toBe(true);
  cluster.broker(1).start();
  await cluster.untilQuiet();
});

simulate(
  'below inter-broker protocol 2.7 leaders change ISRs in ZooKeeper, and the controller and all brokers hear of it',
  { brokers: 3, properties: { 'inter.broker.protocol.version': '2.6' } },
  async (cluster) => {
    const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
    const producer = cluster.produceContinuously(orders, { idempotent: true });
    await cluster.until(() => producer.acknowledged().length > 20);
    cluster.cut(1, 3);
    await cluster.until(() => !orders.isr(0).includes(3));
    const before = producer.acknowledged().length;
    await cluster.until(() => producer.acknowledged().length > before + 20);
    cluster.heal();
    await cluster.until(() => orders.isr(0).length === 3);
    // Several changes share one notification, which comes when no more have come for a while.
    await cluster.run(10_000);
    await cluster.untilQuiet();
    const tp = { topic: 'orders', partition: 0 };
    for (const { running } of cluster.brokers) {
      expect([...running!.services!.metadata.partitionInfo(tp)!.isr].sort()).toEqual([1, 2, 3]);
    }
    expect(cluster.zooKeeper.childrenOf('/isr_change_notification')).toEqual([]);
    expect(orders.records(0)).toEqual(producer.acknowledged().map(({ value }) => value));
  },
);

simulate('a topic that is deleted while a replica is down goes when it is back', { brokers: 3 }, async (cluster) => {
  await cluster.drive(cluster.createTopic('orders', ON_ALL));
  cluster.broker(3).crash('process');
  await cluster.until(() => !cluster.zooKeeper.exists('/brokers/ids/3'));
  await cluster.drive(cluster.deleteTopic('orders'));
  await cluster.run(10_000);
  expect(cluster.zooKeeper.exists('/brokers/topics/orders')).toBe(true);
  cluster.broker(3).start();
  await cluster.untilQuiet();
  expect(cluster.zooKeeper.exists('/brokers/topics/orders')).toBe(false);
});

simulate(
  'ZooKeeper standing still until all sessions have run out changes nothing that was acknowledged',
  { brokers: 3 },
  async (cluster) => {
    const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
    const producer = cluster.produceContinuously(orders, { idempotent: true });
    await cluster.until(() => producer.acknowledged().length > 20);
    cluster.zooKeeper.freeze();
    // Records go on flowing meanwhile.
    const before = producer.acknowledged().length;
    await cluster.until(() => producer.acknowledged().length > before + 20);
    await cluster.run(15_000);
    await cluster.heal().untilQuiet();
    expect(orders.records(0)).toEqual(producer.acknowledged().map(({ value }) => value));
  },
);

for (const seconds of [75, 600]) {
  simulate(
    `brokers serve on while ZooKeeper is away for ${seconds} s, and are who they were when it is back`,
    { brokers: 3 },
    async (cluster) => {
      const orders = await cluster.drive(cluster.createTopic('orders', ON_ALL));
      const producer = cluster.produceContinuously(orders, { idempotent: true });
      await cluster.until(() => producer.acknowledged().length > 10);
      const known = (): unknown[] => [
        cluster.controllerId,
        cluster.zooKeeper.read('/controller_epoch')!.toString(),
        orders.leaderEpoch(0),
        ...cluster.brokers.map(({ id }) => cluster.zooKeeper.ownerOf(`/brokers/ids/${id}`)),
      ];
      const before = known();
      cluster.zooKeeper.beGone(seconds * 1000);
      await cluster.run(20_000);
      const served = producer.acknowledged().length;
      await cluster.until(() => producer.acknowledged().length > served);
      producer.finish();
      await cluster.run(seconds * 1000 - 20_000);
      // Asked for while it is away, done when it is back.
      const fresh = cluster.createTopic('fresh', ON_ALL);
      for (const host of cluster.zooKeeper.hosts) cluster.zooKeeper.startMember(host);
      await cluster.drive(fresh);
      await cluster.heal().untilQuiet();
      expect(known()).toEqual(before);
    },
  );
}
