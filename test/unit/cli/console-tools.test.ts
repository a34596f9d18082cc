import { Readable } from 'node:stream';
import { LineReader, readLines } from '../../../src/cli/commands/line-reader.js';
import { createFormatter, type ConsumedRecord } from '../../../src/cli/commands/record-formatters.js';
import { parseAddedConfigs } from '../../../src/cli/commands/configs-options.js';
import { parseDateTime, parseDuration } from '../../../src/cli/commands/consumer-groups-reset.js';
import { topicPartitionsFilter } from '../../../src/cli/commands/get-offsets.js';
import { parseReplicaAssignment } from '../../../src/cli/commands/topic-arguments.js';
import { assignRange } from '../../../src/cli/client/kafkajs-client.js';
import { includeList } from '../../../src/cli/tool-output.js';

const properties = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe('LineReader', () => {
  const parse = (line: string, entries: Record<string, string> = {}) => {
    const { key, value, headers } = new LineReader(properties(entries)).parse(line);
    return {
      key: key?.toString() ?? null,
      value: value?.toString() ?? null,
      headers: headers.map(([k, v]) => [k, v?.toString() ?? null]),
    };
  };

  test.each([
    ['a:b', {}, { key: null, value: 'a:b', headers: [] }],
    ['a:b:c', { 'parse.key': 'true', 'key.separator': ':' }, { key: 'a', value: 'b:c', headers: [] }],
    [
      'h1:v1,h2:v2\tk\tv',
      { 'parse.key': 'true', 'parse.headers': 'true' },
      {
        key: 'k',
        value: 'v',
        headers: [
          ['h1', 'v1'],
          ['h2', 'v2'],
        ],
      },
    ],
    [
      'k|NULL',
      { 'parse.key': 'true', 'key.separator': '|', 'null.marker': 'NULL' },
      { key: 'k', value: null, headers: [] },
    ],
    [
      'NULL|v',
      { 'parse.key': 'true', 'key.separator': '|', 'null.marker': 'NULL' },
      { key: null, value: 'v', headers: [] },
    ],
    ['nokey', { 'parse.key': 'true', 'ignore.error': 'true' }, { key: null, value: 'nokey', headers: [] }],
  ])('%j with %j', (line, entries, record) => {
    expect(parse(line, entries as Record<string, string>)).toEqual(record);
  });

  test('names the line where a separator is missing', () => {
    const reader = new LineReader(properties({ 'parse.key': 'true' }));
    reader.parse('a\tb');
    expect(() => reader.parse('nokey')).toThrow("No key separator found on line number 2: 'nokey'");
  });

  test('refuses separators that are the same', () => {
    expect(() => new LineReader(properties({ 'headers.delimiter': ',' }))).toThrow(
      'headers.delimiter and headers.separator may not be equal',
    );
  });
});

test('lines end as in Java, wherever the input is cut', async () => {
  const pieces = ['on', 'e\ntwo\r', '\nth\u00e9', 'e\rfour'].map((text) => Buffer.from(text));
  const lines: string[] = [];
  for await (const some of readLines(Readable.from(pieces))) lines.push(...some);
  expect(lines).toEqual(['one', 'two', 'th\u00e9e', 'four']);
});

describe('the default formatter', () => {
  const record: ConsumedRecord = {
    topic: 'first',
    partition: 1,
    offset: 2n,
    timestamp: 1700000000001n,
    timestampType: 'CreateTime',
    key: Buffer.from('ka'),
    value: null,
    headers: [
      { key: 'x', value: Buffer.from('1') },
      { key: 'y', value: null },
    ],
  };
  const format = (entries: Record<string, string>, of: Partial<ConsumedRecord> = {}) =>
    createFormatter('kafka.tools.DefaultMessageFormatter', properties(entries))({ ...record, ...of }).toString();
  const everything = Object.fromEntries(
    ['timestamp', 'key', 'offset', 'partition', 'headers'].map((name) => [`print.${name}`, 'true']),
  );

  test.each([
    [{}, {}, 'null\n'],
    [everything, {}, 'CreateTime:1700000000001\tPartition:1\tOffset:2\tx:1,y:null\tka\tnull\n'],
    [{ 'print.headers': 'true' }, { headers: [] }, 'NO_HEADERS\tnull\n'],
    [{ 'print.value': 'false', 'print.key': 'true' }, {}, 'ka\n'],
    [{ 'null.literal': '-', 'key.separator': '|', 'print.key': 'true', 'line.separator': ';' }, {}, 'ka|-;'],
    [
      { 'value.deserializer': 'org.apache.kafka.common.serialization.LongDeserializer' },
      { value: Buffer.from('00000000000000ff', 'hex') },
      '255\n',
    ],
  ])('%j', (entries, of, text) => {
    expect(format(entries as Record<string, string>, of)).toBe(text);
  });

  test('a value of the wrong size is an error of the deserializer', () => {
    expect(() => format({ 'value.deserializer': 'IntegerDeserializer' }, { value: Buffer.from('x') })).toThrow(
      'Size of data received by deserializer is not 4',
    );
  });

  test('an unknown formatter is refused by name', () => {
    expect(() => createFormatter('com.example.Mine', new Map())).toThrow('com.example.Mine');
  });
});

test('commas inside brackets belong to a configuration', () => {
  expect([...parseAddedConfigs('a=1,b=[x,y],c=')]).toEqual([
    ['a', '1'],
    ['b', 'x,y'],
    ['c', ''],
  ]);
  expect(() => parseAddedConfigs('abc')).toThrow('requirement failed');
});

test.each([
  ['2020-01-01T00:00:00.000', 1577836800000n],
  ['2020-01-01T00:00:00.000+01:00', 1577833200000n],
  ['2020-01-01T00:00:00.000+0100', 1577833200000n],
  ['2020-01-01T00:00:00.000Z', 1577836800000n],
])('the time %s is %s', (text, ms) => {
  expect(parseDateTime(text)).toBe(ms);
});

test.each([
  ['PT1H', 3_600_000],
  ['P1DT2H3M4.5S', 93_784_500],
  ['-PT1M', -60_000],
])('the duration %s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['1H', 'P', 'PT', ''])('%j is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow('Text cannot be parsed to a Duration');
});

test.each([
  [
    'multi:0-2',
    [
      ['multi', 0, true],
      ['multi', 2, false],
      ['other', 0, false],
    ],
  ],
  [
    'a.*:1',
    [
      ['abc', 1, true],
      ['abc', 0, false],
    ],
  ],
  [
    ':3-',
    [
      ['x', 2, false],
      ['x', 3, true],
    ],
  ],
  [
    'x:-2',
    [
      ['x', 1, true],
      ['x', 2, false],
    ],
  ],
  ['x', [['x', 99, true]]],
] as const)('the partitions %s', (text, cases) => {
  const filter = topicPartitionsFilter(text);
  for (const [topic, partition, wanted] of cases) expect(filter(topic, partition)).toBe(wanted);
});

test('an assignment gives each partition as many brokers as the first', () => {
  expect(parseReplicaAssignment('1:2,2:3')).toEqual([
    [1, 2],
    [2, 3],
  ]);
  expect(() => parseReplicaAssignment('1:1')).toThrow('may not contain duplicate entries: 1');
  expect(() => parseReplicaAssignment('1:2,3')).toThrow('Partition 1 has different replication factor');
});

test('the range assignor gives the first members one partition more', () => {
  expect([...assignRange([0, 1, 2, 3, 4], ['a', 'b'])]).toEqual([
    ['a', [0, 1, 2]],
    ['b', [3, 4]],
  ]);
});

test.each([
  ['a,b', 'b', true],
  ['"a|b"', 'a', true],
  ['a', 'ab', false],
  ['a.*', 'abc', true],
])('the include list %s and %s: %s', (pattern, topic, allowed) => {
  expect(includeList(pattern)(topic)).toBe(allowed);
});
