import { immutableMapOrder, mutableMapOrder, propertiesOrder } from '../common/index.js';
import type { BrokerConfig, Texts } from './broker-config.js';
import {
  dynamicDefinitionOf,
  dynamicScopeOf,
  isDynamicPassword,
  needsListenerPrefix,
  splitListenerName,
  type DynamicScope,
} from './config-names.js';
import { changedNames, whyNotReconfigurable } from './reconfiguration.js';
import { checkValue, ConfigError, parseValue } from './value.js';

/** What stands in ZooKeeper for a broker: under `<default>`, and under its id. */
export interface DynamicTexts {
  readonly defaults: Texts;
  readonly own: Texts;
}

/** What became of dynamic values that were found in ZooKeeper. */
export interface AppliedDynamicConfig {
  readonly config: BrokerConfig;
  /** Names that have no effect, and why. Their values are not told: they may be secrets. */
  readonly ignored: readonly IgnoredNames[];
}

export interface IgnoredNames {
  readonly sentence: string;
  readonly names: readonly string[];
  readonly error?: ConfigError;
}

/** One dynamic value, and where it stands. */
interface Entry {
  readonly scope: DynamicScope;
  readonly name: string;
  readonly text: string;
}

/**
 * The configuration under the dynamic values that stand in ZooKeeper. Names that may not stand there, and values that cannot be, are left
 * out; all others take effect (`DynamicBrokerConfig.fromPersistentProps`). What breaks a rule between several configurations is left out
 * too, name by name, where Kafka takes over nothing of that place. `since`: what is in force, when this is a change to it; what a part cannot
 * go along with while it runs stays as it is there.
 */
export function applyDynamicConfig(
  config: BrokerConfig,
  { defaults, own }: DynamicTexts,
  since: BrokerConfig | null = null,
): AppliedDynamicConfig {
  const ignored: IgnoredNames[] = [];
  const usable = [...usableOf(defaults, 'cluster-wide', ignored), ...usableOf(own, 'per-broker', ignored)];
  const entries = usable.filter(({ name }) => !isDynamicPassword(name));
  const secrets = usable.filter(({ name }) => isDynamicPassword(name)).map(({ name }) => name);
  if (secrets.length > 0) {
    ignored.push({ sentence: 'Dynamic password configs could not be decoded and will be ignored', names: secrets });
  }
  const next = allThatCanBe(config, entries, ignored);
  return { config: since ? withoutRefusedChanges(since, next, ignored) : next, ignored };
}

function allThatCanBe(config: BrokerConfig, entries: readonly Entry[], ignored: IgnoredNames[]): BrokerConfig {
  const under = (some: readonly Entry[]): BrokerConfig | ConfigError =>
    orError(() => config.withDynamic(textsOf(some, 'cluster-wide'), textsOf(some, 'per-broker')));
  return mostUnder(under, entries, ({ name }, error) =>
    ignored.push({
      sentence: 'A dynamic config cannot be beside the others and will be ignored',
      names: [name],
      error,
    }),
  );
}

/** `next` with those names as they are in force that some part could not go along with, beside the others. */
function withoutRefusedChanges(since: BrokerConfig, next: BrokerConfig, ignored: IgnoredNames[]): BrokerConfig {
  if (!whyNotReconfigurable(since, next)) return next;
  const under = (names: readonly string[]): BrokerConfig | ConfigError => {
    const changed = orError(() => withDynamicOf(since, names, next));
    return changed instanceof ConfigError ? changed : (whyNotReconfigurable(since, changed) ?? changed);
  };
  const sentence = 'A dynamic config cannot change in this way while the broker runs';
  return mostUnder(under, changedNames(since, next), (name, error) => ignored.push({ sentence, names: [name], error }));
}

/**
 * The configuration under as many of `items` as can be together; `under` none it is one. The others are given to `leaveOut`, with what is
 * wrong with each beside those that are kept.
 */
function mostUnder<T>(
  under: (some: readonly T[]) => BrokerConfig | ConfigError,
  items: readonly T[],
  leaveOut: (item: T, error: ConfigError) => void,
): BrokerConfig {
  let kept: readonly T[] = [];
  let config: BrokerConfig | null = null;
  /** Keeps what can be beside what is kept, and returns the rest: by halves, for each look is at a whole configuration. */
  const keep = (some: readonly T[]): readonly T[] => {
    const together = [...kept, ...some];
    const all = under(together);
    if (!(all instanceof ConfigError)) {
      kept = together;
      config = all;
      return [];
    }
    if (some.length <= 1) return some;
    const half = Math.ceil(some.length / 2);
    return [...keep(some.slice(0, half)), ...keep(some.slice(half))];
  };
  let waiting = items;
  // Round by round while it helps: one value may be right only beside another one.
  for (let left = Infinity; waiting.length > 0 && waiting.length < left;) {
    left = waiting.length;
    waiting = keep(waiting);
  }
  for (const item of waiting) leaveOut(item, under([...kept, item]) as ConfigError);
  return config ?? (under([]) as BrokerConfig);
}

/** `config` with the dynamic values that `other` has of some names. */
function withDynamicOf(config: BrokerConfig, names: readonly string[], other: BrokerConfig): BrokerConfig {
  const taken = (texts: Texts, otherTexts: Texts): Texts => {
    const changed = new Map(texts);
    for (const name of names) {
      changed.delete(name);
      const text = otherTexts.get(name);
      if (text !== undefined) changed.set(name, text);
    }
    return changed;
  };
  return config.withDynamic(
    taken(config.dynamicDefaultTexts, other.dynamicDefaultTexts),
    taken(config.dynamicBrokerTexts, other.dynamicBrokerTexts),
  );
}

function orError(make: () => BrokerConfig): BrokerConfig | ConfigError {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/**
 * Checks what an operator wants to stand under a broker's id or under `<default>`, all of it, before it is written to ZooKeeper
 * (`DynamicBrokerConfig.validate`). Throws `ConfigError` with the sentence that a client gets.
 */
export function validateDynamicConfig(config: BrokerConfig, texts: Texts, scope: DynamicScope): void {
  const refuse = (names: readonly string[], sentence: string): void => {
    if (names.length > 0) throw new ConfigError(`${sentence}: ${scalaSet(names)}`);
  };
  const names = propertiesOrder(texts.keys());
  refuse(
    names.filter((name) => dynamicScopeOf(name) === null),
    'Cannot update these configs dynamically',
  );
  const secured = names.filter(needsListenerPrefix);
  if (secured.length > 0) {
    // A mutable set, which Scala prints by another name and in another order.
    const sentence = 'These security configs can be dynamically updated only per-listener using the listener prefix';
    throw new ConfigError(`${sentence}: HashSet(${mutableMapOrder(secured).join(', ')})`);
  }
  for (const [name, text] of texts) checkType(name, text);
  if (scope === 'cluster-wide') {
    const perBroker = names.filter(isPerBroker);
    // Kafka looks for those of listeners last.
    refuse(
      [...perBroker.filter((name) => !splitListenerName(name)), ...perBroker.filter((name) => splitListenerName(name))],
      'Cannot update these configs at default cluster level, broker id must be specified',
    );
  }
  const next =
    scope === 'per-broker'
      ? config.withDynamic(config.dynamicDefaultTexts, texts)
      : config.withDynamic(texts, config.dynamicBrokerTexts);
  const why = whyNotReconfigurable(config, next);
  if (why) throw why;
}

/** What is written to ZooKeeper of them. Throws `ConfigError` for a secret, for which there is no encryption yet. */
export function refuseDynamicPasswords(texts: Texts, scope: DynamicScope): void {
  if (![...texts.keys()].some(isDynamicPassword)) return;
  throw new ConfigError(
    scope === 'per-broker'
      ? 'Password encoder secret not configured'
      : 'Password config can be defined only at broker level',
  );
}

/** What stands in ZooKeeper without what may not stand there, or cannot be. Secrets are as they stand there: encrypted. */
export function usableDynamicTexts(texts: Texts, scope: DynamicScope): Map<string, string> {
  return new Map(usableOf(texts, scope, []).map(({ name, text }) => [name, text]));
}

/** The names and values that may have an effect where they stand, checked one by one; what is left out is added to `ignored`. */
function usableOf(texts: Texts, scope: DynamicScope, ignored: IgnoredNames[]): Entry[] {
  const left = new Map(texts);
  const leaveOut = (isWrong: (name: string) => boolean, sentence: string): void => {
    const names = [...left.keys()].filter(isWrong);
    for (const name of names) left.delete(name);
    if (names.length > 0) ignored.push({ sentence, names });
  };
  for (const [name, text] of texts) {
    try {
      checkType(name, text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      left.delete(name);
      const source = scope === 'per-broker' ? 'broker' : 'default cluster';
      ignored.push({
        sentence: `Dynamic ${source} config contains invalid values; these configs will be ignored`,
        names: [name],
        // The error tells the value.
        ...(!isDynamicPassword(name) && { error }),
      });
    }
  }
  leaveOut((name) => dynamicScopeOf(name) === null, 'Non-dynamic configs configured in ZooKeeper will be ignored');
  leaveOut(
    needsListenerPrefix,
    'Security configs can be dynamically updated only using listener prefix, base configs will be ignored',
  );
  if (scope === 'cluster-wide') {
    leaveOut(isPerBroker, 'Per-broker configs defined at default cluster level will be ignored');
  }
  return [...left].map(([name, text]) => ({ scope, name, text }));
}

function isPerBroker(name: string): boolean {
  return dynamicScopeOf(name) === 'per-broker';
}

function checkType(name: string, text: string): void {
  const definition = dynamicDefinitionOf(name);
  if (!definition) return;
  const base = splitListenerName(name)?.key ?? name;
  const value = parseValue(base, text, definition.type);
  checkValue(base, value, definition);
  // No class of Java is loaded but those that Kafka brings.
  if (definition.type === 'class' && value !== definition.default) {
    throw ConfigError.invalidValue(base, value, `Class ${String(value)} could not be found.`);
  }
}

function textsOf(entries: readonly Entry[], scope: DynamicScope): Map<string, string> {
  return new Map(entries.filter((entry) => entry.scope === scope).map(({ name, text }) => [name, text]));
}

/** As Scala prints an immutable set. */
function scalaSet(names: readonly string[]): string {
  return `${names.length > 4 ? 'HashSet' : 'Set'}(${immutableMapOrder(names).join(', ')})`;
}
