/** What reaches a running broker from outside of requests, and what it tells others: changed configurations, and a disk that failed. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { nodeFileSystem, nodeTransport, silentLogger, systemClock, systemRandom } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { Broker } from '../../../src/server/index.js';
import { EmbeddedZooKeeper } from '../../../src/zookeeper/index.js';
import { eventually } from '../../support/eventually.js';

/** A change that has no effect is not waited for longer. */
const TIMEOUT_MS = 30_000;
const ORDERS = { topic: 'orders', partition: 0 };
let zooKeeper: EmbeddedZooKeeper;
let broker: Broker;
let root: string;

beforeEach(async () => {
  zooKeeper = new EmbeddedZooKeeper({ clock: systemClock, random: systemRandom, logger: silentLogger });
  const { endpoint } = await zooKeeper.listen(nodeTransport, { host: '127.0.0.1', port: 0 });
  root = mkdtempSync(`${tmpdir()}/broker-effects-`);
  for (const dir of ['a', 'b']) mkdirSync(`${root}/${dir}`);
  const properties = {
    'broker.id': '4',
    'zookeeper.connect': `127.0.0.1:${endpoint.port}`,
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'log.dirs': `${root}/a,${root}/b`,
  };
  broker = new Broker({
    config: BrokerConfig.parse(new Map(Object.entries(properties))).config,
    loggerFactory: () => silentLogger,
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    transport: nodeTransport,
  });
  await broker.startup();
});
afterEach(async () => {
  await broker.shutdown();
  await zooKeeper.close();
  rmSync(root, { recursive: true, force: true });
  jest.restoreAllMocks();
});

/** Ends with the test that waits. */
async function until(condition: () => boolean): Promise<void> {
  const { currentTestName } = expect.getState();
  while (!condition()) {
    if (expect.getState().currentTestName !== currentTestName) throw new Error(`not met: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test.each([
  { title: 'topic', type: 'topics', name: 'orders', set: { 'retention.ms': '1234' } },
  { title: 'broker', type: 'brokers', name: '4', set: { 'log.retention.ms': '1234' } },
] as const)(
  'logs follow a changed configuration of their $title',
  async ({ type, name, set }) => {
    const { logs, stores } = broker.services!;
    const log = logs.getOrCreateLog(ORDERS, { isNew: true });
    expect(log.config.retentionMs).not.toBe(1234);
    await stores.configs.changeConfig(type, name, new Map(Object.entries(set)));
    await until(() => log.config.retentionMs === 1234);
  },
  TIMEOUT_MS,
);

test(
  'listeners come and go while the broker runs, and others are told where it is reached',
  async () => {
    const { stores } = broker.services!;
    const change = async (set: Record<string, string>): Promise<void> => {
      await stores.configs.changeConfig('brokers', '4', new Map(Object.entries(set)));
    };
    const namesTold = async (): Promise<string[]> =>
      (await stores.brokers.broker(4))!.endPoints.map(({ listenerName, port }) => `${listenerName}:${port}`);
    const plaintext = `PLAINTEXT:${broker.boundPort('PLAINTEXT')!}`;
    await change({
      listeners: 'PLAINTEXT://127.0.0.1:0,EXTRA://127.0.0.1:0',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,EXTRA:PLAINTEXT',
    });
    await until(() => broker.boundPort('EXTRA') !== undefined);
    const port = broker.boundPort('EXTRA')!;
    await eventually(async () => (await namesTold()).length === 2);
    expect(await namesTold()).toEqual([plaintext, `EXTRA:${port}`]);
    const client = createConnection(port, '127.0.0.1');
    const closed = new Promise((resolve) => client.once('close', resolve));
    await new Promise((resolve) => client.once('connect', resolve));

    await change({});
    await closed;
    await eventually(async () => (await namesTold()).length === 1);
    expect([broker.boundPort('EXTRA'), await namesTold()]).toEqual([undefined, [plaintext]]);
    const again = createConnection(port, '127.0.0.1');
    await new Promise((resolve) => again.once('error', resolve));
  },
  TIMEOUT_MS,
);

test(
  'clients are not told of a listener whose port is taken, but of others, and of it once the port is free',
  async () => {
    const { stores } = broker.services!;
    const told = async (): Promise<string[]> =>
      (await stores.brokers.broker(4))!.endPoints.map(({ listenerName }) => listenerName);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const change = async (): Promise<void> => {
      const set = {
        listeners: `PLAINTEXT://127.0.0.1:0,TAKEN://127.0.0.1:${port},EXTRA://127.0.0.1:0`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,TAKEN:PLAINTEXT,EXTRA:PLAINTEXT',
      };
      await stores.configs.changeConfig('brokers', '4', new Map(Object.entries(set)));
    };
    await change();
    await eventually(async () => (await told()).length > 1);
    expect(await told()).toEqual(['PLAINTEXT', 'EXTRA']);
    await new Promise((resolve) => other.close(resolve));
    await change();
    await eventually(async () => (await told()).length > 2);
    expect([await told(), broker.boundPort('TAKEN')]).toEqual([['PLAINTEXT', 'TAKEN', 'EXTRA'], port]);
  },
  TIMEOUT_MS,
);

test(
  'the controller is told of a log directory that failed',
  async () => {
    const { logs, stores } = broker.services!;
    const told = jest.spyOn(stores.notifications, 'propagateLogDirEvent');
    logs.handleLogDirFailure(`${root}/b`);
    await until(() => told.mock.calls.length > 0);
    expect(told.mock.calls).toEqual([[4]]);
  },
  TIMEOUT_MS,
);
