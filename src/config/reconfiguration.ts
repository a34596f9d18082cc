import type { BrokerConfig, BrokerConfigName } from './broker-config.js';
import { needsListenerPrefix, splitListenerName } from './config-names.js';
import type { ListenerEndPoint } from './listeners.js';
import { ConfigError } from './value.js';

/**
 * What parts of a broker could not go along with while they run, though it would do at a start: the `validateReconfiguration` of Kafka's
 * `BrokerReconfigurable`s, for all parts before any takes the change over. Null: they can. Only what changes is looked at, as in Kafka.
 */
export function whyNotReconfigurable(old: BrokerConfig, next: BrokerConfig): ConfigError | null {
  const changed = new Set(changedNames(old, next));
  if (changed.size === 0) return null;
  for (const rule of RULES) {
    const why = rule(old, next, changed);
    if (why !== null) return new ConfigError(why);
  }
  return null;
}

/** The names whose texts differ between two configurations. */
export function changedNames(old: BrokerConfig, next: BrokerConfig): string[] {
  const names = new Set([...old.texts.keys(), ...next.texts.keys()]);
  return [...names].filter((name) => old.texts.get(name) !== next.texts.get(name));
}

type Rule = (old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>) => string | null;

const RULES: readonly Rule[] = [
  listenerRule,
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

/** `DynamicThreadPool` */
function threadPoolRule(old: BrokerConfig, next: BrokerConfig): string | null {
  for (const name of THREAD_COUNTS) {
    const why = whyNotResizable(
      `Dynamic thread count update validation failed for ${name}`,
      old.get(name),
      next.get(name),
    );
    if (why !== null) return why;
  }
  return null;
}

/** `LogCleaner`; there is none while it is not enabled. */
function logCleanerRule(old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (!old.get('log.cleaner.enable') || ![...changed].some(isOfLogCleaner)) return null;
  return whyNotResizable('Log cleaner threads', old.get('log.cleaner.threads'), next.get('log.cleaner.threads'));
}

function isOfLogCleaner(name: string): boolean {
  return name === 'message.max.bytes' || /^log\.cleaner\.(threads|dedupe\.|io\.|backoff\.)/.test(name);
}

/** Threads are at most doubled or halved at once, and never none. */
function whyNotResizable(what: string, old: number, next: number): string | null {
  if (next === old) return null;
  if (next <= 0) return `${what}, value should be at least 1`;
  if (next < Math.trunc(old / 2)) return `${what}, value should be at least half the current value ${old}`;
  return next > old * 2 ? `${what}, value should not be greater than double the current value ${old}` : null;
}

/** `ListenerConnectionQuota` and `DataPlaneAcceptor`, for each listener that is there. */
function listenerRule(old: BrokerConfig, next: BrokerConfig): string | null {
  for (const { listenerName } of old.listeners) {
    const differs = (name: BrokerConfigName): boolean =>
      old.getForListener(listenerName, name) !== next.getForListener(listenerName, name);
    if (differs('max.connections') || differs('max.connection.creation.rate')) {
      for (const name of ['max.connections', 'max.connection.creation.rate'] as const) {
        const value = next.getForListener(listenerName, name);
        if (value <= 0) return `Invalid ${name} ${value}`;
      }
    }
    const threads = 'num.network.threads';
    const why = whyNotResizable(
      `Dynamic thread count update validation failed for ${threads}`,
      old.getForListener(listenerName, threads),
      next.getForListener(listenerName, threads),
    );
    if (why !== null) return why;
  }
  return null;
}

/** Classes of Java are not loaded: only the reporter that Kafka brings can be named. */
function metricReportersRule(_old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (!changed.has('metric.reporters')) return null;
  const unknown = next.get('metric.reporters').find((name) => name !== 'org.apache.kafka.common.metrics.JmxReporter');
  return unknown === undefined ? null : `The metrics reporter ${unknown} cannot be loaded`;
}

/** `DynamicLogConfig` */
function localRetentionRule(_old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (![...changed].some((name) => /retention\.(ms|bytes)$/.test(name))) return null;
  const wrong = (retention: number, local: number): boolean =>
    retention > -1 && local !== -2 && (local === -1 || local > retention);
  if (wrong(next.logs.retentionMs, next.get('log.local.retention.ms'))) {
    return 'log.local.retention.ms must be between 0 and log.retention.ms, or -2';
  }
  return wrong(next.get('log.retention.bytes'), next.get('log.local.retention.bytes'))
    ? 'log.local.retention.bytes must be between 0 and log.retention.bytes, or -2'
    : null;
}

/** `DynamicListenerConfig`: what is left to say after the rules that hold for every configuration. */
function listenersRule(old: BrokerConfig, next: BrokerConfig, changed: ReadonlySet<string>): string | null {
  if (![...changed].some(isOfListeners)) return null;
  const before = new Map(old.listeners.map((listener) => [listener.listenerName, listener]));
  for (const { listenerName, securityProtocol } of next.listeners) {
    const same = before.get(listenerName);
    if (!same) continue;
    if (fixedTexts(old, same) !== fixedTexts(next, same)) {
      return `Configs cannot be updated dynamically for existing listener ${listenerName}, restart broker or create a new listener for update`;
    }
    if (same.securityProtocol !== securityProtocol) {
      return `Security protocol cannot be updated for existing listener ${listenerName}`;
    }
  }
  return null;
}

function isOfListeners(name: string): boolean {
  return (
    ['advertised.listeners', 'listeners', 'listener.security.protocol.map', 'principal.builder.class'].includes(name) ||
    ['max.connections', 'max.connection.creation.rate', 'num.network.threads'].includes(name) ||
    /^(ssl|sasl)\./.test(name)
  );
}

/** What a listener has of its own that cannot change while it listens, as one text. */
function fixedTexts(config: BrokerConfig, { listenerName }: ListenerEndPoint): string {
  const own = [...config.texts].flatMap(([name, text]) => {
    const split = splitListenerName(name);
    const isFixed =
      split?.listener === listenerName.toLowerCase() &&
      !needsListenerPrefix(split.key) &&
      !['max.connections', 'max.connection.creation.rate', 'num.network.threads'].includes(split.key);
    return isFixed ? [[split.key, text]] : [];
  });
  return JSON.stringify(own.sort(([a], [b]) => (a! < b! ? -1 : 1)));
}
