import type { UnifiedLog } from '../../../src/log/index.js';
import type { ReplicaManager } from '../../../src/replication/index.js';
import { ReplicaPartitionWriter } from '../../../src/server/ports/partition-writer.js';

const TP = { topic: '__consumer_offsets', partition: 3 };

interface FakeLog {
  read(): Promise<{ records: Buffer }>;
}
const closed = (): Promise<never> => Promise.reject(new Error('the log is closed'));

/** A writer over a replica manager that leads the partition with `current.log`, or does not lead it. */
function writerOver(current: { log: FakeLog | null }): ReplicaPartitionWriter {
  const replicas = { partitionOf: () => ({ leaderLog: current.log as unknown as UnifiedLog | null }) };
  return new ReplicaPartitionWriter(replicas as unknown as ReplicaManager);
}

test('a read whose log a move has replaced meanwhile reads the log that is there now', async () => {
  const copy: FakeLog = { read: () => Promise.resolve({ records: Buffer.from('all of it') }) };
  const current: { log: FakeLog | null } = { log: null };
  current.log = {
    read: async () => {
      await Promise.resolve();
      current.log = copy;
      return closed();
    },
  };
  expect((await writerOver(current).read(TP, 0, 1024)).toString()).toBe('all of it');
});

test('a read that fails in the log that is there rejects', async () => {
  await expect(writerOver({ log: { read: closed } }).read(TP, 0, 1024)).rejects.toThrow('the log is closed');
});

test('a read rejects when leadership is lost meanwhile', async () => {
  const current: { log: FakeLog | null } = { log: null };
  current.log = {
    read: () => {
      current.log = null;
      return closed();
    },
  };
  await expect(writerOver(current).read(TP, 0, 1024)).rejects.toThrow('not led by this broker any more');
});
