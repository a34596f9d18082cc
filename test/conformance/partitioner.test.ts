import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  murmur2,
  partitionForGroup,
  partitionForKey,
  partitionForTransactionalId,
  toPositive,
} from '../../src/cluster/index.js';
import { javaStringHashCode } from '../../src/common/index.js';

interface Line {
  kind: 'key' | 'groupId' | 'transactionalId';
  key: string;
  id: string;
  murmur2: number;
  toPositive: number;
  hashCode: number;
  partitionOf50: number;
  partition: { [partitionCount: string]: number };
}

const file = path.join(__dirname, '..', '.fixtures', 'protocol', 'partitioner.jsonl');
const lines = fs
  .readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Line);

afterAll(() => console.info(`partitioner.jsonl: ${lines.length} lines agree`));

function partitions(line: Line, partitionOf: (count: number) => number): Line['partition'] {
  return Object.fromEntries(Object.keys(line.partition).map((count) => [count, partitionOf(Number(count))]));
}

test('keys, group ids and transactional ids go to the partitions where Kafka puts them', () => {
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines) {
    if (line.kind === 'key') {
      const key = Buffer.from(line.key, 'base64');
      const ours = { ...line, murmur2: murmur2(key), toPositive: toPositive(murmur2(key)) };
      expect({ ...ours, partition: partitions(line, (count) => partitionForKey(key, count)) }).toEqual(line);
    } else {
      const partitionFor = line.kind === 'groupId' ? partitionForGroup : partitionForTransactionalId;
      const ours = { ...line, hashCode: javaStringHashCode(line.id), partitionOf50: partitionFor(line.id, 50) };
      expect({ ...ours, partition: partitions(line, (count) => partitionFor(line.id, count)) }).toEqual(line);
    }
  }
});
