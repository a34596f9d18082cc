import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sleep, systemClock } from '../../common/index.js';
import { kafkaJsSocket } from '../client/kafkajs-socket.js';
import type { Terminal } from '../terminal.js';
import { LiveLoad } from './live-load.js';
import { LocalCluster } from './local-cluster.js';
import { Report } from './report.js';
import { ZnodeView, type ZnodeSnapshot } from './znode-view.js';

const TOPIC = 'orders';
const PARTITIONS = 3;
const BASE_PORT = 19_492;
const PATIENCE_MS = 60_000;

/**
 * A cluster under live load loses its controller, then a partition leader, then the leader of its ZooKeeper ensemble, each to `kill -9`;
 * what the znodes say is shown before and after, and in the end what became of the records. Exit code 1 when one was lost.
 */
export async function demoFailoverCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  if (args.length > 0) {
    terminal.stderr.write(
      'demo-failover takes no arguments. It needs Java and Maven for ZooKeeper, and about a minute.\n',
    );
    return args[0] === '--help' ? 0 : 1;
  }
  const report = new Report(terminal);
  const root = path.join(__dirname, '..');
  const cluster = new LocalCluster(root, BASE_PORT);
  const properties = path.join(os.tmpdir(), `ottla-demo-${process.pid}.properties`);
  writeFileSync(
    properties,
    'zookeeper.session.timeout.ms=4000\nmin.insync.replicas=2\ngroup.initial.rebalance.delay.ms=0\n',
  );
  const interrupted = (): void => {
    report.note('Interrupted, cleaning up.');
    void cluster.clean().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  try {
    report.step('Starting three ZooKeeper members and three brokers');
    await cluster.start(properties);
    return await play(cluster, report);
  } finally {
    process.removeListener('SIGINT', interrupted);
    report.step('Cleaning up');
    await cluster.clean();
  }
}

async function play(cluster: LocalCluster, report: Report): Promise<number> {
  await createTopic(cluster);
  const view = new ZnodeView(cluster.zookeeperConnect, TOPIC, PARTITIONS);
  await view.connect();
  const load = new LiveLoad(cluster.brokers, TOPIC, PARTITIONS);
  try {
    await until(() => view.snapshot(), isWhole);
    report.step(`Producing to ${TOPIC} with acks=all and reading it in a consumer group`);
    await load.start();
    await until(
      () => Promise.resolve(load.acknowledgedCount),
      (count) => count > 100,
    );
    await killController(cluster, view, load, report);
    await killLeader(cluster, view, load, report);
    await killZooKeeperLeader(cluster, view, load, report);
    report.step('Stopping the producer, reading what is left');
    const result = await load.finish(PATIENCE_MS);
    report.result(result);
    return result.lost === 0 ? 0 : 1;
  } finally {
    await Promise.all([load.close(), view.close()]);
  }
}

async function killController(cluster: LocalCluster, view: ZnodeView, load: LiveLoad, report: Report): Promise<void> {
  const before = await view.snapshot();
  const victim = before.controller!;
  report.step(`kill -9 the controller: broker ${victim}`);
  report.snapshot('before', before);
  await cluster.killBroker(victim);
  const killedMs = systemClock.monotonicMs();
  const after = await until(
    () => view.snapshot(),
    (now) => now.controllerEpoch > before.controllerEpoch && isLed(now, victim),
  );
  const failoverMs = systemClock.monotonicMs() - killedMs;
  await untilProducing(load);
  report.snapshot('after', after);
  report.note(
    `A new controller, and a leader for every partition, ${seconds(failoverMs)} after the kill (session time-out 4 s).`,
  );
  await bringBack(cluster, view, report, victim);
}

async function killLeader(cluster: LocalCluster, view: ZnodeView, load: LiveLoad, report: Report): Promise<void> {
  const before = await view.snapshot();
  const leaders = before.partitions.map(({ state }) => state!.leaderAndIsr.leader);
  const victim = leaders.find((leader) => leader !== before.controller) ?? leaders[0]!;
  report.step(`kill -9 a partition leader: broker ${victim}`);
  report.snapshot('before', before);
  await cluster.killBroker(victim);
  const killedMs = systemClock.monotonicMs();
  const after = await until(
    () => view.snapshot(),
    (now) => isLed(now, victim),
  );
  const failoverMs = systemClock.monotonicMs() - killedMs;
  await untilProducing(load);
  report.snapshot('after', after);
  report.note(`A live leader for every partition ${seconds(failoverMs)} after the kill.`);
  await bringBack(cluster, view, report, victim);
}

async function killZooKeeperLeader(
  cluster: LocalCluster,
  view: ZnodeView,
  load: LiveLoad,
  report: Report,
): Promise<void> {
  const victim = await cluster.zookeeperLeader();
  const before = await view.snapshot();
  report.step(`kill -9 the leader of the ZooKeeper ensemble: member ${victim}`);
  report.snapshot('before', before);
  await cluster.zookeeper('kill', String(victim));
  const killedMs = systemClock.monotonicMs();
  const after = await until(() => view.snapshot(), isWhole);
  const failoverMs = systemClock.monotonicMs() - killedMs;
  await untilProducing(load);
  report.snapshot('after', after);
  report.note(`ZooKeeper answers again ${seconds(failoverMs)} after the kill; the brokers keep their sessions.`);
  await cluster.zookeeper('restart', String(victim));
}

async function bringBack(cluster: LocalCluster, view: ZnodeView, report: Report, broker: number): Promise<void> {
  const startMs = systemClock.monotonicMs();
  await cluster.restartBroker(broker);
  await until(() => view.snapshot(), isWhole);
  report.note(
    `Broker ${broker} started again and back in every ISR after ${seconds(systemClock.monotonicMs() - startMs)}.`,
  );
}

async function createTopic(cluster: LocalCluster): Promise<void> {
  const { Kafka, logLevel } = await import('kafkajs');
  const settings = { clientId: 'demo', brokers: cluster.brokers, socketFactory: kafkaJsSocket };
  const admin = new Kafka({ ...settings, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 3 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
}

/** Every partition is led by somebody other than `victim`, which has left its ISR: else what is shown is a moment on the way there. */
function isLed({ partitions }: ZnodeSnapshot, victim: number): boolean {
  return partitions.every(
    ({ state }) => state !== null && state.leaderAndIsr.leader >= 0 && !state.leaderAndIsr.isr.includes(victim),
  );
}

/** All brokers are there and in every ISR. */
function isWhole({ brokers, controller, partitions }: ZnodeSnapshot): boolean {
  return (
    controller !== null && brokers.length === 3 && partitions.every(({ state }) => state?.leaderAndIsr.isr.length === 3)
  );
}

/** Waits until every partition has acknowledged something after this moment. */
async function untilProducing(load: LiveLoad): Promise<void> {
  const nowMs = systemClock.monotonicMs();
  await until(
    () => Promise.resolve(load.oldestLastAckMs),
    (lastMs) => lastMs > nowMs,
  );
}

async function until<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const value = await read();
    if (isSo(value)) return value;
    if (systemClock.monotonicMs() > deadlineMs)
      throw new Error(`waited in vain; the last state was ${JSON.stringify(value)}`);
    await sleep(systemClock, 20);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
