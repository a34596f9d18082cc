/** How many partitions groups are spread over, as the broker starts and while __consumer_offsets comes and goes. */
import { seededRandom, silentLogger, ZERO_UUID } from '../../../src/common/index.js';
import { settle, SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import type { TopicAssignment } from '../../../src/cluster/index.js';
import { Broker } from '../../../src/server/index.js';
import { OffsetsTopic } from '../../../src/server/offsets-topic.js';
import { MemoryTransport } from '../zookeeper/support/memory-transport.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

const [OLD, NEW] = ['AAAAAAAAAAAAAAAAAAAABg', 'AAAAAAAAAAAAAAAAAAAABw'];
const DEFAULT = 50;

function setUp() {
  const clock = new SimulatedClock();
  const counts: number[] = [];
  const world = { stored: null as TopicAssignment | Error | null, told: null as string | null, reads: 0 };
  let onUpdate = (): void => undefined;
  const topic = new OffsetsTopic({
    topics: {
      assignment: () => {
        world.reads++;
        return world.stored instanceof Error ? Promise.reject(world.stored) : Promise.resolve(world.stored);
      },
    },
    metadata: {
      hasTopic: () => world.told !== null,
      topicId: () => world.told!,
      onUpdate: (listener) => {
        onUpdate = listener;
        return () => (onUpdate = () => undefined);
      },
    },
    defaultPartitions: DEFAULT,
    clock,
    logger: silentLogger,
    onPartitionCount: (count) => counts.push(count),
  });
  const update = async (told: string | null): Promise<void> => {
    world.told = told;
    onUpdate();
    await settle();
  };
  return { clock, counts, world, topic, update };
}

const stored = (count: number, topicId: string | null = OLD): TopicAssignment => {
  const replicas = { replicas: [1], adding: [], removing: [] };
  const partitions = new Map(Array.from({ length: count }, (_, partition) => [partition, replicas]));
  return { topic: '__consumer_offsets', topicId, partitions };
};

test.each([
  { title: 'are what its assignment says', is: stored(3), count: 3 },
  { title: 'are the default while there is no topic', is: null, count: DEFAULT },
  { title: 'are the default while it has no partitions', is: stored(0), count: DEFAULT },
  { title: 'are the default while it cannot be read', is: new Error('no JSON'), count: DEFAULT },
])('the partitions $title', async ({ is, count }) => {
  const { counts, world, topic } = setUp();
  world.stored = is;
  await topic.read();
  expect(counts).toEqual([count]);
});

test('an assignment that cannot be read is read again until it can', async () => {
  const { clock, counts, world, topic } = setUp();
  world.stored = new Error('no JSON');
  await topic.read();
  await clock.advance(60_000);
  expect(counts).toEqual([DEFAULT]);
  world.stored = stored(7);
  await clock.advance(10_000);
  expect(counts).toEqual([DEFAULT, 7]);
  const { reads } = world;
  await clock.advance(600_000);
  expect(world.reads).toBe(reads);
});

test('the first topic has as many as it was made with, whatever the default', async () => {
  const { counts, world, topic, update } = setUp();
  await topic.read();
  world.stored = stored(7);
  await update(OLD);
  await update(OLD);
  expect([counts, world.reads]).toEqual([[DEFAULT, 7], 2]);
});

test.each([
  { title: 'with another id', ids: [OLD, NEW], isGone: false },
  {
    title: 'without ids, once the one before is gone',
    ids: ['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAA'],
    isGone: true,
  },
])('a topic that takes the name $title has its own', async ({ ids, isGone }) => {
  const { counts, world, topic, update } = setUp();
  const [before, after] = ids.map((id) => (id === 'AAAAAAAAAAAAAAAAAAAAAA' ? null : id));
  world.stored = stored(3, before);
  await topic.read();
  await update(ids[0]!);
  if (isGone) await update(null);
  world.stored = stored(5, after);
  await update(ids[1]!);
  expect(counts).toEqual([3, 5]);
});

test('a controller that tells no ids tells of no other topic than the one that was read with its id', async () => {
  const { clock, world, topic, update } = setUp();
  world.stored = stored(3, OLD);
  await topic.read();
  await update(ZERO_UUID);
  await update(ZERO_UUID);
  await clock.advance(60_000);
  expect(world.reads).toBe(1);
});

test('partitions that are added change nothing before the next start', async () => {
  const { counts, world, topic, update } = setUp();
  world.stored = stored(3);
  await topic.read();
  world.stored = stored(5);
  await update(OLD);
  expect(counts).toEqual([3]);
});

test('a member of ZooKeeper that has not heard of the topic is asked again', async () => {
  const { clock, counts, world, topic, update } = setUp();
  world.stored = stored(3);
  await topic.read();
  await update(NEW);
  world.stored = stored(5, NEW);
  await clock.advance(10_000);
  expect(counts.at(-1)).toBe(5);
});

test('nothing is read once it is closed', async () => {
  const { clock, world, topic, update } = setUp();
  world.stored = new Error('no JSON');
  await topic.read();
  topic.close();
  await update(OLD);
  await clock.advance(600_000);
  expect(world.reads).toBe(1);
});

test('a broker starts beside an assignment of __consumer_offsets that is damaged, and takes it up when it is mended', async () => {
  const zooKeeper = new SimulatedZooKeeper();
  const network = new MemoryTransport(zooKeeper.clock);
  await zooKeeper.server.listen(network, { host: 'zk', port: 2181 });
  const disk = new SimulatedFileSystem(() => zooKeeper.clock.nowMs());
  disk.makeDir('/data');
  const properties = {
    'broker.id': '1',
    'zookeeper.connect': 'zk:2181/kafka',
    listeners: 'PLAINTEXT://broker:9092',
    'log.dirs': '/data',
    'offsets.topic.num.partitions': '1',
  };
  const broker = new Broker({
    config: BrokerConfig.parse(new Map(Object.entries(properties))).config,
    loggerFactory: () => silentLogger,
    clock: zooKeeper.clock,
    random: seededRandom(1),
    fs: disk,
    transport: network,
  });
  const { zk } = await zooKeeper.client();
  const path = '/brokers/topics/__consumer_offsets';
  await zooKeeper.run(zk.ensurePath('/brokers/topics'));
  await zooKeeper.run(zk.create(path, Buffer.from('{"version":')));
  await zooKeeper.run(broker.startup());
  const { groups } = broker.services!;
  const partitionsOf100 = (): number =>
    new Set(Array.from({ length: 100 }, (_, at) => groups.partitionFor(`group-${at}`))).size;
  expect(partitionsOf100()).toBe(1);
  const partitions = Object.fromEntries(Array.from({ length: 4 }, (_, at) => [at, [1]]));
  const mended = { removing_replicas: {}, partitions, topic_id: OLD, adding_replicas: {}, version: 3 };
  await zooKeeper.run(zk.set(path, Buffer.from(JSON.stringify(mended)), -1));
  await zooKeeper.clock.advance(10_000);
  expect(partitionsOf100()).toBe(4);
  await zooKeeper.run(broker.shutdown());
});
