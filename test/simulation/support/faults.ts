import { seededRandom, shuffled, type Random } from '../../../src/common/index.js';
import { ApiKey, ErrorCode, type ElectLeadersResponse } from '../../../src/protocol/index.js';
import { ADMINISTERED_TOPICS } from './administrator.js';
import { partitionStates, sameMembers, type PartitionState } from './cluster-state.js';
import { LOG_DIRS } from './simulated-broker.js';
import type { SimulatedCluster } from './simulated-cluster.js';

/** One kind of fault: does harm now, and undoes it after a while if it has to be undone. */
type Fault = (cluster: SimulatedCluster, random: Random) => void;

/** A time with many short and few long ones, up to `maxMs`. */
function someTime(random: Random, maxMs: number): number {
  return 50 + (maxMs - 50) * random.nextDouble() ** 2;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.nextInt(items.length)]!;
}

function later(cluster: SimulatedCluster, delayMs: number, task: () => void): void {
  const { faultTerm } = cluster;
  // What is undone after everything was healed would only disturb the rest.
  cluster.clock.setTimer(delayMs, () => {
    if (cluster.faultTerm === faultTerm) task();
  });
}

function upBrokers(cluster: SimulatedCluster) {
  return cluster.brokers.filter(({ isUp }) => isUp);
}

function killAndRestart(cluster: SimulatedCluster, id: number, downMs: number): void {
  const broker = cluster.broker(id);
  broker.crash('process');
  later(cluster, downMs, () => {
    if (!broker.isUp) broker.start();
  });
}

function cutFor(cluster: SimulatedCluster, one: string, other: string, ways: number, forMs: number): void {
  if (ways !== 1) cluster.cutOneWay(one, other);
  if (ways !== 0) cluster.cutOneWay(other, one);
  later(cluster, forMs, () => cluster.mend(one, other));
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  kill(cluster, random) {
    const up = upBrokers(cluster);
    if (up.length > 0) killAndRestart(cluster, pick(random, up).id, someTime(random, 15_000));
  },
  killAll(cluster, random) {
    for (const { id } of upBrokers(cluster)) killAndRestart(cluster, id, someTime(random, 8_000));
  },
  killController(cluster, random) {
    const id = cluster.controllerId;
    if (id > 0 && cluster.broker(id).isUp) killAndRestart(cluster, id, someTime(random, 12_000));
  },
  stop(cluster, random) {
    const up = upBrokers(cluster).filter(({ running }) => running);
    if (up.length === 0) return;
    const broker = pick(random, up);
    const downMs = someTime(random, 8_000);
    void broker.stop().then(() => {
      if (broker.isUp) return;
      cluster.clock.setTimer(downMs, () => {
        if (!broker.isUp) broker.start();
      });
    });
  },
  pause(cluster, random) {
    const up = upBrokers(cluster).filter(({ isPaused }) => !isPaused);
    if (up.length === 0) return;
    const broker = pick(random, up);
    broker.pause();
    later(cluster, someTime(random, 15_000), () => broker.resume());
  },
  pauseController(cluster, random) {
    const id = cluster.controllerId;
    if (id < 0 || cluster.broker(id).isPaused || !cluster.broker(id).isUp) return;
    cluster.broker(id).pause();
    later(cluster, someTime(random, 15_000), () => cluster.broker(id).resume());
  },
  cutLink(cluster, random) {
    const hosts = [...cluster.zooKeeper.hosts, ...cluster.brokers.map(({ host }) => host)];
    const [one, other] = shuffled(random, hosts);
    cutFor(cluster, one!, other!, random.nextInt(3), someTime(random, 20_000));
  },
  isolate(cluster, random) {
    const { host } = pick(random, cluster.brokers);
    const forMs = someTime(random, 15_000);
    const ways = random.nextInt(3);
    for (const other of [...cluster.zooKeeper.hosts, ...cluster.brokers.map((it) => it.host)]) {
      if (other !== host) cutFor(cluster, host, other, ways, forMs);
    }
  },
  cutControllerFromZooKeeper(cluster, random) {
    const id = cluster.controllerId;
    if (id < 0) return;
    const ways = random.nextInt(3);
    const forMs = someTime(random, 20_000);
    for (const host of cluster.zooKeeper.hosts) cutFor(cluster, cluster.broker(id).host, host, ways, forMs);
  },
  cutFollowersFromLeaders(cluster, random) {
    const { host } = pick(random, cluster.brokers);
    const forMs = someTime(random, 15_000);
    for (const other of cluster.brokers) if (other.host !== host) cutFor(cluster, host, other.host, 2, forMs);
  },
  freezeZooKeeper(cluster, random) {
    if (cluster.zooKeeper.isFrozen) return;
    cluster.trace.add('fault', 'ZooKeeper stands still');
    cluster.zooKeeper.freeze();
    later(cluster, someTime(random, 12_000), () => {
      cluster.trace.add('fault', 'ZooKeeper goes on');
      cluster.zooKeeper.thaw();
    });
  },
  dropZooKeeperConnections(cluster) {
    cluster.trace.add('fault', 'ZooKeeper closes all connections');
    cluster.zooKeeper.disconnectAll();
  },
  expireSession(cluster, random) {
    const broker = pick(random, cluster.brokers);
    if (broker.sessionId === 0n) return;
    cluster.trace.add('fault', `the session of ${broker.host} expires`);
    cluster.zooKeeper.expireSession(broker.sessionId);
  },
  expireControllerSession(cluster) {
    const session = cluster.zooKeeper.ownerOf('/controller');
    if (session === 0n) return;
    cluster.trace.add('fault', 'the session of the controller expires');
    cluster.zooKeeper.expireSession(session);
  },
  loseConnections(cluster, random) {
    const { networkSettings: settings } = cluster;
    cluster.trace.add('fault', 'connections are lost');
    settings.resetProbability = 0.002 + 0.03 * random.nextDouble();
    later(cluster, someTime(random, 4_000), () => (settings.resetProbability = 0));
  },
  loseAnswersOfZooKeeper(cluster, random) {
    cluster.trace.add('fault', 'answers of ZooKeeper are lost');
    cluster.zooKeeper.lostAnswerProbability = 0.02 + 0.2 * random.nextDouble();
    later(cluster, someTime(random, 8_000), () => (cluster.zooKeeper.lostAnswerProbability = 0));
  },
  failLogDir(cluster, random) {
    const broker = pick(random, cluster.brokers);
    // One with no directory left stops, as Kafka does.
    if (broker.hasFailedLogDir || !broker.running) return;
    broker.failLogDir(pick(random, LOG_DIRS));
    later(cluster, someTime(random, 15_000), () => {
      broker.repairDisks();
      if (!broker.isUp || !broker.hasFailedLogDir) return;
      broker.crash('process');
      broker.start();
    });
  },
  moveReplicas(cluster, random) {
    // Not those that come and go: a replica that moves away from a broker that is down stays there, in Kafka too.
    const states = partitionStates(cluster.zooKeeper).filter(({ topic }) => topic.startsWith('topic'));
    if (states.length === 0) return;
    const ids = cluster.brokers.map(({ id }) => id);
    const partitions = shuffled(random, states)
      .slice(0, 1 + random.nextInt(2))
      .map(({ topic, partition }) => ({
        topic,
        partition,
        replicas: shuffled(random, ids).slice(0, Math.min(3, ids.length)),
      }));
    const data = JSON.stringify({ version: 1, partitions });
    const isTaken = cluster.zooKeeper.create('/admin/reassign_partitions', data);
    cluster.trace.add('fault', `${isTaken ? '' : 'in vain: '}${data}`);
  },
  slowNetwork(cluster, random) {
    const { networkSettings: settings } = cluster;
    const before = settings.maxDelayMs;
    cluster.trace.add('fault', 'the network is slow');
    settings.maxDelayMs = 20 + 300 * random.nextDouble();
    later(cluster, someTime(random, 6_000), () => (settings.maxDelayMs = before));
  },
  createAndDelete(cluster, random) {
    if (cluster.pendingAdmin > 2) return;
    const name = `t${cluster.nextTopicNumber++}`;
    const partitions = 1 + random.nextInt(3);
    const ids = cluster.brokers.map(({ id }) => id);
    const assignment = Array.from({ length: partitions }, () =>
      shuffled(random, ids).slice(0, Math.min(3, ids.length)),
    );
    const keepMs = someTime(random, 10_000);
    cluster.doLater(async () => {
      const topic = await cluster.createTopic(name, { assignment });
      const producer = cluster.produceContinuously(topic, { idempotent: random.nextInt(2) === 0, intervalMs: 200 });
      await producer.client.pause(keepMs);
      producer.abandon();
      await cluster.deleteTopic(name);
    });
  },
  moveLeaders(cluster) {
    if (cluster.pendingAdmin > 2) return;
    cluster.doLater(async () => {
      cluster.trace.add('fault', 'preferred leaders are asked for');
      const request = { electionType: 0, topicPartitions: null, timeoutMs: 3_000 };
      await cluster.askController(ApiKey.ElectLeaders, request, ({ errorCode }: ElectLeadersResponse) =>
        errorCode === ErrorCode.NOT_CONTROLLER ? errorCode : 0,
      );
    });
  },
};

/** Faults of disks and moves between them: they have runs of their own, which the other faults do not drown. */
export const DISK_FAULTS: Readonly<Record<string, Fault>> = {
  killInDiskOperation(cluster, random) {
    const up = upBrokers(cluster).filter(({ running, hasFailedLogDir }) => running && !hasFailedLogDir);
    if (up.length === 0) return;
    const broker = pick(random, up);
    broker.killAtDiskOperation(1 + random.nextInt(30));
    later(cluster, someTime(random, 8_000), () => {
      broker.repairDisks();
      if (!broker.isUp) broker.start();
    });
  },
  moveBetweenDirs(cluster, random) {
    const up = upBrokers(cluster).filter(({ running }) => running);
    if (up.length === 0) return;
    const broker = pick(random, up);
    const partitions = broker.partitions().filter(({ tp }) => cluster.topics.has(tp.topic));
    if (partitions.length === 0) return;
    const { tp } = pick(random, partitions);
    const dir = pick(random, LOG_DIRS);
    cluster.trace.add('fault', `${broker.host} moves ${tp.topic}-${tp.partition} to ${dir}`);
    broker.running!.services!.replicas.alterReplicaLogDir(tp, dir);
  },
  slowDisk(cluster, random) {
    const broker = pick(random, cluster.brokers);
    const { disk, host } = broker;
    const delayMs = someTime(random, 1_500);
    cluster.trace.add('fault', `the disk of ${host} takes ${delayMs.toFixed(3)} ms for each read and sync`);
    disk.pace = {
      clock: cluster.clock,
      delayMs: (operation) => (operation === 'read' || operation === 'sync' ? delayMs : 0),
    };
    later(cluster, someTime(random, 6_000), () => broker.repairDisks());
  },
};

/** Partitions whose records are to survive: not those of administrators, which may have one replica. */
function lasting(cluster: SimulatedCluster): PartitionState[] {
  return partitionStates(cluster.zooKeeper).filter(({ topic }) => !ADMINISTERED_TOPICS.includes(topic));
}

export function allIsInSync(cluster: SimulatedCluster): boolean {
  return (
    cluster.brokers.every(({ running }) => running !== null) &&
    partitionStates(cluster.zooKeeper).every(({ leader, isr, replicas }) => leader > 0 && sameMembers(isr, replicas))
  );
}

/** The last in sync would never be forgotten: nobody else may lead. */
export function isLastInSync(cluster: SimulatedCluster, id: number): boolean {
  return lasting(cluster).some(({ isr }) => isr.every((it) => it === id));
}

/** No ISR has the broker any more: it may come back with less than it had. */
export function isForgotten(cluster: SimulatedCluster, id: number): boolean {
  return lasting(cluster).every(({ isr }) => !isr.includes(id));
}

/**
 * A power failure tears what was not synced. Kafka promises nothing when it hits all that are in sync, nor when the broker is back, with
 * less than it had, before the controller has taken it out of the ISR: a leader that only bounced while the controller changed goes on
 * leading. So this is the only fault of its run, one broker at a time, down until no ISR has it.
 */
function losePowerNow(cluster: SimulatedCluster, random: Random): void {
  if (cluster.brokers.length === 1 || !allIsInSync(cluster)) return;
  if (cluster.brokers.some(({ hasFailedLogDir }) => hasFailedLogDir)) return;
  const broker = pick(random, cluster.brokers);
  if (isLastInSync(cluster, broker.id)) return;
  cluster.hasLostPower = true;
  broker.crash('power');
  const startWhenForgotten = (): void => {
    if (isForgotten(cluster, broker.id)) broker.start();
    else cluster.clock.setTimer(500, startWhenForgotten);
  };
  cluster.clock.setTimer(someTime(random, 8_000), startWhenForgotten);
}

export interface FaultPlan {
  readonly forMs: number;
  readonly meanGapMs: number;
  readonly kinds: readonly string[];
}

/** Which faults a seed has: a few kinds only, so that rare ones are not drowned (swarm testing), and `others` unless the power is lost. */
export function planFaults(random: Random, ofDisks: boolean, others: readonly string[]): FaultPlan {
  const forMs = 15_000 + random.nextInt(30_000);
  const meanGapMs = 400 + random.nextInt(5_000);
  if (ofDisks) {
    const kinds = [...shuffled(random, Object.keys(DISK_FAULTS)).slice(0, 1 + random.nextInt(3)), 'moveLeaders'];
    const more = random.nextInt(2) === 0 ? [] : ['failLogDir', 'cutLink'];
    return { forMs, meanGapMs, kinds: [...kinds, ...more, ...others] };
  }
  if (random.nextInt(12) === 0) return { forMs, meanGapMs, kinds: ['losePower'] };
  const names = Object.keys(FAULTS);
  return { forMs, meanGapMs, kinds: [...shuffled(random, names).slice(0, 1 + random.nextInt(6)), ...others] };
}

/** Does harm by plan; resolves when the time is up. What is broken then stays so until `heal`. */
export async function sufferFaults(cluster: SimulatedCluster, plan: FaultPlan, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const endMs = cluster.clock.nowMs() + plan.forMs;
  const harm = (): void => {
    if (cluster.clock.nowMs() >= endMs) return;
    const kind = pick(random, plan.kinds);
    if (kind === 'losePower') losePowerNow(cluster, random);
    else (FAULTS[kind] ?? DISK_FAULTS[kind])!(cluster, random);
    cluster.clock.setTimer(2 * plan.meanGapMs * random.nextDouble(), harm);
  };
  cluster.clock.setTimer(1_000 * random.nextDouble(), harm);
  await cluster.run(plan.forMs);
}
