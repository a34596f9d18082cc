import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { LeaderEpochFileCache } from '../../../src/log/checkpoints/leader-epoch-file-cache.js';

const DIR = '/data/orders-0';

function open(fs: SimulatedFileSystem): LeaderEpochFileCache {
  return LeaderEpochFileCache.open(fs, DIR, fs.exists(`${DIR}/leader-epoch-checkpoint`), silentLogger).cache;
}

test('epochs that were synced are there after any loss of power', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const fs = new SimulatedFileSystem();
    fs.makeDir(DIR);
    for (const path of ['/data', '/']) fs.syncDir(path);
    const cache = open(fs);
    cache.assign(0, 0);
    await cache.file.sync();
    fs.syncDir(DIR);
    cache.assign(3, 20);
    cache.assign(6, 40);
    await cache.file.sync();
    fs.syncDir(DIR);
    fs.crash('power', seededRandom(seed));
    expect(open(fs).all).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 3, startOffset: 20 },
      { epoch: 6, startOffset: 40 },
    ]);
  }
});

test('nothing is believed of a file whose last line is torn', () => {
  const fs = new SimulatedFileSystem();
  fs.makeDir(DIR);
  fs.replaceFile(`${DIR}/leader-epoch-checkpoint`, '0\n3\n0 0\n2 167\n6 22');
  const { cache, suspect } = LeaderEpochFileCache.open(fs, DIR, true, silentLogger);
  expect({ suspect, entries: cache.all }).toEqual({ suspect: true, entries: [] });
});
