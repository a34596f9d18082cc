import { systemClock } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import type { AppendCall, AppendWaitEnd, ReplicaManager } from '../../../src/replication/index.js';
import { ReplicaPartitionWriter } from '../../../src/server/ports/partition-writer.js';

const TP = { topic: '__consumer_offsets', partition: 3 };

interface FakeLog {
  read(): Promise<{ records: Buffer }>;
}
const fail = (error: unknown): never => {
  throw error;
};
const closed = (): Promise<never> => Promise.reject(new Error('the log is closed'));

/** A writer over a replica manager that leads the partition with `current.log`, or does not lead it. */
function writerOver(current: { log: FakeLog | null }): ReplicaPartitionWriter {
  const replicas = { partitionOf: () => ({ leaderLog: current.log as unknown as UnifiedLog | null }) };
  return new ReplicaPartitionWriter(replicas as unknown as ReplicaManager, systemClock, fail);
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

/** A writer to a partition whose log is not ready until its wait has ended, and what becomes of its writes. */
class WaitingWriter {
  readonly clock = new SimulatedClock();
  readonly events: string[] = [];
  readonly timeouts: number[] = [];
  isReady = false;
  leaderEpoch = 1;
  private end: (how: AppendWaitEnd) => void = () => undefined;
  private readonly writer: ReplicaPartitionWriter;

  constructor() {
    const replicas = {
      partitionOf: () => ({ leaderLog: {}, leaderEpoch: this.leaderEpoch }),
      isReadyForAppends: () => this.isReady,
      waitForAppends: (_entries: unknown, { timeoutMs }: { timeoutMs: number }) => {
        this.timeouts.push(timeoutMs);
        return this.isReady ? null : { ended: new Promise<AppendWaitEnd>((resolve) => (this.end = resolve)) };
      },
      appendRecords: ({ entries }: AppendCall) => void this.events.push(`appended ${entries[0]!.records.toString()}`),
    };
    this.writer = new ReplicaPartitionWriter(replicas as unknown as ReplicaManager, this.clock, fail);
  }

  append(name: string): void {
    const options = { requiredAcks: -1, timeoutMs: 5000 };
    this.writer.append(TP, Buffer.from(name), options, (errorCode) => void this.events.push(`${name}: ${errorCode}`));
  }

  async endWait(how: AppendWaitEnd): Promise<void> {
    this.isReady = how === 'ready';
    this.end(how);
    await settle();
  }
}

test('writes to a log that is not ready wait for it, and are appended in their order', async () => {
  const writer = new WaitingWriter();
  for (const name of ['a', 'b', 'c']) writer.append(name);
  await settle();
  expect(writer.events).toEqual([]);
  const ended = writer.endWait('ready');
  // In the moment in which the log is ready, but nothing that waits has been appended yet.
  writer.append('d');
  await ended;
  expect(writer.events).toEqual(['appended a', 'appended b', 'appended c', 'appended d']);
  writer.append('e');
  expect(writer.events.at(-1)).toBe('appended e');
});

test('a write whose log is cut again while it waits its turn waits on', async () => {
  const writer = new WaitingWriter();
  writer.append('a');
  await settle();
  const ended = writer.endWait('ready');
  writer.isReady = false;
  await ended;
  expect([writer.events, writer.timeouts.length]).toEqual([[], 2]);
  await writer.endWait('ready');
  expect(writer.events).toEqual(['appended a']);
});

test('a write whose time is up is answered and never appended; those behind it wait for what is left of theirs', async () => {
  const writer = new WaitingWriter();
  writer.append('a');
  await writer.clock.advance(2000);
  writer.append('b');
  await writer.clock.advance(3000);
  await writer.endWait('timedOut');
  expect(writer.events).toEqual([`a: ${ErrorCode.REQUEST_TIMED_OUT}`]);
  expect(writer.timeouts).toEqual([5000, 2000]);
  await writer.endWait('ready');
  expect(writer.events).toEqual([`a: ${ErrorCode.REQUEST_TIMED_OUT}`, 'appended b']);
});

test('a write that was decided under an earlier leadership than the log has when it is ready is not appended', async () => {
  const writer = new WaitingWriter();
  writer.append('old');
  writer.leaderEpoch = 3;
  writer.append('new');
  await writer.endWait('ready');
  expect(writer.events).toEqual([`old: ${ErrorCode.NOT_LEADER_OR_FOLLOWER}`, 'appended new']);
});
