import { silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import type { SocketServer } from '../../../src/network/index.js';
import { BrokerListeners } from '../../../src/server/broker-listeners.js';
import { localHostName, type NameResolver } from '../../../src/server/local-host-name.js';

interface Network {
  readonly addresses?: Record<string, string[]>;
  readonly names?: Record<string, string>;
}

function machine(hostName: string, { addresses = {}, names = {} }: Network): NameResolver {
  const known = <T>(value: T | undefined): Promise<T> =>
    value === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(value);
  return {
    hostName: () => hostName,
    addressesOf: (name) => known(addresses[name]),
    nameOf: (address) => known(names[address]),
  };
}

// What Java's getCanonicalHostName gives for each, but for the two last, where Kafka does not start.
test.each<[string, Network, string]>([
  [
    'the full name, found by the address',
    { addresses: { web1: ['10.0.0.5'], 'web1.example.org': ['10.0.0.5'] }, names: { '10.0.0.5': 'web1.example.org' } },
    'web1.example.org',
  ],
  ['the address, where it has no name', { addresses: { web1: ['10.0.0.5', 'fd00::5'] } }, '10.0.0.5'],
  [
    'the address, where its name leads elsewhere',
    { addresses: { web1: ['10.0.0.5'], other: ['10.0.0.6'] }, names: { '10.0.0.5': 'other' } },
    '10.0.0.5',
  ],
  [
    'the address, where its name leads nowhere',
    { addresses: { web1: ['10.0.0.5'] }, names: { '10.0.0.5': 'web1.example.org' } },
    '10.0.0.5',
  ],
  ['the plain name, where it has no address', {}, 'web1'],
  ['the plain name, where it has none of any family', { addresses: { web1: [] } }, 'web1'],
])('a machine is called by %s', async (_case, network, expected) => {
  expect(await localHostName(new SimulatedClock(), silentLogger, machine('web1', network))).toBe(expected);
});

test('a name server that says nothing holds a start up for five seconds', async () => {
  const clock = new SimulatedClock();
  const silent: NameResolver = { ...machine('web1', {}), addressesOf: () => new Promise(() => undefined) };
  const name = localHostName(clock, silentLogger, silent);
  await clock.advance(5_000);
  expect(await name).toBe('web1');
});

describe('what clients are told', () => {
  const lookUp = jest.fn(() => Promise.resolve('web1.example.org'));
  const sockets = {
    bind: () => Promise.resolve(),
    unbind: () => Promise.resolve(),
    boundPort: () => 9092,
  } as unknown as SocketServer;
  const broker = (listeners: string, advertised?: string) => {
    const properties = new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['broker.id', '1'],
      ['listeners', listeners],
    ]);
    if (advertised !== undefined) properties.set('advertised.listeners', advertised);
    const { config } = BrokerConfig.parse(properties);
    return { config, listeners: new BrokerListeners(sockets, () => config, silentLogger, lookUp) };
  };
  beforeEach(() => lookUp.mockClear());

  test.each<[string, string | undefined, string]>([
    ['PLAINTEXT://:9092', undefined, 'web1.example.org:9092'],
    ['PLAINTEXT://localhost:0', 'PLAINTEXT://:9094', 'web1.example.org:9094'],
  ])('listeners %s, advertised %s: %s', async (configured, advertised, expected) => {
    const { listeners } = broker(configured, advertised);
    await listeners.bindAll();
    expect(listeners.advertisedEndPoints().map(({ host, port }) => `${host}:${port}`)).toEqual([expected]);
    expect(lookUp).toHaveBeenCalledTimes(1);
  });

  test('no one is asked where all hosts are configured', async () => {
    const { listeners } = broker('PLAINTEXT://localhost:9092');
    await listeners.bindAll();
    expect(listeners.advertisedEndPoints().map(({ host }) => host)).toEqual(['localhost']);
    expect(lookUp).not.toHaveBeenCalled();
  });

  test('a listener without a host that is advertised later is told by that name too', async () => {
    const { config } = broker('PLAINTEXT://localhost:9092', 'PLAINTEXT://localhost:9092');
    let now = config;
    const listeners = new BrokerListeners(sockets, () => now, silentLogger, lookUp);
    await listeners.bindAll();
    now = config.withDynamic(new Map(), new Map([['advertised.listeners', 'PLAINTEXT://:9092']]));
    const registered: string[] = [];
    await listeners.update(() => Promise.resolve(void registered.push(listeners.advertisedEndPoints()[0]!.host)));
    expect(registered).toEqual(['web1.example.org']);
  });
});
