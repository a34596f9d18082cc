import { inHashMapOrder } from '../../../src/cli/hash-map-order.js';

/** What Java printed of `new HashMap` after `put("key.0")`, `put("key.1")` and so on. */
test.each([
  { count: 4, order: [2, 1, 0, 3] },
  { count: 13, order: [12, 2, 1, 0, 11, 10, 6, 5, 4, 3, 9, 8, 7] },
  {
    count: 30,
    order: [
      ...[17, 16, 19, 18, 13, 12, 15, 14, 11, 10, 28, 27, 29, 24, 23],
      ...[26, 25, 2, 20, 1, 0, 22, 21, 6, 5, 4, 3, 9, 8, 7],
    ],
  },
])('lists $count keys as a HashMap of Java does', ({ count, order }) => {
  const keys = Array.from({ length: count }, (_, i) => `key.${i}`);
  expect(inHashMapOrder(keys, (key) => key)).toEqual(order.map((i) => `key.${i}`));
});
