import { crash, LOG_CONFIG, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';
import type { LogManager } from '../../../src/log/index.js';

const tp = { topic: 'orders', partition: 0 };
const config = { ...LOG_CONFIG, segmentBytes: 2000 };

function killAt(world: LogWorld, operation: string, count: number): void {
  let done = 0;
  world.fs.fault = (each) =>
    each === operation && ++done >= count
      ? Object.assign(new Error('killed'), { code: 'EKILLED', syscall: operation })
      : null;
}

describe.each([
  { title: 'within the log', cut: (manager: LogManager): unknown => manager.truncateTo([[tp, 50]]) },
  { title: 'to another start', cut: (manager: LogManager): unknown => manager.truncateFullyAndStartAt(tp, 5000) },
])('a process killed while it truncates $title', ({ cut }) => {
  test('leaves a log without a hole, wherever it is killed', async () => {
    let killed = 0;
    for (let rename = 1; rename <= 40; rename++) {
      const world = newWorld();
      const before = await startManager(world, { defaultConfig: config });
      const log = before.getOrCreateLog(tp, { isNew: true });
      for (let at = 0; at < 600; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: 1 });
      await log.flush(true);
      before.checkpointLogRecoveryOffsets();
      killAt(world, 'rename', rename);
      try {
        cut(before);
      } catch {
        killed++;
      }
      world.fs.fault = null;
      crash(world, 'process');
      const after = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
      const records = await readAll(after);
      expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => records[0]!.offset + at));
      expect(after.logEndOffset).toBe(records.length > 0 ? records.at(-1)!.offset + 1 : after.logStartOffset);
    }
    expect(killed).toBeGreaterThan(10);
  });
});
