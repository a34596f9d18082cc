import { readPropertiesFile } from '../../../src/config/index.js';

const read = (text: string) => Object.fromEntries(readPropertiesFile(text));

describe('readPropertiesFile', () => {
  test.each([
    ['a=1\nb: 2\nc 3\nd\t4\n', { a: '1', b: '2', c: '3', d: '4' }],
    ['  a = 1 \n', { a: '1 ' }],
    ['# comment\n! comment too\n\n   \na=1', { a: '1' }],
    ['a=1\r\nb=2\rc=3', { a: '1', b: '2', c: '3' }],
    ['a=1,\\\n   2,\\\n   3', { a: '1,2,3' }],
    ['a=b\\\\\nc=d', { a: 'b\\', c: 'd' }],
    ['a=one\\\n# not a comment', { a: 'one# not a comment' }],
    ['a\\=b\\:c\\ d=x', { 'a=b:c d': 'x' }],
    ['a=tab\\there\\u00e9\\q', { a: 'tab\thereéq' }],
    ['a=x=y:z', { a: 'x=y:z' }],
    ['a\nb=', { a: '', b: '' }],
    ['a=1\na=2', { a: '2' }],
    ['listeners=PLAINTEXT://:9092', { listeners: 'PLAINTEXT://:9092' }],
    ['a=end\\', { a: 'end' }],
  ])('reads %j as Java does', (text, properties) => {
    expect(read(text)).toEqual(properties);
  });
});
