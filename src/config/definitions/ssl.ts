import { className, list, password, string } from '../definition.js';

/** TLS on listeners. */
export const SSL_CONFIGS = {
  'ssl.cipher.suites': list([], 'medium', { update: 'per-broker' }),
  'ssl.client.auth': string('none', 'medium', { update: 'per-broker', oneOf: ['required', 'requested', 'none'] }),
  'ssl.enabled.protocols': list(['TLSv1.2', 'TLSv1.3'], 'medium', { update: 'per-broker' }),
  'ssl.endpoint.identification.algorithm': string('https', 'low', { update: 'per-broker' }),
  'ssl.engine.factory.class': className(null, 'low', { update: 'per-broker' }),
  'ssl.key.password': password(null, 'medium', { update: 'per-broker' }),
  'ssl.keymanager.algorithm': string('SunX509', 'medium', { update: 'per-broker' }),
  'ssl.keystore.certificate.chain': password(null, 'medium', { update: 'per-broker' }),
  'ssl.keystore.key': password(null, 'medium', { update: 'per-broker' }),
  'ssl.keystore.location': string(null, 'medium', { update: 'per-broker' }),
  'ssl.keystore.password': password(null, 'medium', { update: 'per-broker' }),
  'ssl.keystore.type': string('JKS', 'medium', { update: 'per-broker' }),
  'ssl.principal.mapping.rules': string('DEFAULT', 'low'),
  'ssl.protocol': string('TLSv1.3', 'medium', { update: 'per-broker' }),
  'ssl.provider': string(null, 'medium', { update: 'per-broker' }),
  'ssl.secure.random.implementation': string(null, 'low', { update: 'per-broker' }),
  'ssl.trustmanager.algorithm': string('PKIX', 'medium', { update: 'per-broker' }),
  'ssl.truststore.certificates': password(null, 'medium', { update: 'per-broker' }),
  'ssl.truststore.location': string(null, 'medium', { update: 'per-broker' }),
  'ssl.truststore.password': password(null, 'medium', { update: 'per-broker' }),
  'ssl.truststore.type': string('JKS', 'medium', { update: 'per-broker' }),
} as const;

/** What a listener can change while it runs (`SslConfigs.RECONFIGURABLE_CONFIGS`); dynamic with its prefix only. */
export const SSL_RECONFIGURABLE_CONFIGS: readonly string[] = [
  'ssl.keystore.type',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.key.password',
  'ssl.truststore.type',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.truststore.certificates',
];
