import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CompressionCodecs, CompressionTypes, type Kafka, type Producer } from 'kafkajs';
import { compress, decompress } from '../../src/records/index.js';
import { BrokerProcess } from './support/broker-process.js';
import { kafkaJsOf } from './support/kafkajs.js';
import { eventually } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { kafkaTool, ottla } from '../support/processes.js';
import { describeIfJava, ZooKeeperEnsemble } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
jest.setTimeout(4 * MINUTES);

const describeWithJava = describeIfJava('the tests of data directories need Java for ZooKeeper and Kafka.');

const PROPERTIES = {
  'zookeeper.session.timeout.ms': 4000,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 2,
  'group.initial.rebalance.delay.ms': 0,
  // Small, so that there are many segments and index entries, and so that the preallocated files of a killed broker are small.
  'log.segment.bytes': 20_000,
  'log.index.interval.bytes': 500,
  'log.index.size.max.bytes': 16_384,
};

for (const [type, codec] of [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
  [CompressionTypes.ZSTD, 'zstd'],
] as const) {
  CompressionCodecs[type] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(compress(codec, buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(decompress(codec, buffer)),
  });
}

describeWithJava('one data directory', () => {
  let zookeeper: ZooKeeperEnsemble;
  let dir: string;
  let nextChroot = 0;
  let connect: string;
  let running: BrokerProcess | null = null;

  beforeAll(async () => {
    zookeeper = await ZooKeeperEnsemble.start({ basePort: portBase(), members: 1 });
  }, MINUTES);

  afterAll(async () => {
    await zookeeper?.stop();
  }, MINUTES);

  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'ottla-disk-'));
    connect = `${zookeeper.connect}/disk-${++nextChroot}`;
  });

  afterEach(async () => {
    await running?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  /** The same broker, of either kind: same id, port, properties and directory. */
  async function startAs(kind: 'ottla' | 'kafka'): Promise<BrokerProcess> {
    const broker = new BrokerProcess({
      id: 1,
      port: portBase() + 51,
      dir,
      zookeeperConnect: connect,
      kind,
      properties: PROPERTIES,
    });
    running = broker;
    await broker.start();
    // A broker answers before it has heard who is controller, and kafkajs does not ask again.
    const admin = client().admin();
    await admin.connect();
    await eventually(async () => (await admin.describeCluster()).controller === 1, { what: 'a controller' });
    await admin.disconnect();
    return broker;
  }

  const client = (): Kafka => kafkaJsOf([`127.0.0.1:${portBase() + 51}`]);

  /** Kills it and waits until its session is over: before that no broker of its id may register. */
  async function kill(broker: BrokerProcess): Promise<void> {
    await broker.kill();
    await eventually(async () => !(await zookeeper.fourLetterWord(1, 'dump')).includes('/brokers/ids/1'), {
      what: 'the session of the killed broker to end',
    });
  }

  async function withProducer(use: (producer: Producer) => Promise<void>, idempotent = false): Promise<void> {
    const producer = client().producer({ idempotent, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      await use(producer);
    } finally {
      await producer.disconnect();
    }
  }

  async function createTopic(topic: string, partitions: number): Promise<void> {
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
    await admin.disconnect();
  }

  /** The values of a topic in the order of their offsets, by partition. */
  async function consumeAll(topic: string, groupId: string, count: number): Promise<Map<number, string[]>> {
    const consumer = client().consumer({ groupId, maxWaitTimeInMs: 100 });
    const values = new Map<number, string[]>();
    let seen = 0;
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ partition, message }) => {
        const list = values.get(partition) ?? [];
        list.push(message.value?.toString() ?? '');
        values.set(partition, list);
        seen++;
        return Promise.resolve();
      },
    });
    await eventually(() => seen >= count, { what: `${count} records of ${topic}` });
    // Leaving commits what was read.
    await consumer.disconnect();
    return values;
  }

  async function committedOffsets(groupId: string, topic: string): Promise<string[]> {
    const admin = client().admin();
    await admin.connect();
    // Just started, a broker may not have taken the group over yet.
    const [offsets] = await eventually(() => admin.fetchOffsets({ groupId, topics: [topic] }));
    await admin.disconnect();
    return offsets!.partitions.sort((a, b) => a.partition - b.partition).map(({ offset }) => offset);
  }

  function filesOf(logDir: string, ends: string, of = (_dir: string): boolean => true): string[] {
    return readdirSync(logDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && of(entry.name))
      .flatMap((entry) => readdirSync(path.join(logDir, entry.name)).map((file) => path.join(logDir, entry.name, file)))
      .filter((file) => file.endsWith(ends))
      .sort();
  }

  /** Runs both dump-logs; they must print the same, and nothing on stderr. */
  async function dumpBoth(files: readonly string[], ...options: string[]): Promise<string> {
    const args = ['--files', files.join(), ...options];
    const [theirs, ours] = await Promise.all([kafkaTool('dump-log', args), ottla(['dump-log', ...args])]);
    expect(theirs).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ours.stdout).toBe(theirs.stdout);
    expect(ours).toMatchObject({ exitCode: 0, stderr: '' });
    return theirs.stdout;
  }

  /** Kafka's dump-log reads every file, finds nothing wrong, and ours says the same. */
  async function expectSound(logDir: string, recordCount: number): Promise<void> {
    const isOffsets = (name: string): boolean => name.startsWith('__consumer_offsets-');
    const logs = filesOf(logDir, '.log', (name) => !isOffsets(name));
    expect(logs.length).toBeGreaterThan(6);
    const dump = await dumpBoth(logs, '--print-data-log', '--deep-iteration');
    expect(dump.match(/^\| offset: /gm)).toHaveLength(recordCount);
    expect(dump).not.toContain('isvalid: false');
    expect(dump).not.toMatch(/Found \d+ invalid bytes/);

    const indexes = filesOf(logDir, 'index');
    expect(indexes.length).toBeGreaterThan(12);
    const sanity = await dumpBoth(indexes, '--index-sanity-check');
    expect(sanity.match(/(passed sanity check|\.index is empty)\.$/gm)!.length).toBe(
      indexes.filter((file) => !file.endsWith('.txnindex')).length,
    );
    for (const output of [await dumpBoth(indexes, '--verify-index-only'), await dumpBoth(indexes)]) {
      expect(output).not.toMatch(/Mismatches|Non-secutive|out of order|not found/i);
    }
    const snapshots = filesOf(logDir, '.snapshot');
    expect(snapshots.length).toBeGreaterThan(0);
    await dumpBoth(snapshots);
    const offsets = await dumpBoth(filesOf(logDir, '.log', isOffsets), '--offsets-decoder');
    expect(offsets).toContain('offset_commit::group=readers,partition=dumped-1');
    expect(offsets).toContain('group_metadata::group=readers');
  }

  test.each([
    ['kafka', 'ottla'],
    ['ottla', 'kafka'],
  ] as const)('while a broker of %s has the directory, one of %s does not start on it', async (first, second) => {
    const holder = await startAs(first);
    // Of the same id, as a broker is that was started twice. It ends before it would register.
    const otherDir = path.join(dir, 'other');
    const other = new BrokerProcess({
      id: 1,
      port: portBase() + 52,
      dir: otherDir,
      zookeeperConnect: connect,
      kind: second,
      properties: { ...PROPERTIES, 'log.dirs': holder.logDir },
    });
    other.launch();
    expect(await other.whenExited()).not.toBe(0);
    expect(other.log()).toContain(`Failed to acquire lock on file .lock in ${holder.logDir}`);
    expect(await holder.answers()).toBe(true);
    // The refused one has left nothing behind that would keep the directory locked, or count it as cleanly closed.
    expect(readdirSync(holder.logDir)).not.toContain('.kafka_cleanshutdown');
    await kill(holder);
    await (await startAs(second)).stop();
  });

  test("Kafka's dump-log finds every file sound that our broker wrote, after a kill and after a stop", async () => {
    const broker = await startAs('ottla');
    await createTopic('dumped', 2);
    let count = 0;
    // Times grow within each batch: of equal ones the time index of Kafka and of ours names the first record of an uncompressed batch,
    // which dump-log, looking for last offsets, reports as missing.
    const startMs = Date.now();
    await withProducer(async (producer) => {
      for (const compression of [0, 1, 2, 3, 4] as CompressionTypes[]) {
        for (let batch = 0; batch < 40; batch++) {
          const messages = Array.from({ length: 10 }, (_, i) => ({
            partition: batch % 2,
            key: i % 3 === 0 ? null : `key-${i}`,
            value: i % 4 === 3 ? null : `${compression}-${batch}-${i} `.repeat(30),
            timestamp: String(startMs + count + i),
            headers: i % 2 === 0 ? { codec: String(compression), empty: Buffer.alloc(0) } : {},
          }));
          await producer.send({ topic: 'dumped', compression, acks: -1, messages });
          count += messages.length;
        }
      }
    });
    const idempotent = async (): Promise<void> =>
      withProducer(async (producer) => {
        for (let i = 0; i < 10; i++) {
          const value = `once ${i}`;
          await producer.send({ topic: 'dumped', messages: [0, 1].map((partition) => ({ partition, value })) });
          count += 2;
        }
      }, true);
    await idempotent();
    await consumeAll('dumped', 'readers', count);
    await kill(broker);
    await expectSound(broker.logDir, count);

    const again = await startAs('ottla');
    await idempotent();
    expect(await again.stop()).toBe(0);
    await expectSound(again.logDir, count);
  });

  test('goes from Kafka to Ottla and back, stopped and killed, and keeps records, groups and producers', async () => {
    const topic = 'handed-over';
    const groupId = 'travellers';
    const partitions = 2;
    let count = 0;
    let logs = new Map<string, Buffer>();

    /** Closed segments never change, and the active one only grows: whoever opens the directory truncates nothing. */
    const expectOnlyGrown = (logDir: string): void => {
      for (const [file, bytes] of logs) {
        expect(readFileSync(file).subarray(0, bytes.length).equals(bytes)).toBe(true);
      }
      logs = new Map(filesOf(logDir, '.log').map((file) => [file, readFileSync(file)]));
    };

    const idempotentProducer = client().producer({ idempotent: true, maxInFlightRequests: 1 });
    const visits = [
      ['kafka', 'stop'],
      ['ottla', 'stop'],
      ['kafka', 'kill'],
      ['ottla', 'kill'],
      ['kafka', 'stop'],
      ['ottla', 'stop'],
    ] as const;
    let topicId = '';
    for (const [kind, end] of visits) {
      const broker = await startAs(kind);
      if (count === 0) {
        await createTopic(topic, partitions);
        await idempotentProducer.connect();
      } else {
        // The group stands where it stood before, and everything is there.
        expect(await committedOffsets(groupId, topic)).toEqual([String(count / 2), String(count / 2)]);
        const values = await consumeAll(topic, `reader-${kind}-${count}`, count);
        for (const list of values.values()) expect(list.map(Number)).toEqual(list.map((_, i) => i));
        expect([...values.values()].reduce((sum, list) => sum + list.length, 0)).toBe(count);
      }
      const send = async (producer: Producer, compression: CompressionTypes): Promise<void> => {
        for (let batch = 0; batch < 5; batch++) {
          const first = count / partitions;
          await producer.send({
            topic,
            compression,
            messages: [0, 1].flatMap((partition) =>
              Array.from({ length: 20 }, (_, i) => ({ partition, key: 'k'.repeat(50), value: String(first + i) })),
            ),
          });
          count += 40;
        }
      };
      // One producer lives through all of it, and goes on with its sequence numbers.
      await send(idempotentProducer, CompressionTypes.None);
      await withProducer(async (producer) => {
        for (const compression of [1, 2, 3, 4] as CompressionTypes[]) await send(producer, compression);
      });
      await consumeAll(
        topic,
        groupId,
        count -
          Number(
            (await committedOffsets(groupId, topic)).reduce((sum, offset) => sum + Math.max(0, Number(offset)), 0),
          ),
      );
      expect(await committedOffsets(groupId, topic)).toEqual([String(count / 2), String(count / 2)]);

      if (end === 'kill') await kill(broker);
      else await broker.stop();
      expectOnlyGrown(broker.logDir);
      const metadata = readFileSync(path.join(broker.logDir, `${topic}-0`, 'partition.metadata'), 'utf8');
      topicId ||= metadata;
      expect(metadata).toBe(topicId);
    }
    await idempotentProducer.disconnect();
  });
});
