import { boolean, int, list, password, string } from '../definition.js';

/** The connection to ZooKeeper. */
export const ZOOKEEPER_CONFIGS = {
  'zookeeper.clientCnxnSocket': string(null, 'medium'),
  'zookeeper.connect': string(null, 'high'),
  'zookeeper.connection.timeout.ms': int(null, 'high'),
  'zookeeper.max.in.flight.requests': int(10, 'high', { min: 1 }),
  'zookeeper.metadata.migration.enable': boolean(false, 'high'),
  'zookeeper.session.timeout.ms': int(18_000, 'high'),
  'zookeeper.set.acl': boolean(false, 'high'),
  'zookeeper.ssl.cipher.suites': list(null, 'low'),
  'zookeeper.ssl.client.enable': boolean(false, 'medium'),
  'zookeeper.ssl.crl.enable': boolean(false, 'low'),
  'zookeeper.ssl.enabled.protocols': list(null, 'low'),
  'zookeeper.ssl.endpoint.identification.algorithm': string('HTTPS', 'low'),
  'zookeeper.ssl.keystore.location': string(null, 'medium'),
  'zookeeper.ssl.keystore.password': password(null, 'medium'),
  'zookeeper.ssl.keystore.type': string(null, 'medium'),
  'zookeeper.ssl.ocsp.enable': boolean(false, 'low'),
  'zookeeper.ssl.protocol': string('TLSv1.2', 'low'),
  'zookeeper.ssl.truststore.location': string(null, 'medium'),
  'zookeeper.ssl.truststore.password': password(null, 'medium'),
  'zookeeper.ssl.truststore.type': string(null, 'medium'),
} as const;
