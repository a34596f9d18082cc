import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { LeaderEpochFileCache } from '../../../src/log/checkpoints/leader-epoch-file-cache.js';
import { fc } from '../../support/fast-check.js';

const FILE = '/d/leader-epoch-checkpoint';

function open(fs: SimulatedFileSystem) {
  return LeaderEpochFileCache.open(fs, '/d', fs.exists(FILE), silentLogger);
}

function newFileSystem(): SimulatedFileSystem {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/d');
  return fs;
}

/** The entries as they stand in the file. */
function fileOf(fs: SimulatedFileSystem): string {
  return fs.readFile(FILE).toString();
}

describe('the leader epochs of a log', () => {
  test('are in the file after each change, in the words of Kafka', () => {
    const fs = newFileSystem();
    const { cache } = open(fs);
    cache.assign(0, 0);
    expect(fileOf(fs)).toBe('0\n1\n0 0\n');
    cache.assign(3, 57);
    expect(fileOf(fs)).toBe('0\n2\n0 0\n3 57\n');
    cache.clear();
    expect(fileOf(fs)).toBe('0\n0\n');
  });

  test('of a loaded log leave the file alone until the log changes', () => {
    const fs = newFileSystem();
    const { cache: before } = open(fs);
    before.assign(0, 0);
    before.assign(1, 10);
    const { cache } = open(fs);
    cache.cutToLog(10);
    expect(cache.all).toEqual([{ epoch: 0, startOffset: 0 }]);
    expect(fileOf(fs)).toBe('0\n2\n0 0\n1 10\n');
    // The next batch is of an epoch that is known, but a later load must not take it for one of epoch 1.
    cache.assign(0, 10);
    expect(fileOf(fs)).toBe('0\n1\n0 0\n');
  });

  test('are suspect when the file is empty, cut in the last line, or short of entries', () => {
    for (const text of ['', '0\n2\n0 0\n1 5', '0\n2\n0 0\n', '0\n', 'rubbish\n']) {
      const fs = newFileSystem();
      fs.replaceFile(FILE, text);
      expect(open(fs).suspect).toBe(true);
    }
  });

  test('come back after a loss of power as they once were, or are suspect', () => {
    const steps = fc.array(
      fc.record({ by: fc.integer({ min: 1, max: 12 }), grows: fc.integer({ min: 0, max: 60 }), cuts: fc.boolean() }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 2 ** 31 }), (changes, seed) => {
        const fs = newFileSystem();
        const { cache } = open(fs);
        const states = [JSON.stringify([])];
        let epoch = 0;
        let offset = 0;
        for (const { by, grows, cuts } of changes) {
          epoch += by;
          if (cuts) cache.cutToLog(offset);
          states.push(JSON.stringify(cache.all));
          offset += grows;
          cache.assign(epoch, offset);
          states.push(JSON.stringify(cache.all));
        }
        fs.crash('power', seededRandom(seed));
        if (!fs.exists('/d')) return;
        const { cache: again, suspect } = open(fs);
        if (!suspect) expect(states).toContain(JSON.stringify(again.all));
      }),
      { numRuns: 500 },
    );
  });
});
