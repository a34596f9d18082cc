/** A producer whose batch was refused before it came to its log: what it has sent behind it does not become its first. */
import type { UnifiedLog } from '../../../src/log/index.js';
import { batch, newWorld, startManager, TOPIC_ID, type LogWorld } from './log-fixture.js';

const TWO_MINUTES_MS = 120_000;
const OUT_OF_ORDER = { kind: 'OUT_OF_ORDER_SEQUENCE_NUMBER' };

let world: LogWorld;
let log: UnifiedLog;
beforeEach(async () => {
  world = newWorld();
  const manager = await startManager(world);
  log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true, topicId: TOPIC_ID });
  await log.prepareForAppends();
});

const of = (baseSequence: number, producerEpoch = 0) => batch({ producerId: 7, producerEpoch, baseSequence });
const append = (records: Buffer, origin: 'client' | 'coordinator' = 'client') =>
  log.appendAsLeader(records, { leaderEpoch: 0, origin });

test('waits until the refused one is in, and is taken then', () => {
  log.noteRefused(of(0));
  expect(() => append(of(1))).toThrow(expect.objectContaining(OUT_OF_ORDER));
  append(of(0));
  append(of(1));
  expect(() => append(of(3))).toThrow(expect.objectContaining(OUT_OF_ORDER));
  expect(log.logEndOffset).toBe(2);
});

test('is taken when the refused one is in already', () => {
  append(of(0));
  log.noteRefused(of(0));
  expect(() => append(of(1))).toThrow(expect.objectContaining(OUT_OF_ORDER));
  expect(append(of(0)).duplicate).toBe(true);
  append(of(1));
  expect(log.logEndOffset).toBe(2);
});

test('is taken from another producer, from one without an id, and with a new epoch', () => {
  log.noteRefused(of(0));
  append(batch({ producerId: 8, producerEpoch: 0, baseSequence: 5 }));
  append(batch());
  append(of(0, 1));
  append(of(1, 1));
  expect(log.logEndOffset).toBe(4);
});

test('is taken when the refused one has not come for two minutes', async () => {
  log.noteRefused(of(0));
  await world.clock.advance(TWO_MINUTES_MS - 1);
  expect(() => append(of(1))).toThrow(expect.objectContaining(OUT_OF_ORDER));
  await world.clock.advance(1);
  append(of(1));
  expect(log.logEndOffset).toBe(1);
});

test('is taken after two minutes though the clock of the machine was set back', async () => {
  log.noteRefused(of(0));
  const setToMs = world.clock.nowMs() - 3_600_000;
  jest.spyOn(world.clock, 'nowMs').mockReturnValue(setToMs);
  await world.clock.advance(TWO_MINUTES_MS);
  append(of(1));
  expect(log.logEndOffset).toBe(1);
});

test('is taken when it came by a leader that knows better', () => {
  log.noteRefused(of(0));
  const records = of(5);
  records.writeBigInt64BE(0n, 0);
  log.appendAsFollower(records);
  append(of(6));
  expect(log.logEndOffset).toBe(2);
});

test('costs a log nothing when no batch of an idempotent producer is refused, and nothing after its time', async () => {
  log.noteRefused(batch());
  expect(log.hasProducers).toBe(false);
  log.noteRefused(of(0));
  expect(log.hasProducers).toBe(true);
  await world.clock.advance(TWO_MINUTES_MS);
  log.removeExpiredProducers();
  expect(log.hasProducers).toBe(false);
});
