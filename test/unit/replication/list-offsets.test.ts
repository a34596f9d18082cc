/** A search by time waits for the disk; meanwhile its log may be replaced by a move, or cut by another leader. */
import { ErrorCode } from '../../../src/protocol/index.js';
import { fetchOffsetForTimestamp, type OffsetFound } from '../../../src/replication/fetch/list-offsets.js';
import type { Partition } from '../../../src/replication/index.js';

const QUERY = { isolation: 'READ_UNCOMMITTED', currentLeaderEpoch: -1, fetchOnlyFromLeader: true } as const;

/** A log that finds what the test says, when it says so. */
class FakeLog {
  highWatermark = 100;
  readonly logEndOffset = 100;
  answer!: { resolve: (found: OffsetFound | null) => void; reject: (error: Error) => void };
  searches = 0;
  whenTruncatedUnlessOverdue = (): Promise<boolean> | null => null;
  fetchOffsetByTimestamp = (): Promise<OffsetFound | null> => {
    this.searches++;
    return new Promise((resolve, reject) => (this.answer = { resolve, reject }));
  };
}

class FakePartition {
  leaderEpoch = 3;
  readonly leaderEpochStartOffset = 0;
  isLeader = true;
  constructor(public log: FakeLog) {}
  localLog(): FakeLog | number {
    return this.isLeader ? this.log : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }
}

const at = (offset: number): OffsetFound => ({ timestamp: 5, offset, leaderEpoch: 3 });
const ask = async (partition: FakePartition) => fetchOffsetForTimestamp(partition as unknown as Partition, 5, QUERY);

function begin() {
  const log = new FakeLog();
  const partition = new FakePartition(log);
  const asked = ask(partition);
  // Looked at by each test, though not at once.
  asked.catch(() => undefined);
  return { log, partition, asked };
}

test.each([
  { title: 'failed because a move closed its log', end: ({ answer }: FakeLog) => answer.reject(new Error('closed')) },
  { title: 'was made in a log that a move replaced', end: ({ answer }: FakeLog) => answer.resolve(at(1)) },
])('a search that $title is made again in the log that is there', async ({ end }) => {
  const { log, partition, asked } = begin();
  const copy = (partition.log = new FakeLog());
  end(log);
  await Promise.resolve();
  await Promise.resolve();
  expect(copy.searches).toBe(1);
  copy.answer.resolve(at(42));
  expect(await asked).toEqual(at(42));
});

test('what was found before the lead was lost is not answered', async () => {
  const { log, partition, asked } = begin();
  partition.leaderEpoch = 4;
  partition.isLeader = false;
  log.answer.resolve(at(7));
  await expect(asked).rejects.toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
});

test('a search that fails in the log that is there fails', async () => {
  const { log, asked } = begin();
  log.answer.reject(new Error('EIO'));
  await expect(asked).rejects.toThrow('EIO');
});

test('a record that came while the search was under way is told once it is replicated', async () => {
  const { log, asked } = begin();
  log.highWatermark = 101;
  log.answer.resolve(at(100));
  expect(await asked).toEqual(at(100));
});

test('what was found is not told while the high watermark has not passed it', async () => {
  const { log, asked } = begin();
  log.answer.resolve(at(100));
  expect(await asked).toBeNull();
});
