import type { Random } from '../../../src/common/index.js';
import { Violation } from './invariant.js';
import type { SimulatedCluster } from './simulated-cluster.js';

const TROUBLE_EVERY_MS = 3_000;
const MAX_BEHIND_MS = 8_000;
const MAX_DOWN_MS = 12_000;
const MAX_LOSING_MS = 3_000;
const LONGEST_OUTAGE_MS = 90_000;

/** Members of ZooKeeper fall behind, go and come back, and lose connections with the answers to writes that they made. */
export function troubleMembers(cluster: SimulatedCluster, random: Random, forMs: number): void {
  const { clock, zooKeeper, trace } = cluster;
  const endMs = clock.monotonicMs() + forMs;
  const trouble = (): void => {
    if (clock.monotonicMs() >= endMs) return;
    const index = random.nextInt(zooKeeper.hosts.length);
    const host = zooKeeper.hosts[index]!;
    const replica = zooKeeper.replicas[index]!;
    const kind = random.nextInt(3);
    if (kind === 0) {
      const behindMs = MAX_BEHIND_MS * random.nextDouble() ** 2;
      trace.add('fault', `${host} falls behind for ${behindMs.toFixed(0)} ms`);
      replica.fallBehind(behindMs);
    } else if (kind === 1) {
      trace.add('fault', `${host} stops`);
      zooKeeper.stopMember(host);
      clock.setTimer(MAX_DOWN_MS * random.nextDouble() ** 2, () => zooKeeper.startMember(host));
    } else {
      trace.add('fault', `${host} loses answers to writes`);
      replica.lostAnswerProbability = 0.1 + 0.5 * random.nextDouble();
      clock.setTimer(MAX_LOSING_MS * random.nextDouble(), () => (replica.lostAnswerProbability = 0));
    }
    clock.setTimer(2 * TROUBLE_EVERY_MS * random.nextDouble(), trouble);
  };
  clock.setTimer(TROUBLE_EVERY_MS * random.nextDouble(), trouble);
}

/**
 * ZooKeeper has no quorum for minutes, in one piece; resolves when it has one. Whoever had a session then has it still, unless it has
 * restarted: only ZooKeeper ends sessions.
 */
export async function sufferOutage(cluster: SimulatedCluster, random: Random): Promise<void> {
  const { zooKeeper, brokers, trace } = cluster;
  const outageMs = LONGEST_OUTAGE_MS * random.nextDouble();
  trace.add('fault', `ZooKeeper is gone for ${outageMs.toFixed(0)} ms`);
  const before = brokers.map((broker) => ({ broker, life: broker.running, session: broker.sessionId }));
  zooKeeper.beGone(outageMs);
  await cluster.run(outageMs);
  for (const host of zooKeeper.hosts) zooKeeper.startMember(host);
  trace.add('fault', 'ZooKeeper is back');
  for (const { broker, life, session } of before) {
    if (life === null || broker.running !== life || session === 0n || !zooKeeper.hasSession(session)) continue;
    if (broker.sessionId !== session) throw new Violation(`broker ${broker.id} gave up a session that ZooKeeper keeps`);
  }
}
