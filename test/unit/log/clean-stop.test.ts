/** The stop of a broker whose logs have just been cut: it waits while they settle, and leaves what does not to be recovered as after a kill. */
import type { FileHandle } from '../../../src/common/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { crash, LOG_CONFIG, newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

const MARK = '/data/.kafka_cleanshutdown';
const SEGMENTS = 5;
const COUNT = 12;

let world: LogWorld;
let manager: LogManager;
let logs: UnifiedLog[];

/** Logs of several segments, all of them flushed and checkpointed. */
beforeEach(async () => {
  world = newWorld();
  manager = await startManager(world, { defaultConfig: LOG_CONFIG });
  logs = Array.from({ length: COUNT }, (_, partition) =>
    manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true }),
  );
  for (const log of logs) {
    for (let at = 0; at < SEGMENTS; at++) {
      for (let each = 0; each < 10; each++) log.appendAsLeader(numbered(at * 10 + each, 1), { leaderEpoch: 0 });
      if (at < SEGMENTS - 1) log.roll();
    }
  }
  await world.clock.advance(1000);
  for (const log of logs) void log.flush(true);
  await world.clock.advance(1000);
  manager.checkpointLogRecoveryOffsets();
});

/** Where they are cut, in the segment before the last. */
const END = (SEGMENTS - 1) * 10 - 1;
const cutAll = (): void => logs.forEach((log) => log.truncateTo(END));
const epochsOf = (log: UnifiedLog): string => world.fs.readFile(`${log.dir}/leader-epoch-checkpoint`).toString();

/** Stops the broker, and tells how long that took by the clock, or that it did not end. */
async function stop(upToMs = 3_600_000): Promise<number | null> {
  const beganMs = world.clock.nowMs();
  let endedMs: number | null = null;
  void manager.shutdown().then(() => (endedMs = world.clock.nowMs() - beganMs));
  for (let ms = 0; ms < upToMs && endedMs === null; ms += 1000) await world.clock.advance(1000);
  return endedMs;
}

/** Starts again after a kill; gives the logs' segments that are read for it, by folder. */
async function startAndRead(): Promise<{ manager: LogManager; read: ReadonlyMap<string, number> }> {
  crash(world, 'process');
  world.fs.pace = null;
  world.fs.fault = null;
  const segments = new Set<string>();
  const { fs } = world;
  const open = fs.open.bind(fs);
  fs.open = (path, mode): FileHandle => {
    const handle = open(path, mode);
    if (!path.endsWith('.log')) return handle;
    const readSync = handle.readSync.bind(handle);
    handle.readSync = (...where) => {
      segments.add(path);
      return readSync(...where);
    };
    return handle;
  };
  const next = await startManager(world, { defaultConfig: LOG_CONFIG });
  const read = new Map<string, number>();
  for (const path of segments) {
    const dir = path.slice(0, path.lastIndexOf('/'));
    read.set(dir, (read.get(dir) ?? 0) + 1);
  }
  return { manager: next, read };
}

test('a stop waits for cuts as long as they go on settling, however slow the disk is, and is clean then', async () => {
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 10_000 : 0) };
  cutAll();
  const tookMs = await stop();
  expect(tookMs).toBeGreaterThan(60_000);
  expect(world.fs.exists(MARK)).toBe(true);
  for (const log of logs) expect(epochsOf(log)).toMatch(/^0\n1\n0 0\n$/);
});

describe('a cut that never settles', () => {
  test.each([
    {
      title: 'as its disk hangs',
      break: () => {
        const delayMs = (operation: string, path: string): number =>
          operation === 'sync' && path.startsWith('/data/orders-0') ? 36_000_000 : 0;
        world.fs.pace = { clock: world.clock, delayMs };
      },
    },
    {
      title: 'for want of handles',
      break: () => {
        world.fs.fault = (operation, path) =>
          operation === 'open' && path === '/data/orders-0'
            ? Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })
            : null;
      },
    },
  ])('$title, ends the stop without the mark, and no log is read whole for it by the next start', async (fault) => {
    fault.break();
    cutAll();
    const tookMs = await stop();
    expect(tookMs).not.toBeNull();
    expect(tookMs).toBeLessThan(120_000);
    expect(world.fs.exists(MARK)).toBe(false);
    for (const log of logs) expect(epochsOf(log)).toMatch(/^0\n1\n0 0\n$/);
    const { manager: next, read } = await startAndRead();
    for (const { dir, topicPartition } of logs) {
      expect(next.getLog(topicPartition)!.logEndOffset).toBe(END);
      // The one in which the recovery point lies.
      expect(read.get(dir)).toBe(1);
    }
  });
});
