/** What a read_committed consumer makes of a log of many transactions: every record that was committed and no other. */
import { seededRandom } from '../../../src/common/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { TransactionIndex } from '../../../src/log/segment/transaction-index.js';
import { buildEndTxnMarker, controlRecordType, iterateBatches, type Int64 } from '../../../src/records/index.js';
import { TP } from './filled-log.js';
import { LOG_CONFIG, batch, bytesOf, crash, newManager, newWorld, numbered, type LogWorld } from './log-fixture.js';

const CONFIG = { ...LOG_CONFIG, segmentBytes: 20_000, indexIntervalBytes: 300 };

interface Transaction {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly offsets: number[];
  marker: { offset: number; isAbort: boolean } | null;
}

/** A log written by four transactional producers and one that is not, and what became of each record. */
class Writers {
  readonly transactions: Transaction[] = [];
  /** The offsets behind each batch. */
  readonly ends: number[] = [];
  private readonly plain: number[] = [];
  private readonly open = new Map<number, Transaction>();
  private readonly sequences = new Map<number, number>();
  private readonly random;

  constructor(
    private readonly log: UnifiedLog,
    seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  write(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const producerId = 1 + this.random.nextInt(5);
      if (producerId === 5) this.append(numbered(step, 1 + this.random.nextInt(3)), this.plain);
      else if (this.random.nextInt(4) === 0 && this.open.has(producerId))
        this.end(producerId, this.random.nextInt(2) === 0);
      else this.appendTo(producerId, step);
    }
  }

  /** The first offset of the earliest transaction that is open, or ended by a marker that is not below `highWatermark`. */
  lastStableOffset(highWatermark: number): number {
    const unstable = this.transactions.filter(({ marker }) => marker === null || marker.offset >= highWatermark);
    return Math.min(highWatermark, ...unstable.map(({ firstOffset }) => firstOffset));
  }

  /** The offsets of all records that a consumer from `from` on is to see below `upTo`. */
  committed(from: number, upTo: number): number[] {
    const decided = this.transactions.filter(({ marker }) => marker !== null && !marker.isAbort);
    return [...this.plain, ...decided.flatMap(({ offsets }) => offsets)]
      .filter((offset) => offset >= from && offset < upTo)
      .sort((a, b) => a - b);
  }

  private appendTo(producerId: number, step: number): void {
    let transaction = this.open.get(producerId);
    if (!transaction) {
      transaction = { producerId, firstOffset: this.log.logEndOffset, offsets: [], marker: null };
      this.open.set(producerId, transaction);
      this.transactions.push(transaction);
    }
    const count = 1 + this.random.nextInt(3);
    const baseSequence = this.sequences.get(producerId) ?? 0;
    this.sequences.set(producerId, baseSequence + count);
    const values = Array.from(
      { length: count },
      (_, index) => `${step}.${index}${'x'.repeat(this.random.nextInt(200))}`,
    );
    this.append(
      batch({ values, producerId, producerEpoch: 0, baseSequence, isTransactional: true }),
      transaction.offsets,
    );
  }

  private append(records: Buffer, offsets: number[]): void {
    const info = this.log.appendAsLeader(records, { leaderEpoch: 0, origin: 'coordinator' });
    for (let offset = info.firstOffset!.messageOffset; offset <= info.lastOffset; offset++) offsets.push(offset);
    this.ends.push(info.lastOffset + 1);
  }

  private end(producerId: number, isAbort: boolean): void {
    const transaction = this.open.get(producerId)!;
    this.open.delete(producerId);
    transaction.marker = { offset: this.log.logEndOffset, isAbort };
    const marker = buildEndTxnMarker({
      producerId,
      producerEpoch: 0,
      type: isAbort ? 'ABORT' : 'COMMIT',
      coordinatorEpoch: 0,
      timestampMs: 1_700_000_000_000,
    });
    this.append(marker, []);
  }
}

/** Reads as Kafka's consumer does: skips the batches of producers that the answers say aborted, until their marker. */
async function consume(log: UnifiedLog, from: number, maxBytes: number): Promise<number[]> {
  const seen: number[] = [];
  for (let position = from; ;) {
    const read = await log.read(position, maxBytes, 'TXN_COMMITTED', true);
    if (read.sizeInBytes === 0) return seen;
    const pending = [...read.abortedTransactions!].sort((a, b) => a.firstOffset - b.firstOffset);
    const aborted = new Set<Int64>();
    for (const view of iterateBatches(bytesOf(read))) {
      while (pending.length > 0 && pending[0]!.firstOffset <= view.lastOffset) aborted.add(pending.shift()!.producerId);
      const records = [...view.records()];
      if (view.isControl) {
        if (controlRecordType(records[0]!) === 'ABORT') aborted.delete(view.producerId);
      } else if (!(view.isTransactional && aborted.has(view.producerId))) {
        seen.push(...records.map((record) => record.offset).filter((offset) => offset >= position));
      }
      position = view.nextOffset;
    }
  }
}

async function check(log: UnifiedLog, writers: Writers, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const stable = writers.lastStableOffset(log.updateHighWatermark(log.logEndOffset));
  expect(log.lastStableOffset).toBe(stable);
  for (let round = 0; round < 30; round++) {
    const from = round === 0 ? log.logStartOffset : random.nextInt(stable + 1);
    expect(await consume(log, from, 1 + random.nextInt(9000))).toEqual(writers.committed(from, stable));
  }
}

async function newLog(world: LogWorld): Promise<{ manager: LogManager; log: UnifiedLog }> {
  const manager = newManager(world, { defaultConfig: CONFIG });
  await manager.startup();
  return { manager, log: manager.getOrCreateLog(TP, { isNew: true }) };
}

async function restarted(world: LogWorld): Promise<UnifiedLog> {
  const manager = newManager(world, { defaultConfig: CONFIG });
  const started = manager.startup();
  await world.clock.advance(0);
  await started;
  return manager.getLog(TP)!;
}

describe.each([1, 2, 3])('a consumer of committed records (seed %d)', (seed) => {
  test('sees them and no others, from memory and from the files', async () => {
    const world = newWorld();
    const { log } = await newLog(world);
    const writers = new Writers(log, seed);
    writers.write(350);
    expect(log.numberOfSegments).toBeGreaterThan(3);
    await check(log, writers, seed);
    await world.clock.advance(60_000);
    await check(log, writers, seed);
    // What the indexes keep in memory goes on with what comes then.
    writers.write(100);
    await check(log, writers, seed);
  });

  test('sees what the high watermark has passed, markers included, as it rises', async () => {
    const world = newWorld();
    const { log } = await newLog(world);
    const writers = new Writers(log, seed);
    writers.write(200);
    for (const end of writers.ends.filter((_, at) => at % 5 === 0)) {
      log.updateHighWatermark(end);
      const stable = writers.lastStableOffset(end);
      expect({ end, stable: log.lastStableOffset }).toEqual({ end, stable });
      const from = Math.max(0, stable - 30);
      expect(await consume(log, from, 4000)).toEqual(writers.committed(from, stable));
    }
  });

  test.each(['clean', 'kill'] as const)('sees the same after a %s stop', async (how) => {
    const world = newWorld();
    const { manager, log } = await newLog(world);
    const writers = new Writers(log, seed);
    writers.write(350);
    if (how === 'clean') {
      const stopped = manager.shutdown();
      await world.clock.advance(1);
      await stopped;
    } else crash(world, 'process');
    const again = await restarted(world);
    await check(again, writers, seed);
  });

  test('sees the same when only segments that were made durable are left of their indexes', async () => {
    const world = newWorld();
    const { manager, log } = await newLog(world);
    const writers = new Writers(log, seed);
    writers.write(350);
    await log.flush(true);
    manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const again = await restarted(world);
    expect(again.logEndOffset).toBe(log.logEndOffset);
    await check(again, writers, seed);
  });

  test('is not told of transactions that were cut, whose offsets others have now', async () => {
    const world = newWorld();
    const { log } = await newLog(world);
    new Writers(log, seed).write(350);
    // Everything but the first records goes, so that offsets of aborted transactions are given again.
    log.truncateTo(2);
    log.truncateTo(0);
    const writers = new Writers(log, seed + 100);
    writers.write(350);
    await check(log, writers, seed);
  });
});

test('what a consumer was told of old segments is not kept in memory, that of the active one is', async () => {
  const world = newWorld();
  const { log } = await newLog(world);
  const writers = new Writers(log, 1);
  writers.write(350);
  const looked = jest.spyOn(TransactionIndex.prototype, 'read');
  await check(log, writers, 1);
  const indexes = new Set(looked.mock.contexts as unknown as TransactionIndex[]);
  jest.restoreAllMocks();
  expect(indexes.size).toBe(log.numberOfSegments);
  expect(log.segments.map(({ txnIndex }) => txnIndex.inMemory !== null)).toEqual(
    log.segments.map((segment) => segment === log.segments.at(-1)),
  );
});
