import type { BrokerConfig, BrokerConfigName, Texts } from './broker-config.js';
import { needsListenerPrefix, splitListenerName } from './config-names.js';
import type { ListenerEndPoint } from './listeners.js';
import { ConfigError } from './value.js';

/**
 * What parts of a broker could not go along with while they run, though it would do at a start: the `validateReconfiguration` of Kafka's
 * `Reconfigurable`s, for all parts before any takes the change over. Null: they can. A part looks only at changes of its own names, as in
 * Kafka.
 */
export function whyNotReconfigurable(old: BrokerConfig, next: BrokerConfig): ConfigError | null {
  const changed = new Set(changedNames(old, next));
  if (changed.size === 0) return null;
  for (const rule of RULES) {
    const why = rule(old, next, changed);
    if (why !== null) return ConfigError.notReconfigurable(why);
  }
  return null;
}

/** The names whose texts differ between two configurations. */
export function changedNames(old: BrokerConfig, next: BrokerConfig): string[] {
  const names = new Set([...old.texts.keys(), ...next.texts.keys()]);
  return [...names].filter((name) => old.texts.get(name) !== next.texts.get(name));
}

/** Null, or Kafka's sentence for what is refused. */
type Rule = (old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>) => string | null;

const RULES: readonly Rule[] = [
  listenerLimitsRule,
  metricReportersRule,
  threadPoolRule,
  logCleanerRule,
  localRetentionRule,
  listenersRule,
];

const THREAD_COUNTS = [
  'num.io.threads',
  'num.replica.fetchers',
  'num.recovery.threads.per.data.dir',
  'background.threads',
] as const;

/** What a listener that is there can change of its own, besides its stores of keys. */
const LISTENER_LIMITS = ['max.connections', 'max.connection.creation.rate', 'num.network.threads'] as const;

/** `ListenerConnectionQuota` and `DataPlaneAcceptor`, for each listener. */
function listenerLimitsRule(old: BrokerConfig, next: BrokerConfig): string | null {
  for (const { listenerName } of old.listeners) {
    const [maxConnections, rate, threads] = LISTENER_LIMITS;
    const before = (name: BrokerConfigName) => old.getForListener(listenerName, name);
    const after = <K extends BrokerConfigName>(name: K) => next.getForListener(listenerName, name);
    if (before(maxConnections) !== after(maxConnections) || before(rate) !== after(rate)) {
      for (const name of [maxConnections, rate]) if (after(name) <= 0) return `Invalid ${name} ${after(name)}`;
    }
    const why = whyNotResizable(threads, old.getForListener(listenerName, threads), after(threads));
    if (why !== null) return why;
  }
  return null;
}

/** `DynamicMetricsReporters`. No class of Java is loaded; the reporter that Kafka brings may be named. */
function metricReportersRule(_old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (!changed.has('metric.reporters')) return null;
  const known = 'org.apache.kafka.common.metrics.JmxReporter';
  if (next.get('metric.reporters').every((name) => name === known)) return null;
  const names = [...changed].join(', ');
  return `Validation of dynamic config update of Set(${names}) failed with class class kafka.server.DynamicMetricsReporters`;
}

/** `DynamicThreadPool` */
function threadPoolRule(old: BrokerConfig, next: BrokerConfig): string | null {
  for (const name of THREAD_COUNTS) {
    const why = whyNotResizable(name, old.get(name), next.get(name));
    if (why !== null) return why;
  }
  return null;
}

/** Threads are at most doubled or halved at once, and never none. */
function whyNotResizable(name: BrokerConfigName, old: number, next: number): string | null {
  if (next === old) return null;
  const what = `Dynamic thread count update validation failed for ${name}=${next}`;
  if (next <= 0) return `${what}, value should be at least 1`;
  if (next < Math.trunc(old / 2)) return `${what}, value should be at least half the current value ${old}`;
  return next > old * 2 ? `${what}, value should not be greater than double the current value ${old}` : null;
}

/** `LogCleaner`; there is none while it is not enabled. */
function logCleanerRule(old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (!old.get('log.cleaner.enable') || ![...changed].some(isOfLogCleaner)) return null;
  const [threads, newThreads] = [old.get('log.cleaner.threads'), next.get('log.cleaner.threads')];
  if (newThreads < 1) return 'Log cleaner threads should be at least 1';
  if (newThreads < Math.trunc(threads / 2)) {
    return `Log cleaner threads cannot be reduced to less than half the current value ${threads}`;
  }
  return newThreads > threads * 2
    ? `Log cleaner threads cannot be increased to more than double the current value ${threads}`
    : null;
}

function isOfLogCleaner(name: string): boolean {
  return name === 'message.max.bytes' || /^log\.cleaner\.(threads|dedupe\.|io\.|backoff\.)/.test(name);
}

/** `DynamicLogConfig` */
function localRetentionRule(_old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (![...changed].some((name) => /retention\.(ms|bytes)$/.test(name))) return null;
  return (
    whyNotLocal('ms', next.logs.retentionMs, next.get('log.local.retention.ms')) ??
    whyNotLocal('bytes', next.get('log.retention.bytes'), next.get('log.local.retention.bytes'))
  );
}

/** What is kept locally of tiered storage is a part of what is kept; -2 is all of it. */
function whyNotLocal(unit: 'ms' | 'bytes', retention: number, local: number): string | null {
  if (retention <= -1 || local === -2) return null;
  const [name, ofAll] = [`log.local.retention.${unit}`, `log.retention.${unit}`];
  const refused = (reason: string): string => ConfigError.invalidValue(name, local, reason).message;
  if (local === -1) return refused(`Value must not be -1 as ${ofAll} value is set as ${retention}.`);
  return local > retention ? refused(`Value must not be more than ${ofAll} property value: ${retention}`) : null;
}

/** `DynamicListenerConfig`: what is left to say after the rules that hold for every configuration. */
function listenersRule(old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (![...changed].some(isOfListeners)) return null;
  const before = new Map(old.listeners.map((listener) => [listener.listenerName, listener]));
  for (const { listenerName, securityProtocol } of next.listeners) {
    const same = before.get(listenerName);
    if (!same) {
      if (securityProtocol === 'PLAINTEXT') continue;
      return `Listener ${listenerName} has the security protocol ${securityProtocol}; only PLAINTEXT is served`;
    }
    if (fixedTexts(old.staticTexts, same) !== fixedTexts(next.texts, same)) {
      return `Configs cannot be updated dynamically for existing listener ListenerName(${listenerName}), restart broker or create a new listener for update`;
    }
    if (same.securityProtocol !== securityProtocol) {
      return `Security protocol cannot be updated for existing listener ListenerName(${listenerName})`;
    }
  }
  return null;
}

function isOfListeners(name: string): boolean {
  return (
    ['advertised.listeners', 'listeners', 'listener.security.protocol.map', 'principal.builder.class'].includes(name) ||
    LISTENER_LIMITS.some((limit) => limit === name) ||
    /^(ssl|sasl)\./.test(name)
  );
}

/** What a listener has of its own that cannot change while it listens, as one text. Kafka compares with what the file says. */
function fixedTexts(texts: Texts, { listenerName }: ListenerEndPoint): string {
  const own = [...texts].flatMap(([name, text]) => {
    const split = splitListenerName(name);
    if (split?.listener !== listenerName.toLowerCase()) return [];
    const isFixed = !needsListenerPrefix(split.key) && !LISTENER_LIMITS.some((limit) => limit === split.key);
    return isFixed ? [[split.key, text]] : [];
  });
  return JSON.stringify(own.sort(([a], [b]) => (a! < b! ? -1 : 1)));
}
