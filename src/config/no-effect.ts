import type { BrokerConfig, BrokerConfigName } from './broker-config.js';
import type { TopicConfigName } from './topic-config.js';

/**
 * Configurations that are read and checked but change nothing yet, with the reason. One that is set is named once in the log at the
 * start; docs/compatibility.md is made from these tables, and a test looks that no other configuration goes unread.
 */
const BROKER_REASONS: readonly (readonly [reason: string, names: readonly BrokerConfigName[]])[] = [
  [
    'one thread does the work of all of them',
    [
      'num.network.threads',
      'num.io.threads',
      'background.threads',
      'num.recovery.threads.per.data.dir',
      'num.replica.alter.log.dirs.threads',
      'num.replica.fetchers',
    ],
  ],
  [
    'requests are bounded by their memory (queued.max.request.bytes), those of up to 4 KiB not at all',
    ['queued.max.requests'],
  ],
  [
    'the kernel chooses the sizes of its buffers',
    ['socket.send.buffer.bytes', 'socket.receive.buffer.bytes', 'replica.socket.receive.buffer.bytes'],
  ],
  [
    'what waits is forgotten as soon as it is done',
    [
      'fetch.purgatory.purge.interval.requests',
      'producer.purgatory.purge.interval.requests',
      'delete.records.purgatory.purge.interval.requests',
    ],
  ],
  [
    'classes of Java are not loaded',
    [
      'alter.config.policy.class.name',
      'create.topic.policy.class.name',
      'client.quota.callback.class',
      'kafka.metrics.reporters',
      'kafka.metrics.polling.interval.secs',
      'metric.reporters',
      'auto.include.jmx.reporter',
    ],
  ],
  ['metrics are not sampled', ['metrics.num.samples', 'metrics.recording.level', 'metrics.sample.window.ms']],
  [
    'there are no quotas yet',
    [
      'replication.quota.window.num',
      'replication.quota.window.size.seconds',
      'alter.log.dirs.replication.quota.window.num',
      'alter.log.dirs.replication.quota.window.size.seconds',
      'controller.quota.window.num',
      'controller.quota.window.size.seconds',
      'follower.replication.throttled.rate',
      'leader.replication.throttled.rate',
      'replica.alter.log.dirs.io.max.bytes.per.second',
    ],
  ],
  ['attempts to connect are all given the same time', ['socket.connection.setup.timeout.max.ms']],
  [
    'logs are not compacted yet',
    [
      'log.cleaner.enable',
      'log.cleaner.threads',
      'log.cleaner.backoff.ms',
      'log.cleaner.dedupe.buffer.size',
      'log.cleaner.io.buffer.load.factor',
      'log.cleaner.io.buffer.size',
      'log.cleaner.io.max.bytes.per.second',
      'log.cleaner.delete.retention.ms',
      'log.cleaner.min.cleanable.ratio',
      'log.cleaner.min.compaction.lag.ms',
    ],
  ],
  ['files grow as they are written', ['log.preallocate']],
  ['records are only given in the format they are kept in', ['log.message.downconversion.enable']],
  [
    'there is no tiered storage',
    [
      'log.local.retention.bytes',
      'log.local.retention.ms',
      'remote.log.index.file.cache.total.size.bytes',
      'remote.log.manager.task.interval.ms',
      'remote.log.manager.task.retry.backoff.max.ms',
      'remote.log.manager.task.retry.backoff.ms',
      'remote.log.manager.task.retry.jitter',
      'remote.log.manager.thread.pool.size',
      'remote.log.metadata.custom.metadata.max.bytes',
      'remote.log.metadata.manager.class.name',
      'remote.log.metadata.manager.class.path',
      'remote.log.metadata.manager.impl.prefix',
      'remote.log.metadata.manager.listener.name',
      'remote.log.reader.max.pending.tasks',
      'remote.log.reader.threads',
      'remote.log.storage.manager.class.name',
      'remote.log.storage.manager.class.path',
      'remote.log.storage.manager.impl.prefix',
    ],
  ],
  [
    'transactions are not served yet',
    [
      'transaction.abort.timed.out.transaction.cleanup.interval.ms',
      'transaction.remove.expired.transaction.cleanup.interval.ms',
      'transaction.state.log.load.buffer.size',
      'transactional.id.expiration.ms',
    ],
  ],
  [
    'the group protocol of KIP-848 is not served',
    [
      'group.coordinator.new.enable',
      'group.coordinator.threads',
      'group.consumer.assignors',
      'group.consumer.heartbeat.interval.ms',
      'group.consumer.max.heartbeat.interval.ms',
      'group.consumer.max.session.timeout.ms',
      'group.consumer.max.size',
      'group.consumer.min.heartbeat.interval.ms',
      'group.consumer.min.session.timeout.ms',
      'group.consumer.session.timeout.ms',
    ],
  ],
  ['versions that are not stable are never served', ['unstable.api.versions.enable']],
  [
    'everybody may do everything, for now',
    ['authorizer.class.name', 'principal.builder.class', 'security.providers', 'connections.max.reauth.ms'],
  ],
  ['nobody has to authenticate, for now', ['connection.failed.authentication.delay.ms']],
  [
    'there are no delegation tokens yet',
    [
      'delegation.token.expiry.check.interval.ms',
      'delegation.token.expiry.time.ms',
      'delegation.token.master.key',
      'delegation.token.max.lifetime.ms',
      'delegation.token.secret.key',
    ],
  ],
  [
    'there are no passwords in ZooKeeper yet',
    [
      'password.encoder.cipher.algorithm',
      'password.encoder.iterations',
      'password.encoder.key.length',
      'password.encoder.keyfactory.algorithm',
      'password.encoder.old.secret',
      'password.encoder.secret',
    ],
  ],
  [
    'there is only ZooKeeper mode',
    [
      'broker.heartbeat.interval.ms',
      'broker.session.timeout.ms',
      'controller.listener.names',
      'controller.quorum.append.linger.ms',
      'controller.quorum.election.backoff.max.ms',
      'controller.quorum.election.timeout.ms',
      'controller.quorum.fetch.timeout.ms',
      'controller.quorum.request.timeout.ms',
      'controller.quorum.retry.backoff.ms',
      'controller.quorum.voters',
      'early.start.listeners',
      'initial.broker.registration.timeout.ms',
      'metadata.log.dir',
      'metadata.log.max.record.bytes.between.snapshots',
      'metadata.log.max.snapshot.interval.ms',
      'metadata.log.segment.bytes',
      'metadata.log.segment.min.bytes',
      'metadata.log.segment.ms',
      'metadata.max.idle.interval.ms',
      'metadata.max.retention.bytes',
      'metadata.max.retention.ms',
      'process.roles',
      'sasl.mechanism.controller.protocol',
      'server.max.startup.time.ms',
      'zookeeper.metadata.migration.enable',
    ],
  ],
];

/** Whole families, by the beginning of their names. */
const BROKER_PREFIXES: readonly (readonly [prefix: string, reason: string])[] = [
  ['ssl.', 'listeners do not speak TLS yet'],
  ['sasl.', 'listeners do not speak SASL yet'],
  ['zookeeper.ssl.', 'connections to ZooKeeper do not speak TLS yet'],
  ['zookeeper.clientCnxnSocket', 'connections to ZooKeeper do not speak TLS yet'],
];

const TOPIC_REASONS: Readonly<Partial<Record<TopicConfigName, string>>> = {
  'delete.retention.ms': 'logs are not compacted yet',
  'min.compaction.lag.ms': 'logs are not compacted yet',
  'min.cleanable.dirty.ratio': 'logs are not compacted yet',
  preallocate: 'files grow as they are written',
  'message.format.version': 'the format is the newest, as in Kafka since 3.0',
  'message.downconversion.enable': 'records are only given in the format they are kept in',
  'leader.replication.throttled.replicas': 'there are no quotas yet',
  'follower.replication.throttled.replicas': 'there are no quotas yet',
  'remote.storage.enable': 'there is no tiered storage',
  'local.retention.ms': 'there is no tiered storage',
  'local.retention.bytes': 'there is no tiered storage',
};

const REASON_BY_NAME: ReadonlyMap<string, string> = new Map(
  BROKER_REASONS.flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
);

/** Why a configuration of a broker has no effect; null when it has one. */
export function reasonOfNoEffect(name: string): string | null {
  const byPrefix = BROKER_PREFIXES.find(([prefix]) => name.startsWith(prefix));
  return REASON_BY_NAME.get(name) ?? byPrefix?.[1] ?? null;
}

/** Why a configuration of a topic has no effect; null when it has one. */
export function reasonOfNoTopicEffect(name: TopicConfigName): string | null {
  return TOPIC_REASONS[name] ?? null;
}

export interface NoEffectNote {
  readonly name: string;
  readonly sentence: string;
}

/** One note for each configuration that is set and has no effect, in the order of the names. */
export function noEffectNotes(config: BrokerConfig): NoEffectNote[] {
  return [...config.staticTexts.keys()].sort().flatMap((name) => {
    const reason = reasonOfNoEffect(name);
    return reason === null ? [] : [{ name, sentence: `This configuration has no effect: ${reason}` }];
  });
}
