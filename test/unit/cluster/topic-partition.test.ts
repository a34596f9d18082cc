import { parsePartitionKey, partitionKey } from '../../../src/cluster/index.js';
import { fc } from '../../support/fast-check.js';

/** What clients name, and what is like a key itself. */
const topic = fc.oneof(fc.constantFrom('x', 'x-', 'x--', 'x-1', 'x-(', 'x-(-1)', ''), fc.string());
const partition = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const topicPartition = fc.record({ topic, partition });

test('no two partitions have one key, whatever a client names', () => {
  fc.assert(
    fc.property(topicPartition, topicPartition, (a, b) => {
      const isSame = a.topic === b.topic && a.partition === b.partition;
      expect(partitionKey(a) === partitionKey(b)).toBe(isSame);
    }),
  );
  expect(partitionKey({ topic: 'x', partition: -1 })).not.toBe(partitionKey({ topic: 'x-', partition: 1 }));
});

test('a key is read back as the partition that it was made of, and that of a negative one as none', () => {
  fc.assert(
    fc.property(topicPartition, (tp) => {
      const isReal = tp.topic !== '' && tp.partition >= 0;
      expect(parsePartitionKey(partitionKey(tp))).toEqual(isReal ? tp : null);
    }),
  );
});
