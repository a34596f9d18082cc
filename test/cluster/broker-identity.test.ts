/**
 * Who a broker is, and when it must not start: ids, clusters, directories and configurations that are not its own. Every refusal is
 * one sentence on stderr and an exit code that is not 0, and harms nobody who runs already.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ApiKey, type CreateTopicsResponse } from '../../src/protocol/index.js';
import { BrokerProcess } from './support/broker-process.js';
import { Witness } from './support/broker-vitals.js';
import { eventually } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { ottla, type ToolResult } from '../support/processes.js';
import { ask } from './support/wire-client.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const SESSION_MS = 4_000;
const describeWithJava = describeIfJava('tests of who a broker is need Java for ZooKeeper.');

describeWithJava('a broker that starts', () => {
  let cluster: OttlaCluster;
  let broker: BrokerProcess;
  let connect: string;
  let starts = 0;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 1, properties: { 'zookeeper.session.timeout.ms': SESSION_MS } });
    broker = cluster.broker(1);
    connect = `${cluster.zookeeper.connect}/kafka`;
    await createTopic('witness');
  }, MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  async function createTopic(name: string): Promise<void> {
    const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
    await ask<CreateTopicsResponse>(broker.port, ApiKey.CreateTopics, 5, { topics, timeoutMs: 10_000 });
  }

  /** A configuration that would be a good one, with changes; null takes a line out. */
  function configured(changes: Record<string, string | number | null>): { file: string; dir: string; port: number } {
    const dir = path.join(cluster.dir, `other-${++starts}`);
    const port = portBase() + 60 + starts;
    mkdirSync(dir, { recursive: true });
    const properties: Record<string, string | number | null> = {
      'broker.id': 100 + starts,
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      'log.dirs': path.join(dir, 'data'),
      'zookeeper.connect': connect,
      'zookeeper.session.timeout.ms': SESSION_MS,
      'zookeeper.connection.timeout.ms': 4_000,
      ...changes,
    };
    const lines = Object.entries(properties).flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}\n`]));
    const file = path.join(dir, 'server.properties');
    writeFileSync(file, lines.join(''));
    return { file, dir, port };
  }

  /** Runs it to its end, which is expected to come by itself. */
  const runWith = (changes: Record<string, string | number | null>): Promise<ToolResult> =>
    ottla(['server', 'start', configured(changes).file], { timeoutMs: 40_000 });

  function expectRefusal({ exitCode, stderr }: ToolResult, sentence: RegExp): void {
    expect(stderr).toMatch(sentence);
    // One line for people, and no stack.
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .filter((line) => /^\s+at /.test(line)),
    ).toEqual([]);
    expect(exitCode).not.toBeNull();
    expect(exitCode).not.toBe(0);
  }

  describe('within the ZooKeeper session of its killed predecessor', () => {
    test(
      'waits for that session to end, registers, leads its partitions again, and has lost nothing',
      async () => {
        const before = await Witness.start(broker, 'witness');
        await before.untilServed(10);
        const firstEpoch = await epochOf(1);
        await before.stop();
        await broker.kill();
        await broker.start();
        expect(broker.log()).toMatch(/registered by another session; waiting/);
        expect(await epochOf(1)).toBeGreaterThan(firstEpoch);
        const after = await eventually(() => Witness.start(broker, 'witness'), { everyMs: 200 });
        await after.stop();
      },
      MINUTES,
    );

    test(
      'stops at once when it is told to while it waits',
      async () => {
        await broker.kill();
        const logBefore = broker.log().length;
        broker.launch();
        await eventually(() => broker.log().slice(logBefore).includes('registered by another session'));
        expect(await broker.stop()).toBe(1);
        expect(broker.log().slice(logBefore)).not.toMatch(/ started /);
        await broker.start();
        await (await eventually(() => Witness.start(broker, 'witness'), { everyMs: 200 })).stop();
      },
      MINUTES,
    );
  });

  describe('with the id of a broker that lives', () => {
    test(
      'is refused, and the other goes on',
      async () => {
        const witness = await Witness.start(broker, 'witness');
        const epoch = await epochOf(1);
        expectRefusal(
          await runWith({ 'broker.id': 1 }),
          /broker id 1 is in use by session 0x[0-9a-f]+.*another broker\.id/,
        );
        await witness.untilServed();
        await witness.stop();
        expect(await epochOf(1)).toBe(epoch);
      },
      MINUTES,
    );
  });

  describe('with directories of others', () => {
    const metaProperties = (text: string): Record<string, string> => {
      const dir = path.join(cluster.dir, `meta-${starts}`);
      mkdirSync(dir, { recursive: true });
      writeFileSync(path.join(dir, 'meta.properties'), text);
      return { 'log.dirs': dir };
    };

    test(
      'is refused while another process has the directory',
      async () => {
        const witness = await Witness.start(broker, 'witness');
        // Its own id would be taken from meta.properties of the other.
        expectRefusal(
          await runWith({ 'broker.id': 1, 'log.dirs': broker.logDir }),
          /Failed to acquire lock on file \.lock in .*data-1/,
        );
        await witness.untilServed();
        await witness.stop();
      },
      MINUTES,
    );

    test(
      'is refused when they belong to another cluster',
      async () => {
        const dirs = metaProperties('version=0\nbroker.id=70\ncluster.id=another-cluster-of-mine\n');
        expectRefusal(
          await runWith({ 'broker.id': 70, ...dirs }),
          /The Cluster ID \S+ doesn't match stored clusterId Some\(another-cluster-of-mine\) in meta\.properties/,
        );
      },
      MINUTES,
    );

    test(
      'is refused when they belong to another broker',
      async () => {
        const dirs = metaProperties(`version=0\nbroker.id=70\ncluster.id=${clusterId()}\n`);
        expectRefusal(
          await runWith({ 'broker.id': 71, ...dirs }),
          /Configured broker\.id 71 doesn't match stored broker\.id Some\(70\) in meta\.properties/,
        );
      },
      MINUTES,
    );

    test(
      'is refused when they contradict each other',
      async () => {
        const [one, two] = [70, 71].map((id) => {
          starts++;
          return metaProperties(`version=0\nbroker.id=${id}\ncluster.id=${clusterId()}\n`)['log.dirs']!;
        });
        expectRefusal(
          await runWith({ 'broker.id': 70, 'log.dirs': `${one},${two}` }),
          /BrokerMetadata is not consistent across log\.dirs/,
        );
      },
      MINUTES,
    );

    test(
      'is refused when none of them can be used',
      async () => {
        const { dir } = configured({});
        writeFileSync(path.join(dir, 'a-file'), '');
        expectRefusal(await runWith({ 'log.dirs': path.join(dir, 'a-file') }), /a-file/);
      },
      MINUTES,
    );

    function clusterId(): string {
      return /^cluster\.id=(.*)$/m.exec(readFileSync(path.join(broker.logDir, 'meta.properties'), 'utf8'))![1]!;
    }
  });

  describe('without an id of its own', () => {
    test(
      'gets one above reserved.broker.max.id, and keeps it',
      async () => {
        const { dir, port } = configured({});
        const generated = new BrokerProcess({ id: -1, port, dir, zookeeperConnect: connect });
        await generated.start();
        await generated.stop();
        expect(readFileSync(path.join(generated.logDir, 'meta.properties'), 'utf8')).toMatch(/^broker\.id=1001$/m);
        await generated.start();
        expect(await epochOf(1001)).toBeGreaterThan(0n);
        await generated.stop();
      },
      MINUTES,
    );
  });

  describe('with a configuration', () => {
    test.each<[string, Record<string, string | null>, RegExp]>([
      ['a number that is none', { 'num.partitions': 'many' }, /Invalid value many for configuration num\.partitions/],
      ['a number out of range', { 'num.partitions': '0' }, /Invalid value 0 for configuration num\.partitions/],
      [
        'a word that is not allowed',
        { 'log.cleanup.policy': 'burn' },
        /Invalid value burn for configuration log\.cleanup\.policy/,
      ],
      [
        'a truth that is none',
        { 'auto.create.topics.enable': 'perhaps' },
        /Invalid value perhaps for configuration auto\.create/,
      ],
      ['no ZooKeeper', { 'zookeeper.connect': null }, /zookeeper\.connect/],
      ['a listener without a port', { listeners: 'PLAINTEXT://127.0.0.1' }, /listeners|listener/i],
      ['a security protocol that is not served', { listeners: 'SSL://127.0.0.1:1' }, /SSL/],
      ['a port in use', { listeners: `PLAINTEXT://127.0.0.1:${portBase() + 51}` }, /EADDRINUSE|in use/],
      [
        'a port of the privileged in a host that is not ours',
        { listeners: 'PLAINTEXT://192.0.2.1:9092' },
        /192\.0\.2\.1|EADDRNOTAVAIL/,
      ],
    ])('of %s is refused', async (_, changes, sentence) => expectRefusal(await runWith(changes), sentence), MINUTES);

    test('that cannot be read is refused', async () => {
      expectRefusal(
        await ottla(['server', 'start', path.join(cluster.dir, 'no-such.properties')]),
        /no-such\.properties/,
      );
    });

    test(
      'with a key that nobody knows starts, and warns of the key',
      async () => {
        const { dir, port } = configured({});
        const other = new BrokerProcess({
          id: 90,
          port,
          dir,
          zookeeperConnect: connect,
          properties: { 'log.retention.hoursss': 3, 'num.partitions': 2 },
        });
        await other.start();
        expect(other.log()).toMatch(/WARN .*log\.retention\.hoursss/);
        expect(other.log()).not.toMatch(/WARN .*num\.partitions/);
        await other.stop();
      },
      MINUTES,
    );
  });

  describe('without a ZooKeeper that answers', () => {
    test(
      'gives up after zookeeper.connection.timeout.ms',
      async () => {
        const changes = {
          'zookeeper.connect': `127.0.0.1:${portBase() + 98}`,
          'zookeeper.connection.timeout.ms': 1_500,
        };
        expectRefusal(await runWith(changes), /[Zz]oo[Kk]eeper.*127\.0\.0\.1|127\.0\.0\.1.*[Zz]oo[Kk]eeper/);
      },
      MINUTES,
    );

    test(
      'stops at once when it is told to while it tries',
      async () => {
        const { dir, port } = configured({});
        const lonely = new BrokerProcess({
          id: 95,
          port,
          dir,
          zookeeperConnect: `127.0.0.1:${portBase() + 98}`,
          properties: { 'zookeeper.connection.timeout.ms': 10 * MINUTES },
        });
        lonely.launch();
        await eventually(() => lonely.log().includes('Connecting to zookeeper'));
        expect(await lonely.stop()).toBe(1);
      },
      MINUTES,
    );
  });

  async function epochOf(id: number): Promise<bigint> {
    const { brokers } = await cluster.stores();
    return (await eventually(() => brokers.broker(id))).epoch;
  }
});
