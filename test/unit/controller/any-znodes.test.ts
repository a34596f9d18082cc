/**
 * Any znode of Kafka's may hold any bytes, be gone, or be there under another name as well: that costs what it is about, and nothing else. Runs by
 * seeds; one that fails is named, and `OTTLA_SEED=N` runs it alone.
 */
import { seededRandom, type Random } from '../../../src/common/index.js';
import type { Controller } from '../../../src/controller/index.js';
import { ANY_VERSION, isZkError } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';
import { oddBytes, pick } from '../../support/odd-bytes.js';
import { writeConfig } from '../../support/write-config.js';

const ids = Array.from({ length: 9 }, (_, i) => `AAAAAAAAAAAAAAAAAAAA${String.fromCharCode(66 + i)}w`);

/** What may be spoilt; brokers 1 and 2, and the topic `kept`, are those that must go on. */
const VICTIMS = [
  '/brokers/topics/victim',
  '/brokers/topics/victim/partitions/0/state',
  '/brokers/topics/victim/partitions/1/state',
  '/brokers/topics/victim/partitions/0',
  '/brokers/topics/victim/partitions/zero',
  '/brokers/topics/victim/partitions/7/state',
  '/brokers/topics/copy',
  '/brokers/topics/a b',
  '/brokers/topics/victim/x',
  '/config/topics/victim',
  '/config/brokers/3',
  '/config/changes/config_change_9999999999',
  '/brokers/ids/3',
  '/brokers/ids/77',
  '/brokers/ids/abc',
  '/brokers/ids/-1',
  '/isr_change_notification/isr_change_0000000007',
  '/isr_change_notification/isr_change_x',
  '/log_dir_event_notification/log_dir_event_0000000007',
  '/log_dir_event_notification/x',
  '/admin/reassign_partitions',
  '/admin/preferred_replica_election',
  '/admin/delete_topics/victim',
  '/admin/delete_topics/nowhere',
  '/admin/delete_topics/a b',
  '/feature',
  '/latest_producer_id_block',
  '/controller',
  '/controller_epoch',
  '/brokers/seqid',
] as const;

class Run {
  readonly lab = new ControllerLab();
  readonly done: string[] = [];
  private readonly random: Random;
  private readonly controllers: Controller[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async start(): Promise<void> {
    const { lab } = this;
    await (await lab.start()).createTopLevelPaths();
    for (const id of [1, 2, 3]) await lab.register(id);
    for (const id of [1, 2]) this.controllers.push(await lab.startController(id));
    await this.createTopic('kept', ids[0]!, [[2, 1]]);
    await this.createTopic('victim', ids[1]!, [
      [2, 3],
      [3, 2],
    ]);
    await lab.during(writeConfig(lab.admin, 'topics', 'victim', { 'retention.ms': '1000' }));
    await lab.during(lab.adminStores.producerIds.nextBlock(1));
  }

  async spoil(): Promise<void> {
    const { random } = this;
    for (let left = 1 + random.nextInt(3); left > 0; left--) {
      const path = pick(random, VICTIMS);
      const kind = random.nextInt(5);
      if (kind === 0) await this.remove(path);
      else await this.write(path);
      if (random.nextInt(2) === 0) await this.lab.quiesce();
    }
    await this.lab.quiesce();
  }

  async goesOn(): Promise<void> {
    const { lab } = this;
    // No one can tell who the controller is meanwhile.
    const isAboutController = this.done.some((what) => what.startsWith('/controller '));
    if (!isAboutController) await this.isMade('before', ids[2]!);
    await this.changeController();
    await this.isMade('after', ids[3]!);
    await lab.kill(2);
    await lab.clock.advance(5_000);
    await lab.quiesce();
    expect({ kept: await this.leaderOf('kept'), after: await this.leaderOf('after') }).toEqual({ kept: 1, after: 1 });
  }

  private async isMade(topic: string, id: string): Promise<void> {
    await this.createTopic(topic, id, [[2, 1]]);
    expect({ [topic]: await this.leaderOf(topic) }).toEqual({ [topic]: 2 });
  }

  private async changeController(): Promise<void> {
    const { lab } = this;
    await lab.during(lab.admin.delete('/controller', ANY_VERSION).catch(ignoreNoNode));
    await lab.quiesce();
    const epochs = (): number[] => this.controllers.filter((it) => it.isActive).map(({ epoch }) => epoch);
    const elected = epochs();
    await lab.clock.advance(5_000);
    await lab.quiesce();
    expect([elected.length, epochs()]).toEqual([1, elected]);
  }

  private async createTopic(topic: string, id: string, replicas: number[][]): Promise<void> {
    const assignment = new Map(replicas.map((list, partition) => [partition, list]));
    await this.lab.during(this.lab.adminStores.topics.createTopic(topic, id, assignment));
    await this.lab.quiesce();
  }

  private async leaderOf(topic: string): Promise<number | undefined> {
    const { adminStores } = this.lab;
    const state = await this.lab.during(adminStores.partitionStates.state({ topic, partition: 0 }));
    return state?.leaderAndIsr.leader;
  }

  private async write(path: string): Promise<void> {
    const { lab, random } = this;
    const own = await this.dataOf(path);
    const others: Buffer[] = [];
    for (const other of [
      '/brokers/topics/kept',
      '/brokers/topics/victim',
      '/brokers/ids/1',
      '/controller',
      '/feature',
    ]) {
      const data = await this.dataOf(other);
      if (data) others.push(data);
    }
    const data = oddBytes(random, own, others);
    this.done.push(`${path} = ${data === null ? 'null' : JSON.stringify(data.toString('latin1'))}`);
    const written = async (): Promise<unknown> => {
      await lab.admin.ensurePath(path);
      return await lab.admin.set(path, data, ANY_VERSION);
    };
    // Under a node of a session there are no others.
    await lab.during(written().catch(() => undefined));
  }

  private async remove(path: string): Promise<void> {
    const { lab } = this;
    this.done.push(`${path} is gone`);
    const remove = async (at: string): Promise<void> => {
      const { children } = await lab.admin.children(at);
      for (const child of children) await remove(`${at}/${child}`);
      await lab.admin.delete(at, ANY_VERSION);
    };
    await lab.during(remove(path).catch(ignoreNoNode));
  }

  private async dataOf(path: string): Promise<Buffer | null> {
    const { lab } = this;
    const read = lab.admin.get(path).catch((error: unknown) => (ignoreNoNode(error), null));
    return (await lab.during(read))?.data ?? null;
  }
}

function ignoreNoNode(error: unknown): void {
  if (!isZkError(error, 'NoNode')) throw error;
}

const only = process.env['OTTLA_SEED'];
const seeds = only === undefined ? Array.from({ length: 60 }, (_, i) => i + 1) : [Number(only)];

test.each(seeds)('all else goes on, seed %d', async (seed) => {
  const run = new Run(seed);
  try {
    await run.start();
    await run.spoil();
    await run.goesOn();
  } catch (error) {
    throw new Error(`seed ${seed}: ${run.done.join('; ')}`, { cause: error });
  } finally {
    await run.lab.stop();
  }
});
