import { BROKER_CONFIGS } from './definitions/broker.js';
import { DYNAMIC_ONLY_BROKER_CONFIGS } from './definitions/entities.js';
import { OTTLA_CONFIGS } from './definitions/ottla.js';
import { SSL_RECONFIGURABLE_CONFIGS } from './definitions/ssl.js';
import type { ConfigDefinition } from './definition.js';

export const BROKER_TABLE = { ...BROKER_CONFIGS, ...DYNAMIC_ONLY_BROKER_CONFIGS, ...OTTLA_CONFIGS } as const;
const DEFINITIONS: Readonly<Record<string, ConfigDefinition>> = BROKER_TABLE;

const LISTENER_NAME = /^listener\.name\.([^.]*)\.(.*)$/s;
const LOG_LEVEL_PREFIX = 'ottla.log.level.';
/** What a listener can have for each SASL mechanism: `listener.name.NAME.MECHANISM.KEY` (`ListenerMechanismConfigs`). */
const LISTENER_MECHANISM_CONFIGS: readonly string[] = [
  'sasl.jaas.config',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'sasl.server.callback.handler.class',
  'connections.max.reauth.ms',
];
/** What a listener can have for itself, but for all brokers at once too (`ClusterLevelListenerConfigs`). */
const CLUSTER_LEVEL_LISTENER_CONFIGS: readonly string[] = [
  'max.connections',
  'max.connection.creation.rate',
  'num.network.threads',
];

/** Where a dynamic configuration may stand: under a broker's id alone, or under `<default>` too. Null: it is not dynamic. */
export type DynamicScope = 'per-broker' | 'cluster-wide';

/** The definition of a broker configuration, Ottla's own included; undefined for a name that is not known. */
export function definitionOf(name: string): ConfigDefinition | undefined {
  return Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined;
}

/** The same, and for a name with a listener's prefix the definition of what stands behind it (`KafkaConfig.configType`). */
export function definitionBehind(name: string): ConfigDefinition | undefined {
  return definitionOf(name) ?? definitionOf(baseNameOf(name) ?? '');
}

/** The listener of `listener.name.NAME.KEY` as it is written (lower case, as a rule) and KEY; null for any other name. */
export function splitListenerName(name: string): { readonly listener: string; readonly key: string } | null {
  const match = LISTENER_NAME.exec(name);
  return match && { listener: match[1]!, key: match[2]! };
}

/** The general name that `listener.name.NAME.KEY` or `listener.name.NAME.MECHANISM.KEY` stands before; null for any other name. */
export function baseNameOf(name: string): string | null {
  const key = splitListenerName(name)?.key;
  if (key === undefined) return null;
  return LISTENER_MECHANISM_CONFIGS.find((config) => key.endsWith(config)) ?? key;
}

/** Names for one thing, the one that wins first, where `name` is one of them (`brokerConfigSynonyms`). */
export function unitSynonymsOf(name: string): readonly string[] {
  return definitionOf(name)?.synonyms ?? [name];
}

/** The same, and the general name for one with a listener's prefix. */
export function synonymsOf(name: string): readonly string[] {
  const base = baseNameOf(name);
  return base === null ? unitSynonymsOf(name) : [name, base];
}

/** Where a dynamic value of this name may stand; null where none may. What is not known may stand anywhere, and has no effect. */
export function dynamicScopeOf(name: string): DynamicScope | null {
  const key = splitListenerName(name)?.key;
  if (key !== undefined) return CLUSTER_LEVEL_LISTENER_CONFIGS.includes(key) ? 'cluster-wide' : 'per-broker';
  if (isDynamicOnly(name)) return 'cluster-wide';
  const definition = definitionOf(name);
  if (!definition) return name.startsWith(LOG_LEVEL_PREFIX) ? null : 'cluster-wide';
  if (CLUSTER_LEVEL_LISTENER_CONFIGS.includes(name)) return 'cluster-wide';
  return definition.updateMode === 'read-only' ? null : definition.updateMode;
}

/** The definition by which a dynamic value is checked; undefined where any will do (`DynamicConfig.Broker.brokerConfigDef`). */
export function dynamicDefinitionOf(name: string): ConfigDefinition | undefined {
  const base = splitListenerName(name)?.key ?? name;
  const definition = definitionOf(base);
  return isDynamicOnly(base) || definition?.updateMode !== 'read-only' ? definition : undefined;
}

/** It has to name its listener to be changed while the broker runs. */
export function needsListenerPrefix(name: string): boolean {
  return SSL_RECONFIGURABLE_CONFIGS.includes(name);
}

/** A secret that may be dynamic: it is kept encrypted in ZooKeeper (`DynamicBrokerConfig.isPasswordConfig`). */
export function isDynamicPassword(name: string): boolean {
  return DYNAMIC_PASSWORDS.some((password) => name.endsWith(password));
}

/** Whether a value must not be shown. What is not known is hidden, for it might be a password (`KafkaConfig.maybeSensitive`). */
export function isSensitive(name: string): boolean {
  return (definitionBehind(name)?.type ?? 'password') === 'password';
}

/** Whether the name says something to a broker: no warning is due. */
export function isKnownName(name: string): boolean {
  return definitionBehind(name) !== undefined || splitListenerName(name) !== null || name.startsWith(LOG_LEVEL_PREFIX);
}

function isDynamicOnly(name: string): boolean {
  return Object.hasOwn(DYNAMIC_ONLY_BROKER_CONFIGS, name);
}

const DYNAMIC_PASSWORDS: readonly string[] = Object.entries(DEFINITIONS)
  .filter(([, { type, updateMode }]) => type === 'password' && updateMode !== 'read-only')
  .map(([name]) => name);
