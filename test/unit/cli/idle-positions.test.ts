import type { ClusterClient } from '../../../src/cli/client/cluster-client.js';
import { IdlePositions } from '../../../src/cli/commands/idle-positions.js';

const EARLIEST = -2n;
const OFFSETS = [5n, 7n, 9n];
const PARTITIONS = OFFSETS.map((_, partitionIndex) => ({ partitionIndex, leaderId: 1, errorCode: 0 }));

/** A cluster with one topic of three partitions, and a group with these committed offsets. */
function lab(committed: Record<number, bigint> = {}) {
  const commits: object[] = [];
  const topics = [{ name: 'orders', errorCode: 0, partitions: PARTITIONS }];
  const answers: Record<number, object> = {
    2: {
      topics: [
        {
          name: 'orders',
          partitions: OFFSETS.map((offset, partitionIndex) => ({
            partitionIndex,
            offset,
            errorCode: 0,
            timestamp: -1n,
          })),
        },
      ],
    },
    9: {
      errorCode: 0,
      topics: [
        {
          name: 'orders',
          partitions: Object.entries(committed).map(([partition, committedOffset]) => ({
            partitionIndex: Number(partition),
            committedOffset,
            errorCode: 0,
          })),
        },
      ],
    },
  };
  const client = {
    metadata: () => Promise.resolve({ topics }),
    retrying: (_call: string, task: () => Promise<unknown>) => task(),
    withCoordinator: (_call: string, _group: string, task: (nodeId: number) => Promise<unknown>) => task(1),
    sendToNode: (_node: number, { apiKey }: { apiKey: number }) => Promise.resolve(answers[apiKey]),
  } as unknown as ClusterClient;
  const consumer = { commitOffsets: (offsets: object[]) => Promise.resolve(void commits.push(...offsets)) };
  return { positions: new IdlePositions({ client, consumer, group: 'readers', start: EARLIEST }), commits };
}

const at = (partition: number) => ({ topic: 'orders', partition });

test('commits where an assigned partition begins, unless it was read from or the group has an offset for it', async () => {
  const { positions, commits } = lab({ 2: 8n });
  await positions.readStarts('orders');
  positions.assigned({ orders: [0, 1, 2] });
  positions.read(at(1));
  await positions.commit();
  expect(commits).toEqual([{ ...at(0), offset: '5' }]);
});

test('commits nothing twice, nor for partitions that others have now', async () => {
  const { positions, commits } = lab();
  await positions.readStarts(/orders/);
  positions.assigned({ orders: [0, 1] });
  positions.assigned({ orders: [1] });
  await positions.commit();
  await positions.commit();
  expect(commits).toEqual([{ ...at(1), offset: '7' }]);
});

test('leaves to kafkajs what is read from while the offsets of the group are asked for', async () => {
  const { positions, commits } = lab();
  await positions.readStarts('orders');
  positions.assigned({ orders: [0, 1] });
  const committing = positions.commit();
  positions.read(at(0));
  await committing;
  expect(commits).toEqual([{ ...at(1), offset: '7' }]);
});

test('begins at 0 in a topic that was created meanwhile', async () => {
  const { positions, commits } = lab();
  await positions.readStarts('orders');
  positions.assigned({ later: [0] });
  await positions.commit();
  expect(commits).toEqual([{ topic: 'later', partition: 0, offset: '0' }]);
});
