/**
 * How one configuration is described: its type, default, limits and who may change it. The tables under `definitions/` are made of
 * these and are the only place that knows the configurations; `BrokerConfig` takes both its checks and its TypeScript types from them.
 */
export type ConfigType = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'class' | 'password';
export type Importance = 'high' | 'medium' | 'low';
/** Who can change it while the broker runs: nobody, each broker by its id, or all brokers by one default (KIP-226). */
export type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide';

/** A parsed value. A long is a `bigint` here, exact; `BrokerConfig.get` gives it as a number. */
export type ConfigValue = boolean | string | number | bigint | readonly string[] | null;

/** A rule beyond range and sets of values. `check` answers what is wrong, as Kafka words it, or null. */
export interface ConfigValidator {
  /** How Kafka's documentation writes the rule. */
  readonly description: string;
  check(name: string, value: ConfigValue): string | null;
}

/** `V` is the type in which `get` gives the value; it exists for the compiler only. */
export interface ConfigDefinition<V = unknown> {
  readonly type: ConfigType;
  readonly default: ConfigValue;
  readonly importance: Importance;
  readonly updateMode: UpdateMode;
  /** Inclusive on both sides. */
  readonly min?: number;
  readonly max?: number;
  /** The only values of a string. */
  readonly validValues?: readonly string[];
  /** The only items of a list. */
  readonly validItems?: readonly string[];
  readonly validator?: ConfigValidator;
  /** May be null, but not an empty string. */
  readonly nonEmpty?: boolean;
  /** Kafka does not show it unless it is set. */
  readonly internal?: boolean;
  /** Names that mean the same with different units, the one that wins first; it is one of them itself. */
  readonly synonyms?: readonly string[];
  readonly valueType?: V;
}

export interface DefinitionOptions {
  readonly update?: UpdateMode;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly string[];
  readonly items?: readonly string[];
  readonly validator?: ConfigValidator;
  readonly nonEmpty?: boolean;
  readonly internal?: boolean;
  readonly synonyms?: readonly string[];
}

/** `Long.MAX_VALUE`, Kafka's way to say "never" or "no limit". */
export const LONG_MAX = 9223372036854775807n;
/** `Double.MAX_VALUE`. */
export const DOUBLE_MAX = Number.MAX_VALUE;

type Nullable<D, V> = D extends null ? V | null : V;

function define<V>(
  type: ConfigType,
  defaultValue: ConfigValue,
  importance: Importance,
  options: DefinitionOptions,
): ConfigDefinition<V> {
  const { update = 'read-only', oneOf, items, ...rest } = options;
  return {
    type,
    default: defaultValue,
    importance,
    updateMode: update,
    ...(oneOf && { validValues: oneOf }),
    ...(items && { validItems: items }),
    ...rest,
  };
}

export const boolean = (value: boolean, importance: Importance, options: DefinitionOptions = {}) =>
  define<boolean>('boolean', value, importance, options);

export const string = <D extends string | null>(value: D, importance: Importance, options: DefinitionOptions = {}) =>
  define<Nullable<D, string>>('string', value, importance, options);

export const int = <D extends number | null>(value: D, importance: Importance, options: DefinitionOptions = {}) =>
  define<Nullable<D, number>>('int', value, importance, options);

export const short = <D extends number | null>(value: D, importance: Importance, options: DefinitionOptions = {}) =>
  define<Nullable<D, number>>('short', value, importance, options);

export const long = <D extends number | bigint | null>(
  value: D,
  importance: Importance,
  options: DefinitionOptions = {},
) => define<Nullable<D, number>>('long', value === null ? null : BigInt(value), importance, options);

export const double = (value: number, importance: Importance, options: DefinitionOptions = {}) =>
  define<number>('double', value, importance, options);

export const list = <D extends readonly string[] | null>(
  value: D,
  importance: Importance,
  options: DefinitionOptions = {},
) => define<Nullable<D, readonly string[]>>('list', value, importance, options);

/** The name of a Java class. Ottla loads none; the names it knows are mapped to its own code. */
export const className = <D extends string | null>(value: D, importance: Importance, options: DefinitionOptions = {}) =>
  define<Nullable<D, string>>('class', value, importance, options);

/** A secret: never printed, never sent to a client. */
export const password = <D extends string | null>(value: D, importance: Importance, options: DefinitionOptions = {}) =>
  define<Nullable<D, string>>('password', value, importance, options);

/** A table of definitions by name. */
export type ConfigTable = Readonly<Record<string, ConfigDefinition>>;
/** What `get` gives for each name of a table. */
export type ValuesOf<T extends ConfigTable> = {
  readonly [K in keyof T]: T[K] extends ConfigDefinition<infer V> ? V : never;
};
