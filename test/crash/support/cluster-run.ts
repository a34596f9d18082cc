/** A leader and a follower on simulated disks, one of which dies, or loses a directory, at a file operation. */
import type { Uuid } from '../../../src/common/index.js';
import type { DiskError, FileOperation } from '../../../src/testing/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { ORDERS, ReplicaCluster, type TestBroker } from '../../unit/replication/replica-cluster.js';
import { batchesFrom } from './check-log.js';

export type ClusterFault = 'process' | 'power' | 'directory';

/** The victim is dead, or its directory is: what was to happen to it does not. */
export class VictimFailed extends Error {
  override readonly name = 'VictimFailed';
}

const BROKERS = [1, 2];
const DIRS = ['/a', '/b'];
const TOGETHER_WITHIN_MS = 30_000;
const STEP_MS = 10;
const EPOCH_OF_DELETION = -2;
const SLOW_MS = 40;
const HANG_MS = 28_000;
const CONTROLLER = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };

export class ClusterRun {
  /** By offset: what was acknowledged by all replicas. */
  readonly acknowledged = new Map<number, string>();
  /** Begins the values of the topic as it is now. */
  generation = 'a';
  /** The victim's log was told to be durable up to there, and is not cut below. */
  durableEnd = 0;
  /** Moves stop right before the copy would take the log's place. */
  holdsReplacement = false;
  points = 0;
  /** The operation that failed; empty when none did. */
  at = '';
  /** By epoch: where its first record was written, as far as a leader lived to say so. */
  private readonly beginnings = new Map<number, number>();
  private written = 0;
  private hasLostDirectory = false;
  private isRecovering = false;

  private constructor(
    readonly cluster: ReplicaCluster,
    readonly victimId: number,
    private readonly kind: ClusterFault,
  ) {}

  static async start(seed: number, victimId: number, kind: ClusterFault): Promise<ClusterRun> {
    let run: ClusterRun | null = null;
    const cluster = await ReplicaCluster.start({
      brokers: BROKERS.length,
      seed,
      logDirs: DIRS,
      config: { 'replica.lag.time.max.ms': '2000', 'replica.fetch.wait.max.ms': '50' },
      topicConfig: { 'min.insync.replicas': '2', 'segment.bytes': '400', 'index.interval.bytes': '100' },
      onLogDirFailure: (brokerId, dir) => run?.onLogDirFailure(brokerId, dir),
      extras: (brokerId) => ({
        onLogDirFailure: () => undefined,
        onFatal: (error) => {
          if (brokerId !== victimId || run?.at === '') throw error;
        },
      }),
    });
    for (const { fs } of cluster.brokers.values()) fs.syncDir('/');
    run = new ClusterRun(cluster, victimId, kind);
    return run;
  }

  get victim(): TestBroker {
    return this.cluster.broker(this.victimId);
  }

  get other(): TestBroker {
    return this.cluster.broker(BROKERS.find((id) => id !== this.victimId)!);
  }

  get leader(): TestBroker {
    return this.cluster.broker(this.cluster.stateOf().leader);
  }

  get hasFailed(): boolean {
    return this.victim.fs.isHalted || this.hasLostDirectory;
  }

  /** From now on operations of the victim are counted; the one of that number is its last, or the last of its directory. */
  arm(point: number): void {
    const { fs } = this.victim;
    let failing: string | null = null;
    fs.fault = (operation: FileOperation, path: string, length: number): DiskError | null => {
      if (failing !== null) return path.startsWith(failing) ? brokenDisk(operation, path) : null;
      if (this.holdsReplacement && operation === 'open' && path.endsWith('/.replaces-current')) {
        return Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: operation });
      }
      if (!fs.isChange(operation, path) || ++this.points !== point) return null;
      this.at = `${operation} ${path.replace(/\.[0-9a-f]{32}/, '.*')}`;
      if (this.kind !== 'directory') {
        this.victim.isUp = false;
        return fs.halt(length >> 1);
      }
      failing = path.slice(0, 2);
      return brokenDisk(operation, path);
    };
  }

  /** A record; with acks=all it counts from its answer on, unless the leader is dead by then. */
  produce(count = 1, acks = -1, to = this.leader): void {
    for (let each = 0; each < count; each++) {
      const value = `${this.generation}-${this.written++}`;
      const { generation } = this;
      const { leaderEpoch } = this.cluster.stateOf();
      void to.produce([value], acks, ORDERS, 5000).then(({ errorCode, baseOffset }) => {
        if (errorCode !== 0 || to.fs.isHalted || generation !== this.generation) return;
        this.beginnings.set(leaderEpoch, Math.min(baseOffset, this.beginnings.get(leaderEpoch) ?? Infinity));
        if (acks === -1) this.acknowledged.set(baseOffset, value);
      });
    }
  }

  async produceAndWait(count = 1): Promise<void> {
    const end = this.leader.log().logEndOffset + count;
    this.produce(count);
    await this.until(() => BROKERS.every((id) => this.logEnd(id) >= end));
    await this.until(() => this.leader.log().highWatermark >= end);
  }

  logEnd(id: number): number {
    return this.cluster.broker(id).replicas.localLog(ORDERS)?.logEndOffset ?? -1;
  }

  async pass(ms: number, stepMs = STEP_MS): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) await this.step(stepMs);
  }

  async until(condition: () => boolean, stepMs = STEP_MS): Promise<void> {
    for (let passedMs = 0; !condition(); passedMs += stepMs) {
      if (passedMs > TOGETHER_WITHIN_MS) throw new Error(`does not come to ${condition.toString()}`);
      await this.step(stepMs);
    }
  }

  /** From now on a topic of the same name is meant. */
  beginTopicAgain(topicId: Uuid): void {
    this.cluster.topicId = topicId;
    this.generation = 'b';
    this.acknowledged.clear();
    this.beginnings.clear();
    this.durableEnd = 0;
  }

  /** The victim's disk takes its time to sync; who does not wait goes on meanwhile. */
  slowDown(): void {
    this.victim.fs.pace = { clock: this.cluster.clock, delayMs: (operation) => (operation === 'sync' ? SLOW_MS : 0) };
  }

  /** What the victim syncs in a directory takes so long that others no longer wait for it. */
  hang(dir: string): void {
    const delayMs = (operation: string, path: string): number =>
      operation === 'sync' && path.startsWith(dir) ? HANG_MS : 0;
    this.victim.fs.pace = { clock: this.cluster.clock, delayMs };
  }

  /** StopReplica that deletes, at the victim, with its answer. */
  async stopVictim(): Promise<void> {
    this.durableEnd = 0;
    const { replicas } = this.victim;
    const { leaderEpoch } = this.cluster.stateOf();
    let isAnswered = false;
    void replicas
      .stopReplicas(CONTROLLER, [{ tp: ORDERS, leaderEpoch, deletePartition: true }])
      .then(({ partitions }) => partitions)
      .then(() => (isAnswered = true));
    await this.until(() => isAnswered, 1000);
    await this.pass(STEP_MS);
  }

  /** StopReplica that deletes, at both; the answer of both is waited for. */
  async deleteTopic(): Promise<void> {
    this.durableEnd = 0;
    for (const broker of this.cluster.brokers.values()) {
      void broker.replicas.stopReplicas(CONTROLLER, [
        { tp: ORDERS, leaderEpoch: EPOCH_OF_DELETION, deletePartition: true },
      ]);
    }
    await this.pass(STEP_MS);
  }

  /** The victim comes back, on disks that are well. */
  async recover(): Promise<void> {
    const { cluster, victim, other } = this;
    this.isRecovering = true;
    const { isr, leader } = cluster.stateOf();
    if (leader === victim.id && isr.includes(other.id)) cluster.elect(other.id, [other.id]);
    if (!this.victim.fs.isHalted) await this.pass(300);
    victim.fs.fault = null;
    victim.fs.pace = null;
    victim.crash(this.kind === 'power' ? 'power' : 'process');
    this.hasLostDirectory = false;
    this.holdsReplacement = false;
    await victim.start();
    cluster.heal();
  }

  /** What was durable is there after the restart, and of one history, before anyone else helps. */
  async findLoss(): Promise<string | null> {
    const log = this.victim.logs.getLog(ORDERS);
    const end = log?.logEndOffset ?? 0;
    if (end < this.durableEnd) return `of ${this.durableEnd} durable records ${end} are left`;
    return log?.topicId === this.cluster.topicId ? this.findMixture(log) : null;
  }

  /** Records that were cut do not come back behind those in whose place they had been: an epoch has one beginning. */
  private async findMixture(log: UnifiedLog): Promise<string | null> {
    let latest: number | null = null;
    for (const { baseOffset, partitionLeaderEpoch } of await batchesFrom(log, log.logStartOffset)) {
      const beginning = this.beginnings.get(partitionLeaderEpoch) ?? baseOffset;
      if (latest !== null && partitionLeaderEpoch !== latest && baseOffset > beginning) {
        return `epoch ${partitionLeaderEpoch} began at ${beginning}, and after the restart at ${baseOffset}`;
      }
      latest = partitionLeaderEpoch;
    }
    return null;
  }

  private onLogDirFailure(brokerId: number, dir: string): void {
    if (brokerId !== this.victimId || this.at === '') throw new Error(`${dir} of ${brokerId} failed`);
    if (this.victim.fs.isHalted) return;
    this.victim.replicas.handleLogDirFailure(dir);
    this.hasLostDirectory = true;
  }

  private async step(ms: number): Promise<void> {
    if (this.hasFailed && !this.isRecovering) throw new VictimFailed(this.at);
    await this.cluster.clock.advance(ms);
  }
}

function brokenDisk(operation: string, path: string): DiskError {
  return Object.assign(new Error(`EIO: ${operation} '${path}'`), { code: 'EIO', syscall: operation, path });
}
