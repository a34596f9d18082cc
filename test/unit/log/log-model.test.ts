/** A log against the simplest thing it could be: a list of records. */
import type { LogManager } from '../../../src/log/index.js';
import { type UnifiedLog } from '../../../src/log/index.js';
import { LOG_CONFIG, crash, newManager, newWorld, numbered, readAll, type LogWorld } from './log-fixture.js';
import { fc } from '../../support/fast-check.js';

const tp = { topic: 'orders', partition: 0 };
const CONFIG = { ...LOG_CONFIG, segmentBytes: 700, indexIntervalBytes: 100, segmentIndexBytes: 100 };

type Step =
  | { kind: 'append'; batches: number; records: number }
  | { kind: 'truncate'; back: number }
  | { kind: 'deleteRecords'; forward: number }
  | { kind: 'retain' }
  | { kind: 'restart'; clean: boolean }
  | { kind: 'wait'; ms: number }
  | { kind: 'flush' }
  | { kind: 'readFrom'; part: number; maxBytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      batches: fc.integer({ min: 1, max: 8 }),
      records: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.integer({ min: 0, max: 40 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('deleteRecords' as const), forward: fc.integer({ min: 0, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'retain' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), clean: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 70_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('readFrom' as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.integer({ min: 1, max: 2000 }),
    }),
  },
);

/** What the log must be: the values by offset from `start` on; batches are of one epoch. */
class Model {
  start = 0;
  values: string[] = [];
  /** The offsets behind each batch. */
  batchEnds: number[] = [];
  written = 0;

  get end(): number {
    return this.start + this.values.length;
  }
}

class Run {
  readonly model = new Model();
  epoch = 0;

  private constructor(
    private readonly world: LogWorld,
    private manager: LogManager,
    private log: UnifiedLog,
  ) {}

  static async begin(): Promise<Run> {
    const world = newWorld();
    const manager = newManager(world);
    await startAll(world, manager);
    return new Run(world, manager, manager.getOrCreateLog(tp, { config: CONFIG, isNew: true }));
  }

  async apply(step: Step): Promise<void> {
    const { model, log } = this;
    switch (step.kind) {
      case 'append':
        for (let at = 0; at < step.batches; at++) {
          log.appendAsLeader(numbered(model.written, step.records), { leaderEpoch: this.epoch });
          for (let index = 0; index < step.records; index++) model.values.push(`${model.written++}`);
          model.batchEnds.push(model.end);
        }
        log.updateHighWatermark(log.logEndOffset);
        break;
      case 'truncate': {
        // A leader names the end of one of its batches.
        const wanted = Math.max(model.start, model.end - step.back);
        const to = model.batchEnds.filter((end) => end <= wanted).at(-1) ?? model.start;
        const end = Math.max(to, model.start);
        log.truncateTo(end);
        model.values.length = end - model.start;
        model.batchEnds = model.batchEnds.filter((other) => other <= end);
        this.epoch++;
        break;
      }
      case 'deleteRecords': {
        const to = Math.min(model.end, model.start + step.forward);
        log.maybeIncrementLogStartOffset(to, 'test');
        model.values = model.values.slice(to - model.start);
        model.start = to;
        break;
      }
      case 'retain': {
        log.deleteOldSegments();
        expect(log.segments[0]!.baseOffset).toBeLessThanOrEqual(model.start);
        break;
      }
      case 'restart': {
        if (step.clean) {
          const stopped = this.manager.shutdown();
          await this.world.clock.advance(1);
          await stopped;
        } else {
          // The log start offset is only written down now and then.
          this.manager.checkpointLogStartOffsets();
          crash(this.world, 'process');
        }
        this.manager = newManager(this.world);
        await startAll(this.world, this.manager);
        this.log = this.manager.getLog(tp)!;
        this.log.updateHighWatermark(this.log.logEndOffset);
        break;
      }
      case 'wait':
        await this.world.clock.advance(step.ms);
        break;
      case 'flush':
        await log.flush(true);
        expect(log.recoveryPoint).toBe(log.logEndOffset);
        break;
      case 'readFrom': {
        const from = model.start + Math.floor(step.part * model.values.length);
        const records = await readAll(log, from, step.maxBytes);
        expect(records.map(({ offset, value }) => `${offset}=${value}`)).toEqual(expectedFrom(model, from));
        break;
      }
    }
    expect({ start: this.log.logStartOffset, end: this.log.logEndOffset }).toEqual({
      start: model.start,
      end: model.end,
    });
  }

  async check(): Promise<void> {
    const records = await readAll(this.log);
    expect(records.map(({ offset, value }) => `${offset}=${value}`)).toEqual(
      expectedFrom(this.model, this.model.start),
    );
    for (const segment of this.log.segments) {
      expect(segment.offsetIndex.entries).toBeLessThanOrEqual(segment.offsetIndex.maxEntries);
    }
  }
}

function expectedFrom(model: Model, from: number): string[] {
  return model.values
    .map((value, at) => ({ offset: model.start + at, value }))
    .filter(({ offset }) => offset >= from)
    .map(({ offset, value }) => `${offset}=${value}`);
}

async function startAll(world: LogWorld, manager: LogManager): Promise<void> {
  const started = manager.startup(async () => new Map([['orders', CONFIG]]));
  await world.clock.advance(0);
  await started;
}

test('a log is the records that were appended and not cut, whatever happens in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const run = await Run.begin();
      for (const one of steps) await run.apply(one);
      await run.check();
    }),
    { numRuns: 150 },
  );
});
