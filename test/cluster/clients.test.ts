import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  type Consumer,
  type ConsumerGroupJoinEvent,
  type KafkaMessage,
} from 'kafkajs';
import { compress, decompress, type Compression } from '../../src/records/index.js';
import { eventually } from '../support/eventually.js';
import { canRunKcat, kcat } from './support/kcat.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { BackgroundProcess, kafkaBin, kafkaTool, type ToolResult } from '../support/processes.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
jest.setTimeout(3 * MINUTES);
const CODECS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const describeWithJava = describeIfJava('the tests of clients need Java for ZooKeeper and for the Java client.');
const describeWithKcat = canRunKcat() ? describe : describe.skip;
if (!canRunKcat()) console.log('Skipped: the tests of librdkafka need kcat.');

// kafkajs brings gzip alone and takes the others as plug-ins.
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

describeWithJava('with three brokers', () => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ properties: { 'num.partitions': 2, 'default.replication.factor': 3 } });
  }, 2 * MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  /** Sums the offsets that GetOffsetShell or ListOffsets tells for a topic. */
  const recordsIn = (topic: string): Promise<number> =>
    cluster.withAdmin(async (admin) =>
      (await admin.fetchTopicOffsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0),
    );

  describe('kafkajs', () => {
    interface Member {
      readonly consumer: Consumer;
      readonly messages: (KafkaMessage & { partition: number })[];
      /** Partitions that it has now. */
      readonly assigned: () => readonly number[];
    }

    async function join(groupId: string, topic: string): Promise<Member> {
      const consumer = cluster.client().consumer({ groupId, heartbeatInterval: 500, maxWaitTimeInMs: 100 });
      const messages: (KafkaMessage & { partition: number })[] = [];
      let assigned: readonly number[] = [];
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }: ConsumerGroupJoinEvent) => {
        assigned = payload.memberAssignment[topic] ?? [];
      });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommitInterval: 200,
        eachMessage: ({ message, partition }) => {
          messages.push({ ...message, partition });
          return Promise.resolve();
        },
      });
      return { consumer, messages, assigned: () => assigned };
    }

    test('produces with every compression, and reads the same back', async () => {
      const topic = 'js-codecs';
      await cluster.createTopic(topic, 1, 3);
      const producer = cluster.client().producer();
      await producer.connect();
      for (const type of [0, 1, 2, 3, 4] as CompressionTypes[]) {
        const messages = Array.from({ length: 50 }, (_, i) => ({
          key: `key-${i}`,
          value: `value-${type}-${i}-`.repeat(20),
          headers: { codec: String(type) },
        }));
        await producer.send({ topic, acks: -1, compression: type, messages });
      }
      await producer.disconnect();

      const { consumer, messages } = await join('js-codecs', topic);
      await eventually(() => messages.length === 250, { what: '250 messages' });
      await consumer.disconnect();
      expect(messages.map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 250 }, (_, i) => i));
      messages.forEach(({ key, value, headers }, i) => {
        const type = Math.floor(i / 50);
        expect(key?.toString()).toBe(`key-${i % 50}`);
        expect(value?.toString()).toBe(`value-${type}-${i % 50}-`.repeat(20));
        expect(headers!['codec']?.toString()).toBe(String(type));
      });
    });

    test('an idempotent producer writes each record once, in order', async () => {
      const topic = 'js-idempotent';
      await cluster.createTopic(topic, 2, 3, { 'min.insync.replicas': '2' });
      const producer = cluster.client().producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      for (let i = 0; i < 20; i++) {
        const [metadata] = await producer.send({ topic, messages: [{ value: String(i), partition: 1 }] });
        expect(metadata).toMatchObject({ partition: 1, baseOffset: String(i), errorCode: 0 });
      }
      await producer.disconnect();
      expect(await recordsIn(topic)).toBe(20);
    });

    test('two members share a topic, one takes over from the other, and no record is read twice', async () => {
      const topic = 'js-group';
      await cluster.createTopic(topic, 4, 3);
      const producer = cluster.client().producer();
      await producer.connect();
      const send = (from: number): Promise<unknown> =>
        producer.send({
          topic,
          messages: Array.from({ length: 40 }, (_, i) => ({ value: String(from + i), partition: i % 4 })),
        });
      await send(0);

      const first = await join('js-group', topic);
      await eventually(() => first.messages.length === 40, { what: 'the first member to read all' });
      expect([...first.assigned()].sort()).toEqual([0, 1, 2, 3]);

      const second = await join('js-group', topic);
      await eventually(() => first.assigned().length === 2 && second.assigned().length === 2, {
        what: 'two partitions for each member',
      });
      await cluster.withAdmin(async (admin) => {
        const { groups } = await admin.describeGroups(['js-group']);
        expect(groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer', protocol: 'RoundRobinAssigner' });
        expect(groups[0]!.members).toHaveLength(2);
      });
      await send(40);
      await eventually(() => first.messages.length + second.messages.length === 80, { what: 'all 80 messages' });
      expect(second.messages).toHaveLength(20);

      await first.consumer.disconnect();
      await eventually(() => second.assigned().length === 4, { what: 'all partitions for the member that is left' });
      await send(80);
      await eventually(() => second.messages.length === 60, { what: 'the rest of the messages' });
      await second.consumer.disconnect();
      await producer.disconnect();

      const values = [...first.messages, ...second.messages].map(({ value }) => Number(value));
      expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, i) => i));
      await cluster.withAdmin(async (admin) => {
        const [offsets] = await admin.fetchOffsets({ groupId: 'js-group', topics: [topic] });
        expect(offsets!.partitions.map(({ offset }) => offset)).toEqual(['30', '30', '30', '30']);
        await admin.deleteGroups(['js-group']);
        expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('js-group');
      });
    });

    test('commits by hand, and seeks back', async () => {
      const topic = 'js-seek';
      await cluster.createTopic(topic, 1, 3);
      const producer = cluster.client().producer();
      await producer.connect();
      await producer.send({ topic, messages: Array.from({ length: 10 }, (_, i) => ({ value: String(i) })) });
      await producer.disconnect();

      const consumer = cluster.client().consumer({ groupId: 'js-seek', maxWaitTimeInMs: 100 });
      const seen: string[] = [];
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachMessage: ({ message }) => {
          seen.push(message.value!.toString());
          return Promise.resolve();
        },
      });
      await eventually(() => seen.length === 10, { what: '10 messages' });
      await consumer.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'by hand' }]);
      consumer.seek({ topic, partition: 0, offset: '8' });
      await eventually(() => seen.length === 12, { what: 'two messages again' });
      expect(seen.slice(10)).toEqual(['8', '9']);
      await consumer.disconnect();
      await cluster.withAdmin(async (admin) => {
        const [offsets] = await admin.fetchOffsets({ groupId: 'js-seek', topics: [topic] });
        expect(offsets!.partitions).toEqual([{ partition: 0, offset: '7', metadata: 'by hand' }]);
        await admin.resetOffsets({ groupId: 'js-seek', topic, earliest: true });
        const [reset] = await admin.fetchOffsets({ groupId: 'js-seek', topics: [topic], resolveOffsets: true });
        expect(reset!.partitions[0]!.offset).toBe('0');
      });
    });

    test('makes a topic by producing to it', async () => {
      const producer = cluster.client().producer();
      await producer.connect();
      await producer.send({ topic: 'js-automatic', messages: [{ value: 'first' }] });
      await producer.disconnect();
      const partitions = await cluster.describe('js-automatic');
      expect(partitions.map(({ replicas }) => replicas.length)).toEqual([3, 3]);
    });

    test('administers topics, their configurations and records', async () => {
      const topic = 'js-admin';
      await cluster.withAdmin(async (admin) => {
        await admin.createTopics({
          waitForLeaders: true,
          topics: [
            {
              topic,
              replicaAssignment: [
                { partition: 0, replicas: [2, 3] },
                { partition: 1, replicas: [3, 1] },
              ],
              configEntries: [{ name: 'retention.ms', value: '600000' }],
            },
          ],
        });
        await admin.createPartitions({ topicPartitions: [{ topic, count: 3, assignments: [[1, 2]] }] });
        await eventually(async () => (await cluster.describe(topic)).length === 3, { what: 'three partitions' });
        expect((await cluster.describe(topic)).map(({ replicas }) => replicas)).toEqual([
          [2, 3],
          [3, 1],
          [1, 2],
        ]);

        const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'compact,delete' }] }],
        });
        const { resources } = await admin.describeConfigs({
          includeSynonyms: true,
          resources: [{ ...resource, configNames: ['cleanup.policy', 'retention.ms'] }],
        });
        expect(resources[0]!.configEntries).toMatchObject([
          { configName: 'cleanup.policy', configValue: 'compact,delete', isDefault: false },
          { configName: 'retention.ms', configValue: '604800000', isDefault: true },
        ]);

        const producer = cluster.client().producer();
        await producer.connect();
        const messages = [1000, 2000, 3000].map((timestamp) => ({
          partition: 0,
          key: 'k',
          value: 'v',
          timestamp: String(timestamp),
        }));
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
        });
        await producer.send({ topic, messages });
        await producer.disconnect();
        const found = await admin.fetchTopicOffsetsByTimestamp(topic, 1500);
        expect(found.find(({ partition }) => partition === 0)!.offset).toBe('1');
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
        expect((await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 0)).toMatchObject({
          low: '2',
          high: '3',
        });

        const { brokers, clusterId } = await admin.describeCluster();
        expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3]);
        expect(clusterId).toMatch(/^[\w-]{22}$/);
        await admin.deleteTopics({ topics: [topic] });
        await eventually(async () => !(await admin.listTopics()).includes(topic), { what: 'the topic to be gone' });
      });
    });
  });

  describe("Kafka's own tools", () => {
    const bootstrap = (): string[] => ['--bootstrap-server', cluster.bootstrap];

    /** Runs a tool that must succeed. */
    async function tool(name: string, args: readonly string[], input = ''): Promise<string> {
      const result = await kafkaTool(name, [...bootstrap(), ...args], { input });
      expectSuccess(result);
      return result.stdout;
    }

    function expectSuccess({ exitCode, stdout, stderr }: ToolResult): void {
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stdout}${stderr}`);
    }

    test('topics, configs and broker-api-versions', async () => {
      const topic = 'java-topics';
      const create = ['--create', '--topic', topic, '--partitions', '2', '--replication-factor', '3'];
      expect(await tool('topics', [...create, '--config', 'retention.ms=3600000'])).toContain(
        `Created topic ${topic}.`,
      );
      await tool('topics', [...create, '--if-not-exists']);
      const again = await kafkaTool('topics', [...bootstrap(), ...create]);
      expect(again.exitCode).toBe(1);
      expect(again.stdout + again.stderr).toContain(`Topic '${topic}' already exists.`);
      await tool('topics', ['--alter', '--topic', topic, '--partitions', '3']);
      const [list, description, problems, versions] = await Promise.all([
        tool('topics', ['--list', '--exclude-internal']),
        tool('topics', ['--describe', '--topic', topic]),
        tool('topics', ['--describe', '--under-replicated-partitions', '--topic', topic]),
        tool('broker-api-versions', []),
      ]);
      expect(list.split('\n')).toContain(topic);
      expect(description).toMatch(
        /^Topic: java-topics\tTopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 3\tConfigs: retention.ms=3600000\n/,
      );
      expect(description.match(/\tLeader: [123]\tReplicas: [123],[123],[123]\tIsr: [123],[123],[123]\n/g)).toHaveLength(
        3,
      );
      expect(problems).toBe('');
      expect(versions.match(/\tProduce\(0\): 0 to 9 \[usable: 9\]/g)).toHaveLength(3);

      await tool('configs', [
        '--alter',
        '--topic',
        topic,
        '--add-config',
        'max.message.bytes=2000,segment.bytes=100000',
      ]);
      await tool('configs', ['--alter', '--topic', topic, '--delete-config', 'segment.bytes']);
      expect(await tool('configs', ['--describe', '--topic', topic])).toBe(
        `Dynamic configs for topic ${topic} are:\n` +
          '  max.message.bytes=2000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000, ' +
          'DEFAULT_CONFIG:message.max.bytes=1048588}\n' +
          '  retention.ms=3600000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=3600000}\n',
      );
      const refused = await kafkaTool('configs', [
        ...[...bootstrap(), '--alter', '--topic', topic, '--add-config', 'cleanup.policy=nonsense'],
      ]);
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toContain('InvalidConfigurationException');

      await tool('topics', ['--delete', '--topic', topic]);
      await eventually(async () => !(await cluster.withAdmin((admin) => admin.listTopics())).includes(topic));
    });

    test('console producer and consumer, and the group that is left', async () => {
      const topic = 'java-console';
      const group = 'java-console-group';
      await cluster.createTopic(topic, 1, 3);
      const lines = Array.from({ length: 30 }, (_, i) => `h:${i}\tkey-${i}\tvalue ${i}`);
      await tool(
        'console-producer',
        ['--topic', topic, '--property', 'parse.key=true', '--property', 'parse.headers=true'],
        lines.join('\n') + '\n',
      );
      const read = await tool('console-consumer', [
        ...['--topic', topic, '--group', group, '--from-beginning', '--max-messages', '30', '--timeout-ms', '30000'],
        ...['--property', 'print.key=true', '--property', 'print.headers=true'],
      ]);
      expect(read.trimEnd().split('\n')).toEqual(lines);

      const [list, state, offsets, earliest, latest] = await Promise.all([
        tool('consumer-groups', ['--list', '--state']),
        tool('consumer-groups', ['--describe', '--group', group, '--state']),
        tool('consumer-groups', ['--describe', '--group', group]),
        tool('get-offsets', ['--topic', topic, '--time', 'earliest']),
        tool('get-offsets', ['--topic', topic]),
      ]);
      expect(list).toMatch(new RegExp(`^${group} +Empty *$`, 'm'));
      expect(state).toMatch(new RegExp(`^${group} +127\\.0\\.0\\.1:\\d+ \\([123]\\) +Empty +0$`, 'm'));
      expect(offsets).toMatch(new RegExp(`^${group} +${topic} +0 +30 +30 +0 +- +- +-`, 'm'));
      expect([earliest, latest]).toEqual([`${topic}:0:0\n`, `${topic}:0:30\n`]);

      const reset = ['--group', group, '--reset-offsets', '--topic', topic];
      expect(await tool('consumer-groups', [...reset, '--shift-by', '-10', '--execute'])).toMatch(/ 0 +20 *$/m);
      expect(await tool('consumer-groups', [...reset, '--to-earliest', '--execute'])).toMatch(/ 0 +0 *$/m);
      expect(await tool('consumer-groups', ['--group', group, '--delete-offsets', '--topic', topic])).toMatch(
        /Successful/,
      );
      // A group dies with its last offset; the next reset makes it again.
      await tool('consumer-groups', [...reset, '--to-latest', '--execute']);
      expect(await tool('consumer-groups', ['--group', group, '--delete'])).toContain('was successful');
    });

    test('verifiable producer and consumer', async () => {
      const topic = 'java-verifiable';
      await cluster.createTopic(topic, 3, 3);
      const produced = await tool('verifiable-producer', ['--topic', topic, '--max-messages', '500', '--acks', '-1']);
      expect(produced).toContain('"sent":500,"acked":500');
      const group = ['--topic', topic, '--group-id', 'java-verifiable', '--reset-policy', 'earliest'];
      const events = (await tool('verifiable-consumer', [...group, '--max-messages', '500', '--verbose']))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; value?: string; success?: boolean });
      const values = events.filter(({ name }) => name === 'record_data').map(({ value }) => Number(value));
      expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
      const commits = events.filter(({ name }) => name === 'offsets_committed');
      expect(commits.length).toBeGreaterThan(0);
      expect(commits.every(({ success }) => success)).toBe(true);
    });

    test('producer-perf-test with every compression and every kind of acknowledgement, and consumer-perf-test', async () => {
      const topic = 'java-perf';
      await cluster.createTopic(topic, 3, 3);
      const settings = [
        ...CODECS.map((codec) => [`compression.type=${codec}`, 'acks=all']),
        ['acks=1', 'enable.idempotence=false'],
        ['acks=0', 'enable.idempotence=false'],
      ];
      await Promise.all(
        settings.map(async (properties) => {
          const result = await kafkaTool('producer-perf-test', [
            ...['--topic', topic, '--num-records', '2000', '--record-size', '300', '--throughput', '-1'],
            ...['--producer-props', `bootstrap.servers=${cluster.bootstrap}`, ...properties],
          ]);
          expectSuccess(result);
          expect(result.stdout).toMatch(/^2000 records sent/m);
        }),
      );
      const total = 2000 * settings.length;
      await eventually(async () => (await recordsIn(topic)) === total, { what: `${total} records` });
      const consumed = await tool('consumer-perf-test', ['--topic', topic, '--messages', String(total)]);
      expect(consumed.trimEnd().split('\n').at(-1)!.split(', ')[4]).toBe(String(total));
    });

    test('delete-records, replica-verification, end-to-end latency and the id of the cluster', async () => {
      const topic = 'java-rest';
      await cluster.createTopic(topic, 2, 3);
      const producer = cluster.client().producer();
      await producer.connect();
      const messages = Array.from({ length: 100 }, (_, i) => ({ value: String(i), partition: i % 2 }));
      await producer.send({ topic, acks: -1, messages });
      await producer.disconnect();
      const file = path.join(cluster.dir, 'delete-records.json');
      writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 30 }] }));
      const classTool = async (name: string, ...args: string[]): Promise<string> => {
        const result = await kafkaTool('class', [`org.apache.kafka.tools.${name}`, ...args]);
        expectSuccess(result);
        return result.stdout;
      };
      expect(await classTool('DeleteRecordsCommand', ...bootstrap(), '--offset-json-file', file)).toContain(
        `partition: ${topic}-0\tlow_watermark: 30`,
      );
      expect(await tool('get-offsets', ['--topic', topic, '--time', 'earliest'])).toBe(`${topic}:0:30\n${topic}:1:0\n`);
      expect(await classTool('EndToEndLatency', cluster.bootstrap, topic, '50', 'all', '100')).toContain(
        'Percentiles: 50th',
      );
      expect(await classTool('ClusterTool', 'cluster-id', ...bootstrap())).toMatch(/^Cluster ID: [\w-]{22}$/m);

      // It compares all replicas as a consumer with a replica id of its own, until it is stopped.
      const verification = new BackgroundProcess(
        kafkaBin,
        [
          ...['class', 'org.apache.kafka.tools.ReplicaVerificationTool', '--broker-list', cluster.bootstrap],
          ...['--topics-include', topic, '--report-interval-ms', '1000'],
        ],
        path.join(cluster.dir, 'replica-verification.log'),
      );
      verification.start();
      try {
        const report = await eventually(() =>
          /max lag is (\d+) for partition \S+ at offset (\d+) among 2 partitions/.exec(
            readFileSync(verification.logFile, 'utf8'),
          ),
        );
        expect(report[1]).toBe('0');
      } finally {
        await verification.end('SIGKILL');
      }
    });
  });

  describeWithKcat('kcat', () => {
    async function run(args: readonly string[], input = ''): Promise<string> {
      const { exitCode, stdout, stderr } = await kcat(cluster.bootstrap, args, { input });
      if (exitCode !== 0) throw new Error(`kcat ${args.join(' ')}: exit code ${exitCode}: ${stderr}`);
      return stdout;
    }

    test('lists, produces with every compression, consumes, and looks offsets up by time', async () => {
      const topic = 'kcat-codecs';
      await cluster.createTopic(topic, 1, 3);
      const metadata = JSON.parse(await run(['-L', '-J', '-t', topic])) as {
        brokers: { id: number; name: string }[];
        topics: { partitions: { replicas: { id: number }[] }[] }[];
      };
      expect(metadata.brokers.map(({ name }) => name).sort()).toEqual([...cluster.addresses].sort());
      expect(metadata.topics[0]!.partitions[0]!.replicas).toHaveLength(3);

      const beforeMs = Date.now();
      for (const codec of CODECS) {
        const lines = Array.from({ length: 100 }, (_, i) => `${codec}-${i}:${codec} value ${i}`).join('\n');
        await run(['-P', '-t', topic, '-z', codec, '-K:', '-H', `codec=${codec}`, '-X', 'acks=all'], lines);
      }
      const read = await run(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%o %k %s %h\\n']);
      expect(read.trimEnd().split('\n')).toEqual(
        CODECS.flatMap((codec, n) =>
          Array.from({ length: 100 }, (_, i) => `${n * 100 + i} ${codec}-${i} ${codec} value ${i} codec=${codec}`),
        ),
      );
      expect(await run(['-Q', '-t', `${topic}:0:${beforeMs}`])).toBe(`${topic} [0] offset 0\n`);
      expect(await run(['-Q', '-t', `${topic}:0:-1`])).toBe(`${topic} [0] offset 500\n`);
    });

    test('consumes in a group, and goes on where it was', async () => {
      const topic = 'kcat-group';
      await cluster.createTopic(topic, 3, 3);
      const lines = (from: number): string => Array.from({ length: 60 }, (_, i) => String(from + i)).join('\n');
      const idempotent = ['-P', '-t', topic, '-X', 'enable.idempotence=true'];
      const group = ['-G', 'kcat-group', '-e', '-q', '-X', 'auto.offset.reset=earliest', '-f', '%s\\n', topic];
      const numbers = async (): Promise<number[]> =>
        (await run(group))
          .trimEnd()
          .split('\n')
          .map(Number)
          .sort((a, b) => a - b);
      await run(idempotent, lines(0));
      expect(await numbers()).toEqual(Array.from({ length: 60 }, (_, i) => i));
      await run(idempotent, lines(60));
      expect(await numbers()).toEqual(Array.from({ length: 60 }, (_, i) => 60 + i));
    });
  });
});
