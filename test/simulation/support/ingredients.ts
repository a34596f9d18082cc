/**
 * What a run may have beyond faults: circumstances in which much of a broker takes other ways. A seed has one to three of them, or none; they
 * are drawn apart from everything else, so that a seed without any runs as it did before there were these.
 */
import { seededRandom, shuffled, type Random } from '../../../src/common/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { topicIdOf } from './cluster-state.js';
import { failCoordinatorDirs, replaceDisks, setClocksApart } from './broker-troubles.js';
import type { SimulatedCluster, SimulatedTopic } from './simulated-cluster.js';
import { sufferOutage, troubleMembers } from './zookeeper-troubles.js';

const OF_BROKERS = ['coldReads', 'jumpingClocks', 'oldClients', 'lateTopicIds'] as const;
const OF_CLUSTERS = [
  'laggingMembers',
  'longOutages',
  'administrators',
  'coordinatorDirs',
  'clocksApart',
  'emptyDisks',
] as const;
/** Those that no seed has by itself: what they find is not mended yet. */
const ON_DEMAND: ReadonlySet<Ingredient> = new Set<Ingredient>(['coordinatorDirs']);
export const INGREDIENTS = [...OF_BROKERS, ...OF_CLUSTERS] as const;
export type Ingredient = (typeof INGREDIENTS)[number];

const HOUR_MS = 3_600_000;
/** Kafka's own choice of retention and of producers' expiry is a day or more: no clock is to be off by that much. */
const MAX_OFFSET_MS = 10 * HOUR_MS;
const JUMP_EVERY_MS = 4_000;
/** Of the logs' ends in memory: nothing, or the newest of some partitions. */
const TAIL_BYTES = ['0', '3000', '20000'];
const MAX_READ_MS = 100;
/** A protocol between brokers in which nothing has a topic id, one in which the controller tells of them, and one in which ZooKeeper has them. */
const OLD_PROTOCOLS = ['2.7', '2.8-IV0', '2.8'];
const OLDEST_FETCH = 4;
const OLD_FETCHES = 3;
const NEWEST_FETCH_BY_ID = 15;
const ADMINISTRATORS = 3;

export function drawIngredients(seed: number): Ingredient[] {
  const random = seededRandom(seed * 48_271 + 13);
  const ofBrokers = shuffled(random, OF_BROKERS).slice(0, [0, 1, 1, 2][random.nextInt(4)]);
  if (random.nextInt(3) > 0) return ofBrokers;
  const ofCluster = OF_CLUSTERS[random.nextInt(OF_CLUSTERS.length)]!;
  return ON_DEMAND.has(ofCluster) ? ofBrokers : [...ofBrokers, ofCluster];
}

/** Puts ingredients into one run. Its randomness is its own. */
export class IngredientMixer {
  private readonly random: Random;

  constructor(
    readonly names: ReadonlySet<Ingredient>,
    private readonly seed: number,
  ) {
    this.random = seededRandom(seed * 69_621 + 17);
  }

  properties(): Record<string, string> {
    return {
      ...(this.names.has('coldReads') && {
        'log.segment.bytes': '4000',
        'ottla.log.tail.memory.bytes': TAIL_BYTES[this.random.nextInt(TAIL_BYTES.length)]!,
      }),
      ...(this.names.has('lateTopicIds') && {
        'inter.broker.protocol.version': OLD_PROTOCOLS[this.random.nextInt(OLD_PROTOCOLS.length)]!,
      }),
      // Topics whose names are asked for are made: by any broker, while an administrator makes them.
      ...(this.names.has('administrators') && { 'auto.create.topics.enable': 'true' }),
    };
  }

  get zooKeeperMembers(): number {
    // Brokers that hear of each other's changes late.
    return this.names.has('laggingMembers') || this.names.has('clocksApart') ? 3 : 1;
  }

  /** Faults that it is about, beside those of the seed. */
  faultKinds(): string[] {
    // Topics that a member may not have heard of when another controller tells everybody of all.
    return this.names.has('laggingMembers') ? ['createAndDelete', 'expireControllerSession'] : [];
  }

  /** Sessions of many partitions, when that is what it is about. */
  partitions(drawn: number): number {
    return this.names.has('coldReads') ? Math.max(drawn, 3 + this.random.nextInt(4)) : drawn;
  }

  topicConfigs(): Record<string, string> {
    const hasJumps = this.names.has('jumpingClocks') && this.random.nextInt(3) === 0;
    return hasJumps ? { 'message.timestamp.type': 'LogAppendTime' } : {};
  }

  onStarted(cluster: SimulatedCluster): void {
    if (this.names.has('coldReads')) this.slowReads(cluster);
    if (this.names.has('clocksApart')) setClocksApart(cluster, this.random, MAX_OFFSET_MS);
  }

  /** Before the topic is asked for. */
  beforeTopic(cluster: SimulatedCluster, name: string, assignment: readonly (readonly number[])[]): void {
    if (!this.names.has('lateTopicIds')) return;
    const byId = {
      topicId: () => topicIdOf(cluster.zooKeeper, name),
      guessLeader: (partition: number) => assignment[partition]![0]!,
    };
    cluster.readContinuously(cluster.topicNamed(name, assignment.length), {
      session: { byId },
      versions: { [ApiKey.Fetch]: NEWEST_FETCH_BY_ID },
    });
  }

  onTopic(cluster: SimulatedCluster, topic: SimulatedTopic, configs: Readonly<Record<string, string>>): void {
    const { names, random } = this;
    // Else producers do not know the times of their records.
    const isCreateTime = configs['message.timestamp.type'] === undefined;
    if (names.has('coldReads')) cluster.readContinuously(topic, { session: { readsAgain: true } });
    if (names.has('oldClients')) {
      cluster.readContinuously(topic, { versions: { [ApiKey.Fetch]: OLDEST_FETCH + random.nextInt(OLD_FETCHES) } });
      cluster.produceContinuously(
        topic,
        { idempotent: random.nextInt(2) === 0, intervalMs: 300 },
        { [ApiKey.Produce]: 3 },
      );
      if (isCreateTime) cluster.seekTimes(topic, { [ApiKey.ListOffsets]: 1 + random.nextInt(4) });
    }
    if (names.has('jumpingClocks') && isCreateTime) cluster.seekTimes(topic);
    if (names.has('coordinatorDirs')) cluster.consumeInGroup(topic, 2);
  }

  /** What goes on while faults are suffered. */
  onFaults(cluster: SimulatedCluster, forMs: number): void {
    if (this.names.has('jumpingClocks')) this.jumpClocks(cluster, forMs);
    if (this.names.has('lateTopicIds')) this.upgradeBrokers(cluster, forMs);
    if (this.names.has('coordinatorDirs')) failCoordinatorDirs(cluster, this.random, forMs);
    if (this.names.has('emptyDisks')) replaceDisks(cluster, this.random, forMs);
    // Of clocks that are apart those hear who tell each other of changes.
    if (this.names.has('administrators') || this.names.has('clocksApart')) cluster.administerFor(forMs, ADMINISTRATORS);
    if (this.names.has('laggingMembers')) troubleMembers(cluster, this.random, forMs);
  }

  /** What comes when the faults are over, before everything is healed. */
  async afterFaults(cluster: SimulatedCluster): Promise<void> {
    if (this.names.has('longOutages')) await sufferOutage(cluster, this.random);
  }

  private slowReads(cluster: SimulatedCluster): void {
    for (const broker of cluster.brokers) {
      const random = seededRandom(this.seed * 16_807 + broker.id);
      const delayMs = (operation: string, path: string): number =>
        operation === 'read' && path.endsWith('.log') ? MAX_READ_MS * random.nextDouble() ** 3 : 0;
      broker.usePace({ clock: cluster.clock, delayMs });
    }
  }

  private jumpClocks(cluster: SimulatedCluster, forMs: number): void {
    const { random } = this;
    const endMs = cluster.clock.monotonicMs() + forMs;
    const jump = (): void => {
      if (cluster.clock.monotonicMs() >= endMs) return;
      const hosts = [...cluster.brokers, ...cluster.producers.map(({ client }) => client)];
      const host = hosts[random.nextInt(hosts.length)]!;
      // To any time within the bounds, or by seconds, or back to the right one.
      const targetMs = [
        MAX_OFFSET_MS * (2 * random.nextDouble() - 1),
        host.clockOffsetMs + 20_000 * (random.nextDouble() - 0.5),
        0,
      ][random.nextInt(3)]!;
      host.jumpClock(Math.round(targetMs) - host.clockOffsetMs);
      cluster.clock.setTimer(2 * JUMP_EVERY_MS * random.nextDouble(), jump);
    };
    cluster.clock.setTimer(JUMP_EVERY_MS * random.nextDouble(), jump);
  }

  /** One by one they come to speak the present protocol. */
  private upgradeBrokers(cluster: SimulatedCluster, forMs: number): void {
    for (const broker of cluster.brokers) {
      cluster.clock.setTimer(forMs * this.random.nextDouble(), () => {
        cluster.trace.add('fault', `${broker.host} is upgraded`);
        broker.setProperties({ 'inter.broker.protocol.version': '3.6' });
        if (!broker.isUp) return;
        broker.crash('process');
        broker.start();
      });
    }
  }
}
