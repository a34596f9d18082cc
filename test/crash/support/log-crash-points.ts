import type { DiskError, FileOperation } from '../../../src/testing/index.js';
import { LogError, type UnifiedLog } from '../../../src/log/index.js';
import { RecordsError } from '../../../src/records/index.js';
import { batch, newWorld, readAll } from '../../unit/log/log-fixture.js';
import { describe as textOf, findFault } from './check-log.js';
import { FaultList, type Sweep } from './report.js';
import { LogRun, ORDERS, type LogScenario } from './log-run.js';

export type CrashKind = 'process' | 'power';

/** What became of one crash. */
interface Outcome {
  /** Changing operations of the scenario, or those before the crash. */
  readonly points: number;
  /** The operation at which the process ended; empty when it came to the end of the scenario. */
  readonly at: string;
  readonly fault: string | null;
}

/** Ends the process, or the machine, at every changing operation of a scenario and after the last; `draws` times at each. */
export async function sweepLogScenario(scenario: LogScenario, kind: CrashKind, draws: number): Promise<Sweep> {
  const { points } = await crashAt(scenario, kind, Infinity, 1);
  const faults = new FaultList();
  let tried = 0;
  for (let point = 1; point <= points + 1; point++) {
    for (let draw = 1; draw <= draws; draw++, tried++) {
      const { fault, at } = await crashAt(scenario, kind, point, draw);
      if (fault !== null) faults.add(`point ${point} draw ${draw} (${at})`, fault);
    }
  }
  return { points, tried, faults: faults.lines() };
}

/** Runs the scenario up to a point, starts again, and looks at what is there. */
export async function crashAt(scenario: LogScenario, kind: CrashKind, point: number, draw: number): Promise<Outcome> {
  const world = newWorld(draw * 7919 + (Number.isFinite(point) ? point : 0));
  const { fs, random } = world;
  if (!scenario.needsJournal) fs.lostOrders = ['journal', 'folders', 'entries'];
  else fs.lostOrders = ['journal'];
  fs.makeDir('/data');
  fs.syncDir('/');
  const run = new LogRun(world, scenario.config);
  await run.start();
  run.create();
  await scenario.prepare?.(run);
  let points = 0;
  let at = '';
  fs.fault = (operation: FileOperation, path: string, length: number): DiskError | null => {
    if (!fs.isChange(operation, path) || ++points !== point) return null;
    at = `${operation} ${path}`;
    return fs.halt(draw === 1 ? length >> 1 : random.nextInt(length + 1));
  };
  try {
    if (scenario.restarts) {
      await run.start();
      const log = run.manager.getLog(ORDERS);
      if (log) run.log = log;
      else if (!fs.isHalted) return { points, at, fault: 'the log is missing before anything went wrong' };
    }
    if (!fs.isHalted) await scenario.during?.(run);
  } catch (error) {
    if (!fs.isHalted) throw error;
  }
  fs.fault = null;
  run.crash(kind);
  return { points, at, fault: await findFaultAfterRestart(run, scenario) };
}

async function findFaultAfterRestart(run: LogRun, scenario: LogScenario): Promise<string | null> {
  const { model, world } = run;
  try {
    await run.start();
  } catch (error) {
    return `does not start: ${messageOf(error)}`;
  }
  if (run.manager.offlineLogDirs.length > 0) return 'the directory is offline';
  const log = run.manager.getLog(ORDERS);
  if (!log) return model.leastEnd(run.hasLostPower) === 0 ? null : 'the log is missing';
  try {
    const fault = await findFault(log, model, run.hasLostPower);
    if (fault !== null) return fault;
    const faultBeside = (await scenario.check?.(run)) ?? null;
    if (faultBeside !== null) return faultBeside;
    return await findFaultAfterCleanStop(run, log);
  } catch (error) {
    if (error instanceof LogError || error instanceof RecordsError) return `throws ${messageOf(error)}`;
    throw error;
  } finally {
    world.process.alive = false;
  }
}

/** It goes on, is stopped cleanly, and is the same after the power went. */
async function findFaultAfterCleanStop(run: LogRun, log: UnifiedLog): Promise<string | null> {
  const before = textOf(await readAll(log));
  log.appendAsLeader(batch({ values: ['more'] }), { leaderEpoch: 9 });
  await run.manager.shutdown();
  run.crash('power');
  try {
    await run.start();
  } catch (error) {
    return `goes on, is stopped cleanly, and does not start: ${messageOf(error)}`;
  }
  const again = run.manager.getLog(ORDERS);
  if (!again) return 'is missing after a clean stop';
  const after = textOf(await readAll(again));
  return after.startsWith(before) && after.endsWith('=more') ? null : `after a clean stop ${before} is ${after}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 120)}` : String(error);
}
