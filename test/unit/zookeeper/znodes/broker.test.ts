import { brokerIdZnode, ZnodeFormatError, type BrokerRegistration } from '../../../../src/zookeeper/index.js';

const decode = (json: unknown) => brokerIdZnode.decode(7, Buffer.from(JSON.stringify(json)), 42n);

const plaintext = { host: 'h', port: 9092, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' } as const;
const ssl = { host: 'h', port: 9093, listenerName: 'SSL', securityProtocol: 'SSL' } as const;

test.each([
  {
    title: 'version 1, of Kafka 0.8',
    json: { version: 1, host: 'h', port: 9092, jmx_port: 9999, timestamp: '2233345666' },
    broker: { id: 7, endPoints: [plaintext], rack: null, epoch: 42n },
  },
  {
    title: 'version 2, of Kafka 0.9',
    json: { version: 2, host: 'h', port: 9092, jmx_port: -1, endpoints: ['PLAINTEXT://h:9092', 'SSL://h:9093'] },
    broker: { id: 7, endPoints: [plaintext, ssl], rack: null, epoch: 42n },
  },
  {
    title: 'version 3, with a rack',
    json: { version: 3, host: 'h', port: 9092, jmx_port: -1, endpoints: ['PLAINTEXT://h:9092'], rack: 'r1' },
    broker: { id: 7, endPoints: [plaintext], rack: 'r1', epoch: 42n },
  },
  {
    title: 'version 4, with named listeners',
    json: {
      version: 4,
      host: null,
      port: -1,
      jmx_port: -1,
      endpoints: ['CLIENT://[::1]:9092'],
      listener_security_protocol_map: { CLIENT: 'SASL_SSL' },
      rack: null,
    },
    broker: {
      id: 7,
      endPoints: [{ host: '::1', port: 9092, listenerName: 'CLIENT', securityProtocol: 'SASL_SSL' }],
      rack: null,
      epoch: 42n,
    },
  },
])('reads $title', ({ json, broker }) => {
  expect(decode(json).broker).toEqual(broker);
});

test('writes version 5 with members in the order of Kafka, rack included', () => {
  const registration: BrokerRegistration = {
    broker: { id: 7, endPoints: [ssl], rack: 'r1' },
    jmxPort: -1,
    timestampMs: 5,
    version: 5,
    features: new Map([['f', { minVersion: 1, maxVersion: 2 }]]),
  };
  const written = brokerIdZnode.encode(registration);
  expect(written.toString()).toBe(
    '{"features":{"f":{"min_version":1,"max_version":2}},"listener_security_protocol_map":{"SSL":"SSL"},' +
      '"endpoints":["SSL://h:9093"],"rack":"r1","jmx_port":-1,"port":-1,"host":null,"version":5,"timestamp":"5"}',
  );
  expect(brokerIdZnode.decode(7, written, 9n)).toEqual({
    ...registration,
    broker: { ...registration.broker, epoch: 9n },
  });
});

test.each([
  ['no JSON', Buffer.from('{')],
  ['no data', null],
  ['version 0', Buffer.from('{"version":0}')],
  ['an end point without a port', Buffer.from('{"version":2,"endpoints":["PLAINTEXT://h"]}')],
  ['an unknown protocol', Buffer.from('{"version":2,"endpoints":["MINE://h:1"]}')],
])('refuses %s and says where', (_, data) => {
  expect(() => brokerIdZnode.decode(7, data, 1n)).toThrow(ZnodeFormatError);
});
