import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  MetricsRegistry,
  nodeFileSystem,
  nodeTransport,
  silentLogger,
  systemClock,
  systemRandom,
  type Logger,
} from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { NetworkClient } from '../../../src/network/index.js';
import { Broker } from '../../../src/server/index.js';
import { EmbeddedZooKeeper } from '../../../src/zookeeper/index.js';

/** A broker in this process on real sockets and files, with a ZooKeeper beside it. */
export interface OneBroker {
  readonly broker: Broker;
  readonly port: number;
  readonly metrics: MetricsRegistry;
  /** Errors and warnings that the broker logged. */
  readonly complaints: string[];
  /** What else it said, with the logger as in a line of the log. */
  readonly told: string[];
  client(clientId: string): NetworkClient;
  stop(): Promise<void>;
}

export async function startOneBroker(properties: Readonly<Record<string, string>>): Promise<OneBroker> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-broker-'));
  const zooKeeper = new EmbeddedZooKeeper({ clock: systemClock, random: systemRandom, logger: silentLogger });
  const member = await zooKeeper.listen(nodeTransport, { host: '127.0.0.1', port: 0 });
  const complaints: string[] = [];
  const complain = (message: string, fields?: object): void =>
    void complaints.push(
      `${message} ${Object.entries(fields ?? {})
        .map(([k, v]) => `${k}=${v instanceof Error ? v.stack : v}`)
        .join(' ')}`,
    );
  const told: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: complain,
    warn: complain,
    isEnabled: (level) => level === 'error' || level === 'warn',
  };
  const { config } = BrokerConfig.parse(
    new Map(
      Object.entries({
        'broker.id': '1',
        listeners: 'PLAINTEXT://127.0.0.1:0',
        'log.dirs': path.join(dir, 'logs'),
        'zookeeper.connect': `127.0.0.1:${member.endpoint.port}`,
        ...properties,
      }),
    ),
  );
  const metrics = new MetricsRegistry();
  const broker = new Broker({
    metrics,
    config,
    loggerFactory: (name) => ({ ...logger, info: (sentence) => void told.push(`${sentence} (${name})`) }),
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    transport: nodeTransport,
  });
  const clients: NetworkClient[] = [];
  await broker.startup();
  const port = broker.boundPort()!;
  return {
    broker,
    port,
    metrics,
    complaints,
    told,
    client(clientId) {
      const client = new NetworkClient({
        transport: nodeTransport,
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        endpoint: { host: '127.0.0.1', port },
        clientId,
        requestTimeoutMs: 20_000,
        reconnectBackoffMs: 1,
        reconnectBackoffMaxMs: 1,
        connectTimeoutMs: 10_000,
      });
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.close();
      await broker.shutdown();
      await zooKeeper.close();
      fs.rmSync(dir, { recursive: true });
    },
  };
}
