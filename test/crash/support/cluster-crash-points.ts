import type { TestBroker } from '../../unit/replication/replica-cluster.js';
import { ORDERS } from '../../unit/replication/replica-cluster.js';
import { forEachBatch } from '../../../src/records/index.js';
import { recordsOf } from '../../unit/log/log-fixture.js';
import { batchesFrom } from './check-log.js';
import { ClusterRun, VictimFailed, type ClusterFault } from './cluster-run.js';
import type { ClusterScenario } from './cluster-scenarios.js';
import { FaultList, type Sweep } from './report.js';

export interface ClusterSweepOptions {
  readonly victim: number;
  readonly kind: ClusterFault;
  /** How often each point is tried. */
  readonly draws: number;
}

/** Fails the victim at every changing file operation of a scenario. */
export async function sweepClusterScenario(scenario: ClusterScenario, options: ClusterSweepOptions): Promise<Sweep> {
  const faults = new FaultList();
  const { points, fault: withoutFailure } = await failAt(scenario, options, Infinity, 1);
  if (withoutFailure !== null) faults.add('without a failure', withoutFailure);
  const draws = options.draws * (options.kind === 'power' ? (scenario.powerDraws ?? 1) : 1);
  let tried = 0;
  for (let point = 1; point <= points; point++) {
    for (let draw = 1; draw <= draws; draw++, tried++) {
      const { fault, at } = await failAt(scenario, options, point, draw);
      if (fault !== null) faults.add(`point ${point} draw ${draw} (${at})`, fault);
    }
  }
  return { points, tried, faults: faults.lines() };
}

async function failAt(
  scenario: ClusterScenario,
  { victim, kind }: ClusterSweepOptions,
  point: number,
  draw: number,
): Promise<{ points: number; at: string; fault: string | null }> {
  const run = await ClusterRun.start(draw * 7919 + (Number.isFinite(point) ? point : 0), victim, kind);
  await scenario.prepare(run);
  run.arm(point);
  try {
    await scenario.during(run);
  } catch (error) {
    if (!(error instanceof VictimFailed) && run.at === '') throw error;
  }
  const { points, at } = run;
  if (at === '') {
    run.victim.fs.fault = null;
    run.cluster.stop();
    return { points, at, fault: scenario.judge ? null : await findFault(run) };
  }
  return { points, at, fault: await findFaultAfterRecovery(run, scenario) };
}

async function findFaultAfterRecovery(run: ClusterRun, scenario: ClusterScenario): Promise<string | null> {
  const { cluster } = run;
  try {
    await run.recover();
    if (run.victim.logs.offlineLogDirs.length > 0) return 'a directory is offline after the restart';
    const loss = await run.findLoss();
    if (loss !== null) return loss;
    if (scenario.judge) return await scenario.judge(run);
    if (cluster.partitions.size > 0) cluster.announce([ORDERS], false, run.victimId);
    await scenario.goOn?.(run);
    if (cluster.partitions.size === 0) return null;
    await run.until(() => cluster.stateOf().isr.length === 2);
    await run.produceAndWait(2);
    return await findFault(run);
  } catch (error) {
    return messageOf(error);
  } finally {
    cluster.stop();
  }
}

/** What is acknowledged is there, of this topic only, and the replicas are the same, byte for byte. */
async function findFault(run: ClusterRun): Promise<string | null> {
  const { leader, cluster } = run;
  const logs = [...cluster.brokers.values()].map((broker) => broker.log());
  const start = Math.max(...logs.map(({ logStartOffset }) => logStartOffset));
  const there = new Map(
    recordsOf(await bytesFrom(leader, leader.log().logStartOffset)).map((one) => [one.offset, one.value]),
  );
  for (const [offset, value] of run.acknowledged) {
    if (offset < leader.log().logStartOffset || there.get(offset) === value) continue;
    return `${value} was acknowledged at ${offset}, where ${there.get(offset) ?? 'nothing'} is`;
  }
  for (const value of there.values()) {
    if (!value.startsWith(run.generation)) return `${value} is of a deleted topic`;
  }
  const [one, two] = await Promise.all([...cluster.brokers.values()].map((broker) => bytesFrom(broker, start)));
  if (!one!.equals(two!)) return `replicas in sync differ: ${textOf(one!)} and ${textOf(two!)}`;
  for (const broker of cluster.brokers.values()) {
    const fault = findFaultOfBroker(broker, one!, start) ?? findFaultInFolders(broker);
    if (fault !== null) return `broker ${broker.id}: ${fault}`;
    if (broker.log().topicId !== cluster.topicId) return `broker ${broker.id} has topic id ${broker.log().topicId}`;
  }
  return null;
}

function findFaultOfBroker(broker: TestBroker, bytes: Buffer, start: number): string | null {
  let fault: string | null = null;
  forEachBatch(bytes, ({ baseOffset, partitionLeaderEpoch }) => {
    const first = Math.max(baseOffset, start);
    const entry = broker.log().epochEntries.findLast(({ startOffset }) => startOffset <= first);
    if (entry?.epoch !== partitionLeaderEpoch)
      fault ??= `the batch at ${first} has epoch ${partitionLeaderEpoch}, the epochs say ${entry?.epoch}`;
  });
  return fault;
}

function findFaultInFolders({ fs }: TestBroker): string | null {
  const folders = ['/a', '/b'].flatMap((dir) => fs.readDir(dir).map((name) => `${dir}/${name}`));
  const replicas = folders.filter((path) => path.endsWith('/orders-0') || path.endsWith('-future'));
  return replicas.length === 1 ? null : `has the folders ${replicas.join(' ')}`;
}

async function bytesFrom(broker: TestBroker, start: number): Promise<Buffer> {
  return Buffer.concat((await batchesFrom(broker.log(), start)).map(({ bytes }) => bytes));
}

function textOf(bytes: Buffer): string {
  return recordsOf(bytes)
    .map(({ offset, value }) => `${offset}=${value}`)
    .join(' ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 120)}` : String(error);
}
