/**
 * The settings of a cluster or an ensemble: what the command line asks for, beside what its directory keeps of an earlier start. What differs
 * is refused, since a member or a broker that is there already would not follow.
 */
export interface Setting<K extends string> {
  /** As it is kept in the directory. */
  readonly key: K;
  readonly option: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  /** What an existing one has, for the sentence of a refusal. */
  readonly says: (value: number) => string;
}

/** By `Setting.key`. */
export type Settings<K extends string> = Readonly<Record<K, number>>;
export type EnsembleSettings = Settings<'members' | 'base_port' | 'tick_time' | 'no_fsync'>;
export type ClusterSettings = Settings<'brokers' | 'zookeepers' | 'base_port'>;

/** What a directory says of an earlier start. */
export interface Kept<K extends string> {
  readonly settings: Settings<K>;
  /** False while the first start is under way, and after it was killed: there is nothing yet that anyone has used. */
  readonly whole: boolean;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: string };

export const ENSEMBLE_SETTINGS: readonly Setting<keyof EnsembleSettings>[] = [
  { key: 'members', option: '--members', fallback: 3, min: 1, max: 9, says: (value) => `has ${value} members` },
  // Peers and elections take the ports up to P + 29.
  {
    key: 'base_port',
    option: '--base-port',
    fallback: 2181,
    min: 1024,
    max: 65_500,
    says: (value) => `has base port ${value}`,
  },
  {
    key: 'tick_time',
    option: '--tick-time',
    fallback: 2000,
    min: 50,
    max: 60_000,
    says: (value) => `has ticks of ${value} ms`,
  },
  {
    key: 'no_fsync',
    option: '--no-fsync',
    fallback: 0,
    min: 0,
    max: 1,
    says: (value) => (value === 1 ? 'leaves flushing to the kernel (--no-fsync)' : 'flushes to the disk'),
  },
];

export const CLUSTER_SETTINGS: readonly Setting<keyof ClusterSettings>[] = [
  // ZooKeeper's ports begin 100 above the brokers'.
  { key: 'brokers', option: '--brokers', fallback: 3, min: 1, max: 100, says: (value) => `has ${value} brokers` },
  {
    key: 'zookeepers',
    option: '--zookeepers',
    fallback: 3,
    min: 1,
    max: 9,
    says: (value) => `has ${value} ZooKeeper members`,
  },
  {
    key: 'base_port',
    option: '--base-port',
    fallback: 9092,
    min: 1024,
    max: 65_400,
    says: (value) => `has base port ${value}`,
  },
];

/** Settles what is to be there. `name` is what the sentence of a refusal calls it, `remedy` how to get rid of it. */
export function settle<K extends string>(
  definitions: readonly Setting<K>[],
  asked: ReadonlyMap<string, string>,
  kept: Kept<K> | null,
  { name, remedy }: { readonly name: string; readonly remedy: string },
): Outcome<Settings<K>> {
  const settings: Partial<Record<K, number>> = {};
  for (const { key, option, fallback, min, max, says } of definitions) {
    const text = asked.get(option);
    const inPlace = kept?.whole ? kept.settings[key] : undefined;
    if (text !== undefined) {
      const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
      if (!(value >= min && value <= max)) return refuse(`${option} needs ${min} to ${max}, not ${text}`);
      if (inPlace !== undefined && inPlace !== value) {
        return refuse(`${name} ${says(inPlace)}; ${option}${max > 1 ? ` ${text}` : ''} does not fit it (${remedy})`);
      }
      settings[key] = value;
    } else {
      settings[key] = inPlace ?? fallback;
    }
  }
  return { ok: true, value: settings as Settings<K> };
}

/** The text that a directory keeps, one setting a line. */
export function formatKept<K extends string>(definitions: readonly Setting<K>[], { settings, whole }: Kept<K>): string {
  const lines = definitions.map(({ key }) => `${key}=${settings[key]}`);
  return [...lines, ...(whole ? [] : ['state=starting']), ''].join('\n');
}

/** Reads what `formatKept` wrote, and what the scripts before it wrote: on one line, `fsync=no` for the flag, no state. */
export function parseKept<K extends string>(definitions: readonly Setting<K>[], text: string): Outcome<Kept<K>> {
  const pairs = new Map(text.split(/\s+/).flatMap((word): [string, string][] => splitPair(word)));
  if (pairs.get('fsync') === 'no') pairs.set('no_fsync', '1');
  const settings: Partial<Record<K, number>> = {};
  for (const { key, fallback, min, max } of definitions) {
    const value = pairs.get(key) ?? (key === 'no_fsync' ? String(fallback) : '');
    if (!/^[0-9]+$/.test(value) || Number(value) < min || Number(value) > max) {
      return refuse(`${key} is '${value}', need ${min} to ${max}`);
    }
    settings[key] = Number(value);
  }
  return { ok: true, value: { settings: settings as Settings<K>, whole: pairs.get('state') !== 'starting' } };
}

function splitPair(word: string): [string, string][] {
  const at = word.indexOf('=');
  return at < 1 ? [] : [[word.slice(0, at), word.slice(at + 1)]];
}

function refuse(refusal: string): { ok: false; refusal: string } {
  return { ok: false, refusal };
}
