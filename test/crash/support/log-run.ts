/** One log that goes through a scenario, and what every scenario begins with. */
import type { LogConfig, LogManager, UnifiedLog } from '../../../src/log/index.js';
import { batch, crash, LOG_CONFIG, newManager, type LogWorld } from '../../unit/log/log-fixture.js';
import { PRODUCER_ID } from './check-log.js';
import { LogModel } from './log-model.js';

export const ORDERS = { topic: 'orders', partition: 0 };
export const ID_A = 'sx7Ghl93TiaCGaLSE2wsQw';
/** Small, so that everything happens within a few records. */
const CONFIG: LogConfig = { ...LOG_CONFIG, segmentBytes: 900, indexIntervalBytes: 100 };
/** After `file.delete.delay.ms`, and a checkpoint or two. */
export const AFTER_DELETIONS_MS = 60_001;

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
  /** Looks at what the log manager has left beside the log after the restart; what is wrong. */
  check?(run: LogRun): Promise<string | null>;
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

  /** The next batch has this sequence. */
  appendsSequence(sequence: number): void {
    this.sequence = sequence;
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
export async function fill(run: LogRun): Promise<void> {
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

export async function fillAndCommit(run: LogRun): Promise<void> {
  await fill(run);
  run.log.updateHighWatermark(run.log.logEndOffset);
}
