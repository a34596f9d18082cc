import { parseConnectString } from '../../../src/zookeeper/index.js';

test.each([
  ['zk', [['zk', 2181]], ''],
  [
    'a:1,b:2/kafka',
    [
      ['a', 1],
      ['b', 2],
    ],
    '/kafka',
  ],
  [
    'a:1, b:2 ,/a/b/',
    [
      ['a', 1],
      ['b', 2],
    ],
    '/a/b',
  ],
  [
    '[::1]:2182,[fe80::1]/',
    [
      ['::1', 2182],
      ['fe80::1', 2181],
    ],
    '',
  ],
] as const)('%s', (text, servers, chroot) => {
  expect(parseConnectString(text)).toEqual({ servers: servers.map(([host, port]) => ({ host, port })), chroot });
});

test.each(['', '/kafka', 'a:b', 'a:0', 'a:70000', 'a:1:2', 'a:1//x', 'a:1/../x'])('%j is refused', (text) => {
  expect(() => parseConnectString(text)).toThrow(RangeError);
});
