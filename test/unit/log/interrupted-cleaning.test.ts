import { iterateBatches } from '../../../src/records/index.js';
import { batch, crash, LOG_CONFIG, newWorld, readAll, startManager, type LogWorld } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };
const FOLDER = '/data/orders-0';
const config = { ...LOG_CONFIG, segmentBytes: 400 };
const SUFFIXES = ['log', 'index', 'timeindex'];

/** A log of three segments, flushed, as a killed broker leaves it. Gives the base offsets. */
async function killedWithSegments(world: LogWorld): Promise<number[]> {
  world.fs.makeDir('/data');
  world.fs.syncDir('/');
  const manager = await startManager(world, { defaultConfig: config });
  const log = manager.getOrCreateLog(tp, { isNew: true });
  for (let at = 0; at < 14; at++) log.appendAsLeader(batch({ values: [`${at}`] }), { leaderEpoch: 0 });
  const flushed = log.flush(true);
  await world.clock.advance(0);
  await flushed;
  manager.checkpointLogRecoveryOffsets();
  crash(world, 'process');
  return log.segments.map(({ baseOffset }) => baseOffset);
}

/** A cleaned segment of every second record of others. */
function putCleaned(world: LogWorld, bases: readonly number[], end: '.cleaned' | '.swap'): void {
  const { fs } = world;
  const kept = bases
    .flatMap((base) => [...iterateBatches(fs.readFile(pathOf(base, 'log')))])
    .filter(({ baseOffset }) => baseOffset % 2 === 0);
  for (const suffix of SUFFIXES) {
    const file = fs.open(pathOf(bases[0]!, suffix) + end, 'w+');
    if (suffix === 'log') file.writeSync([Buffer.concat(kept.map(({ bytes }) => bytes))], 0);
    file.syncSync();
    file.close();
  }
  fs.syncDir(FOLDER);
}

/** Ends the process at a change of the disk; false when it made fewer. */
async function startAndHaltAt(world: LogWorld, point: number): Promise<boolean> {
  const { fs } = world;
  let points = 0;
  fs.fault = (operation, path) => (fs.isChange(operation, path) && ++points === point ? fs.halt() : null);
  try {
    await startManager(world, { defaultConfig: config });
  } catch (error) {
    if (!fs.isHalted) throw error;
  }
  fs.fault = null;
  return fs.isHalted;
}

async function offsetsAfterStart(world: LogWorld): Promise<number[]> {
  const log = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
  return (await readAll(log)).map(({ offset }) => offset);
}

function pathOf(offset: number, suffix: string): string {
  return `${FOLDER}/${String(offset).padStart(20, '0')}.${suffix}`;
}

test('a segment that waits for a cleaned one before it is not taken by the start after one that was killed', async () => {
  let isKilled = true;
  for (let point = 1; isKilled; point++) {
    const world = newWorld();
    const bases = await killedWithSegments(world);
    putCleaned(world, [bases[0]!], '.cleaned');
    putCleaned(world, [bases[1]!], '.swap');
    isKilled = await startAndHaltAt(world, point);
    crash(world, 'process');
    const offsets = await offsetsAfterStart(world);
    expect({ point, offsets }).toEqual({ point, offsets: Array.from({ length: 14 }, (_, at) => at) });
  }
});

test('a cleaned segment takes the place of the old ones for good, wherever the power goes', async () => {
  let isKilled = true;
  for (let point = 1; isKilled; point++) {
    for (let seed = 1; seed <= 10; seed++) {
      const world = newWorld(seed);
      world.fs.lostOrders = ['entries'];
      const bases = await killedWithSegments(world);
      putCleaned(world, bases.slice(0, 2), '.swap');
      isKilled = await startAndHaltAt(world, point);
      crash(world, 'power');
      const offsets = await offsetsAfterStart(world);
      const [, , third] = bases;
      const expected = Array.from({ length: 14 }, (_, at) => at).filter((at) => at % 2 === 0 || at >= third!);
      expect({ point, seed, offsets }).toEqual({ point, seed, offsets: expected });
    }
  }
});
