import { eventually } from '../support/eventually.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { kafkaTool, ottla } from '../support/processes.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
jest.setTimeout(3 * MINUTES);

const describeWithJava = describeIfJava('the tests of tools need Java for ZooKeeper and Kafka.');

const TOPIC = 'tooled';
const GROUP = 'tool-group';

describeWithJava.each([
  { title: 'against an Ottla broker', kafkaBrokers: [] },
  { title: 'against a Kafka broker', kafkaBrokers: [1] },
])('our tools and theirs, $title', ({ kafkaBrokers }) => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 1, kafkaBrokers });
  }, 2 * MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  const at = (): string[] => ['--bootstrap-server', cluster.bootstrap];

  /** Runs one of ours; it must succeed. */
  async function ours(tool: string, args: readonly string[], input = ''): Promise<string> {
    const { exitCode, stdout, stderr } = await ottla([tool, ...at(), ...args], { input });
    if (exitCode !== 0) throw new Error(`ottla ${tool} ${args.join(' ')}: exit code ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Runs ours, then theirs: both must say the same and end with the same code. */
  async function expectSame(tool: string, args: readonly string[]): Promise<string> {
    const [our, their] = await Promise.all([ottla([tool, ...at(), ...args]), kafkaTool(tool, [...at(), ...args])]);
    const of = ({ exitCode, stdout }: { exitCode: number | null; stdout: string }): unknown => ({
      run: [tool, ...args],
      exitCode,
      // The groups and topics of a list come in any order.
      stdout: stdout.split('\n').sort(),
    });
    expect(of(our)).toEqual(of(their));
    return our.stdout;
  }

  test('write what the others read', async () => {
    const created = ['--create', '--topic', TOPIC, '--partitions', '2', '--replication-factor', '1'];
    expect(await ours('topics', [...created, '--config', 'retention.ms=-1'])).toBe(`Created topic ${TOPIC}.\n`);
    await ours('topics', ['--alter', '--topic', TOPIC, '--partitions', '3']);
    await eventually(async () => (await cluster.describe(TOPIC)).every(({ leader }) => leader === 1));
    await ours('configs', ['--alter', '--topic', TOPIC, '--add-config', 'max.message.bytes=50000,segment.ms=3600000']);
    await ours('configs', ['--alter', '--topic', TOPIC, '--delete-config', 'segment.ms']);

    const lines = Array.from({ length: 20 }, (_, i) => `key-${i}\tvalue ${i}`);
    const parseKey = ['--property', 'parse.key=true'];
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      await ours(
        'console-producer',
        ['--topic', TOPIC, '--compression-codec', codec, ...parseKey],
        lines.join('\n') + '\n',
      );
    }
    const consume = [
      ...['--topic', TOPIC, '--group', GROUP, '--from-beginning', '--max-messages', '100', '--timeout-ms', '30000'],
      ...['--property', 'print.key=true'],
    ];
    const read = await ours('console-consumer', consume);
    const theirs = await kafkaTool('console-consumer', [
      ...at(),
      ...consume.map((word) => word.replace(GROUP, 'other')),
    ]);
    expect(read.trimEnd().split('\n').sort()).toEqual(
      Array.from({ length: 5 }, () => lines)
        .flat()
        .sort(),
    );
    expect(theirs.stdout.trimEnd().split('\n').sort()).toEqual(read.trimEnd().split('\n').sort());
  });

  test('say the same of the same cluster', async () => {
    const group = ['--group', GROUP];
    for (const args of [
      ['topics', '--list'],
      ['topics', '--describe', '--topic', TOPIC],
      ['topics', '--describe', '--topics-with-overrides', '--exclude-internal'],
      ['topics', '--describe', '--topic', 'missing'],
      ['topics', '--create', '--topic', TOPIC],
      ['topics', '--create', '--topic', 'too-many', '--replication-factor', '2'],
      ['topics', '--alter', '--topic', TOPIC, '--partitions', '1'],
      ['configs', '--describe', '--topic', TOPIC],
      ['configs', '--describe', '--topic', TOPIC, '--all'],
      ['configs', '--alter', '--topic', TOPIC, '--add-config', 'retention.ms=many'],
      ['get-offsets', '--topic', TOPIC],
      ['get-offsets', '--topic-partitions', `${TOPIC}:0-1`, '--time', 'earliest'],
      ['get-offsets', '--time', 'max-timestamp', '--exclude-internal-topics'],
      ['consumer-groups', '--list'],
      ['consumer-groups', '--list', '--state'],
      ['consumer-groups', '--describe', ...group],
      ['consumer-groups', '--describe', ...group, '--state'],
      ['consumer-groups', '--describe', ...group, '--members'],
      ['consumer-groups', '--describe', '--group', 'missing'],
      ['consumer-groups', ...group, '--reset-offsets', '--all-topics', '--to-earliest', '--dry-run'],
      ['consumer-groups', ...group, '--reset-offsets', '--topic', `${TOPIC}:0`, '--shift-by', '-5'],
      ['consumer-groups', ...group, '--reset-offsets', '--topic', TOPIC, '--to-offset', '3', '--export'],
    ]) {
      const [tool, ...rest] = args;
      await expectSame(tool!, rest);
    }
  });

  test('change and remove', async () => {
    const group = ['--group', GROUP];
    const reset = [...group, '--reset-offsets', '--topic', TOPIC, '--to-earliest', '--execute'];
    expect(await ours('consumer-groups', reset)).toMatch(new RegExp(`^${GROUP} +${TOPIC} +2 +0 *$`, 'm'));
    expect(await expectSame('consumer-groups', ['--describe', ...group])).toMatch(new RegExp(`${TOPIC} +0 +0 `));
    expect(await ours('consumer-groups', ['--delete', ...group])).toContain(
      `Deletion of requested consumer groups ('${GROUP}') was successful.`,
    );
    await ours('topics', ['--delete', '--topic', TOPIC]);
    await eventually(async () => !(await cluster.withAdmin((admin) => admin.listTopics())).includes(TOPIC));
    await expectSame('topics', ['--list', '--exclude-internal']);
  });
});
