import { batch, LOG_CONFIG, newWorld, startManager, type LogWorld } from './log-fixture.js';
import type { UnifiedLog } from '../../../src/log/index.js';

const tp = { topic: 'orders', partition: 0 };
const MIB = 1024 * 1024;
const FILLING = batch({ values: ['x'.repeat(512 * 1024)] });

function fill(log: UnifiedLog, mebibytes: number): void {
  for (let at = 0; at < 2 * mebibytes; at++) log.appendAsLeader(Buffer.from(FILLING), { leaderEpoch: 0 });
}

function send(log: UnifiedLog, baseSequence: number): boolean {
  const records = batch({ producerId: 7, producerEpoch: 0, baseSequence });
  return log.appendAsLeader(records, { leaderEpoch: 0 }).duplicate;
}

async function restarted(world: LogWorld, write: (log: UnifiedLog) => void): Promise<UnifiedLog> {
  const manager = await startManager(world);
  write(manager.getOrCreateLog(tp, { isNew: true, config: { ...LOG_CONFIG, indexIntervalBytes: 4096 } }));
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
  return (await startManager(world)).getLog(tp)!;
}

/** Reads of the log file while `work` runs; a walk reads a MiB with each. */
function readsDuring(world: LogWorld, work: () => void): number {
  let reads = 0;
  world.fs.fault = (operation, path) => {
    if (operation === 'read' && path.endsWith('.log')) reads++;
    return null;
  };
  work();
  world.fs.fault = null;
  return reads;
}

test('a retry is not sought before the first batch of its producer', async () => {
  const world = newWorld();
  const log = await restarted(world, (each) => {
    fill(each, 6);
    send(each, 0);
    send(each, 1);
  });
  let duplicate = false;
  const reads = readsDuring(world, () => {
    duplicate = send(log, 0);
  });
  expect(duplicate).toBe(true);
  expect(reads).toBeLessThan(6);
});

test('a retry is sought only as far back as can be walked without holding others up', async () => {
  const world = newWorld();
  const log = await restarted(world, (each) => {
    send(each, 0);
    fill(each, 24);
    send(each, 1);
  });
  expect(log.size).toBeGreaterThan(24 * MIB);
  const reads = readsDuring(world, () => expect(() => send(log, 0)).toThrow('Out of order sequence'));
  expect(reads).toBeLessThan(40);
});
