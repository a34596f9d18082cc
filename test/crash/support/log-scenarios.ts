/** The central sequences of file operations of one log, each with what the log was told to be in at any moment. */
import type { LogConfig, LogManager, UnifiedLog } from '../../../src/log/index.js';
import { batch, crash, LOG_CONFIG, newManager, type LogWorld } from '../../unit/log/log-fixture.js';
import { PRODUCER_ID } from './check-log.js';
import { LogModel } from './log-model.js';

export const ORDERS = { topic: 'orders', partition: 0 };
export const ID_A = 'sx7Ghl93TiaCGaLSE2wsQw';
const ID_B = 'AAAAAAAAAAAAAAAAAAAAEQ';
/** Small, so that everything happens within a few records. */
const CONFIG: LogConfig = { ...LOG_CONFIG, segmentBytes: 900, indexIntervalBytes: 100 };
/** After `file.delete.delay.ms`, and a checkpoint or two. */
const AFTER_DELETIONS_MS = 60_001;

export interface LogScenario {
  readonly title: string;
  readonly config?: Partial<LogConfig>;
  /** Holds only where a cut or a deletion comes to the disk before what was done after it, as a journal does. */
  readonly needsJournal?: boolean;
  /** What comes before; nothing goes wrong in it. */
  prepare?(run: LogRun): Promise<void>;
  /** The log is loaded from the disk before `during`; that is part of what is looked at. */
  readonly restarts?: boolean;
  during?(run: LogRun): Promise<void>;
}

/** A log in a scenario, and what it may be. */
export class LogRun {
  readonly model = new LogModel(ID_A);
  readonly config: LogConfig;
  manager!: LogManager;
  log!: UnifiedLog;
  epoch = 1;
  /** The power went in `prepare`. */
  hasLostPower = false;
  private sequence = 0;

  constructor(
    readonly world: LogWorld,
    config: Partial<LogConfig> = {},
  ) {
    this.config = { ...CONFIG, ...config };
  }

  async start(): Promise<void> {
    this.manager = newManager(this.world, {
      defaultConfig: this.config,
      producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
    });
    let isStarted = false;
    const started = this.manager.startup().finally(() => (isStarted = true));
    started.catch(() => undefined);
    while (!isStarted) await this.world.clock.advance(0);
    await started;
  }

  create(topicId: string | null = ID_A): void {
    this.log = this.manager.getOrCreateLog(ORDERS, { config: this.config, isNew: true, topicId });
  }

  /** Appends batches of one record each. */
  append(count: number): void {
    for (let index = 0; index < count; index++) {
      const value = `e${this.epoch}-${this.model.now.end}`;
      this.model.appends([value]);
      const records = batch({
        values: [value],
        producerId: PRODUCER_ID,
        producerEpoch: 0,
        baseSequence: this.sequence,
      });
      this.log.appendAsLeader(records, { leaderEpoch: this.epoch });
      this.sequence++;
      this.acknowledged();
    }
  }

  /** What a dead process is told counts for nothing. */
  acknowledged(): void {
    if (!this.world.fs.isHalted) this.model.isDone();
  }

  async flush(): Promise<void> {
    await this.log.flush(true);
    this.manager.checkpointLogRecoveryOffsets();
    if (!this.world.fs.isHalted) this.model.isFlushed(Math.min(this.log.recoveryPoint, this.log.logEndOffset));
  }

  async stop(): Promise<void> {
    await this.manager.shutdown();
    if (!this.world.fs.isHalted) this.model.isFlushed(this.model.now.end);
  }

  /** What is appended next may come in the same turn. */
  truncate(offset: number): void {
    this.model.truncates(offset);
    this.manager.truncateTo([[ORDERS, offset]]);
    this.acknowledged();
    this.sequence = offset;
  }

  startsSequencesAgain(): void {
    this.sequence = 0;
  }

  settle(ms = 0): Promise<void> {
    return this.world.clock.advance(ms);
  }

  crash(kind: 'process' | 'power'): void {
    this.hasLostPower ||= kind === 'power';
    crash(this.world, kind);
  }
}

/** Three epochs over several segments, all but the last flushed. */
async function fill(run: LogRun): Promise<void> {
  run.append(12);
  await run.settle();
  run.epoch = 2;
  run.append(12);
  await run.settle();
  await run.flush();
  run.epoch = 3;
  run.append(8);
  await run.settle();
}

async function fillAndCommit(run: LogRun): Promise<void> {
  await fill(run);
  run.log.updateHighWatermark(run.log.logEndOffset);
}

export const LOG_SCENARIOS: readonly LogScenario[] = [
  {
    title: 'appends, rolls, flushes and checkpoints',
    async during(run) {
      run.append(10);
      await run.settle();
      run.append(6);
      await run.flush();
      run.epoch = 2;
      run.append(14);
      await run.settle();
      await run.flush();
      run.append(5);
    },
  },
  {
    title: 'flush.messages=1',
    config: { flushMessages: 1 },
    async during(run) {
      for (let each = 0; each < 18; each++) {
        if (each === 14) run.epoch = 2;
        run.append(1);
        if (!run.world.fs.isHalted) run.model.isFlushed(run.log.logEndOffset);
        await run.settle();
      }
    },
  },
  {
    title: 'flush.messages=5',
    config: { flushMessages: 5 },
    async during(run) {
      for (let each = 0; each < 22; each++) {
        run.append(1);
        if (!run.world.fs.isHalted) run.model.durable = Math.max(run.model.durable, run.log.recoveryPoint);
      }
      await run.settle();
    },
  },
  {
    title: 'cuts the tail and appends in a new epoch',
    needsJournal: true,
    prepare: fill,
    async during(run) {
      run.truncate(17);
      run.epoch = 5;
      run.append(4);
      await run.settle();
      run.append(12);
      await run.settle();
      await run.flush();
      run.append(3);
    },
  },
  {
    title: 'cuts the tail at the border of two segments',
    needsJournal: true,
    config: { segmentBytes: 400 },
    prepare: fill,
    async during(run) {
      const border = run.log.segments[2]!.baseOffset;
      run.truncate(border);
      await run.settle();
      run.epoch = 5;
      run.append(9);
      await run.settle(AFTER_DELETIONS_MS);
      run.append(3);
    },
  },
  {
    title: 'cuts many flushed segments',
    needsJournal: true,
    config: { segmentBytes: 400 },
    async prepare(run) {
      await fill(run);
      await run.flush();
    },
    async during(run) {
      run.truncate(5);
      run.epoch = 5;
      run.append(7);
      await run.settle(AFTER_DELETIONS_MS);
      run.append(3);
      await run.flush();
    },
  },
  {
    title: 'cuts within the last segment',
    prepare: fill,
    async during(run) {
      run.truncate(31);
      run.epoch = 5;
      run.append(4);
      await run.settle();
      await run.flush();
    },
  },
  {
    title: 'cuts twice, each time for another leader',
    prepare: fill,
    async during(run) {
      run.truncate(26);
      await run.settle();
      run.epoch = 5;
      run.append(7);
      await run.settle();
      run.truncate(28);
      await run.settle();
      run.epoch = 6;
      run.append(7);
      await run.settle();
      await run.flush();
    },
  },
  {
    title: 'drops everything and begins at 200',
    needsJournal: true,
    prepare: fill,
    async during(run) {
      run.model.durable = 0;
      run.model.begins({ end: 0, values: new Map() });
      run.model.begins({ start: 200, end: 200, values: new Map() });
      run.manager.truncateFullyAndStartAt(ORDERS, 200);
      await run.settle();
      run.acknowledged();
      run.startsSequencesAgain();
      run.epoch = 5;
      run.append(6);
      await run.settle();
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'deletes three segments by retention',
    needsJournal: true,
    config: { segmentBytes: 400 },
    prepare: fillAndCommit,
    async during(run) {
      const kept = run.log.segments.slice(3);
      run.log.updateConfig({
        ...run.config,
        retentionBytes: kept.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0),
      });
      run.model.begins({ start: kept[0]!.baseOffset });
      run.log.deleteOldSegments();
      run.acknowledged();
      run.log.updateConfig(run.config);
      run.manager.checkpointLogStartOffsets();
      run.append(3);
      await run.settle(AFTER_DELETIONS_MS);
      await run.flush();
    },
  },
  {
    title: 'deletes every segment by retention',
    needsJournal: true,
    prepare: fillAndCommit,
    async during(run) {
      run.log.updateConfig({ ...run.config, retentionBytes: 0 });
      run.model.begins({ start: run.model.now.end });
      run.log.deleteOldSegments();
      run.acknowledged();
      run.log.updateConfig(run.config);
      run.append(3);
      await run.settle(AFTER_DELETIONS_MS);
      await run.flush();
    },
  },
  {
    title: 'deletes records up to 20',
    prepare: fillAndCommit,
    async during(run) {
      run.model.begins({ start: 20 });
      run.log.maybeIncrementLogStartOffset(20, 'test');
      run.acknowledged();
      run.manager.checkpointLogStartOffsets();
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'is deleted and made again for another topic',
    prepare: fill,
    async during(run) {
      run.model.durable = 0;
      run.model.begins({ start: 0, end: 0, values: new Map(), topicId: ID_B });
      run.manager.asyncDelete(ORDERS);
      await run.settle();
      run.create(ID_B);
      run.acknowledged();
      run.startsSequencesAgain();
      run.epoch = 0;
      run.append(8);
      await run.settle();
      await run.flush();
      await run.settle(AFTER_DELETIONS_MS);
      run.append(2);
    },
  },
  {
    title: 'gets its topic id late',
    async during(run) {
      // One of a topic that had no id yet: nothing was appended.
      run.manager.asyncDelete(ORDERS);
      run.create(null);
      run.log.assignTopicId(ID_A);
      run.append(6);
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'is given epochs without records',
    prepare: fill,
    async during(run) {
      for (const epoch of [4, 5, 6]) {
        run.log.maybeAssignEpochStartOffset(epoch, run.log.logEndOffset);
        run.epoch = epoch;
        run.append(epoch === 5 ? 0 : 2);
        await run.settle();
      }
      await run.flush();
      run.log.maybeAssignEpochStartOffset(7, run.log.logEndOffset);
    },
  },
  {
    title: 'is shut down cleanly',
    prepare: fill,
    during: (run) => run.stop(),
  },
  {
    title: 'starts after a clean shutdown and is appended to',
    async prepare(run) {
      await fill(run);
      await run.stop();
    },
    restarts: true,
    async during(run) {
      run.append(7);
      await run.settle();
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'starts after a clean shutdown and is cut',
    async prepare(run) {
      await fill(run);
      await run.stop();
    },
    restarts: true,
    async during(run) {
      run.truncate(27);
      run.epoch = 5;
      run.append(7);
      await run.settle();
    },
  },
  {
    title: 'recovers after its process was killed',
    async prepare(run) {
      await fill(run);
      run.crash('process');
    },
    restarts: true,
    async during(run) {
      run.append(3);
      await run.settle();
    },
  },
  {
    title: 'recovers after a loss of power',
    async prepare(run) {
      await fill(run);
      run.crash('power');
    },
    restarts: true,
  },
  {
    title: 'recovers after it was cut and the power went',
    async prepare(run) {
      await fill(run);
      run.truncate(27);
      run.epoch = 5;
      run.append(9);
      await run.settle();
      run.crash('power');
    },
    restarts: true,
  },
  {
    title: 'finds its epochs again from the records',
    async prepare(run) {
      await fill(run);
      await run.flush();
      run.crash('process');
      // As a loss of power leaves a file that was renamed unsynced.
      emptyFile(run, 'leader-epoch-checkpoint');
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'builds a missing index again',
    async prepare(run) {
      await fill(run);
      await run.stop();
      for (const suffix of ['index', 'timeindex']) {
        run.world.fs.remove(`${run.log.dir}/00000000000000000000.${suffix}`);
      }
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'builds its producers again without a snapshot',
    async prepare(run) {
      await fill(run);
      await run.flush();
      run.crash('process');
      const { fs } = run.world;
      for (const name of fs.readDir(run.log.dir)) {
        if (name.endsWith('.snapshot')) fs.remove(`${run.log.dir}/${name}`);
      }
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
];

function emptyFile(run: LogRun, name: string): void {
  const handle = run.world.fs.open(`${run.log.dir}/${name}`, 'w+');
  handle.syncSync();
  handle.close();
}
