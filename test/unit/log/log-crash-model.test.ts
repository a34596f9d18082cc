/**
 * A log through appends, truncations, flushes and stops of every kind. Whatever happened, what was made durable is there after the
 * next start; and what lies behind it is what the log held at some moment since, whole and valid, with the leader epochs it had.
 */
import { seededRandom, type Random } from '../../../src/common/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { iterateBatches } from '../../../src/records/index.js';
import { TP } from './filled-log.js';
import { LOG_CONFIG, batch, bytesOf, crash, newManager, newWorld, type LogWorld } from './log-fixture.js';

const CONFIG = { ...LOG_CONFIG, segmentBytes: 40_000, indexIntervalBytes: 1500 };

/** A batch as the model remembers it: its offsets, epoch and content in one word. */
interface Written {
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly epoch: number;
  readonly name: string;
}

const endOf = (batches: readonly Written[]): number => batches.at(-1)?.endOffset ?? 0;

class Run {
  private readonly world: LogWorld;
  private readonly random: Random;
  private manager!: LogManager;
  private log!: UnifiedLog;
  private batches: Written[] = [];
  /** What the log was before each truncation since the last start. */
  private former: (readonly Written[])[] = [];
  /** Everything before it is on the disk. */
  private durableEnd = 0;
  private epoch = 0;
  private count = 0;

  constructor(
    seed: number,
    private readonly flushMessages = Number.MAX_SAFE_INTEGER,
  ) {
    this.world = newWorld(seed);
    this.random = seededRandom(seed + 1000);
  }

  async begin(): Promise<void> {
    await this.start();
    this.log = this.manager.getOrCreateLog(TP, { isNew: true });
    // The folder of a partition that nothing was flushed of may be gone with the power.
    await this.log.flush(true);
  }

  async step(): Promise<void> {
    const { random } = this;
    switch (random.nextInt(14)) {
      case 0:
        await this.flush(() => undefined);
        break;
      case 1:
        await this.flush(() => (random.nextInt(2) === 0 ? this.truncate() : this.append()));
        break;
      case 2:
        await this.truncate();
        break;
      case 3:
        this.manager.checkpointLogRecoveryOffsets();
        break;
      case 4:
        await this.world.clock.advance(random.nextInt(70_000));
        break;
      case 5:
        crash(this.world, 'process');
        await this.restart('nothing');
        break;
      case 6:
        crash(this.world, 'power');
        await this.restart('undurable');
        break;
      case 7:
        await this.stopCleanly();
        if (random.nextInt(2) === 0) crash(this.world, 'power');
        await this.restart('nothing');
        break;
      default:
        for (let times = random.nextInt(8); times >= 0; times--) this.append();
    }
    expect(this.log.recoveryPoint).toBeLessThanOrEqual(this.log.logEndOffset);
  }

  async end(): Promise<void> {
    await this.flush(() => undefined);
    this.manager.checkpointLogRecoveryOffsets();
    crash(this.world, 'power');
    await this.restart('undurable');
  }

  private append(): void {
    const name = `${this.count++}`;
    const values = Array.from(
      { length: 1 + this.random.nextInt(3) },
      () => `${name}.${'x'.repeat(this.random.nextInt(1500))}`,
    );
    const info = this.log.appendAsLeader(batch({ values }), { leaderEpoch: this.epoch });
    const baseOffset = info.firstOffset!.messageOffset;
    this.batches.push({ baseOffset, endOffset: info.lastOffset + 1, epoch: this.epoch, name });
    if (this.flushMessages === 1) this.durableEnd = info.lastOffset + 1;
  }

  /** Where a leader would have it: at the end of some batch. The epoch of what is written then is another. */
  private async truncate(): Promise<void> {
    const cut = this.random.nextInt(this.random.nextInt(3) === 0 ? 80 : 8);
    const keep = Math.max(0, this.batches.length - cut);
    this.former.push(this.batches);
    this.batches = this.batches.slice(0, keep);
    this.manager.truncateTo([[TP, endOf(this.batches)]]);
    // The lower recovery point is written before anything else happens.
    await this.world.clock.advance(0);
    this.durableEnd = Math.min(this.durableEnd, endOf(this.batches));
    this.epoch++;
  }

  /** Flushes; `meanwhile` happens before the disk has answered. */
  private async flush(meanwhile: () => void | Promise<void>): Promise<void> {
    const [upTo, truncations] = [endOf(this.batches), this.former.length];
    const flushed = this.log.flush(this.random.nextInt(2) === 0);
    await meanwhile();
    await flushed;
    if (this.former.length === truncations) this.durableEnd = Math.max(this.durableEnd, upTo);
  }

  private async stopCleanly(): Promise<void> {
    const stopped = this.manager.shutdown();
    await this.world.clock.advance(1);
    await stopped;
    this.durableEnd = endOf(this.batches);
    this.former = [];
  }

  private async start(): Promise<void> {
    this.manager = newManager(this.world, { defaultConfig: { ...CONFIG, flushMessages: this.flushMessages } });
    const started = this.manager.startup();
    await this.world.clock.advance(0);
    await started;
  }

  private async restart(lost: 'nothing' | 'undurable'): Promise<void> {
    await this.start();
    this.log = this.manager.getLog(TP)!;
    const found = await this.readAll();
    const namesOf = (batches: readonly Written[]): string => batches.map(({ name }) => name).join();
    if (lost === 'nothing') {
      expect(namesOf(found)).toBe(namesOf(this.batches));
    } else {
      const durable = this.batches.filter((one) => one.endOffset <= this.durableEnd);
      expect(namesOf(found.slice(0, durable.length))).toBe(namesOf(durable));
      const origin = [this.batches, ...this.former].map((state) => namesOf(state.slice(0, found.length)));
      expect(origin).toContain(namesOf(found));
      this.former = [];
    }
    this.batches = found;
    this.epoch++;
    const starts = new Map<number, number>();
    for (const { epoch, baseOffset } of found) if (!starts.has(epoch)) starts.set(epoch, baseOffset);
    expect(this.log.epochEntries).toEqual([...starts].map(([epoch, startOffset]) => ({ epoch, startOffset })));
    expect(this.log.logEndOffset).toBe(endOf(found));
  }

  /** The whole log by reads from places all over it, so that the indexes are used. */
  private async readAll(): Promise<Written[]> {
    const found: Written[] = [];
    while (endOf(found) < this.log.logEndOffset) {
      const read = await this.log.read(endOf(found), 1 + this.random.nextInt(20_000), 'LOG_END', true);
      for (const view of iterateBatches(bytesOf(read))) {
        view.ensureValid();
        const [first] = view.records();
        const name = first!.value!.toString().split('.')[0]!;
        found.push({ baseOffset: view.baseOffset, endOffset: view.nextOffset, epoch: view.partitionLeaderEpoch, name });
      }
    }
    return found;
  }
}

async function run(seed: number, steps: number, flushMessages?: number): Promise<void> {
  const one = new Run(seed, flushMessages);
  await one.begin();
  for (let step = 0; step < steps; step++) await one.step();
  await one.end();
}

test.each(Array.from({ length: 30 }, (_, index) => index + 1))('what is durable survives everything: seed %d', (seed) =>
  run(seed, 60),
);

test.each(Array.from({ length: 6 }, (_, index) => index + 501))(
  'with flush.messages=1 every append is durable when it returns: seed %d',
  (seed) => run(seed, 50, 1),
);
