import type { BrokerConfig } from './broker-config.js';
import { compareMetadataVersions, resolveMetadataVersion } from './metadata-version.js';
import { ConfigError } from './value.js';

/**
 * The rules between several configurations of a broker, in the order and words of Kafka's `KafkaConfig.validateValues`: before its parts are
 * made, before its listeners are taken apart, and after. Each throws `ConfigError` for the first one broken.
 */
export function validateMode(config: BrokerConfig): void {
  refuseUnless(
    config.get('process.roles').length === 0,
    `Invalid value ${config.text('process.roles')} for configuration process.roles: it must not be set, ` +
      'this broker runs with ZooKeeper and not in KRaft mode',
  );
  refuseUnless(
    config.get('node.id') === config.get('broker.id'),
    'You must set `node.id` to the same value as `broker.id`.',
  );
}

export function validateBeforeListeners(config: BrokerConfig): void {
  validateIdentity(config);
  validateLog(config);
  validateReplication(config);
}

export function validateListenersAndLater(config: BrokerConfig): void {
  validateListeners(config);
  validateConnections(config);
  validateGroups(config);
}

function refuseUnless(condition: boolean, message: string): void {
  if (!condition) throw new ConfigError(message);
}

/** The same for what Kafka checks with Scala's `require`, whose words clients get before the sentence. */
function require(condition: boolean, message: string): void {
  if (!condition) throw ConfigError.requirement(message);
}

function validateIdentity(config: BrokerConfig): void {
  if (config.get('broker.id.generation.enable')) {
    // A generated id lies above the reserved ones, and is right, also where -1 was written to ask for it.
    const configured = Number(config.staticTexts.get('broker.id') ?? -1);
    require(configured >= -1 &&
      configured <=
        config.get(
          'reserved.broker.max.id',
        ), 'broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id');
  } else {
    require(config.get('broker.id') >= 0, 'broker.id must be greater than or equal to 0');
  }
  refuseUnless(
    !config.get('zookeeper.metadata.migration.enable'),
    'zookeeper.metadata.migration.enable must be false: this broker has no KRaft mode to migrate to',
  );
  const controllerListeners = config.get('controller.listener.names');
  require(controllerListeners === null ||
    controllerListeners ===
      '', `controller.listener.names must be empty when not running in KRaft mode: [${controllerListeners}]`);
}

function validateLog(config: BrokerConfig): void {
  require(config.logRollMs >= 1, 'log.roll.ms must be greater than or equal to 1');
  require(config.logRollJitterMs >= 0, 'log.roll.jitter.ms must be greater than or equal to 0');
  require(config.logRetentionMs >= 1 ||
    config.logRetentionMs === -1, 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1');
  require(config.logDirs.length > 0, 'At least one log directory must be defined via log.dirs or log.dir.');
  refuseUnless(
    !config.get('remote.log.storage.system.enable') || config.logDirs.length === 1,
    `Multiple log directories \`${config.logDirs.join(',')}\` are not supported when remote log storage is enabled`,
  );
  // Kafka divides whole numbers, and by none with Java's words for it.
  refuseUnless(config.get('log.cleaner.threads') !== 0, '/ by zero');
  require(Math.trunc(config.get('log.cleaner.dedupe.buffer.size') / config.get('log.cleaner.threads')) >
    1024 * 1024, 'log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.');
  const formatText = config.get('log.message.format.version');
  const formatVersion = config.interBrokerProtocolAtLeast('3.0-IV1') ? '3.0-IV1' : resolveMetadataVersion(formatText)!;
  const [format, protocol] = [recordVersion(formatVersion), recordVersion(config.interBrokerProtocolVersion)];
  require(protocol >=
    format, `log.message.format.version ${formatText} can only be used when inter.broker.protocol.version ` +
    `is set to version ${format === 2 ? '0.11.0' : '0.10.0'} or higher`);
}

/** The newest record format of an inter-broker protocol version. */
function recordVersion(version: string): 0 | 1 | 2 {
  if (compareMetadataVersions(version, '0.11.0-IV0') >= 0) return 2;
  return compareMetadataVersions(version, '0.10.0-IV0') >= 0 ? 1 : 0;
}

function validateReplication(config: BrokerConfig): void {
  const waitMs = config.get('replica.fetch.wait.max.ms');
  require(waitMs <=
    config.get(
      'replica.socket.timeout.ms',
    ), 'replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts');
  require(waitMs <=
    config.get(
      'replica.lag.time.max.ms',
    ), 'replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR');
  const acks = config.get('offsets.commit.required.acks');
  require(acks >= -1 &&
    acks <=
      config.get(
        'offsets.topic.replication.factor',
      ), 'offsets.commit.required.acks must be greater or equal -1 and less or equal to offsets.topic.replication.factor');
  const codec = config.get('offsets.topic.compression.codec');
  require(codec >= 0 && codec <= 4, `Unknown compression type id: ${codec}`);
}

function validateListeners(config: BrokerConfig): void {
  const advertised = config.advertisedListeners;
  const names = advertised.map((endPoint) => endPoint.listenerName);
  const own = config.listeners.map((endPoint) => endPoint.listenerName);
  const interBroker = config.interBrokerListenerName;
  require(names.length > 0, 'There must be at least one advertised listener.');
  require(names.includes(
    interBroker,
  ), 'inter.broker.listener.name must be a listener name defined in advertised.listeners. ' +
    `The valid options based on currently configured listeners are ${names.join(',')}`);
  require(names.every((name) =>
    own.includes(name),
  ), 'advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. ' +
    `Found ${names.join(',')}. The valid options based on the current configuration are ${own.join(',')}`);
  require(!advertised.some(
    (endPoint) => endPoint.host === '0.0.0.0',
  ), 'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.');
  const controlPlane = config.controlPlaneListenerName;
  if (controlPlane !== null) {
    require(names.includes(
      controlPlane,
    ), 'control.plane.listener.name must be a listener name defined in advertised.listeners. ' +
      `The valid options based on currently configured listeners are ${names.join(',')}`);
    require(controlPlane !==
      interBroker, 'control.plane.listener.name, when defined, should have a different value from the inter broker listener name. ' +
      `Currently they both have the value ${controlPlane}`);
  }
  const protocol = config.interBrokerSecurityProtocol;
  if (protocol === 'SASL_PLAINTEXT' || protocol === 'SASL_SSL') {
    const mechanisms = config.getForListener(interBroker, 'sasl.enabled.mechanisms');
    require(mechanisms.includes(
      config.get('sasl.mechanism.inter.broker.protocol'),
    ), 'sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for inter-broker communication');
  }
}

function validateConnections(config: BrokerConfig): void {
  const queuedBytes = config.get('queued.max.request.bytes');
  require(queuedBytes <= 0 ||
    queuedBytes >=
      config.get(
        'socket.request.max.bytes',
      ), 'queued.max.request.bytes must be larger or equal to socket.request.max.bytes');
  const overrides = config.network.connections.maxConnectionsPerIpOverrides;
  require(config.get('max.connections.per.ip') !== 0 ||
    overrides.size >
      0, 'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.');
  const invalid = [...overrides.keys()].filter((host) => !/^[0-9a-zA-Z\-%._:]*$/.test(host));
  refuseUnless(
    invalid.length === 0,
    `max.connections.per.ip.overrides contains invalid addresses : ${invalid.join(',')}`,
  );
  const idleMs = config.get('connections.max.idle.ms');
  const delayMs = config.get('connection.failed.authentication.delay.ms');
  require(idleMs < 0 ||
    delayMs <
      idleMs, `connection.failed.authentication.delay.ms=${delayMs} should always be less than connections.max.idle.ms=${idleMs} ` +
    'to prevent failed authentication responses from timing out');
}

function validateGroups(config: BrokerConfig): void {
  for (const what of ['heartbeat.interval.ms', 'session.timeout.ms'] as const) {
    const value = config.get(`group.consumer.${what}`);
    const min = config.get(`group.consumer.min.${what}`);
    const max = config.get(`group.consumer.max.${what}`);
    const mustBe = (relation: string, other: string) =>
      `must be ${relation} or equals to group.consumer.${other}.${what}`;
    require(max >= min, `group.consumer.max.${what} ${mustBe('greater than', 'min')}`);
    require(value >= min, `group.consumer.${what} ${mustBe('greater than', 'min')}`);
    require(value <= max, `group.consumer.${what} ${mustBe('less than', 'max')}`);
  }
}
