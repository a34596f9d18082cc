import { BrokerConfig, ConfigError, VariableResolver, type VariableSources } from '../../../src/config/index.js';

const PACKAGE = 'org.apache.kafka.common.config.provider';
const PROVIDERS = {
  'config.providers': 'file,dir,env',
  'config.providers.file.class': `${PACKAGE}.FileConfigProvider`,
  'config.providers.dir.class': `${PACKAGE}.DirectoryConfigProvider`,
  'config.providers.env.class': `${PACKAGE}.EnvVarConfigProvider`,
};
const FILES: Readonly<Record<string, string>> = {
  '/etc/secrets.properties': 'password = hunter2\nrack: r1\nnested = ${file:/etc/secrets.properties:rack}\nempty =',
  '/run/secrets/rack': ' r2 \n',
};

function sources(environment: Record<string, string> = {}) {
  const reads: string[] = [];
  const found: VariableSources = {
    readFile(path) {
      reads.push(path);
      if (!(path in FILES)) throw new Error(`ENOENT: ${path}`);
      return Buffer.from(FILES[path]!);
    },
    filesIn: (path) => (path === '/run/secrets' ? ['rack'] : null),
    environment,
  };
  return { reads, found };
}

const resolve = (texts: Record<string, string>, environment?: Record<string, string>): Record<string, string> => {
  const all = new Map(Object.entries({ ...PROVIDERS, ...texts }));
  const resolved = VariableResolver.create(all, sources(environment).found)!.resolveAll(all);
  return Object.fromEntries(Object.keys(texts).map((name) => [name, resolved.get(name)!]));
};
const resolveOne = (text: string, environment?: Record<string, string>) => resolve({ a: text }, environment)['a'];

describe('a variable', () => {
  test.each([
    ['${file:/etc/secrets.properties:password}', 'hunter2'],
    ['${dir:/run/secrets:rack}', ' r2 \n'],
    ['${env:RACK}', 'r3'],
    ['a ${env:RACK} and ${file:/etc/secrets.properties:rack}.', 'a r3 and r1.'],
    ['${file:/etc/secrets.properties:empty}', ''],
    // What no provider knows stays as it is written.
    ['${file:/etc/secrets.properties:nothing}', '${file:/etc/secrets.properties:nothing}'],
    ['${file:rack}', '${file:rack}'],
    ['${dir:/nowhere:rack}', '${dir:/nowhere:rack}'],
    ['${env:NOTHING}', '${env:NOTHING}'],
    ['${env:toString}', '${env:toString}'],
    ['${vault:secret/rack:key}', '${vault:secret/rack:key}'],
    ['${}', '${}'],
    ['${rack}', '${rack}'],
    ['RULE:^CN=(.*?),.*$/$1/', 'RULE:^CN=(.*?),.*$/$1/'],
  ])('%s is %j', (text, expected) => {
    expect(resolveOne(text, { RACK: 'r3' })).toBe(expected);
  });

  test('within what was put in is not looked at', () => {
    const place = 'file:/etc/secrets.properties';
    expect(resolve({ a: `\${${place}:nested}`, b: `\${${place}:rack}` })).toEqual({ a: `\${${place}:rack}`, b: 'r1' });
  });

  test('is put in as it is, though it holds what replacements have a meaning for', () => {
    expect(resolveOne('${env:MONEY}', { MONEY: "$1 $& $$ $'" })).toBe("$1 $& $$ $'");
  });

  test('of a place that cannot be read says so, and not what was read', () => {
    expect(() => resolveOne('${file:/nowhere:a}')).toThrow(/^Could not read properties from file \/nowhere: ENOENT/);
    expect(() => resolveOne('${env:some:A}')).toThrow(
      new ConfigError("Path is not supported for EnvVarConfigProvider, invalid value 'some'"),
    );
  });

  test('of a file is read with all others of the file at once', () => {
    const { reads, found } = sources();
    const place = 'file:/etc/secrets.properties';
    const texts = new Map(Object.entries({ ...PROVIDERS, a: `\${${place}:password}`, b: `\${${place}:rack}` }));
    VariableResolver.create(texts, found)!.resolveAll(texts);
    expect(reads).toEqual(['/etc/secrets.properties']);
  });
});

describe('config.providers', () => {
  const create = (texts: Record<string, string>) =>
    VariableResolver.create(new Map(Object.entries(texts)), sources({ A_ONE: '1', B: '2', BC: '3' }).found);

  test('that is not set leaves every value alone', () => {
    expect(create({ 'ssl.key.password': '${env:B}' })).toBeNull();
    expect(create({ 'config.providers': '' })).toBeNull();
  });

  test('with a class that is not there is refused', () => {
    expect(() => create({ 'config.providers': 'vault', 'config.providers.vault.class': 'com.example.Vault' })).toThrow(
      /^Invalid value com.example.Vault for configuration config.providers.vault.class: Could not load config provider class or one of its dependencies/,
    );
    expect(() => create({ 'config.providers': 'a', 'config.providers.a.class': 'toString' })).toThrow(ConfigError);
  });

  test('limits the environment to what allowlist.pattern matches from end to end', () => {
    const pattern = { 'config.providers.env.param.allowlist.pattern': 'A_.*|C' };
    const resolver = create({ ...PROVIDERS, ...pattern })!;
    expect(['A_ONE', 'B', 'BC'].map((name) => resolver.resolve(`\${env:${name}}`))).toEqual([
      '1',
      '${env:B}',
      '${env:BC}',
    ]);
    expect(() => create({ ...PROVIDERS, 'config.providers.env.param.allowlist.pattern': '(' })).toThrow(
      /allowlist.pattern/,
    );
  });
});

describe('a configuration with variables', () => {
  const parse = (texts: Record<string, string>, overrides: Record<string, string> = {}) => {
    const written = new Map(Object.entries({ ...PROVIDERS, 'zookeeper.connect': '${env:ZK}', ...texts }));
    const all = new Map([...written, ...Object.entries(overrides)]);
    const variables = VariableResolver.create(all, sources({ ZK: 'zk:2181', RETENTION: '5', NAME: '${env:ZK}' }).found);
    return BrokerConfig.parse(written, new Map(Object.entries(overrides)), variables);
  };

  test('has the values of the file, of overrides and of dynamic configurations resolved', () => {
    const { config, warnings } = parse(
      { 'ssl.key.password': '${file:/etc/secrets.properties:password}' },
      { 'broker.rack': '${dir:/run/secrets:rack}' },
    );
    expect(config.zooKeeper.connect.servers).toEqual([{ host: 'zk', port: 2181 }]);
    expect([config.get('ssl.key.password'), config.rack]).toEqual(['hunter2', 'r2']);
    expect(warnings).toEqual([]);
    const dynamic = config.withDynamic(new Map([['log.retention.ms', '${env:RETENTION}']]), new Map());
    expect(dynamic.logRetentionMs).toBe(5);
    expect(dynamic.dynamicDefaultTexts.get('log.retention.ms')).toBe('${env:RETENTION}');
  });

  test('names what stays as it is written, without what was put in elsewhere', () => {
    const { warnings } = parse({
      'ssl.key.password': 'hunter2 ${file:/etc/secrets.properties:nothing}',
      'broker.rack': '${vault:a:b}',
    });
    expect(warnings).toEqual([
      "The configuration 'ssl.key.password' holds a variable that the config provider 'file' does not know; it stays as it is written.",
      "The configuration 'broker.rack' holds a variable of a config provider 'vault' that config.providers does not name; it stays as it is written.",
    ]);
  });
});
