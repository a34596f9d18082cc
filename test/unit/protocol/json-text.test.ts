import { parseJson, printJson, type JsonValue } from '../../../src/protocol/index.js';
import { fc } from '../../support/fast-check.js';

describe('reading', () => {
  test('keeps integers beyond 2^53 exact, and others numbers', () => {
    expect(
      parseJson('{"a":9223372036854775807,"b":-9223372036854775808,"c":[9007199254740991,9007199254740993]}'),
    ).toEqual({
      a: 9223372036854775807n,
      b: -9223372036854775808n,
      c: [9007199254740991, 9007199254740993n],
    });
    expect(parseJson('12345678901234567890')).toBe(12345678901234567890n);
    expect(parseJson(' [ 1234567890123456789.5 , 1e3 , 12345678901234567e-1 ] ')).toEqual([
      1234567890123456789.5, 1000, 1234567890123456.7,
    ]);
  });

  test('takes escapes and names of any kind beside large integers', () => {
    const text = '{"__proto__":{"x":1},"a\\"\\\\":"\\u00e9\\n","n":[12345678901234567890,{},[],true,false,null,""]}';
    const value = parseJson(text) as Record<string, JsonValue>;
    expect(Object.keys(value)).toEqual(['__proto__', 'a"\\', 'n']);
    expect(value['a"\\']).toBe('é\n');
    expect(value.n).toEqual([12345678901234567890n, {}, [], true, false, null, '']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    '',
    'x',
    '{',
    '[1,]',
    '{"a":12345678901234567890',
    '[12345678901234567890,]',
    '[12345678901234567890}',
    '{"a" 12345678901234567890}',
    '{a:12345678901234567890}',
    '[012345678901234567890]',
    '[-12345678901234567890,-]',
    '["\u0001",12345678901234567890]',
    '["open,12345678901234567890]',
    '["\\x",12345678901234567890]',
    '[12345678901234567890] x',
    '[12345678901234567890,truth]',
  ])('refuses %j', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });
});

test('what is printed reads back the same', () => {
  const json = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(json, (value) => {
      expect(parseJson(printJson(value))).toEqual(value);
      // With an integer in front that only the careful reader keeps.
      expect(parseJson(`[12345678901234567890,${printJson(value)}]`)).toEqual([12345678901234567890n, value]);
    }),
  );
});

test('half a surrogate pair is escaped, and negative zero keeps its sign', () => {
  expect(printJson(['\ud800', -0, 1e300, 5n])).toBe('["\\ud800",-0.0,1e+300,5]');
});
