import { BrokerConfig, ConfigError } from '../../../src/config/index.js';

const parse = (properties: Record<string, string> = {}, overrides: Record<string, string> = {}) =>
  BrokerConfig.parse(
    new Map(Object.entries({ 'zookeeper.connect': 'localhost:2181', ...properties })),
    new Map(Object.entries(overrides)),
  );
const config = (properties: Record<string, string> = {}) => parse(properties).config;

describe('BrokerConfig', () => {
  test('gives defaults, values of the file and overrides in the type of their definition', () => {
    const { config } = parse(
      { 'log.segment.bytes': ' 4096 ', 'auto.create.topics.enable': 'False', 'log.cleanup.policy': 'compact , delete' },
      { 'log.segment.bytes': '8192' },
    );
    expect(config.get('log.segment.bytes')).toBe(8192);
    expect(config.get('auto.create.topics.enable')).toBe(false);
    expect(config.get('log.cleanup.policy')).toEqual(['compact', 'delete']);
    expect(config.get('num.partitions')).toBe(1);
    expect(config.get('broker.rack')).toBeNull();
  });

  test('cuts a long to what a number can hold but keeps its text', () => {
    expect(config().get('log.flush.interval.messages')).toBe(Number.MAX_SAFE_INTEGER);
    expect(config().text('log.flush.interval.messages')).toBe('9223372036854775807');
    expect(config().text('log.cleaner.io.max.bytes.per.second')).toBe('1.7976931348623157E308');
  });

  test('warns about a name that is not known or names a listener that is not there, and about no other', () => {
    const { warnings } = parse({
      'log.segmnt.bytes': '1',
      'listener.name.internal.ssl.keystore.location': '/k',
      'listener.name.plaintext.ssl.keystore.location': '/k',
      'ottla.log.level.controller': 'debug',
      'ottla.log.level': 'warn',
    });
    expect(warnings).toEqual([
      "The configuration 'log.segmnt.bytes' was supplied but isn't a known config.",
      "The configuration 'listener.name.internal.ssl.keystore.location' has no effect: there is no listener internal.",
    ]);
  });

  test.each([
    [{ 'num.partitions': 'many' }, 'Invalid value many for configuration num.partitions: Not a number of type INT'],
    [{ 'num.partitions': '0' }, 'Invalid value 0 for configuration num.partitions: Value must be at least 1'],
    [
      { 'num.partitions': '2147483648' },
      'Invalid value 2147483648 for configuration num.partitions: Not a number of type INT',
    ],
    [
      { 'log.cleaner.min.cleanable.ratio': '2' },
      'Invalid value 2.0 for configuration log.cleaner.min.cleanable.ratio: Value must be no more than 1',
    ],
    [
      { 'auto.create.topics.enable': 'yes' },
      'Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false',
    ],
    [
      { 'compression.type': 'brotli' },
      'Invalid value brotli for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer',
    ],
    [
      { 'log.cleanup.policy': 'delete,forget' },
      'Invalid value forget for configuration log.cleanup.policy: String must be one of: compact, delete',
    ],
    [
      { 'inter.broker.protocol.version': '9.9' },
      'Invalid value 9.9 for configuration inter.broker.protocol.version: Version 9.9 is not a valid version',
    ],
    [{ 'node.id': '1', 'broker.id': '2' }, 'You must set `node.id` to the same value as `broker.id`.'],
    [
      { 'broker.id': '1001' },
      'broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id',
    ],
    [{ 'log.roll.ms': '0' }, 'log.roll.ms must be greater than or equal to 1'],
    [{ 'log.retention.ms': '0' }, 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1'],
    [
      { 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' },
      'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.',
    ],
    [
      { listeners: 'INTERNAL://:9092' },
      "Error creating broker listeners from 'INTERNAL://:9092': No security protocol defined for listener INTERNAL",
    ],
    [
      { listeners: 'PLAINTEXT://:9092,SSL://:9092' },
      'Each listener must have a different port, listeners: PLAINTEXT://:9092,SSL://:9092',
    ],
    [
      { 'inter.broker.listener.name': 'SSL' },
      'inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are PLAINTEXT',
    ],
    [
      { 'control.plane.listener.name': 'PLAINTEXT' },
      'control.plane.listener.name, when defined, should have a different value from the inter broker listener name. Currently they both have the value PLAINTEXT',
    ],
    [
      { 'queued.max.request.bytes': '10' },
      'queued.max.request.bytes must be larger or equal to socket.request.max.bytes',
    ],
  ])('refuses %j', (properties, message) => {
    expect(() => parse(properties)).toThrow(new ConfigError(message));
  });

  test('refuses KRaft mode and a missing zookeeper.connect', () => {
    expect(() => parse({ 'process.roles': 'broker' })).toThrow(/process\.roles.*must not be set/);
    expect(() => BrokerConfig.parse(new Map())).toThrow(
      'Missing required configuration `zookeeper.connect` which has no default value.',
    );
  });

  test('takes node.id for broker.id', () => {
    expect(config({ 'node.id': '7' }).brokerId).toBe(7);
    expect(config({ 'broker.id': '8' }).get('node.id')).toBe(8);
    expect(config().withBrokerId(1001).brokerId).toBe(1001);
    expect(config({ 'broker.id': '-1' }).withBrokerId(1001).brokerId).toBe(1001);
  });

  test.each([
    [{}, 168 * 3_600_000],
    [{ 'log.retention.hours': '1' }, 3_600_000],
    [{ 'log.retention.hours': '1', 'log.retention.minutes': '2' }, 120_000],
    [{ 'log.retention.hours': '1', 'log.retention.minutes': '2', 'log.retention.ms': '3' }, 3],
    [{ 'log.retention.hours': '-1' }, -1],
  ])('lets ms win over minutes over hours: %j', (properties, retentionMs) => {
    expect(config(properties).logRetentionMs).toBe(retentionMs);
  });

  test('takes listeners apart', () => {
    const { listeners, advertisedListeners, interBrokerListenerName, interBrokerSecurityProtocol } = config({
      listeners: 'client://:9092, INTERNAL://[::1]:9093',
      'advertised.listeners': 'CLIENT://broker-1.example:9092,INTERNAL://10.0.0.1:9093',
      'listener.security.protocol.map': 'CLIENT:PLAINTEXT,internal:PLAINTEXT',
      'inter.broker.listener.name': 'internal',
    });
    expect(listeners).toEqual([
      { host: null, port: 9092, listenerName: 'CLIENT', securityProtocol: 'PLAINTEXT' },
      { host: '::1', port: 9093, listenerName: 'INTERNAL', securityProtocol: 'PLAINTEXT' },
    ]);
    expect(advertisedListeners.map(({ host }) => host)).toEqual(['broker-1.example', '10.0.0.1']);
    expect([interBrokerListenerName, interBrokerSecurityProtocol]).toEqual(['INTERNAL', 'PLAINTEXT']);
  });

  test('allows one port for an IPv4 and an IPv6 address', () => {
    const listeners = 'PLAINTEXT://127.0.0.1:9092,SSL://[::1]:9092';
    expect(config({ listeners }).listeners).toHaveLength(2);
    expect(() => config({ listeners: 'PLAINTEXT://127.0.0.1:9092,SSL://127.0.0.2:9092' })).toThrow(
      /one needs to be IPv4 and the other IPv6/,
    );
  });

  test.each([
    [
      'a:2181,b:2182/kafka/one/',
      [
        { host: 'a', port: 2181 },
        { host: 'b', port: 2182 },
      ],
      '/kafka/one',
    ],
    ['a', [{ host: 'a', port: 2181 }], ''],
    ['[::1]:2181/', [{ host: '::1', port: 2181 }], ''],
  ])('splits zookeeper.connect %s', (text, servers, chroot) => {
    expect(config({ 'zookeeper.connect': text }).zookeeperConnect).toEqual({ servers, chroot });
  });

  test.each(['', '/kafka', 'a:b:c', 'a:99999'])('refuses zookeeper.connect %j', (text) => {
    expect(() => config({ 'zookeeper.connect': text })).toThrow(/zookeeper\.connect/);
  });

  test('prefers what a listener and its mechanism have of their own', () => {
    const found = config({
      'sasl.jaas.config': 'general',
      'listener.name.internal.sasl.jaas.config': 'internal',
      'listener.name.internal.plain.sasl.jaas.config': 'internal plain',
    });
    expect(found.getForListener('INTERNAL', 'sasl.jaas.config', 'PLAIN')).toBe('internal plain');
    expect(found.getForListener('INTERNAL', 'sasl.jaas.config', 'GSSAPI')).toBe('internal');
    expect(found.getForListener('CLIENT', 'sasl.jaas.config')).toBe('general');
  });

  test('lets dynamic values of this broker win over dynamic defaults over the file', () => {
    const base = config({ 'log.retention.ms': '1' });
    const dynamic = base.withDynamic(new Map([['log.retention.ms', '2']]), new Map([['log.retention.ms', '3']]));
    expect([base.logRetentionMs, dynamic.logRetentionMs]).toEqual([1, 3]);
    expect(base.withDynamic(new Map([['log.retention.ms', '2']]), new Map()).logRetentionMs).toBe(2);
    expect(() => base.withDynamic(new Map(), new Map([['log.segment.bytes', '1']]))).toThrow(ConfigError);
  });

  test('puts what the file says by another name out of force with a dynamic value, and shows it as it was written', () => {
    const base = config({ 'log.flush.scheduler.interval.ms': '7', 'log.retention.hours': '3' });
    const dynamic = base.withDynamic(new Map([['log.flush.interval.ms', '5']]), new Map());
    expect(dynamic.get('log.flush.scheduler.interval.ms')).toBe(Number.MAX_SAFE_INTEGER);
    expect(dynamic.logRetentionMs).toBe(3 * 3_600_000);
    expect(dynamic.staticTexts.get('log.flush.scheduler.interval.ms')).toBe('7');
  });

  test('checks what a listener has of its own, if there is that listener', () => {
    const name = 'listener.name.plaintext.max.connections';
    expect(config({ [name]: '7' }).getForListener('PLAINTEXT', 'max.connections')).toBe(7);
    expect(() => config({ [name]: 'many' })).toThrow(
      `${name}: Invalid value many for configuration max.connections: Not a number of type INT`,
    );
    expect(() => config({ [name]: '-1' })).toThrow(/Value must be at least 0/);
    expect(() => config({ 'listener.name.other.max.connections': 'many' })).not.toThrow();
  });

  test('takes connections apart once: limits by listener and by address', () => {
    const { connections } = config({
      'max.connections': '100',
      'max.connections.per.ip': '9',
      'max.connections.per.ip.overrides': 'localhost:3, 127.0.0.2:4,::1:5',
      'listener.name.plaintext.max.connections': '20',
      'max.connection.creation.rate': '50',
      'listener.name.ssl.max.connection.creation.rate': '5',
      listeners: 'PLAINTEXT://:9092,SSL://:9093',
    }).network;
    expect(connections).toEqual({
      maxConnections: 100,
      maxConnectionCreationRate: 50,
      maxConnectionsPerIp: 9,
      listeners: new Map([
        ['PLAINTEXT', { maxConnections: 20, maxConnectionCreationRate: 50 }],
        ['SSL', { maxConnections: 100, maxConnectionCreationRate: 5 }],
      ]),
      maxConnectionsPerIpOverrides: new Map([
        ['localhost', 3],
        ['127.0.0.2', 4],
        ['::1', 5],
      ]),
    });
    expect(() => config({ 'max.connections.per.ip.overrides': 'localhost:many' })).toThrow(/Not a number of type INT/);
  });

  test('gives its parts frozen, and the same each time', () => {
    const found = config();
    const { network, zooKeeper, logs, replication, groups } = found;
    for (const part of [network, network.connections, zooKeeper, logs, replication, replication.fetcher, groups]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(found.listeners).toBe(found.listeners);
  });
});
