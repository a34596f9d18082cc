/** What follows when the checkpoints of recovery points and log starts cannot be written, or files not be opened, at a start or a stop. */
import type { FaultInjector } from '../../../src/testing/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { crash, newManager, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint';
const LOG_STARTS = 'log-start-offset-checkpoint';

let world: LogWorld;
beforeEach(() => {
  world = newWorld();
});

function append(log: UnifiedLog, from: number, count: number): void {
  log.appendAsLeader(numbered(from, count), { leaderEpoch: 0 });
}

function noHandlesFor(when: (path: string) => boolean): FaultInjector {
  return (operation, path) =>
    operation === 'open' && when(path)
      ? Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' })
      : null;
}

function contentOf(path: string): string {
  return world.fs.exists(path) ? world.fs.readFile(path).toString() : '';
}

async function stop(manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

describe('a stop at which a checkpoint cannot be written', () => {
  test.each([RECOVERY_POINTS, LOG_STARTS])('(%s) leaves no mark of a clean one', async (name) => {
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 0, 3);
    log.updateHighWatermark(3);
    log.maybeIncrementLogStartOffset(2, 'test');
    world.fs.fault = noHandlesFor((path) => path.includes(name));
    await stop(manager);
    world.fs.fault = null;
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(false);
    expect(log.isClosed).toBe(true);
    expect((await startManager(world)).getLog(tp)!.logEndOffset).toBe(3);
  });
});

describe('a start for which the process may not open enough files', () => {
  async function startsOnce(fault: FaultInjector): Promise<void> {
    const failed: string[] = [];
    world.fs.fault = fault;
    const starting = newManager(world, { onLogDirFailure: (dir) => failed.push(dir) }).startup();
    const refused = expect(starting).rejects.toThrow(/files open .*ulimit -n/);
    await world.clock.advance(0);
    await refused;
    world.fs.fault = null;
    expect(failed).toEqual([]);
    // The process ends.
    crash(world, 'process');
  }

  test('fails, instead of giving up the replicas of a directory', async () => {
    const before = await startManager(world);
    append(before.getOrCreateLog(tp, { isNew: true }), 0, 3);
    await stop(before);
    await startsOnce(noHandlesFor((path) => path.includes('orders-0/')));
    const after = await startManager(world);
    expect(after.offlineLogDirs).toEqual([]);
    expect(await readAll(after.getLog(tp)!)).toHaveLength(3);
  });

  test('fails rather than leave a recovery point that recovery found wrong', async () => {
    const before = await startManager(world);
    const log = before.getOrCreateLog(tp, { isNew: true });
    append(log, 0, 3);
    append(log, 3, 3);
    await log.flush(true);
    before.checkpointLogRecoveryOffsets();
    expect(contentOf(`/data/${RECOVERY_POINTS}`)).toContain('orders 0 6');
    const file = world.fs.open(log.segments[0]!.file.path, 'r+');
    file.truncate(log.segments[0]!.sizeInBytes - 1);
    file.close();
    crash(world, 'process');
    await startsOnce(noHandlesFor((path) => path.includes(RECOVERY_POINTS) && path.endsWith('.tmp')));
    const after = await startManager(world);
    expect(after.getLog(tp)!.logEndOffset).toBe(3);
    expect(contentOf(`/data/${RECOVERY_POINTS}`)).not.toContain('orders 0 6');
  });

  test('is not one for a disk that fails', async () => {
    const before = await startManager(world);
    append(before.getOrCreateLog(tp, { isNew: true }), 0, 3);
    await stop(before);
    world.fs.fault = (operation, path) =>
      operation === 'open' && path.includes('orders-0/')
        ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'open' })
        : null;
    const manager = await startManager(world);
    expect(manager.offlineLogDirs).toEqual(['/data']);
  });
});
