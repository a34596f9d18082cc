import { sleep, systemClock } from '../../common/index.js';
import { interruptible } from '../cluster/attempt.js';
import { surroundingsOf } from '../cluster/surroundings.js';
import { kafkaJsSocket } from '../client/kafkajs-socket.js';
import type { Terminal } from '../terminal.js';
import { DemoCluster } from './demo-cluster.js';
import { LiveLoad } from './live-load.js';
import { Report } from './report.js';
import { ZnodeView, type ZnodeSnapshot } from './znode-view.js';

const TOPIC = 'orders';
const PARTITIONS = 3;
const PATIENCE_MS = 60_000;

/**
 * A cluster under live load loses its controller, then a partition leader, then the leader of its ZooKeeper ensemble, each to `kill -9`;
 * what the znodes say is shown before and after, and in the end what became of the records. Exit code 1 when one was lost.
 */
export async function demoFailoverCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  if (args.length > 0) {
    const isHelp = args[0] === '--help' || args[0] === '-h';
    (isHelp ? terminal.stdout : terminal.stderr).write(
      'demo-failover takes no arguments. It needs Java and Maven for ZooKeeper, and about half a minute.\n',
    );
    return isHelp ? 0 : 1;
  }
  const around = surroundingsOf(terminal);
  const report = new Report(terminal);
  return interruptible(async (signal) => {
    await DemoCluster.cleanLeftovers(around);
    const cluster = new DemoCluster(around, signal);
    try {
      report.step('Starting three ZooKeeper members and three brokers');
      await cluster.start();
      return await unlessAborted(signal, play(cluster, report));
    } finally {
      report.step('Cleaning up');
      await cluster.clean();
    }
  });
}

/** Rejects as soon as the signal is aborted. What the work still does then finds no cluster any more. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
  });
  return Promise.race([work, aborted]);
}

async function play(cluster: DemoCluster, report: Report): Promise<number> {
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

async function killController(cluster: DemoCluster, view: ZnodeView, load: LiveLoad, report: Report): Promise<void> {
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

async function killLeader(cluster: DemoCluster, view: ZnodeView, load: LiveLoad, report: Report): Promise<void> {
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
  cluster: DemoCluster,
  view: ZnodeView,
  load: LiveLoad,
  report: Report,
): Promise<void> {
  const before = await view.snapshot();
  const victim = await cluster.killZooKeeperLeader();
  const killedMs = systemClock.monotonicMs();
  report.step(`kill -9 the leader of the ZooKeeper ensemble: member ${victim}`);
  report.snapshot('before', before);
  const after = await until(() => view.snapshot(), isWhole);
  const failoverMs = systemClock.monotonicMs() - killedMs;
  await untilProducing(load);
  report.snapshot('after', after);
  report.note(`ZooKeeper answers again ${seconds(failoverMs)} after the kill; the brokers keep their sessions.`);
  await cluster.restartZooKeeper(victim);
}

async function bringBack(cluster: DemoCluster, view: ZnodeView, report: Report, broker: number): Promise<void> {
  const startMs = systemClock.monotonicMs();
  await cluster.restartBroker(broker);
  await until(() => view.snapshot(), isWhole);
  report.note(
    `Broker ${broker} started again and back in every ISR after ${seconds(systemClock.monotonicMs() - startMs)}.`,
  );
}

async function createTopic(cluster: DemoCluster): Promise<void> {
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
