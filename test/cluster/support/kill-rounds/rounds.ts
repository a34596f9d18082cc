import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { partitionKey, type TopicPartition } from '../../../../src/cluster/index.js';
import { seededRandom, type Random } from '../../../../src/common/index.js';
import { eventually, pause } from '../../../support/eventually.js';
import type { ToolResult } from '../../../support/processes.js';
import { faultInLog, metadataOf, newProducerId, unknownAt } from './brokers.js';
import { GroupReader } from './group-reader.js';
import { NumberedProducer, RECORDS_EACH } from './numbered-producer.js';
import { drawPlans, type Moment, type Plan } from './plan.js';
import { Questioner, type Tally } from './questioner.js';
import { impatient, questionOfStatus, questionsAt } from './questions.js';
import { ScriptedCluster } from './scripted-cluster.js';
import type { Truth } from './truth.js';

const BROKERS = 3;
const PATIENCE_MS = 60_000;
const GROUP = 'readers';
const READ = 'orders';
/** Of the second all records are on one broker only, which comes back with them. */
const TOPICS = [
  { topic: READ, partitions: 6, replicationFactor: 3, config: 'min.insync.replicas=2' },
  { topic: 'alone', partitions: 3, replicationFactor: 1, config: 'min.insync.replicas=1' },
];

export interface RoundsOptions {
  /** Of the checkout. */
  readonly root: string;
  readonly rounds: number;
  readonly seed: number;
  /** The first of 130 ports. */
  readonly basePort: number;
  readonly sessionMs: number;
  readonly say: (line: string) => void;
}

export interface Summary {
  readonly acknowledged: number;
  /** Records that the group was given a second time. */
  readonly again: number;
  readonly startsMs: readonly number[];
  readonly questions: readonly Tally[];
  readonly faults: readonly string[];
}

/** Kills a whole cluster round after round, starts it again by one command, and holds all that it says and has against what is so. */
export class KillRounds {
  private readonly random: Random;
  private readonly cluster: ScriptedCluster;
  private readonly questioner: Questioner;
  private readonly producers = new Map<string, NumberedProducer>();
  private readonly reader: GroupReader;
  private readonly faults: string[] = [];
  private readonly startsMs: number[] = [];
  private round = 0;
  /** How often the servers were told to end, or killed. */
  private upheavals = 0;
  private upheavalsUnderWay = 0;
  /** What the last of each took. */
  private readonly lastMs: Record<Moment, number> = { start: 5_000, load: 3_000, stop: 2_000 };

  private constructor(private readonly options: RoundsOptions) {
    this.random = seededRandom(options.seed);
    const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'kill rounds ')));
    this.cluster = new ScriptedCluster(options.root, path.join(dir, 'cluster'), options.basePort, BROKERS);
    const { bootstrap } = this.cluster;
    const onFault = (what: string): void => this.fault(what);
    this.reader = new GroupReader(bootstrap.split(','), READ, GROUP, onFault);
    const questions = [
      questionOfStatus(this.cluster.dir, (ports, upheavals) => this.unknownAt(ports, upheavals)),
      ...questionsAt(bootstrap, READ, GROUP),
      ...impatient(questionsAt(bootstrap, READ, GROUP), path.join(dir, 'impatient.properties')),
    ];
    const [truth, upheavals] = [() => this.truth(), () => this.upheavalsSoFar];
    this.questioner = new Questioner(this.cluster, questions, truth, upheavals, onFault);
  }

  static async run(options: RoundsOptions): Promise<Summary> {
    const rounds = new KillRounds(options);
    try {
      await rounds.begin();
      for (const plan of drawPlans(rounds.random, options.rounds)) {
        rounds.round++;
        await rounds.one(plan);
        if (rounds.faults.length > 0) break;
      }
      await rounds.untilInSync();
    } catch (error) {
      rounds.fault((error as Error).message);
    } finally {
      await rounds.end();
    }
    return {
      acknowledged: rounds.acknowledged(),
      again: rounds.reader.again,
      startsMs: rounds.startsMs,
      questions: rounds.questioner.tallies,
      faults: rounds.faults,
    };
  }

  /** The cluster, its topics, and those who write and read them. */
  private async begin(): Promise<void> {
    const { cluster } = this;
    const properties = { 'zookeeper.session.timeout.ms': this.options.sessionMs, 'offsets.topic.num.partitions': 5 };
    await expectOk('the first start', cluster.create(properties));
    for (const { topic, partitions, replicationFactor, config } of TOPICS) {
      const sizes = ['--partitions', partitions, '--replication-factor', replicationFactor, '--config', config];
      const create = ['topics', '--bootstrap-server', cluster.bootstrap, '--create', '--topic', topic, ...sizes];
      await expectOk(`--create --topic ${topic}`, cluster.ask(create.map(String)));
    }
    for (const port of cluster.ports) {
      await eventually(async () => (await unknownAt(port, this.truth())).length === 0, { what: 'the topics' });
    }
    for (const at of allPartitions()) {
      const producerId = await newProducerId(cluster.ports[0]!);
      const producer = new NumberedProducer(at, cluster.ports, producerId, (what) => this.fault(what));
      this.producers.set(partitionKey(at), producer);
    }
    this.reader.start();
    await this.untilServing();
  }

  private async one(plan: Plan): Promise<void> {
    const { cluster, random } = this;
    const delayMs = Math.round(plan.fraction * this.lastMs[plan.moment]);
    this.questioner.begin();
    if (plan.moment === 'load') await pause(delayMs);
    else await this.interrupt(plan.moment, delayMs, plan);
    await this.upheave(() => cluster.killAll(random));
    if (plan.renewsReader) this.reader.renew();
    const acknowledged = this.acknowledged();

    const start = await this.timed('start', cluster.verb('start'));
    this.startsMs.push(this.lastMs.start);
    if (start.exitCode !== 0) return this.fault(`start ended with ${start.exitCode}: ${start.stderr}`);
    for (const fault of await this.unknownAt(cluster.ports)) this.fault(`${fault} after the start`);
    await this.untilServing();
    await this.questioner.end();
    for (const at of allPartitions()) {
      const fault = await faultInLog(cluster.ports[0]!, at, this.producer(at).acknowledged);
      if (fault !== null) this.fault(fault);
    }
    const command = plan.moment === 'load' ? 'load' : `a ${plan.moment}${plan.killsCommand ? ', which died too' : ''}`;
    this.options.say(
      `round ${this.round}: killed ${seconds(delayMs)} into ${command}; started in ${seconds(this.lastMs.start)}; ` +
        `${acknowledged} records acknowledged before, ${this.acknowledged()} since`,
    );
  }

  /** Begins to start or to stop the cluster, and kills everything meanwhile. */
  private async interrupt(name: 'start' | 'stop', delayMs: number, plan: Plan): Promise<void> {
    const { cluster, random } = this;
    if (name === 'start') {
      const end = (): Promise<unknown> =>
        plan.wasStopped ? expectOk('stop', this.timed('stop', cluster.verb('stop'))) : cluster.killAll(random);
      await this.upheave(end);
    }
    const interrupted = async (): Promise<ToolResult> => {
      const { child, ended } = cluster.begin(name);
      await Promise.race([pause(delayMs), ended]);
      // A start that fails ends what it has begun.
      return await this.upheave(async () => {
        if (plan.killsCommand) child.kill('SIGKILL');
        await cluster.killAll(random);
        return ended;
      });
    };
    const { exitCode, stdout, stderr } = await (name === 'stop' ? this.upheave(interrupted) : interrupted());
    if (/^\s+at /m.test(stdout + stderr)) this.fault(`${name} prints a stack: ${stderr}`);
    // A stop whose servers are killed has nothing left to stop; a start of which one is killed has failed.
    const isWell = plan.killsCommand || exitCode === 0 || (name === 'start' && exitCode === 1);
    if (!isWell) this.fault(`${name} ended with ${exitCode}: ${stderr}`);
  }

  /** All partitions take records, and the group reads them. */
  private async untilServing(): Promise<void> {
    const sent = new Map([...this.producers].map(([key, producer]) => [key, producer.sent]));
    const isTaken = ([key, { acknowledged }]: [string, NumberedProducer]): boolean =>
      acknowledged > sent.get(key)! + RECORDS_EACH;
    const late = (): string[] => [...this.producers].filter((each) => !isTaken(each)).map(([key]) => key);
    await eventually(() => late().length === 0, {
      timeoutMs: PATIENCE_MS,
      what: 'acknowledgements in every partition',
    }).catch((error: Error) => {
      throw new Error(`${error.message}; none in ${late().join()}`);
    });
    const { topic, partitions } = TOPICS[0]!;
    const due = Array.from({ length: partitions }, (_, partition) => this.producer({ topic, partition }).acknowledged);
    await eventually(() => due.every((offset, partition) => this.reader.position(partition) >= offset), {
      timeoutMs: PATIENCE_MS,
      what: `the group to read up to ${due.join()}`,
    });
  }

  private async untilInSync(): Promise<void> {
    await eventually(
      async () => {
        const { topics } = await metadataOf(this.cluster.ports[0]!, READ);
        return topics[0]!.partitions.every(({ isrNodes }) => isrNodes.length === BROKERS);
      },
      { timeoutMs: PATIENCE_MS, what: 'all replicas to be in sync' },
    );
  }

  /** What brokers that are said to be up do not tell; nothing when they were told to end since there were so many upheavals. */
  private async unknownAt(ports: readonly number[], upheavals = this.upheavalsSoFar): Promise<string[]> {
    try {
      const faults = (await Promise.all(ports.map((port) => unknownAt(port, this.truth())))).flat();
      return upheavals === this.upheavalsSoFar ? faults : [];
    } catch (error) {
      return upheavals === this.upheavalsSoFar ? [(error as Error).message] : [];
    }
  }

  /** While servers are told to end, or killed. */
  private async upheave<T>(end: () => Promise<T>): Promise<T> {
    this.upheavals++;
    this.upheavalsUnderWay++;
    try {
      return await end();
    } finally {
      this.upheavalsUnderWay--;
    }
  }

  /** NaN, which is as many as at no other time, while one is under way: what a command says may be so no more when it is looked at. */
  private get upheavalsSoFar(): number {
    return this.upheavalsUnderWay > 0 ? NaN : this.upheavals;
  }

  private async timed(what: Moment, result: Promise<ToolResult>): Promise<ToolResult> {
    const startMs = performance.now();
    try {
      return await result;
    } finally {
      this.lastMs[what] = performance.now() - startMs;
    }
  }

  private truth(): Truth {
    return TOPICS.map(({ topic, partitions, replicationFactor }) => ({
      topic,
      replicationFactor,
      partitions: Array.from({ length: partitions }, (_, partition) => {
        const { acknowledged = 0, sent = 0 } = this.producers.get(partitionKey({ topic, partition })) ?? {};
        return { acknowledged, sent, committed: topic === READ ? this.reader.committed(partition) : null };
      }),
    }));
  }

  private producer(at: TopicPartition): NumberedProducer {
    return this.producers.get(partitionKey(at))!;
  }

  private acknowledged(): number {
    return [...this.producers.values()].reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  private fault(what: string): void {
    this.faults.push(`round ${this.round}: ${what}`);
  }

  /** Ends everything; what there is on the disk stays where something was not so. */
  private async end(): Promise<void> {
    const { cluster } = this;
    await Promise.all([...this.producers.values()].map((producer) => producer.stop()));
    await this.reader.stop();
    await this.questioner.end();
    this.upheavals++;
    await cluster.killAll(this.random);
    if (this.faults.length === 0) fs.rmSync(path.dirname(cluster.dir), { recursive: true, force: true });
    else this.options.say(`what is on the disk stays in ${cluster.dir}`);
  }
}

function allPartitions(): TopicPartition[] {
  return TOPICS.flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  );
}

async function expectOk(what: string, result: Promise<ToolResult>): Promise<void> {
  const { exitCode, stdout, stderr } = await result;
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode}: ${stdout}${stderr}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
