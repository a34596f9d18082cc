import { int, long, string } from '../definition.js';

/** Listeners, sockets and what one request may take. */
export const NETWORK_CONFIGS = {
  'advertised.listeners': string(null, 'high', { update: 'per-broker' }),
  'connections.max.idle.ms': long(600_000, 'medium'),
  'control.plane.listener.name': string(null, 'high'),
  'fetch.max.bytes': int(57_671_680, 'medium', { min: 1024 }),
  'inter.broker.listener.name': string(null, 'medium'),
  'listener.security.protocol.map': string(
    'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'low',
    { update: 'per-broker' },
  ),
  listeners: string('PLAINTEXT://:9092', 'high', { update: 'per-broker' }),
  'max.connection.creation.rate': int(2_147_483_647, 'medium', { update: 'cluster-wide', min: 0 }),
  'max.connections': int(2_147_483_647, 'medium', { update: 'cluster-wide', min: 0 }),
  'max.connections.per.ip': int(2_147_483_647, 'medium', { update: 'cluster-wide', min: 0 }),
  'max.connections.per.ip.overrides': string('', 'medium', { update: 'cluster-wide' }),
  'max.incremental.fetch.session.cache.slots': int(1000, 'medium', { min: 0 }),
  'num.io.threads': int(8, 'high', { update: 'cluster-wide', min: 1 }),
  'num.network.threads': int(3, 'high', { update: 'cluster-wide', min: 1 }),
  'queued.max.request.bytes': long(-1, 'medium'),
  'queued.max.requests': int(500, 'high', { min: 1 }),
  'request.timeout.ms': int(30_000, 'high'),
  'security.inter.broker.protocol': string('PLAINTEXT', 'medium', {
    oneOf: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
  }),
  'socket.connection.setup.timeout.max.ms': long(30_000, 'medium'),
  'socket.connection.setup.timeout.ms': long(10_000, 'medium'),
  'socket.listen.backlog.size': int(50, 'medium', { min: 1 }),
  'socket.receive.buffer.bytes': int(102_400, 'high'),
  'socket.request.max.bytes': int(104_857_600, 'high', { min: 1 }),
  'socket.send.buffer.bytes': int(102_400, 'high'),
} as const;
