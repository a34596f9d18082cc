import { readdirSync, rmSync, appendFileSync } from 'node:fs';
import path from 'node:path';
import type { BrokerProcess } from './support/broker-process.js';
import { eventually, pause } from '../support/eventually.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { faultsOf } from './support/replica-logs.js';
import { Reader, Workload } from './support/workload.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const PARTITIONS = 4;
const SESSION_MS = 4_000;
const MINUTES = 60_000;

const describeWithJava = describeIfJava('the fail-over tests need Java for ZooKeeper.');

describeWithJava('under load, with acks=all and min.insync.replicas=2', () => {
  let cluster: OttlaCluster;
  let topicNumber = 0;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({
      zookeepers: 3,
      properties: { 'zookeeper.session.timeout.ms': SESSION_MS, 'min.insync.replicas': 2 },
    });
  }, 2 * MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  /** Runs `trouble` under load on a new topic, heals the cluster, and checks every replica. */
  async function survive(trouble: (workload: Workload, topic: string) => Promise<void>): Promise<void> {
    const topic = `survive-${++topicNumber}`;
    await cluster.createTopic(topic, PARTITIONS, 3);
    await cluster.untilInSync(topic);
    const workload = await Workload.start(cluster, topic, PARTITIONS);
    try {
      await trouble(workload, topic);
      await heal();
      await workload.untilProgress();
    } finally {
      await workload.stop();
    }
    await cluster.untilInSync(topic);
    // A follower may lack the very last high watermark, never records: it is in sync when it has all that was appended.
    await eventually(() => faultsOf(cluster, workload, PARTITIONS).length === 0, { timeoutMs: 10_000 }).catch(
      () => undefined,
    );
    expect(faultsOf(cluster, workload, PARTITIONS)).toEqual([]);
    expect(workload.acknowledgedCount).toBeGreaterThan(100);
  }

  async function heal(): Promise<void> {
    for (const broker of cluster.all()) {
      if (!broker.isRunning) await broker.start();
    }
  }

  async function leaderOf(topic: string, except = 0): Promise<BrokerProcess> {
    const partitions = await cluster.describe(topic);
    return cluster.broker(partitions.map(({ leader }) => leader).find((leader) => leader !== except && leader > 0)!);
  }

  const untilLedByOthers = (topic: string, ids: readonly number[]): Promise<unknown> =>
    eventually(async () => (await cluster.describe(topic)).every(({ leader }) => leader > 0 && !ids.includes(leader)), {
      timeoutMs: MINUTES,
      everyMs: 200,
      what: `other leaders than ${ids.join()} for ${topic}`,
    });

  test(
    'nothing acknowledged is lost when a leader is killed',
    () =>
      survive(async (workload, topic) => {
        const leader = await leaderOf(topic, await cluster.controllerId());
        await leader.kill();
        await untilLedByOthers(topic, [leader.id]);
        await workload.untilProgress();
      }),
    3 * MINUTES,
  );

  test(
    'nothing acknowledged is lost when the controller is killed, and another takes over',
    () =>
      survive(async (workload, topic) => {
        const controller = await cluster.controllerId();
        await cluster.broker(controller).kill();
        await untilLedByOthers(topic, [controller]);
        await workload.untilProgress();
        expect(await eventually(() => cluster.controllerId(), { what: 'a controller' })).not.toBe(controller);
      }),
    3 * MINUTES,
  );

  test(
    'nothing acknowledged is lost when controller and a leader are killed together',
    () =>
      survive(async (_workload, topic) => {
        const controller = await cluster.controllerId();
        const leader = await leaderOf(topic, controller);
        await Promise.all([cluster.broker(controller).kill(), leader.kill()]);
        await untilLedByOthers(topic, [controller, leader.id]);
      }),
    3 * MINUTES,
  );

  test(
    'nothing acknowledged is lost when all brokers are killed at once',
    () =>
      survive(async () => {
        await Promise.all(cluster.all().map((broker) => broker.kill()));
        await Promise.all(cluster.all().map((broker) => broker.start()));
      }),
    3 * MINUTES,
  );

  test(
    'a leader that stands still past its session is fenced, and comes back as a follower',
    () =>
      survive(async (workload, topic) => {
        const leader = await leaderOf(topic, await cluster.controllerId());
        leader.pause();
        try {
          await untilLedByOthers(topic, [leader.id]);
          await workload.untilProgress();
        } finally {
          leader.resume();
        }
        await cluster.untilInSync(topic);
      }),
    3 * MINUTES,
  );

  test(
    'a controller that stands still past its session is replaced, and steps down when it goes on',
    () =>
      survive(async (workload, topic) => {
        const zombie = await cluster.controllerId();
        const broker = cluster.broker(zombie);
        broker.pause();
        let successor: number;
        try {
          await untilLedByOthers(topic, [zombie]);
          successor = await eventually(
            async () => {
              const controller = await cluster.controllerId();
              return controller !== zombie && controller;
            },
            { timeoutMs: MINUTES, what: 'another controller' },
          );
          await workload.untilProgress();
        } finally {
          broker.resume();
        }
        await cluster.untilInSync(topic);
        expect(await cluster.controllerId()).toBe(successor);
      }),
    3 * MINUTES,
  );

  test(
    'the loss of the ZooKeeper leader does not stop producers',
    () =>
      survive(async (workload) => {
        const leader = (await cluster.zookeeper.leader())!;
        await cluster.zookeeper.kill(leader);
        await workload.untilProgress();
        await cluster.zookeeper.restart(leader);
      }),
    3 * MINUTES,
  );

  test(
    'producing and consuming go on for 20 s without any ZooKeeper',
    () =>
      survive(async (workload, topic) => {
        const reader = await Reader.start(cluster, topic, `readers-of-${topic}`);
        try {
          await eventually(() => reader.seen.size > 0, { what: 'the reader to read' });
          await cluster.zookeeper.killAll();
          const endMs = Date.now() + 20_000;
          while (Date.now() < endMs) {
            const read = reader.seen.size;
            await workload.untilProgress(15_000);
            await eventually(() => reader.seen.size > read, { timeoutMs: 15_000, what: 'the reader to go on' });
            await pause(500);
          }
          await cluster.zookeeper.startAgain();
        } finally {
          await reader.stop();
        }
      }),
    4 * MINUTES,
  );

  test(
    'a broker starts with a torn log tail and without index files, and nothing is missing',
    () =>
      survive(async (workload, topic) => {
        const broker = await leaderOf(topic, await cluster.controllerId());
        await broker.kill();
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const dir = path.join(broker.logDir, `${topic}-${partition}`);
          const files = readdirSync(dir);
          for (const name of files.filter((file) => /\.(index|timeindex)$/.test(file))) rmSync(path.join(dir, name));
          const active = files
            .filter((file) => file.endsWith('.log'))
            .sort()
            .at(-1)!;
          // The beginning of a batch whose end never reached the disk.
          appendFileSync(
            path.join(dir, active),
            Buffer.concat([Buffer.alloc(8), Buffer.from([0, 0, 1, 0]), Buffer.alloc(100, 7)]),
          );
        }
        await untilLedByOthers(topic, [broker.id]);
        await workload.untilProgress();
        await broker.start();
        await cluster.untilInSync(topic);
      }),
    3 * MINUTES,
  );
});
