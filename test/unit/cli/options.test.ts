import { OptionChecks, optionTable, parseKeyValues, parseOptions, type OptionSpec } from '../../../src/cli/options.js';

const SPECS: readonly OptionSpec[] = [
  { name: 'topic', argument: 'required', description: 'The topic.' },
  { name: 'partitions', argument: 'required', type: 'int', argumentName: '# of partitions', description: 'How many.' },
  { name: 'state', argument: 'optional', description: 'The state.' },
  { name: 'list', description: 'List.' },
  { name: 'secret', description: 'Not shown.', hidden: true },
  { name: 'out', aliases: ['o'], description: 'With another name.' },
];
const parse = (...args: string[]) => parseOptions(SPECS, args);

describe('parseOptions', () => {
  test.each([
    [['--topic', 't'], 't'],
    [['--topic=t=u'], 't=u'],
    [['-topic', 't'], 't'],
    [['-topic=t'], 't'],
    [['--topic', '-5'], '-5'],
    [['--topic', '--list'], '--list'],
    [['--topic='], ''],
    [['--list'], null],
  ])('%j gives the topic %j', (args, topic) => {
    expect(parse(...args).value('topic')).toBe(topic);
  });

  test('takes an optional argument only when it is none of an option', () => {
    expect(parse('--state', 'Empty').all('state')).toEqual(['Empty']);
    expect(parse('--state', '--list').all('state')).toEqual([]);
    expect(parse('--state', '--list').has('state')).toBe(true);
    expect(parse('--list', '--state').has('state')).toBe(true);
  });

  test('collects an option that is given often, and what is none', () => {
    const options = parse('--topic', 'a', 'left', '--topic', 'b', '--', '--list');
    expect(options.all('topic')).toEqual(['a', 'b']);
    expect(options.rest).toEqual(['left', '--list']);
    expect(options.has('list')).toBe(false);
    expect(parse('-o').has('out')).toBe(true);
  });

  test.each([
    [['--frobnicate'], 'joptsimple.UnrecognizedOptionException: frobnicate is not a recognized option'],
    [['--topic'], 'joptsimple.OptionMissingRequiredArgumentException: Option topic requires an argument'],
  ])('%j is refused in the words of jopt-simple', (args, message) => {
    expect(() => parse(...args)).toThrow(`Exception in thread "main" ${message}`);
  });

  test('checks a value when it is asked for', () => {
    expect(parse('--partitions', '12').number('partitions')).toBe(12);
    expect(() => parse('--partitions', 'x').number('partitions')).toThrow(
      "Cannot parse argument 'x' of option partitions",
    );
    expect(() => parse('--partitions', '2147483648').number('partitions')).toThrow('Cannot parse argument');
    expect(() => parse('--topic', 'a', '--topic', 'b').value('topic')).toThrow(
      'Found multiple arguments for option topic, but you asked for only one',
    );
  });
});

describe('OptionChecks', () => {
  test('complains as CommandLineUtils does, with the table of options', () => {
    const check = new OptionChecks(SPECS, parse('--list', '--topic', 't', '--out'));
    expect(() => check.required('partitions')).toThrow('Missing required argument "[partitions]"\nOption ');
    expect(() => check.conflicts('list', 'topic')).toThrow(`Option "[list]" can't be used with option "[topic]"`);
    expect(() => check.conflicts('list', 'out')).toThrow(`Option "[list]" can't be used with option "[out, o]"`);
    expect(() => check.conflicts('state', 'topic')).not.toThrow();
  });
});

test('the table of options has two columns, sorted, without the hidden ones', () => {
  expect(optionTable(SPECS)).toBe(
    [
      'Option                                  Description',
      '------                                  -----------',
      '--list                                  List.',
      '--out, --o                              With another name.',
      '--partitions <Integer: # of             How many.',
      '  partitions>',
      '--state [<String>]                      The state.',
      '--topic <String>                        The topic.',
    ].join('\n'),
  );
});

test('key=value pairs may lack their value, and hold further equals signs', () => {
  expect([...parseKeyValues(['a=1', 'b', 'c=', 'd=x=y'])]).toEqual([
    ['a', '1'],
    ['b', ''],
    ['c', ''],
    ['d', 'x=y'],
  ]);
});
