import { batch, crash, LOG_CONFIG, newWorld, startManager } from './log-fixture.js';
import { fc } from '../../support/fast-check.js';

const tp = { topic: 'orders', partition: 0 };
const CONFIG = { ...LOG_CONFIG, segmentBytes: 800, indexIntervalBytes: 100 };

interface Sent {
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
  readonly offset: number;
}

const action = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      producer: fc.integer({ min: 0, max: 3 }),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('newEpoch' as const), producer: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), clean: fc.boolean() }) },
);

test('a retry of any of the last five batches is known after any restart', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
      const world = newWorld();
      const options = { defaultConfig: CONFIG };
      let manager = await startManager(world, options);
      let log = manager.getOrCreateLog(tp, { isNew: true });
      const sent = new Map<number, Sent[]>();
      const epochs = [0, 0, 0, 0];
      const send = (producer: number, { epoch, sequence, count }: Omit<Sent, 'offset'>) =>
        log.appendAsLeader(
          batch({
            values: Array.from({ length: count }, () => 'v'),
            producerId: producer,
            producerEpoch: epoch,
            baseSequence: sequence,
          }),
          { leaderEpoch: 0 },
        );
      const ofEpoch = (producer: number) =>
        (sent.get(producer) ?? []).filter(({ epoch }) => epoch === epochs[producer]);
      for (const one of actions) {
        if (one.kind === 'newEpoch') {
          epochs[one.producer]!++;
        } else if (one.kind === 'send') {
          const last = ofEpoch(one.producer).at(-1);
          const next = {
            epoch: epochs[one.producer]!,
            sequence: last ? last.sequence + last.count : 0,
            count: one.count,
          };
          const info = send(one.producer, next);
          expect(info.duplicate).toBe(false);
          sent.set(one.producer, [
            ...(sent.get(one.producer) ?? []),
            { ...next, offset: info.firstOffset!.messageOffset },
          ]);
        } else {
          if (one.clean) {
            const stopped = manager.shutdown();
            await world.clock.advance(1);
            await stopped;
          } else {
            crash(world, 'process');
          }
          manager = await startManager(world, options);
          log = manager.getLog(tp)!;
        }
      }
      const end = log.logEndOffset;
      for (const producer of sent.keys()) {
        for (const retried of ofEpoch(producer).slice(-5)) {
          expect(send(producer, retried)).toMatchObject({
            duplicate: true,
            firstOffset: { messageOffset: retried.offset },
            lastOffset: retried.offset + retried.count - 1,
          });
        }
      }
      expect(log.logEndOffset).toBe(end);
    }),
    { numRuns: 100 },
  );
});
