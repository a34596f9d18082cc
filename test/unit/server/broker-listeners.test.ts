import { silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import {
  BrokerListeners,
  connectionRateLimits,
  requestMemoryOf,
  socketServerLimits,
} from '../../../src/server/broker-listeners.js';

test.each([
  [512, 64],
  [4096, 512],
  [24 * 1024, 1024],
])('of a machine with %i MiB requests that are being read may take %i', (machineMiB, requestsMiB) => {
  expect(requestMemoryOf(machineMiB * 1024 * 1024)).toBe(requestsMiB * 1024 * 1024);
});

test('a port in use is told in words, with its address', async () => {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['broker.id', '1'],
      ['listeners', 'PLAINTEXT://127.0.0.1:9092'],
    ]),
  );
  const refused = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
  const server = { bind: () => Promise.reject(refused) } as unknown as ConstructorParameters<typeof BrokerListeners>[0];
  const listeners = new BrokerListeners(
    server,
    () => config,
    silentLogger,
    () => Promise.resolve('localhost'),
  );
  await expect(listeners.bindAll()).rejects.toThrow(
    'Socket server failed to bind to 127.0.0.1:9092: another process listens there',
  );
});

test('limits of connections are those of the moment, by listener and by address', () => {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['broker.id', '1'],
      ['listeners', 'PLAINTEXT://:9092,SSL://:9093'],
      ['max.connections', '100'],
      ['max.connection.creation.rate', '50'],
      ['listener.name.ssl.max.connections', '7'],
      ['max.connections.per.ip.overrides', '127.0.0.2:3'],
      ['quota.window.num', '5'],
      ['quota.window.size.seconds', '2'],
    ]),
  );
  let now = config;
  const limits = socketServerLimits(() => now, silentLogger);
  const rates = connectionRateLimits(() => now);
  const seen = () => ({
    all: [limits.maxConnections(), rates.maxRate()],
    plaintext: [limits.maxConnectionsOfListener('PLAINTEXT'), rates.maxRateOfListener('PLAINTEXT')],
    ssl: [limits.maxConnectionsOfListener('SSL'), rates.maxRateOfListener('SSL')],
    addresses: [limits.maxConnectionsOf('127.0.0.2'), limits.maxConnectionsOf('127.0.0.3')],
  });
  expect(seen()).toEqual({
    all: [100, 50],
    plaintext: [100, 50],
    ssl: [7, 50],
    addresses: [3, 2_147_483_647],
  });
  expect([rates.windows, rates.windowMs]).toEqual([5, 2000]);
  now = config.withDynamic(
    new Map([
      ['max.connections', '90'],
      ['listener.name.ssl.max.connection.creation.rate', '2'],
      ['max.connections.per.ip.overrides', '127.0.0.3:4'],
      ['max.connections.per.ip', '6'],
    ]),
    new Map([['listener.name.ssl.max.connections', '8']]),
  );
  expect(seen()).toEqual({ all: [90, 50], plaintext: [90, 50], ssl: [8, 2], addresses: [6, 4] });
});
