/** The ends of logs in memory: what is read from them is what was appended, and what they hold is what they count. */
import { BufferPool, seededRandom, type Random } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { TailCache, type LogTail } from '../../../src/log/segment/tail-cache.js';
import { numbered } from './log-fixture.js';

/** Overwrites what is given back, so that whoever reads it on sees it, and knows what is out. */
class ScribblingPool extends BufferPool {
  private readonly out = new Map<ArrayBufferLike, number>();

  constructor() {
    super(0);
  }

  get outBytes(): number {
    return [...this.out.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  override take(bytes: number): Buffer {
    // As the real one it may give more than was asked for.
    const buffer = Buffer.allocUnsafeSlow(bytes < 16 * 1024 ? bytes : Math.ceil(bytes / 8192) * 8192);
    this.out.set(buffer.buffer, buffer.length);
    return buffer;
  }

  override give(part: Buffer): void {
    if (!this.out.delete(part.buffer)) throw new Error('given back twice, or never taken');
    Buffer.from(part.buffer).fill(0xff);
  }
}

interface Batch {
  readonly segmentBaseOffset: number;
  readonly position: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly bytes: Buffer;
}

/** A log as its batches, beside the tail that it is compared with. */
class Model {
  batches: Batch[] = [];
  private segmentBaseOffset = 0;
  private position = 0;
  private nextOffset = 0;

  constructor(readonly tail: LogTail) {}

  append(values: readonly string[]): void {
    const bytes = numbered(0, 1, { values, baseOffset: this.nextOffset });
    const nextOffset = this.nextOffset + values.length;
    const { segmentBaseOffset, position } = this;
    this.tail.append(segmentBaseOffset, position, this.nextOffset, nextOffset, bytes);
    this.batches.push({
      segmentBaseOffset,
      position,
      baseOffset: this.nextOffset,
      nextOffset,
      bytes: Buffer.from(bytes),
    });
    this.position += bytes.length;
    this.nextOffset = nextOffset;
    // The memory of a request is used again.
    bytes.fill(0xee);
  }

  roll(): void {
    [this.segmentBaseOffset, this.position] = [this.nextOffset, 0];
  }

  skipOffsets(count: number): void {
    this.nextOffset += count;
  }

  cutTo(batch: Batch): void {
    this.batches = this.batches.slice(0, this.batches.indexOf(batch));
    this.segmentBaseOffset = batch.segmentBaseOffset;
    this.position = batch.position;
    this.nextOffset = batch.baseOffset;
    this.tail.clear();
  }

  /** The batches that are in memory: all from one on to the end. */
  held(): readonly Batch[] {
    let first = this.batches.length;
    while (first > 0 && this.tail.locate(this.batches[first - 1]!.baseOffset)) first--;
    return this.batches.slice(first);
  }

  expected(offset: number, upTo: number, maxBytes: number): { first: Batch; records: Buffer } {
    const at = this.batches.findIndex(({ nextOffset }) => nextOffset > offset);
    const first = this.batches[at]!;
    const parts = [];
    let left = Math.max(maxBytes, first.bytes.length);
    for (const { segmentBaseOffset, nextOffset, bytes } of this.batches.slice(at)) {
      const isWithin = segmentBaseOffset === first.segmentBaseOffset && nextOffset <= upTo && bytes.length <= left;
      if (!isWithin) break;
      parts.push(bytes);
      left -= bytes.length;
    }
    return { first, records: Buffer.concat(parts) };
  }
}

function valuesOf(random: Random): string[] {
  const length = random.nextInt(12) === 0 ? 14_000 + random.nextInt(25_000) : 20 + random.nextInt(1500);
  return Array.from({ length: 1 + random.nextInt(3) }, () => 'x'.repeat(length));
}

const SEEDS = [1, 2, 3];

test.each(SEEDS)(
  'reads give what was appended and nothing else, whatever is dropped meanwhile (seed %d)',
  async (seed) => {
    const random = seededRandom(seed);
    const [clock, pool] = [new SimulatedClock(), new ScribblingPool()];
    const budget = 500_000 + random.nextInt(200_000);
    const cache = new TailCache(clock, budget, pool);
    const models = Array.from({ length: 3 }, () => new Model(cache.openTail()));
    let reads = 0;
    for (let step = 0; step < 1500; step++) {
      const model = models[random.nextInt(models.length)]!;
      const action = random.nextInt(100);
      if (action === 0 && model.batches.length > 0) model.cutTo(model.batches[random.nextInt(model.batches.length)]!);
      else if (action === 1) await clock.advance(random.nextInt(6000));
      else if (action < 4) model.roll();
      else if (action < 6) model.skipOffsets(random.nextInt(5));
      else model.append(valuesOf(random));
      if (action >= 6) expect(model.tail.locate(model.batches.at(-1)!.baseOffset)).not.toBeNull();
      expect(cache.sizeInBytes).toBeLessThanOrEqual(budget);
      const held = model.held();
      if (held.length === 0) continue;
      const from = held[random.nextInt(held.length)]!;
      const offset = from.baseOffset + random.nextInt(from.nextOffset - from.baseOffset);
      const upTo = held[Math.min(held.length - 1, held.indexOf(from) + random.nextInt(20))]!.nextOffset;
      const maxBytes = random.nextInt(60_000);
      const read = model.tail.read(offset, upTo, maxBytes, true)!;
      const { first, records } = model.expected(offset, upTo, maxBytes);
      expect(read).toMatchObject({ segmentBaseOffset: first.segmentBaseOffset, position: first.position });
      expect([read.sizeInBytes, read.records.equals(records)]).toEqual([records.length, true]);
      reads++;
      pool.give(read.records);
      const before = model.batches[model.batches.length - held.length - 1];
      if (before) expect(model.tail.read(before.baseOffset, Infinity, 1000, true)).toBeNull();
    }
    expect(reads).toBeGreaterThan(1000);
    for (const { tail } of models) tail.clear();
    expect(cache.sizeInBytes).toBe(0);
    await clock.advance(30_000);
    // Nothing is held, not even the memory that was being filled, and no timer runs.
    expect([pool.outBytes, clock.nextTimerMs()]).toEqual([0, null]);
  },
);

test.each(SEEDS)(
  'what is counted is never less than what is held, and not much less than what is taken (seed %d)',
  async (seed) => {
    const random = seededRandom(seed);
    const [clock, pool] = [new SimulatedClock(), new ScribblingPool()];
    const budget = 500_000;
    const cache = new TailCache(clock, budget, pool);
    const models = Array.from({ length: 4 }, () => new Model(cache.openTail()));
    let fullest = 0;
    for (let step = 0; step < 2000; step++) {
      models[random.nextInt(models.length)]!.append(valuesOf(random));
      // From time to time nothing comes for so long that all of it goes.
      if (step % 600 === 599) await clock.advance(30_000);
      fullest = Math.max(fullest, cache.sizeInBytes);
      if (step % 10 !== 0) continue;
      const held = models.flatMap((model) => model.held()).reduce((sum, { bytes }) => sum + bytes.length, 0);
      expect(cache.sizeInBytes).toBeGreaterThanOrEqual(held);
      expect(cache.sizeInBytes).toBeLessThanOrEqual(budget);
      // Some is lost where a batch does not fit any more, and to the slabs that are being filled and emptied.
      expect(pool.outBytes).toBeLessThanOrEqual(1.35 * cache.sizeInBytes + 2 * 64 * 1024);
    }
    expect(fullest).toBeGreaterThan(0.9 * budget);
    cache.close();
    expect(pool.outBytes).toBe(0);
  },
);

test('small batches of many logs count with what they cost besides their bytes', () => {
  const cache = new TailCache(new SimulatedClock(), 1 << 20, new ScribblingPool());
  const models = Array.from({ length: 50 }, () => new Model(cache.openTail()));
  for (let round = 0; round < 3; round++) for (const model of models) model.append(['a']);
  const held = models.flatMap((model) => model.held());
  expect(held).toHaveLength(150);
  expect(cache.sizeInBytes).toBeGreaterThanOrEqual(held.length * (held[0]!.bytes.length + 100));
});

test('a large batch counts with all the memory that it has', () => {
  const pool = new ScribblingPool();
  const cache = new TailCache(new SimulatedClock(), 1 << 20, pool);
  const model = new Model(cache.openTail());
  for (let at = 0; at < 10; at++) model.append(['x'.repeat(17_000 + at)]);
  expect(pool.outBytes).toBeGreaterThan(1.2 * model.held().reduce((sum, { bytes }) => sum + bytes.length, 0));
  expect(cache.sizeInBytes).toBeGreaterThanOrEqual(pool.outBytes);
});

test('what no one asked for goes in its time, however much comes after it', async () => {
  const clock = new SimulatedClock();
  const cache = new TailCache(clock, 1 << 20, new ScribblingPool());
  const [idle, busy] = [new Model(cache.openTail()), new Model(cache.openTail())];
  idle.append(['a'.repeat(20_000)]);
  for (let at = 0; at < 20; at++) {
    await clock.advance(1000);
    busy.append(['b'.repeat(20_000)]);
  }
  expect(idle.held()).toEqual([]);
  expect(busy.held().length).toBeGreaterThan(8);
  expect(busy.held().length).toBeLessThan(18);
});

test('a log whose end has gone begins again, where its last batch lay too, and is counted once', async () => {
  const clock = new SimulatedClock();
  const cache = new TailCache(clock, 1 << 20, new ScribblingPool());
  const [small, large] = [new Model(cache.openTail()), new Model(cache.openTail())];
  small.append(['a']);
  await clock.advance(6000);
  // It has memory of its own: the next small batch would follow the last one.
  large.append(['b'.repeat(20_000)]);
  await clock.advance(7000);
  expect([small.held().length, large.held().length]).toEqual([0, 1]);
  small.append(['c']);
  expect(small.held()).toEqual(small.batches.slice(1));
  for (const { tail } of [small, large]) tail.clear();
  expect(cache.sizeInBytes).toBe(0);
});

test('the budget holds and the newest batch is there, however many come and go', () => {
  const budget = 60_000;
  const cache = new TailCache(new SimulatedClock(), budget, new ScribblingPool());
  const models = [0, 1, 2].map(() => new Model(cache.openTail()));
  let fullest = 0;
  for (let at = 0; at < 6000; at++) {
    const model = models[at % models.length]!;
    model.append([`${at}`]);
    expect(cache.sizeInBytes).toBeLessThanOrEqual(budget);
    fullest = Math.max(fullest, cache.sizeInBytes);
    expect(model.tail.locate(model.batches.at(-1)!.baseOffset)).not.toBeNull();
  }
  expect(fullest).toBeGreaterThan(0.9 * budget);
  // Each holds its share of the newest.
  for (const model of models) expect(model.held().length).toBeGreaterThan(50);
});

test('an append that is too large drives no other log out, and leaves its own without a gap', () => {
  const budget = 400_000;
  const cache = new TailCache(new SimulatedClock(), budget, new ScribblingPool());
  const [others, model] = [[0, 1, 2].map(() => new Model(cache.openTail())), new Model(cache.openTail())];
  for (const each of [...others, model]) each.append(['a']);
  for (const size of [budget, budget / 2, budget / 4]) {
    model.append(['x'.repeat(size)]);
    expect(model.held()).toEqual([]);
    model.append(['b']);
    expect(model.held()).toEqual(model.batches.slice(-1));
    expect(model.tail.read(0, Infinity, 1000, true)).toBeNull();
  }
  for (const each of others) expect(each.held()).toEqual(each.batches);
  model.append(['x'.repeat(budget / 5)]);
  expect(model.held()).toEqual(model.batches.slice(-2));
});
