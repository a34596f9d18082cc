/**
 * A broker starts, serves and leads new topics whatever stands in znodes that are not about it alone. By seeds; one that fails is named, and
 * `OTTLA_SEED=N` runs it alone.
 */
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { Broker } from '../../../src/server/index.js';
import { ANY_VERSION } from '../../../src/zookeeper/index.js';
import { oddBytes, pick } from '../../support/odd-bytes.js';
import { MemoryTransport } from '../zookeeper/support/memory-transport.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

const VICTIMS = [
  '/brokers/topics/__consumer_offsets',
  '/brokers/topics/victim',
  '/brokers/topics/victim/partitions/0/state',
  '/brokers/topics/other',
  '/config/topics/victim',
  '/config/topics/__consumer_offsets',
  '/config/brokers/1',
  '/config/brokers/<default>',
  '/config/changes/config_change_0000000003',
  '/config/changes/config_change_9999999999',
  '/config/changes/config_change_x',
  '/brokers/ids/77',
  '/brokers/ids/abc',
  '/feature',
  '/latest_producer_id_block',
  '/brokers/seqid',
  '/isr_change_notification/isr_change_0000000003',
  '/log_dir_event_notification/log_dir_event_0000000003',
  '/admin/reassign_partitions',
  '/admin/preferred_replica_election',
  '/admin/delete_topics/nowhere',
] as const;

async function newHost(seed: number) {
  const zooKeeper = new SimulatedZooKeeper();
  const network = new MemoryTransport(zooKeeper.clock);
  await zooKeeper.server.listen(network, { host: 'zk', port: 2181 });
  const disk = new SimulatedFileSystem(() => zooKeeper.clock.nowMs());
  disk.makeDir('/data');
  const { config } = BrokerConfig.parse(
    new Map([
      ['broker.id', '1'],
      ['zookeeper.connect', 'zk:2181/kafka'],
      ['listeners', 'PLAINTEXT://broker:9092'],
      ['log.dirs', '/data'],
      ['offsets.topic.num.partitions', '2'],
    ]),
  );
  const newBroker = (life: number): Broker =>
    new Broker({
      config,
      loggerFactory: () => silentLogger,
      clock: zooKeeper.clock,
      random: seededRandom(10 * seed + life),
      fs: disk,
      transport: network,
    });
  return { zooKeeper, newBroker, admin: await zooKeeper.client() };
}

type Host = Awaited<ReturnType<typeof newHost>>;

async function isLed({ zooKeeper, admin }: Host, topic: string): Promise<number | undefined> {
  await zooKeeper.run(admin.stores.topics.createTopic(topic, null, new Map([[0, [1]]])));
  await zooKeeper.clock.advance(3_000);
  const state = await zooKeeper.run(admin.stores.partitionStates.state({ topic, partition: 0 }));
  return state?.leaderAndIsr.leader;
}

async function spoil({ zooKeeper, admin }: Host, seed: number): Promise<string[]> {
  const random = seededRandom(seed);
  const { zk } = admin;
  const dataOf = (path: string): Promise<Buffer | null> =>
    zooKeeper.run(
      zk.get(path).then(
        ({ data }) => data,
        () => null,
      ),
    );
  const others = await Promise.all(['/brokers/topics/kept', '/cluster/id'].map(dataOf));
  const done: string[] = [];
  for (let left = 1 + random.nextInt(3); left > 0; left--) {
    const path = pick(random, VICTIMS);
    const data = oddBytes(
      random,
      await dataOf(path),
      others.flatMap((it) => it ?? []),
    );
    done.push(`${path} = ${data === null ? 'null' : JSON.stringify(data.toString('latin1'))}`);
    await zooKeeper.run(zk.ensurePath(path));
    await zooKeeper.run(zk.set(path, data, ANY_VERSION));
  }
  return done;
}

const only = process.env['OTTLA_SEED'];
const seeds = only === undefined ? Array.from({ length: 30 }, (_, i) => i + 1) : [Number(only)];

test.each(seeds)('a broker starts, and leads what is new, seed %d', async (seed) => {
  const host = await newHost(seed);
  const { zooKeeper, newBroker } = host;
  const first = newBroker(1);
  await zooKeeper.run(first.startup());
  for (const topic of ['kept', 'victim', '__consumer_offsets']) expect(await isLed(host, topic)).toBe(1);
  await zooKeeper.run(first.shutdown());
  let done: string[] = [];
  const next = newBroker(2);
  try {
    done = await spoil(host, seed);
    await zooKeeper.run(next.startup());
    expect([next.isRunning, await isLed(host, 'fresh')]).toEqual([true, 1]);
    expect(next.services!.metadata.numPartitions('kept')).toBe(1);
  } catch (error) {
    throw new Error(`seed ${seed}: ${done.join('; ')}`, { cause: error });
  } finally {
    await zooKeeper.run(next.shutdown());
  }
});
