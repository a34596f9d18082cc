import { readPropertiesFile } from './properties-file.js';
import { ConfigError } from './value.js';

/** What variables are resolved from: files and the environment of the process. */
export interface VariableSources {
  /** The bytes of a file. Throws when it cannot be read. */
  readFile(path: string): Uint8Array;
  /** The regular files in a directory, links to them among them; null when it is none. Throws when it cannot be listed. */
  filesIn(path: string): readonly string[] | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What one provider knows of these keys at a path; a key that it does not know is left out. */
type ConfigProvider = (path: string, keys: ReadonlySet<string>) => ReadonlyMap<string, string>;
type Parameters = ReadonlyMap<string, string>;

const CONFIG_PROVIDERS = 'config.providers';
/** The providers that come with Kafka 3.6.1, by the names of their classes. */
const PROVIDERS: Readonly<Record<string, (sources: VariableSources, parameters: Parameters) => ConfigProvider>> = {
  'org.apache.kafka.common.config.provider.FileConfigProvider': fileConfigProvider,
  'org.apache.kafka.common.config.provider.DirectoryConfigProvider': directoryConfigProvider,
  'org.apache.kafka.common.config.provider.EnvVarConfigProvider': envVarConfigProvider,
};

/** True for `config.providers` and what configures one of them. */
export function isProviderName(name: string): boolean {
  return name === CONFIG_PROVIDERS || name.startsWith(`${CONFIG_PROVIDERS}.`);
}

/**
 * Puts what providers know in the place of variables in configurations (KIP-297, KIP-421, KIP-632, KIP-887; `AbstractConfig` and
 * `ConfigTransformer`). A variable that no provider knows stays as it is written. What is put in is not looked at again.
 */
export class VariableResolver {
  private constructor(private readonly providers: ReadonlyMap<string, ConfigProvider>) {}

  /** Null when `config.providers` names none. Throws `ConfigError` for a class of provider that is not there. */
  static create(texts: ReadonlyMap<string, string>, sources: VariableSources): VariableResolver | null {
    const providers = new Map<string, ConfigProvider>();
    for (const name of (texts.get(CONFIG_PROVIDERS) ?? '').split(',')) {
      const classKey = `${CONFIG_PROVIDERS}.${name}.class`;
      const className = texts.get(classKey);
      // Kafka passes over a name that has no class.
      if (className === undefined) continue;
      if (!Object.hasOwn(PROVIDERS, className)) {
        const reason = `Could not load config provider class or one of its dependencies. There are ${Object.keys(PROVIDERS).join(', ')}`;
        throw ConfigError.invalidValue(classKey, className, reason);
      }
      const prefix = `${CONFIG_PROVIDERS}.${name}.param.`;
      const parameters = [...texts].flatMap(([key, value]) =>
        key.startsWith(prefix) && key.length > prefix.length ? [[key.slice(prefix.length), value] as const] : [],
      );
      providers.set(name, PROVIDERS[className]!(sources, new Map(parameters)));
    }
    return providers.size === 0 ? null : new VariableResolver(providers);
  }

  /** Resolves the variables of many values; each place is read once. Throws `ConfigError` for a place that cannot be read. */
  resolveAll(texts: ReadonlyMap<string, string>): Map<string, string> {
    const wanted = new Map<string, Map<string, Set<string>>>();
    for (const text of texts.values()) {
      for (const { provider, path, key } of variablesIn(text)) {
        const byPath = wanted.get(provider) ?? new Map<string, Set<string>>();
        wanted.set(provider, byPath.set(path, (byPath.get(path) ?? new Set<string>()).add(key)));
      }
    }
    const found = new Map<string, ReadonlyMap<string, string>>();
    for (const [name, byPath] of wanted) {
      const provider = this.providers.get(name);
      if (provider) for (const [path, keys] of byPath) found.set(placeOf(name, path), provider(path, keys));
    }
    return new Map([...texts].map(([name, text]) => [name, replaced(text, found)]));
  }

  /** Resolves the variables of one value. */
  resolve(text: string): string {
    return text.includes('${') ? this.resolveAll(new Map([['', text]])).get('')! : text;
  }

  /** One sentence for each variable that is left in these values, though its provider is there. */
  warningsAbout(texts: ReadonlyMap<string, string>): string[] {
    return [...texts].flatMap(([name, text]) =>
      variablesIn(text).map(({ provider }) =>
        this.providers.has(provider)
          ? `The configuration '${name}' holds a variable that the config provider '${provider}' does not know; it stays as it is written.`
          : `The configuration '${name}' holds a variable of a config provider '${provider}' that config.providers does not name; it stays as it is written.`,
      ),
    );
  }
}

interface Variable {
  readonly provider: string;
  /** Empty when none is given. */
  readonly path: string;
  readonly key: string;
  /** Where it stands in its text. */
  readonly start: number;
  readonly end: number;
}

/**
 * `${provider:path:key}` or `${provider:key}` (`ConfigTransformer.DEFAULT_PATTERN`). By hand: that pattern takes time by the third power of a text's
 * colons where no brace ends it, and any administrator may set such a text.
 */
function variablesIn(text: string): Variable[] {
  const found: Variable[] = [];
  for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', start)) {
    const end = text.indexOf('}', start);
    if (end < 0) break;
    const [provider, ...rest] = text.slice(start + 2, end).split(':');
    if (rest.length > 0) {
      const path = rest.length > 1 ? rest.shift()! : '';
      found.push({ provider: provider!, path, key: rest.join(':'), start, end: end + 1 });
    }
    start = end + 1;
  }
  return found;
}

function placeOf(provider: string, path: string): string {
  return `${provider}:${path}`;
}

function replaced(text: string, found: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  let result = '';
  let done = 0;
  for (const { provider, path, key, start, end } of variablesIn(text)) {
    result += text.slice(done, start) + (found.get(placeOf(provider, path))?.get(key) ?? text.slice(start, end));
    done = end;
  }
  return result + text.slice(done);
}

/** Keys of a properties file, whose path is the variable's. */
function fileConfigProvider(sources: VariableSources): ConfigProvider {
  return (path, keys) => {
    if (path === '') return new Map();
    const properties = attempt(`Could not read properties from file ${path}`, () =>
      readPropertiesFile(new TextDecoder('utf-8', { fatal: true }).decode(sources.readFile(path))),
    );
    return new Map([...properties].filter(([key]) => keys.has(key)));
  };
}

/** Files of a directory, whose path is the variable's: the whole file is the value. Kubernetes mounts secrets in this way. */
function directoryConfigProvider(sources: VariableSources): ConfigProvider {
  return (path, keys) => {
    if (path === '') return new Map();
    const files = attempt(`Could not list directory ${path}`, () => sources.filesIn(path)) ?? [];
    const read = (key: string): string =>
      attempt(`Could not read file ${path}/${key} for property ${key}`, () =>
        new TextDecoder('utf-8', { ignoreBOM: true }).decode(sources.readFile(`${path}/${key}`)),
      );
    return new Map([...keys].filter((key) => files.includes(key)).map((key) => [key, read(key)]));
  };
}

/** Variables of the environment whose names match `allowlist.pattern` from end to end. */
function envVarConfigProvider({ environment }: VariableSources, parameters: Parameters): ConfigProvider {
  const pattern = parameters.get('allowlist.pattern') ?? '.*';
  const allowed = attempt(`Invalid allowlist.pattern ${pattern}: it is not a regular expression`, () => {
    return new RegExp(`^(?:${pattern})$`);
  });
  return (path, keys) => {
    if (path !== '') throw new ConfigError(`Path is not supported for EnvVarConfigProvider, invalid value '${path}'`);
    const known = [...keys].filter((key) => allowed.test(key) && Object.hasOwn(environment, key));
    return new Map(known.map((key) => [key, environment[key]!]));
  };
}

function attempt<T>(sentence: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new ConfigError(error instanceof Error ? `${sentence}: ${error.message}` : sentence);
  }
}
