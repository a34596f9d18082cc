import { className, int, long, password, string } from '../definition.js';
import { nonNullString } from '../validators.js';

/** Authorization, delegation tokens and the encoding of passwords in ZooKeeper. */
export const SECURITY_CONFIGS = {
  'authorizer.class.name': string('', 'low', { validator: nonNullString }),
  'connection.failed.authentication.delay.ms': int(100, 'low', { min: 0 }),
  'connections.max.reauth.ms': long(0, 'medium'),
  'delegation.token.expiry.check.interval.ms': long(3_600_000, 'low', { min: 1 }),
  'delegation.token.expiry.time.ms': long(86_400_000, 'medium', { min: 1 }),
  'delegation.token.master.key': password(null, 'medium'),
  'delegation.token.max.lifetime.ms': long(604_800_000, 'medium', { min: 1 }),
  'delegation.token.secret.key': password(null, 'medium'),
  'password.encoder.cipher.algorithm': string('AES/CBC/PKCS5Padding', 'low'),
  'password.encoder.iterations': int(4096, 'low', { min: 1024 }),
  'password.encoder.key.length': int(128, 'low', { min: 8 }),
  'password.encoder.keyfactory.algorithm': string(null, 'low'),
  'password.encoder.old.secret': password(null, 'medium'),
  'password.encoder.secret': password(null, 'medium'),
  'principal.builder.class': className(
    'org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder',
    'medium',
    { update: 'per-broker' },
  ),
  'security.providers': string(null, 'low'),
} as const;
