/** Texts of 32 KiB, as any administrator may set them, in every configuration: what goes back in a pattern never ends here. */
import { BROKER_CONFIGS, parseValue, TOPIC_CONFIGS, type ConfigDefinition } from '../../../src/config/index.js';
import { parseCsvList } from '../../../src/config/listeners.js';
import { VariableResolver } from '../../../src/config/config-providers.js';

const LENGTH = 32 * 1024;
const TEXTS = [' ', '1', ':', ',', ' ,', '${', '.1', 'a:'].flatMap((piece) => {
  const text = piece.repeat(LENGTH / piece.length);
  return [text, `x${text}x`, `1${text}x`, '${' + text];
});

test('are taken or refused by every type of configuration', () => {
  const definitions = Object.entries<ConfigDefinition>({ ...BROKER_CONFIGS, ...TOPIC_CONFIGS });
  let tried = 0;
  for (const [name, { type }] of definitions) {
    for (const text of TEXTS) {
      tried++;
      try {
        parseValue(name, text, type);
      } catch (error) {
        expect(error).toMatchObject({ name: 'ConfigError' });
      }
    }
  }
  expect(tried).toBeGreaterThan(1000);
});

test('are split as lists, and searched for variables', () => {
  const texts = new Map([
    ['config.providers', 'env'],
    ['config.providers.env.class', 'org.apache.kafka.common.config.provider.EnvVarConfigProvider'],
  ]);
  const sources = { environment: {}, readFile: () => Buffer.alloc(0), filesIn: () => [] };
  const variables = VariableResolver.create(texts, sources)!;
  for (const text of TEXTS) {
    expect(parseCsvList(text).every((item) => item.trim() !== '')).toBe(true);
    expect(variables.resolve(text)).toBe(text);
  }
});

test('lists keep what is between the commas, without the blanks beside them', () => {
  expect(parseCsvList(' a , b,,c ')).toEqual([' a', 'b', 'c ']);
  expect(parseValue('log.dirs', ' a , b,,c ', 'list')).toEqual(['a', 'b', '', 'c']);
});

test.each([
  ['\u00a01000', 'long', null],
  ['\ufeff1000', 'long', null],
  ['1000\u2003', 'int', null],
  ['\u0000 1000\u001f', 'long', 1000n],
  ['\u00a0true', 'boolean', null],
  ['\u00a0a', 'string', '\u00a0a'],
  [' a\u00a0, b\u0001 ,\tc\u0001', 'list', ['a\u00a0', 'b\u0001', 'c']],
] as const)('of %j as a %s only what Java takes for blanks goes', (text, type, value) => {
  const parse = (): unknown => parseValue('any.name', text, type);
  if (value === null) expect(parse).toThrow('Invalid value');
  else expect(parse()).toEqual(value);
});
