/** Log directories that Apache Kafka 3.6.1 wrote: opened, compared with what its own dump tool says of them, and left as they were. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { nodeFileSystem, seededRandom, silentLogger, systemClock } from '../../src/common/index.js';
import { loadMetaProperties, LogManager, type UnifiedLog } from '../../src/log/index.js';
import { LOG_CONFIG, readAll } from '../unit/log/log-fixture.js';

const DISK = path.join(__dirname, '..', '.fixtures', 'reference', 'disk');
const CLEAN = ['basic', 'segments', 'compression', 'compacted', 'groups', 'transactions'];
const EPOCHS = ['leader-epochs/b1', 'leader-epochs/b2', 'leader-epochs/b3a', 'leader-epochs/b3b'];
/** Of the topics whose segments were made small. */
const SMALL_INTERVAL = { ...LOG_CONFIG, indexIntervalBytes: 300 };

const toRemove: string[] = [];
afterAll(() => toRemove.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

function copyOf(name: string): string {
  const target = fs.mkdtempSync(path.join(os.tmpdir(), 'log-dirs-'));
  toRemove.push(target);
  fs.cpSync(path.join(DISK, name), target, { recursive: true });
  fs.rmSync(path.join(target, 'dump'), { recursive: true, force: true });
  return target;
}

async function open(dir: string): Promise<LogManager> {
  const manager = new LogManager({
    fs: nodeFileSystem,
    clock: { ...systemClock, nowMs: () => 1_795_247_200_000 },
    random: seededRandom(1),
    logger: silentLogger,
    logDirs: [dir],
    defaultConfig: LOG_CONFIG,
    retentionCheckIntervalMs: 300_000,
    flushSchedulerIntervalMs: Number.MAX_SAFE_INTEGER,
    flushOffsetCheckpointIntervalMs: 60_000,
    flushStartOffsetCheckpointIntervalMs: 60_000,
    producerIdExpirationMs: 86_400_000,
    producerIdExpirationCheckIntervalMs: 600_000,
    maxTransactionTimeoutMs: 900_000,
    transactionVerificationEnabled: true,
  });
  await manager.startup(async () => new Map([['segs', SMALL_INTERVAL]]));
  return manager;
}

function dump(name: string, partition: string, file: string): string | null {
  const dumped = path.join(DISK, name, 'dump', partition, `${file}.txt`);
  return fs.existsSync(dumped) ? fs.readFileSync(dumped, 'utf8') : null;
}

function numbersOf(text: string | null, pattern: RegExp): number[][] {
  return [...(text ?? '').matchAll(pattern)].map((match) => match.slice(1).map(Number));
}

const partitionOf = (log: UnifiedLog): string => path.basename(log.dir);
const prefix = (offset: number): string => String(offset).padStart(20, '0');
const filesOf = (log: UnifiedLog, suffix: string): string[] =>
  fs
    .readdirSync(log.dir)
    .filter((file) => file.endsWith(suffix))
    .sort();

/** What the dump tool prints of a snapshot, from the log. */
function producersAsDumped(log: UnifiedLog): string[] {
  return log
    .activeProducers()
    .map(
      (entry) =>
        `${entry.producerId} ${entry.producerEpoch} ${entry.coordinatorEpoch} ` +
        `${entry.currentTxnStartOffset} ${entry.lastTimestamp} ${entry.lastSequence}`,
    )
    .sort();
}

function dumpedProducers(text: string): string[] {
  const line =
    /producerId: (\d+) producerEpoch: (-?\d+) coordinatorEpoch: (-?\d+) currentTxnFirstOffset: (\S+) lastTimestamp: (-?\d+)(?: firstSequence: -?\d+ lastSequence: (-?\d+))?/g;
  return [...text.matchAll(line)]
    .map(([, id, epoch, coordinator, txn, timestamp, sequence]) => {
      const start = /\[(\d+)\]/.exec(txn!)?.[1] ?? '-1';
      return `${id} ${epoch} ${coordinator} ${start} ${timestamp} ${sequence ?? '-1'}`;
    })
    .sort();
}

describe.each([...CLEAN, ...EPOCHS])('%s', (name) => {
  let dir: string;
  let manager: LogManager;
  let logs: UnifiedLog[];

  beforeAll(async () => {
    dir = copyOf(name);
    manager = await open(dir);
    logs = [...manager.allLogs()];
  });

  test('has every partition', () => {
    const partitions = fs.readdirSync(path.join(DISK, name)).filter((entry) => /-\d+$/.test(entry));
    expect(logs.map(partitionOf).sort()).toEqual(partitions.sort());
    expect(logs.length).toBeGreaterThan(0);
  });

  test('ends and begins where the checkpoints say', () => {
    const checkpoint = (file: string): Map<string, number> | null => {
      if (!fs.existsSync(path.join(DISK, name, file))) return null;
      return new Map(
        fs
          .readFileSync(path.join(DISK, name, file), 'utf8')
          .split('\n')
          .slice(2)
          .filter((line) => line !== '')
          .map((line) => line.split(' '))
          .map(([topic, partition, offset]) => [`${topic}-${partition}`, Number(offset)]),
      );
    };
    const ends = checkpoint('recovery-point-offset-checkpoint');
    const starts = checkpoint('log-start-offset-checkpoint');
    for (const log of logs) {
      const expected = {
        end: ends ? ends.get(partitionOf(log)) : log.logEndOffset,
        start: starts?.get(partitionOf(log)) ?? log.segments[0]!.baseOffset,
      };
      expect({ end: log.logEndOffset, start: log.logStartOffset }).toEqual(expected);
    }
  });

  test('has the segments, indexes and aborted transactions that the dumps show', () => {
    for (const log of logs) {
      expect(log.segments.map((segment) => `${prefix(segment.baseOffset)}.log`)).toEqual(filesOf(log, '.log'));
      for (const segment of log.segments) {
        const of = (suffix: string): string | null =>
          dump(name, partitionOf(log), `${prefix(segment.baseOffset)}${suffix}`);
        const offsets = numbersOf(of('.index'), /^offset: (\d+) position: (\d+)$/gm);
        expect(segment.offsetIndex.entries).toBe(offsets.length);
        for (const [offset, position] of offsets)
          expect(segment.offsetIndex.lookup(offset!)).toEqual({ offset, position });
        const times = numbersOf(of('.timeindex'), /^timestamp: (\d+) offset: (\d+)$/gm).filter(
          ([timestamp]) => timestamp! > 0,
        );
        if (of('.timeindex')) expect(segment.timeIndex.entries).toBe(times.length);
        for (const [timestamp, offset] of times)
          expect(segment.timeIndex.lookup(timestamp!)).toEqual({ timestamp, offset });
        const aborted = numbersOf(
          of('.txnindex'),
          /producerId: (\d+) firstOffset: (\d+) lastOffset: (\d+) lastStableOffset: (\d+)/g,
        );
        expect(
          segment.txnIndex.all().map((txn) => [txn.producerId, txn.firstOffset, txn.lastOffset, txn.lastStableOffset]),
        ).toEqual(aborted);
      }
    }
  });

  test('has the producers of its newest snapshot, the epochs and the topic ids', () => {
    for (const log of logs) {
      const newest = filesOf(log, '.snapshot').at(-1);
      const dumped = newest && dump(name, partitionOf(log), newest);
      if (dumped) expect(producersAsDumped(log)).toEqual(dumpedProducers(dumped));
      // An epoch that begins at the log's end has no record yet; Kafka forgets it when it loads the log.
      const epochs = numbersOf(
        fs.readFileSync(path.join(log.dir, 'leader-epoch-checkpoint'), 'utf8').split('\n').slice(2).join('\n'),
        /^(\d+) (\d+)$/gm,
      ).filter(([, startOffset]) => startOffset! < log.logEndOffset);
      expect(log.epochEntries.map(({ epoch, startOffset }) => [epoch, startOffset])).toEqual(epochs);
      expect(fs.readFileSync(path.join(log.dir, 'partition.metadata'), 'utf8')).toBe(
        `version: 0\ntopic_id: ${log.topicId}`,
      );
    }
  });

  test('gives every record that the dumps show', async () => {
    for (const log of logs) {
      log.updateHighWatermark(log.logEndOffset);
      const dumped = log.segments.flatMap((segment) => {
        const text = dump(name, partitionOf(log), `${prefix(segment.baseOffset)}.log`);
        const lines = (text ?? '')
          .split('\n')
          .filter((line) => line.startsWith('| offset: ') && !line.includes('endTxnMarker'));
        return lines.map((line) => Number(/offset: (\d+)/.exec(line)![1]));
      });
      if (!fs.existsSync(path.join(DISK, name, 'dump'))) continue;
      const offsets = (await readAll(log)).map((record) => record.offset);
      expect(offsets).toEqual(dumped.filter((offset) => offset >= log.logStartOffset));
    }
  });

  test('keeps its segments byte for byte through a clean stop, and its newest snapshot', async () => {
    const contentOf = (root: string): Record<string, string> =>
      Object.fromEntries(
        (fs.readdirSync(root, { recursive: true }) as string[])
          .filter((file) => /\.(log|index|timeindex|txnindex)$/.test(file) && !file.startsWith('dump'))
          .sort()
          .map((file) => [file, fs.readFileSync(path.join(root, file)).toString('hex')]),
      );
    const newest = new Map(logs.map((log) => [log.dir, filesOf(log, '.snapshot').at(-1)]));
    await manager.shutdown();
    expect(contentOf(dir)).toEqual(contentOf(path.join(DISK, name)));
    for (const log of logs) {
      expect(filesOf(log, '.snapshot').at(-1)).toBe(newest.get(log.dir));
      const recorded = path.join(DISK, name, partitionOf(log), newest.get(log.dir) ?? 'none');
      if (!fs.existsSync(recorded)) continue;
      expect(fs.readFileSync(path.join(log.dir, newest.get(log.dir)!))).toEqual(fs.readFileSync(recorded));
    }
    expect(fs.existsSync(path.join(dir, '.kafka_cleanshutdown'))).toBe(true);
  });
});

describe('a directory of a killed broker', () => {
  test('is recovered to what Kafka makes of it', async () => {
    const dir = copyOf('kill9');
    const manager = await open(dir);
    const recovered = path.join(DISK, 'kill9-recovered');
    const partitions = fs.readdirSync(recovered).filter((entry) => /^(idem|plain|segs|txn|txn-open)-0$/.test(entry));
    expect(partitions).toHaveLength(5);
    for (const partition of partitions) {
      const log = [...manager.allLogs()].find((candidate) => partitionOf(candidate) === partition)!;
      const theirs = path.join(recovered, partition);
      const newest = fs
        .readdirSync(theirs)
        .filter((file) => file.endsWith('.snapshot'))
        .sort()
        .at(-1)!;
      expect(log.logEndOffset).toBe(Number(newest.split('.')[0]));
      expect(producersAsDumped(log)).toEqual(dumpedProducers(dump('kill9-recovered', partition, newest)!));
      log.close();
      for (const segment of log.segments) {
        for (const suffix of ['.log', '.index', '.timeindex', '.txnindex']) {
          const file = `${prefix(segment.baseOffset)}${suffix}`;
          if (!fs.existsSync(path.join(theirs, file))) continue;
          const our = fs.readFileSync(path.join(log.dir, file));
          const their = fs.readFileSync(path.join(theirs, file));
          // Theirs was running: its indexes are as long as they may grow.
          expect([file, our.toString('hex')]).toEqual([file, their.subarray(0, our.length).toString('hex')]);
          if (!file.includes('index')) expect(our.length).toBe(their.length);
          expect(their.subarray(our.length).every((byte) => byte === 0)).toBe(true);
        }
      }
    }
  });

  test('knows the open transaction', async () => {
    const manager = await open(copyOf('kill9'));
    const log = manager.getLog({ topic: 'txn-open', partition: 0 })!;
    log.updateHighWatermark(log.logEndOffset);
    expect(log.lastStableOffset).toBeLessThan(log.highWatermark);
    await manager.shutdown();
  });
});

describe('meta.properties', () => {
  test('of every recording is read', () => {
    const dirs = CLEAN.map((name) => path.join(DISK, name)).filter((dir) =>
      fs.existsSync(path.join(dir, 'meta.properties')),
    );
    expect(dirs.length).toBeGreaterThan(3);
    for (const dir of dirs) {
      const { properties } = loadMetaProperties(nodeFileSystem, [dir], silentLogger);
      expect(properties).toEqual({ brokerId: 1, clusterId: expect.stringMatching(/^[\w-]{22}$/) as string });
    }
    expect(loadMetaProperties(nodeFileSystem, dirs, silentLogger).properties).not.toBeNull();
  });
});
