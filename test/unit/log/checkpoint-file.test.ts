import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { CheckpointFormatError, OffsetCheckpointFile } from '../../../src/log/index.js';
import { crash, newWorld, numbered, readAll, startManager } from './log-fixture.js';

function reading(text: string): () => ReadonlyMap<string, number> {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/data');
  fs.replaceFile('/data/checkpoint', text);
  return () => new OffsetCheckpointFile(fs, '/data/checkpoint').read();
}

test.each(['\n', '\r\n', '\r'])('a checkpoint may have lines that end with %j', (end) => {
  expect(reading(['0', '2', 'orders 0 12', 'orders 1 7', ''].join(end))()).toEqual(
    new Map([
      ['orders-0', 12],
      ['orders-1', 7],
    ]),
  );
});

test.each(['100000000000000000000', '9007199254740993', '1.5', '1e3', 'x', ''])(
  'an offset of %j makes a checkpoint malformed',
  (offset) => {
    expect(reading(`0\n1\norders 0 ${offset}\n`)).toThrow(CheckpointFormatError);
  },
);

test.each(['100000000000000000000', '9007199254740993'])('a log start offset of %s deletes nothing', async (offset) => {
  const world = newWorld();
  const log = (await startManager(world)).getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
  log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  crash(world, 'process');
  world.fs.replaceFile('/data/log-start-offset-checkpoint', `0\n1\norders 0 ${offset}\n`);
  const after = (await startManager(world)).getLog({ topic: 'orders', partition: 0 })!;
  expect((await readAll(after)).map(({ value }) => value)).toEqual(['0', '1', '2']);
});
