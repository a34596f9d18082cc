/** What leader and follower go through while one of them fails. */
import { ORDERS } from '../../unit/replication/replica-cluster.js';
import type { ClusterRun } from './cluster-run.js';

export interface ClusterScenario {
  readonly title: string;
  /** Each point is tried as often as this when the power goes: what is looked for needs much to come together. */
  readonly powerDraws?: number;
  /** What comes before; nothing goes wrong in it. The partition is made here. */
  prepare(run: ClusterRun): Promise<void>;
  during(run: ClusterRun): Promise<void>;
  /** What the controller has still to bring to its end when the victim is back. */
  goOn?(run: ClusterRun): Promise<void>;
  /** Looks at a victim that is back itself; what is wrong. */
  judge?(run: ClusterRun): Promise<string | null>;
}

const ID_AGAIN = 'AAAAAAAAAAAAAAAAAAAAIg';

async function fill(run: ClusterRun): Promise<void> {
  await run.cluster.create([1, 2]);
  await run.produceAndWait(6);
  for (const broker of run.cluster.brokers.values()) {
    await broker.log().flush(true);
    broker.logs.checkpointLogRecoveryOffsets();
  }
  run.durableEnd = 6;
  await run.produceAndWait(2);
}

/** The leader takes records that are never committed, while it is cut off; then the other one leads. */
async function divergeAndElect(run: ClusterRun, between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  const { cluster } = run;
  const { leader: old } = cluster.stateOf();
  const next = old === 1 ? 2 : 1;
  cluster.cut(1, 2);
  run.produce(7, 1, cluster.broker(old));
  await run.pass(20);
  await cluster.broker(old).log().flush(true);
  cluster.broker(old).logs.checkpointLogRecoveryOffsets();
  await between();
  cluster.elect(next, [next]);
  run.produce(3, 1, cluster.broker(next));
  cluster.heal();
  await run.until(() => cluster.stateOf().isr.length === 2);
  await run.produceAndWait(3);
}

/**
 * Neither leaves the ISR, nor fetches what the other has written. So the records with which the last one begins to follow are of an earlier
 * epoch than those that it has cut for them, and end where one of its segments began that it has cut: should that come back with the power,
 * nothing in the log itself would tell.
 */
async function leadUnheard(run: ClusterRun): Promise<void> {
  const { cluster, victim, other } = run;
  const end = victim.log().logEndOffset;
  cluster.cut(1, 2);
  cluster.elect(other.id);
  const followed = 2;
  run.produce(followed, 1, other);
  cluster.elect(victim.id);
  run.produce(9, 1, victim);
  if (!victim.log().segments.some(({ baseOffset }) => baseOffset === end + followed)) {
    throw new Error(`no segment begins at ${end + followed}`);
  }
  await victim.log().flush(true);
  victim.logs.checkpointLogRecoveryOffsets();
  run.durableEnd = end;
  cluster.elect(other.id);
  cluster.heal();
  await run.until(() => run.logEnd(victim.id) === end + followed);
  await run.pass(50);
  await run.produceAndWait(3);
}

function move(run: ClusterRun): void {
  const { victim } = run;
  const to = victim.log().parentDir === '/a' ? '/b' : '/a';
  victim.replicas.alterReplicaLogDir(ORDERS, to);
}

function isMoved({ victim }: ClusterRun): boolean {
  return victim.logs.getLog(ORDERS, true) === undefined;
}

async function makeAgain(run: ClusterRun): Promise<void> {
  const { cluster } = run;
  run.beginTopicAgain(ID_AGAIN);
  await cluster.create([1, 2]);
}

/** Of the topic that was made again while the victim was away, it has all or refuses it; it never is in sync with records of the old one. */
async function judgeSuccessor(run: ClusterRun): Promise<string | null> {
  const { cluster, victim, other } = run;
  run.beginTopicAgain(ID_AGAIN);
  const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
  const stopped = await other.replicas.stopReplicas(controller, [
    { tp: ORDERS, leaderEpoch: -2, deletePartition: true },
  ]);
  await stopped.partitions;
  await cluster.create([other.id, victim.id]);
  run.produce(6, 1, other);
  await run.pass(500);
  if (victim.replicas.localLog(ORDERS)?.topicId !== cluster.topicId) return null;
  const [there, here] = [await other.values(), await victim.values()];
  return `${there}` === `${here}`
    ? null
    : `the new topic has ${there.join(' ')} at one and ${here.join(' ')} at the other`;
}

export const CLUSTER_SCENARIOS: readonly ClusterScenario[] = [
  {
    title: 'a partition is made and produced to',
    prepare: () => Promise.resolve(),
    async during(run) {
      await run.cluster.create([1, 2]);
      await run.produceAndWait(4);
    },
  },
  {
    title: 'records are produced, flushed and checkpointed',
    prepare: fill,
    async during(run) {
      await run.produceAndWait(4);
      await run.victim.log().flush();
      run.victim.logs.checkpointLogRecoveryOffsets();
      await run.produceAndWait(3);
    },
  },
  {
    title: 'the leader changes, and the old one is cut',
    prepare: fill,
    during: (run) => divergeAndElect(run),
  },
  {
    title: 'both lead unheard by the other, and the one that led last follows',
    powerDraws: 4,
    prepare: fill,
    during: leadUnheard,
  },
  {
    title: 'segments are deleted by retention',
    prepare: fill,
    async during(run) {
      for (const { logs } of run.cluster.brokers.values()) {
        const log = logs.getLog(ORDERS)!;
        log.updateConfig({ ...log.config, retentionBytes: 500 });
        log.deleteOldSegments();
        log.updateConfig({ ...log.config, retentionBytes: -1 });
      }
      await run.produceAndWait(3);
    },
  },
  {
    title: 'the topic is deleted and made again',
    prepare: fill,
    async during(run) {
      await run.deleteTopic();
      await run.pass(10);
      await makeAgain(run);
      await run.produceAndWait(4);
    },
    async goOn(run) {
      if (run.generation === 'b') return;
      // The controller has no answer of the victim, and asks again before a topic of that name can be made.
      await run.deleteTopic();
      await makeAgain(run);
    },
  },
  {
    title: 'a replica moves between directories',
    prepare: fill,
    async during(run) {
      move(run);
      run.produce(2);
      await run.until(() => isMoved(run));
      await run.produceAndWait(2);
    },
    goOn: (run) => run.until(() => isMoved(run)),
  },
  {
    title: 'a replica moves while the leader changes',
    prepare: fill,
    async during(run) {
      await divergeAndElect(run, async () => {
        move(run);
        await run.pass(20);
      });
      await run.until(() => isMoved(run));
    },
    goOn: (run) => run.until(() => isMoved(run)),
  },
  {
    title: 'a move stops, the leader changes, and the move goes on',
    prepare: fill,
    async during(run) {
      await divergeAndElect(run, async () => {
        run.holdsReplacement = true;
        move(run);
        await run.pass(20);
      });
      run.holdsReplacement = false;
      move(run);
      await run.until(() => isMoved(run));
    },
    goOn: (run) => run.until(() => isMoved(run)),
  },
  {
    title: 'a replica is taken off a directory that hangs, and brought back',
    async prepare(run) {
      const { victim } = run;
      // Disks of their own: what one has made durable says nothing of the other. New logs are made in /a.
      victim.fs.lostOrders = ['folders'];
      victim.logs.maybeUpdatePreferredLogDir(ORDERS, '/b');
      await fill(run);
    },
    async during(run) {
      const { cluster, victim, other } = run;
      cluster.elect(other.id, [other.id]);
      run.hang('/b');
      await run.stopVictim();
      cluster.announce([ORDERS], true, victim.id);
      run.produce(3, 1);
      await run.pass(5000, 100);
      victim.fs.pace = null;
      await run.until(() => cluster.stateOf().isr.length === 2, 100);
      await run.produceAndWait(2);
    },
  },
  {
    title: 'its topic is made, and made again while it is away',
    prepare: () => Promise.resolve(),
    async during(run) {
      await run.cluster.create([1, 2]);
      await run.produceAndWait(6);
    },
    judge: judgeSuccessor,
  },
  {
    title: 'its topic is made on a slow disk and takes records at once, and is made again while it is away',
    powerDraws: 5,
    prepare: () => Promise.resolve(),
    async during(run) {
      run.slowDown();
      await run.cluster.create([1, 2]);
      run.produce(4, 1);
      await run.pass(100);
    },
    judge: judgeSuccessor,
  },
];
