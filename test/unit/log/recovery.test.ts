import { legacyMessage, legacyWrapper } from '../records/legacy-messages.js';
import {
  batch,
  crash,
  LOG_CONFIG,
  newManager,
  newWorld,
  numbered,
  readAll,
  startManager,
  type LogWorld,
} from './log-fixture.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';

const tp = { topic: 'orders', partition: 0 };
const FOLDER = '/data/orders-0';
const config = { ...LOG_CONFIG, segmentBytes: 900, indexIntervalBytes: 100 };
const EPOCHS = `${FOLDER}/leader-epoch-checkpoint`;
const CHANGES = new Set(['write', 'truncate', 'sync', 'rename', 'remove']);

function start(world: LogWorld): Promise<LogManager> {
  return startManager(world, { defaultConfig: config });
}

async function newLog(world: LogWorld): Promise<UnifiedLog> {
  return (await start(world)).getOrCreateLog(tp, { isNew: true });
}

async function recovered(world: LogWorld): Promise<UnifiedLog> {
  crash(world, 'process');
  return (await start(world)).getLog(tp)!;
}

function append(log: UnifiedLog, count: number, leaderEpoch: number): void {
  for (let each = 0; each < count; each++) log.appendAsLeader(numbered(log.logEndOffset, 1), { leaderEpoch });
}

/** As a leader's batches come to a follower. */
function copy(log: UnifiedLog, baseOffset: number, partitionLeaderEpoch: number, values = [`${baseOffset}`]): void {
  log.appendAsFollower(batch({ values, baseOffset, partitionLeaderEpoch }));
}

const values = async (log: UnifiedLog): Promise<string[]> => (await readAll(log)).map(({ value }) => value);
const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `${from + at}`);
const nameOf = (offset: number): string => `${offset}`.padStart(20, '0');
const offsetsOf = async (log: UnifiedLog): Promise<number[]> => (await readAll(log)).map(({ offset }) => offset);

function overwrite(world: LogWorld, path: string, bytes: number[], position: number): void {
  const file = world.fs.open(path, 'r+');
  file.writeSync([Buffer.from(bytes)], position);
  file.close();
}

describe('leader epochs', () => {
  test.each(['', '0\n2\n0 0\n1', 'malformed'])(
    'that a killed recovery has not found all of are found again (file: %j)',
    async (left) => {
      let wasKilled = true;
      for (let killedAt = 1; wasKilled; killedAt++) {
        wasKilled = false;
        const world = newWorld();
        const manager = await start(world);
        const log = manager.getOrCreateLog(tp, { isNew: true });
        for (const epoch of [0, 1, 2, 3]) append(log, 8, epoch);
        await log.flush(true);
        manager.checkpointLogRecoveryOffsets();
        const { epochEntries } = log;
        crash(world, 'process');
        world.fs.replaceFile(EPOCHS, left);
        let changes = 0;
        world.fs.fault = (operation) => {
          wasKilled ||= CHANGES.has(operation) && ++changes === killedAt;
          return wasKilled ? Object.assign(new Error('killed'), { code: 'EKILLED', syscall: operation }) : null;
        };
        await start(world).catch(() => undefined);
        world.fs.fault = null;
        expect((await recovered(world)).epochEntries).toEqual(epochEntries);
      }
    },
  );

  test('are those of the batches behind the recovery point, not those of the file', async () => {
    const world = newWorld();
    const log = await newLog(world);
    append(log, 4, 1);
    append(log, 4, 3);
    world.fs.replaceFile(EPOCHS, '0\n2\n1 0\n5 2\n');
    expect((await recovered(world)).epochEntries).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 3, startOffset: 4 },
    ]);
    expect(world.fs.readFile(EPOCHS).toString()).toBe('0\n2\n1 0\n3 4\n');
  });

  test.each([
    ['kept', null],
    ['lost', ''],
  ])('may fall: what was taken under a lower epoch is there after a kill, with the file %s', async (_, file) => {
    const world = newWorld();
    const log = await newLog(world);
    append(log, 4, 5);
    append(log, 12, 2);
    const before = await values(log);
    crash(world, 'process');
    if (file !== null) world.fs.replaceFile(EPOCHS, file);
    const after = await recovered(world);
    expect(await values(after)).toEqual(before);
    expect(after.epochEntries).toEqual([{ epoch: 2, startOffset: 4 }]);
  });

  test('end the log where they fall: what follows was cut once', async () => {
    const world = newWorld();
    const log = await newLog(world);
    append(log, 16, 2);
    const [first] = log.segments;
    const next = log.segments[1]!.baseOffset;
    const path = first!.file.path;
    crash(world, 'process');
    // The first segment was cut and written again under epoch 6; the next ones came back.
    const again = Buffer.concat(range(0, next).map((value, baseOffset) => batch({ values: [value], baseOffset, partitionLeaderEpoch: 6 }))); // prettier-ignore
    world.fs.replaceFile(path, again);
    const after = await recovered(world);
    expect(await values(after)).toEqual(range(0, next));
    expect(after.epochEntries).toEqual([{ epoch: 6, startOffset: 0 }]);
  });
});

describe('a gap between segments', () => {
  async function withGap(world: LogWorld, isSparse: boolean): Promise<void> {
    const log = await newLog(world);
    const at = (baseOffset: number): void => copy(log, baseOffset, 0);
    for (const offset of isSparse ? [0, 1, 4] : [0, 1, 2]) at(offset);
    log.updateConfig({ ...config, segmentBytes: 100 });
    for (const offset of [10, 11]) at(offset);
    crash(world, 'process');
    // As Kafka names it.
    const end = isSparse ? 5 : 3;
    for (const suffix of ['log', 'index', 'timeindex', 'snapshot']) {
      world.fs.rename(`${FOLDER}/${nameOf(end)}.${suffix}`, `${FOLDER}/${nameOf(10)}.${suffix}`);
    }
  }

  const copiesOf = (...offsets: number[]): Buffer[] =>
    offsets.map((baseOffset) => batch({ values: [`${baseOffset}`], baseOffset, partitionLeaderEpoch: 0 }));
  const wrapper = (first: number): Buffer =>
    legacyWrapper(
      1,
      first + 2,
      'gzip',
      [0, 1, 2].map((at) => legacyMessage(1, at, 'k', 1)),
    );

  test.each([
    { title: 'that the cleaner of the leader left', batches: copiesOf(0, 1, 10, 11) },
    { title: 'of which the first message is unknown', batches: [0, 3, 6, 9].map(wrapper) },
  ])('is none where a follower rolls before records $title', async ({ batches }) => {
    const world = newWorld();
    const manager = await startManager(world, {
      defaultConfig: { ...config, segmentBytes: batches[0]!.length + batches[1]!.length },
    });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (const one of batches) log.appendAsFollower(one);
    const state = (of: UnifiedLog): number[] => [of.logEndOffset, of.size];
    const before = state(log);
    expect(log.numberOfSegments).toBeGreaterThan(1);
    const after = await recovered(world);
    expect(state(after)).toEqual(before);
    // No record stands in a segment that a cut before it takes away.
    for (const { baseOffset } of after.segments.slice(1).reverse()) {
      after.truncateTo(baseOffset);
      expect(after.segments.at(-1)!.readNextOffset()).toBe(baseOffset);
    }
  });

  test('stays where the records are too far from the log end for an index', async () => {
    const world = newWorld();
    const log = await newLog(world);
    copy(log, 0, 0);
    copy(log, 2 ** 33, 0);
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 2 ** 33]);
    expect(await offsetsOf(await recovered(world))).toEqual([0, 2 ** 33]);
  });

  test('that the cleaner has left is kept, whatever the policy is today', async () => {
    const world = newWorld();
    await withGap(world, true);
    expect(await offsetsOf((await start(world)).getLog(tp)!)).toEqual([0, 1, 4, 10, 11]);
  });

  test('below the checkpoint of the cleaner is kept', async () => {
    const world = newWorld();
    await withGap(world, false);
    world.fs.replaceFile('/data/cleaner-offset-checkpoint', '0\n1\norders 0 10\n');
    expect(await offsetsOf((await start(world)).getLog(tp)!)).toEqual([0, 1, 2, 10, 11]);
  });

  test.each([
    { compact: true, delete: false },
    { compact: false, delete: true },
  ])('that a loss of power has left ends the log (%j)', async (cleanupPolicy) => {
    const world = newWorld();
    const manager = await startManager(world, { defaultConfig: { ...config, cleanupPolicy } });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let offset = 0; offset < 20; offset++) copy(log, offset, 0);
    const [first, second] = log.segments;
    const { path } = first!.file;
    const lost = batch({ values: [`${second!.baseOffset - 1}`] }).length;
    crash(world, 'process');
    const file = world.fs.open(path, 'r+');
    file.truncate(first!.sizeInBytes - lost);
    file.close();
    const after = (await startManager(world, { defaultConfig: { ...config, cleanupPolicy } })).getLog(tp)!;
    expect(await offsetsOf(after)).toEqual(range(0, second!.baseOffset - 1).map(Number));
  });
});

describe('an offset too far from its segment', () => {
  async function overflowed(world: LogWorld): Promise<string> {
    const log = await newLog(world);
    append(log, 4, 0);
    const { path } = log.segments[0]!.file;
    const batchBytes = log.size / 4;
    crash(world, 'process');
    overwrite(world, path, [1], 2 * batchBytes + 3); // The third batch begins at 2^32 + 2.
    overwrite(world, path, [1], 3 * batchBytes + 3);
    return path;
  }

  test('begins another segment', async () => {
    const world = newWorld();
    await overflowed(world);
    const after = await recovered(world);
    expect(await offsetsOf(after)).toEqual([0, 1, 2 ** 32 + 2, 2 ** 32 + 3]);
    expect(after.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 2 ** 32 + 2]);
    expect(await offsetsOf(await recovered(world))).toEqual([0, 1, 2 ** 32 + 2, 2 ** 32 + 3]);
  });

  test('loses nothing when the process is killed while it is moved', async () => {
    let wasKilled = true;
    for (let killedAt = 1; wasKilled; killedAt++) {
      wasKilled = false;
      const world = newWorld();
      await overflowed(world);
      let changes = 0;
      world.fs.fault = (operation) => {
        wasKilled ||= CHANGES.has(operation) && ++changes === killedAt;
        return wasKilled ? Object.assign(new Error('killed'), { code: 'EKILLED', syscall: operation }) : null;
      };
      await start(world).catch(() => undefined);
      world.fs.fault = null;
      expect(await offsetsOf(await recovered(world))).toEqual([0, 1, 2 ** 32 + 2, 2 ** 32 + 3]);
    }
  });
});

test('an index whose rebuilding was interrupted by a kill is rebuilt again', async () => {
  let wasKilled = true;
  for (let killedAt = 1; wasKilled; killedAt++) {
    wasKilled = false;
    const world = newWorld();
    const manager = await start(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 20, 0);
    const [first] = log.segments;
    const greatest = first!.largestTimestamp();
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
    const index = `${FOLDER}/00000000000000000000.timeindex`;
    const whole = world.fs.readFile(index);
    world.fs.remove(index);
    let changes = 0;
    world.fs.fault = (operation) => {
      wasKilled ||= CHANGES.has(operation) && ++changes === killedAt;
      return wasKilled ? Object.assign(new Error('killed'), { code: 'EKILLED', syscall: operation }) : null;
    };
    await start(world).catch(() => undefined);
    world.fs.fault = null;
    const after = await recovered(world);
    expect(after.segments[0]!.largestTimestamp()).toBe(greatest);
    expect(world.fs.readFile(index)).toEqual(whole);
  }
});

describe('a segment in the middle of the unflushed ones of a log with gaps, with a torn block in it', () => {
  const compacted = { ...LOG_CONFIG, segmentBytes: 700, cleanupPolicy: { compact: true, delete: false } };

  /** The offsets that were appended, the first ones with gaps between them as a cleaner leaves them. */
  async function tornInTheMiddle(world: LogWorld): Promise<number[]> {
    const manager = await startManager(world, { defaultConfig: compacted });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    const written: number[] = [];
    for (let offset = 0; written.length < 60; offset += offset < 10 ? 2 : 1) {
      copy(log, offset, 0);
      written.push(offset);
    }
    const { path, sizeInBytes } = log.segments[2]!.file;
    expect(log.segments.length).toBeGreaterThan(5);
    // Durable, though no checkpoint says so.
    await log.flush(true);
    crash(world, 'process');
    overwrite(
      world,
      path,
      Array.from({ length: 60 }, () => 0),
      Math.floor(sizeInBytes / 2),
    );
    return written;
  }

  test.each([
    { title: 'is killed', crashKind: 'process' as const, isKilled: true },
    { title: 'ends with a loss of power', crashKind: 'power' as const, isKilled: true },
    { title: 'fails for a full disk', crashKind: 'process' as const, isKilled: false },
  ])('leaves no hole, wherever its recovery $title', async ({ crashKind, isKilled }) => {
    let wasReached = true;
    for (let point = 0; wasReached; point++) {
      wasReached = false;
      const world = newWorld(point + 1);
      const written = await tornInTheMiddle(world);
      let changes = 0;
      world.fs.fault = (operation, path) => {
        if (!world.fs.isChange(operation, path) || changes++ !== point) return null;
        wasReached = true;
        return isKilled ? world.fs.halt() : Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
      };
      const started = newManager(world, { defaultConfig: compacted })
        .startup()
        .catch(() => undefined);
      await Promise.race([started, world.clock.advance(10)]);
      world.fs.fault = null;
      crash(world, crashKind);
      const log = (await startManager(world, { defaultConfig: compacted })).getLog(tp)!;
      const kept = written.filter((offset) => offset < log.logEndOffset);
      expect(await offsetsOf(log)).toEqual(kept);
      // What lies before the torn block is there.
      expect(kept.length).toBeGreaterThan(15);
    }
  });
});

test('recovery reads the names in the folder as often for many segments as for few', async () => {
  const readings: number[] = [];
  for (const count of [40, 160]) {
    const world = newWorld();
    const log = await newLog(world);
    append(log, count, 0);
    expect(log.numberOfSegments).toBeGreaterThan(count / 20);
    crash(world, 'process');
    let read = 0;
    world.fs.fault = (operation, path) => {
      if (operation === 'readDir' && path === FOLDER) read++;
      return null;
    };
    await start(world);
    readings.push(read);
  }
  expect(readings[1]).toBe(readings[0]);
});
