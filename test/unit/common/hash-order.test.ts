import {
  immutableMapOrder,
  javaStringHashCode,
  mutableMapOrder,
  propertiesOrder,
} from '../../../src/common/hash-order.js';

// The expected orders were printed by Scala 2.13.11 and Java 17.

test('hashes strings as Java does', () => {
  expect(['', 'a', 'retention.ms', 'listener_security_protocol_map'].map(javaStringHashCode)).toEqual([
    0, 97, -1_339_220_362, 740_874_377,
  ]);
});

test('orders forty partition numbers as a mutable map', () => {
  const numbers = Array.from({ length: 40 }, (_, i) => String(i));
  expect(mutableMapOrder(numbers)).toEqual(
    (
      '22 23 24 25 26 27 28 29 30 31 10 32 11 33 12 34 13 35 14 36 15 37 16 38 17 39 18 19 ' +
      '0 1 2 3 4 5 6 7 8 9 20 21'
    ).split(' '),
  );
});

test('orders a few listeners as given and more by their hashes', () => {
  expect(immutableMapOrder(['D', 'C', 'B', 'A'])).toEqual(['D', 'C', 'B', 'A']);
  expect(immutableMapOrder(['A', 'B', 'C', 'D', 'PLAINTEXT'])).toEqual(['A', 'B', 'C', 'PLAINTEXT', 'D']);
  expect(immutableMapOrder(['version', 'leader', 'leader_epoch', 'controller_epoch', 'isr'])).toEqual([
    'controller_epoch',
    'leader',
    'version',
    'leader_epoch',
    'isr',
  ]);
});

test('orders properties as a table of 32 buckets once there are more than eleven', () => {
  const names = 'a.b retention.ms cleanup.policy segment.bytes zz x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11'.split(' ');
  expect(propertiesOrder(names)).toEqual(
    'zz x8 x9 cleanup.policy a.b x10 x1 x11 x2 retention.ms segment.bytes x3 x4 x5 x6 x7'.split(' '),
  );
});
