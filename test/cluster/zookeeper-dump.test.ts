import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Kafka } from 'kafkajs';
import { ANY_VERSION, type ZooKeeperClient } from '../../src/zookeeper/index.js';
import { BrokerProcess } from './support/broker-process.js';
import { kafkaJsOf } from './support/kafkajs.js';
import { eventually } from '../support/eventually.js';
import { portBase } from '../support/ports.js';
import { kafkaTool, ottla, projectRoot, run } from '../support/processes.js';
import { connectZooKeeper, dumpZnodes, type DumpedNode } from './support/znode-dump.js';
import { describeIfJava, ZooKeeperEnsemble } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
jest.setTimeout(2 * MINUTES);

const RECORDINGS = path.join(__dirname, '..', '.fixtures', 'reference', 'zk');
const CHROOT = '/kafka';

const describeWithJava = describeIfJava('the comparison of znodes needs Java for ZooKeeper.');

interface Transaction {
  readonly op: string;
  readonly path?: string;
  readonly data?: string | null;
  readonly ops?: readonly Transaction[];
}
interface Recording {
  readonly nodes: Readonly<Record<string, DumpedNode>>;
  readonly transactions: readonly Transaction[];
}

const recordingOf = (step: string): Recording =>
  JSON.parse(readFileSync(path.join(RECORDINGS, `${step}.json`), 'utf8')) as Recording;

/**
 * Steps on what is not built yet (brokers' own configurations, quotas, users, reassignments through the API): what Kafka wrote under
 * /config is written by hand, which our brokers have to bear, and the nodes after that are compared.
 */
const PLAYED = [
  '13-broker-config-set',
  '14-broker-config-default',
  '15-broker-config-delete',
  '16-quota-user',
  '17-quota-client',
  '18-quota-user-client',
  '19-quota-user-default',
  '20-quota-client-default',
  '21-quota-user-client-default',
  '22-quota-ip',
  '23-quota-user-delete',
  '24-scram-set',
  '25-scram-delete-one',
  '27-reassign-in-progress',
  '28-reassign-cancelled',
  '29-reassign-complete',
  '30-reassign-verified',
];

/** Steps that are not compared, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  '26-produce-bulk': 'prepares the reassignment, and changes no znode',
  '61-log-dir-failure': 'which directory holds which partition was chance',
  '62-log-dir-restored': 'follows from 61, with a controller change by chance',
  '63-all-but-controller-stopped': 'follows from 62; the orderly end is looked at by itself',
};

/** What is not the same in two runs of Kafka either. */
function comparable(znode: string, { data, ephemeral, version, acl }: DumpedNode): unknown {
  let text = data;
  let comparedVersion: number | undefined = version;
  if (text !== null) {
    text = text
      .replace(/"timestamp":"\d+"/, '"timestamp":"TIME"')
      .replace(/"topic_id":"[\w-]{22}"/, '"topic_id":"ID"')
      .replace(/("version":"1","id":)"[\w-]{22}"/, '$1"ID"')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
      .replace(/"port":\d+/, '"port":PORT');
  }
  if (znode.endsWith('/state')) {
    // Kafka's followers fell out of the ISR for a moment now and then: that changes its order, and the version.
    text = text!.replace(/"isr":\[([\d,]*)\]/, (_, ids: string) => `"isr":[${ids.split(',').sort().join()}]`);
    comparedVersion = undefined;
  }
  if (znode === `${CHROOT}/latest_producer_id_block` && text !== null) {
    // Whichever brokers a producer asked took a block.
    text = text.replace(/\d+/g, 'N');
    comparedVersion = undefined;
  }
  return { data: text, ephemeral, acl, version: comparedVersion };
}

function comparableNodes(nodes: Iterable<readonly [string, DumpedNode]>, ignored: RegExp | null): unknown {
  return Object.fromEntries(
    [...nodes]
      .filter(([znode]) => znode.startsWith(CHROOT) && !ignored?.test(znode))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([znode, node]) => [znode, comparable(znode, node)]),
  );
}

describeWithJava("the znodes of Kafka's own scenario", () => {
  let zookeeper: ZooKeeperEnsemble;
  let zk: ZooKeeperClient;
  let dir: string;
  const brokers = new Map<number, BrokerProcess>();
  /** Nodes that differ from here on because the step that made them is left out. */
  let ignored: RegExp | null = null;
  /** The election is a race; where the recording's winner does not matter, anyone's win will do. */
  let anyController = false;

  beforeAll(async () => {
    const base = portBase();
    dir = mkdtempSync(path.join(os.tmpdir(), 'ottla-znodes-'));
    zookeeper = await ZooKeeperEnsemble.start({ basePort: base, members: 1 });
    zk = await connectZooKeeper(zookeeper.connect);
    const second = path.join(dir, 'data-3-second');
    mkdirSync(second);
    for (const id of [1, 2, 3]) {
      const broker = new BrokerProcess({
        id,
        port: base + 50 + id,
        dir,
        zookeeperConnect: `${zookeeper.connect}${CHROOT}`,
        properties: {
          'replica.lag.time.max.ms': 3000,
          'zookeeper.session.timeout.ms': 9000,
          'offsets.topic.num.partitions': 3,
          'transaction.state.log.num.partitions': 3,
          'group.initial.rebalance.delay.ms': 0,
          // It comes 5 s after each change of controller, whichever step that is: steps 49 and 51 do it by hand.
          'auto.leader.rebalance.enable': 'false',
          ...(id === 3 && { 'log.dirs': `${path.join(dir, 'data-3')},${second}` }),
        },
      });
      brokers.set(id, broker);
    }
  }, MINUTES);

  afterAll(async () => {
    await Promise.all([...brokers.values()].map((broker) => broker.kill()));
    await zk?.close();
    await zookeeper?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, MINUTES);

  const broker = (id: number): BrokerProcess => brokers.get(id)!;
  const addresses = (): string[] =>
    [...brokers.values()].filter(({ isRunning }) => isRunning).map(({ address }) => address);
  const bootstrap = (): string => addresses().join();
  const client = (): Kafka => kafkaJsOf(addresses());

  /** Waits until all nodes are as Kafka left them; shows the difference if they do not become so. */
  async function expectLike(step: string): Promise<void> {
    const recorded = Object.entries(recordingOf(step).nodes);
    const hide = (nodes: unknown): unknown => {
      const text = JSON.stringify(nodes, null, 1);
      return anyController ? text.replace(/\\"brokerid\\":\d/, 'ANY') : text;
    };
    const expected = hide(comparableNodes(recorded, ignored));
    const actual = async (): Promise<unknown> => hide(comparableNodes(await dumpZnodes(zk, CHROOT), ignored));
    await eventually(async () => (await actual()) === expected, { timeoutMs: 25_000, everyMs: 100 }).catch(
      () => undefined,
    );
    expect(await actual()).toEqual(expected);
  }

  async function tool(runner: typeof ottla, args: readonly string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await runner(args);
    if (exitCode !== 0) throw new Error(`${args.join(' ')}: exit code ${exitCode}: ${stdout}${stderr}`);
  }
  const topics = (...args: string[]): Promise<void> =>
    tool(ottla, ['topics', '--bootstrap-server', bootstrap(), ...args]);
  const configs = (...args: string[]): Promise<void> =>
    tool((words) => kafkaTool('configs', words), ['--bootstrap-server', bootstrap(), '--alter', ...args]);
  const electionOf = (type: string): string[] => [
    ...['kafka.admin.LeaderElectionCommand', '--bootstrap-server', bootstrap(), '--election-type', type],
  ];
  const elect = (type: string, ...args: string[]): Promise<void> =>
    tool((words) => kafkaTool('class', words), [...electionOf(type), ...args]);
  const create = (topic: string, assignment: string, ...configs: string[]): Promise<void> =>
    topics(
      ...['--create', '--topic', topic, '--replica-assignment', assignment],
      ...configs.flatMap((config) => ['--config', config]),
    );

  async function produce(topic: string, values: readonly string[], partition: number, acks: 1 | -1): Promise<void> {
    const producer = client().producer({
      idempotent: acks === -1,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    await producer.connect();
    await producer.send({ topic, acks, messages: values.map((value) => ({ value, partition })) });
    await producer.disconnect();
  }

  async function consume(topic: string, groupId: string, count: number): Promise<void> {
    const consumer = client().consumer({ groupId, maxWaitTimeInMs: 100 });
    let seen = 0;
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: () => {
        seen++;
        return Promise.resolve();
      },
    });
    await eventually(() => seen === count, { what: `${count} records` });
    await consumer.disconnect();
  }

  const untilGone = (id: number): Promise<unknown> =>
    eventually(async () => (await zk.exists(`${CHROOT}/brokers/ids/${id}`)) === null, {
      what: `the session of broker ${id} to end`,
    });

  const untilIsr = (topic: string, isr: string): Promise<unknown> =>
    eventually(
      async () => {
        const { data } = await zk.get(`${CHROOT}/brokers/topics/${topic}/partitions/0/state`);
        return data!.toString().includes(`"isr":[${isr}]`);
      },
      { what: `ISR ${isr} of ${topic}` },
    );

  async function writeByHand({ op, path: znode, data, ops = [] }: Transaction): Promise<void> {
    for (const part of ops) await writeByHand(part);
    if (!znode?.startsWith(`${CHROOT}/config/`)) return;
    const bytes = data === null || data === undefined ? null : Buffer.from(data);
    if (op === 'create') await zk.create(znode, bytes);
    if (op === 'setData') await zk.set(znode, bytes, ANY_VERSION);
    if (op === 'delete') await zk.delete(znode, ANY_VERSION);
  }

  const STEPS: Readonly<Record<string, () => Promise<unknown> | void>> = {
    '00-empty-zookeeper': () => undefined,
    '01-broker1-start': () => broker(1).start(),
    '02-broker2-join': () => broker(2).start(),
    '03-broker3-join': () => broker(3).start(),
    // The assignments that Kafka chose by chance are asked for.
    '04-create-topic': () => create('alpha', '2:1:3,3:2:1,1:3:2'),
    '05-create-topic-configs': () =>
      create('beta', '2:3,3:1', 'retention.ms=600000', 'cleanup.policy=compact', 'min.insync.replicas=1'),
    '06-create-topic-assignment': () => create('gamma', '1:2,3:1'),
    '07-produce-idempotent': () => produce('alpha', ['a', 'b', 'c'], 0, -1),
    '08-consume-group': async () => {
      const settings = ['compression.type=producer', 'cleanup.policy=compact', 'segment.bytes=104857600'];
      await create('__consumer_offsets', '3:2:1,1:3:2,2:1:3', ...settings);
      await consume('alpha', 'g1', 3);
    },
    // There are no transactions yet: the topics alone.
    '09-transaction': async () => {
      const settings = ['compression.type=uncompressed', 'cleanup.policy=compact', 'segment.bytes=104857600'];
      const more = ['min.insync.replicas=2', 'unclean.leader.election.enable=false'];
      await create('__transaction_state', '2:1:3,3:2:1,1:3:2', ...settings, ...more);
      await create('tx-topic', '2:3:1');
    },
    '10-add-partitions': () =>
      topics(
        '--alter',
        '--topic',
        'alpha',
        '--partitions',
        '5',
        '--replica-assignment',
        '2:1:3,3:2:1,1:3:2,2:3:1,3:1:2',
      ),
    '11-topic-config-set': () =>
      configs('--topic', 'alpha', '--add-config', 'max.message.bytes=200000,retention.ms=7200000'),
    '12-topic-config-delete': () => configs('--topic', 'alpha', '--delete-config', 'retention.ms'),
    '31-controlled-shutdown': () => broker(3).stop(),
    '32-broker-restart': () => broker(3).start(),
    '33-preferred-election': () => elect('preferred', '--all-topic-partitions'),
    '34-create-topic-for-delete': () => create('delta', '1:2:3,2:3:1'),
    '35-delete-topic-broker-down': async () => {
      await broker(3).stop();
      await topics('--delete', '--topic', 'delta');
    },
    '36-delete-topic-completes': () => broker(3).start(),
    '37-delete-topic': () => topics('--delete', '--topic', 'beta'),
    '38-isr-before': () => create('isr-demo', '1:2'),
    '39-isr-shrink': async () => {
      broker(2).pause();
      await produce('isr-demo', ['seen by the leader alone'], 0, 1);
    },
    '40-isr-expand': () => broker(2).resume(),
    '41-session-expired': () => {
      broker(2).pause();
      return untilGone(2);
    },
    '42-session-reestablished': () => broker(2).resume(),
    '43-preferred-election-2': () => elect('preferred', '--all-topic-partitions'),
    '44-kill9-noncontroller-before': () => broker(3).kill(),
    '45-kill9-noncontroller-after': () => untilGone(3),
    '46-kill9-noncontroller-restart': () => broker(3).start(),
    '47-kill9-controller-before': () => broker(1).kill(),
    '48-kill9-controller-after': () => {
      anyController = true;
      return untilGone(1);
    },
    '49-kill9-controller-restart': async () => {
      // Kafka's balancing came by just before; the partitions that prefer the dead broker are refused.
      await kafkaTool('class', [...electionOf('preferred'), '--all-topic-partitions']);
      await broker(1).start();
    },
    '50-controller-znode-deleted': async () => {
      // The others stand still while the recording's winner wins.
      const others = [broker(1), broker(2)];
      others.forEach((other) => other.pause());
      await zk.delete(`${CHROOT}/controller`, ANY_VERSION);
      await eventually(async () => (await zk.exists(`${CHROOT}/controller`)) !== null);
      others.forEach((other) => other.resume());
      anyController = false;
    },
    '51-unclean-topic': async () => {
      await create('unclean-demo', '1:2');
      // By both: a follower whose disk is slow would else be out of the ISR before the session of its broker has ended.
      await produce('unclean-demo', ['of both'], 0, -1);
      // Kafka's balancing came by just then. A follower counts as caught up once it has fetched from its new leader.
      await elect('preferred', '--all-topic-partitions');
      await produce('isr-demo', ['seen by all'], 0, -1);
      await produce('alpha', ['seen by all'], 2, -1);
    },
    '52-unclean-offline': async () => {
      await broker(2).kill();
      await untilGone(2);
      await untilIsr('unclean-demo', '1');
      // Led by broker 3 from now on. Whether broker 1 still fetches from it before it dies decides who takes it out of the ISR.
      ignored = /\/topics\/(gamma|tx-topic|alpha\/partitions\/3)/;
      await produce('unclean-demo', ['of one alone'], 0, 1);
      await broker(1).kill();
      await untilGone(1);
    },
    '53-unclean-nonisr-back': () => broker(2).start(),
    '54-unclean-election': () => elect('unclean', '--topic', 'unclean-demo', '--partition', '0'),
    '55-unclean-old-leader-back': () => broker(1).start(),
    '56-unclean-config-topic': () =>
      configs('--topic', 'unclean-demo', '--add-config', 'unclean.leader.election.enable=true'),
    '57-unclean-automatic': async () => {
      await broker(1).kill();
      await untilGone(1);
      await untilIsr('unclean-demo', '2');
      await broker(2).kill();
      await untilGone(2);
      await broker(1).start();
    },
    '58-unclean-all-back': () => broker(2).start(),
    '59-legacy-reassign-znode': () =>
      zk.create(
        `${CHROOT}/admin/reassign_partitions`,
        Buffer.from('{"version":1,"partitions":[{"topic":"isr-demo","partition":0,"replicas":[3,1]}]}'),
      ),
    '60-legacy-election-znode': () =>
      zk.create(
        `${CHROOT}/admin/preferred_replica_election`,
        Buffer.from('{"version":1,"partitions":[{"topic":"isr-demo","partition":0}]}'),
      ),
    ...Object.fromEntries(
      PLAYED.map((step) => [
        step,
        async () => {
          for (const transaction of recordingOf(step).transactions) await writeByHand(transaction);
          if (step.startsWith('27')) ignored = /\/topics\/gamma/;
        },
      ]),
    ),
  };

  const steps = readdirSync(RECORDINGS)
    .filter((file) => /^\d\d-.*\.json$/.test(file))
    .map((file) => file.replace('.json', ''))
    .sort();

  test('no recorded step is forgotten', () => {
    expect([...Object.keys(STEPS), ...Object.keys(LEFT_OUT), '64-all-stopped'].sort()).toEqual(steps);
  });

  /** What follows a step that failed would only fail for the same reason. */
  let reached = '';
  const performed = steps.filter((step) => step in STEPS);
  test.each(performed)('%s', async (step) => {
    const before = performed[performed.indexOf(step) - 1] ?? '';
    if (reached !== before) throw new Error(`not reached: ${reached} was the last step that went well`);
    await STEPS[step]!();
    await expectLike(step);
    reached = step;
  });

  test("ZooKeeper's own shell reads them", async () => {
    const shell = async (...command: string[]): Promise<string> => {
      const program = path.join(projectRoot, 'zk', 'ensemble');
      const { stdout, stderr } = await run(program, ['shell', '--dir', zookeeper.dir, ...command]);
      return stdout + stderr;
    };
    expect(await shell('get', `${CHROOT}/controller`)).toMatch(
      /^\{"version":2,"brokerid":3,"timestamp":"\d+","kraftControllerEpoch":-1\}$/m,
    );
    expect(await shell('ls', `${CHROOT}/brokers/ids`)).toMatch(/^\[1, 2, 3\]$/m);
  });

  test('64-all-stopped: nothing ephemeral stays', async () => {
    for (const id of [1, 2, 3]) await broker(id).stop();
    const nodes = await dumpZnodes(zk, CHROOT);
    expect([...nodes].filter(([, { ephemeral }]) => ephemeral)).toEqual([]);
    expect([...nodes.keys()].sort()).toEqual(
      Object.keys(recordingOf('64-all-stopped').nodes)
        .filter((znode) => znode.startsWith(CHROOT))
        .sort(),
    );
  });
});
