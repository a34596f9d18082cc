import { AssertionError } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, type TestBroker } from './replica-cluster.js';

let cluster: ReplicaCluster;
beforeEach(async () => {
  cluster = await ReplicaCluster.start({ brokers: 2, logDirs: ['/logs/a', '/logs/b'] });
  await cluster.create([1, 2]);
});
afterEach(() => cluster.stop());

const otherDir = (id: number): string => (cluster.broker(id).log().parentDir === '/logs/a' ? '/logs/b' : '/logs/a');

test.each([
  { title: 'a leader', id: 1 },
  { title: 'a follower', id: 2 },
])('$title moves to another directory while records come in, and loses none', async ({ id }) => {
  let written = 0;
  const produce = (): void => void cluster.broker(1).produce([`v${written++}`, 'x'.repeat(1000)], 1);
  for (let i = 0; i < 50; i++) produce();
  await cluster.until(() => cluster.broker(id).log().logEndOffset === 100);
  const target = otherDir(id);
  expect(cluster.broker(id).replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  for (let i = 0; i < 20; i++) {
    produce();
    await cluster.clock.advance(1);
  }
  await cluster.until(() => cluster.broker(id).log().parentDir === target);
  produce();
  await cluster.until(() => [1, 2].every((each) => cluster.broker(each).log().highWatermark === 2 * written));
  expect(await cluster.broker(id).values()).toEqual(await cluster.broker(3 - id).values());
  expect(cluster.broker(id).fs.exists(`${target}/orders-0`)).toBe(true);
  expect(cluster.broker(id).logs.getLog(ORDERS)!.parentDir).toBe(target);
  // To where it is it need not move.
  expect(cluster.broker(id).replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  expect(cluster.broker(id).logs.getLog(ORDERS, true)).toBeUndefined();
});

test('a move that a crash interrupted goes on after the restart', async () => {
  const { replicas } = cluster.broker(1);
  await cluster.broker(1).produce(['a'], 1);
  const target = otherDir(1);
  expect(replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  cluster.broker(1).crash('process');
  await cluster.broker(1).start();
  expect(cluster.broker(1).logs.getLog(ORDERS, true)).toBeDefined();
  cluster.announce([ORDERS], false, 1);
  await cluster.until(() => cluster.broker(1).log().parentDir === target);
  expect(await cluster.broker(1).values()).toEqual(['0/a']);
});

test('the wish for a replica that is not here yet is kept', async () => {
  const later = { topic: 'orders', partition: 7 };
  expect(cluster.broker(1).replicas.alterReplicaLogDir(later, '/logs/b')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  await cluster.create([1, 2], [later]);
  expect(cluster.broker(1).log(later).parentDir).toBe('/logs/b');
});

test('a directory that is not configured is not found, and one that failed is offline', async () => {
  const { logs, replicas } = cluster.broker(1);
  expect(replicas.alterReplicaLogDir(ORDERS, '/elsewhere')).toBe(ErrorCode.LOG_DIR_NOT_FOUND);
  const own = cluster.broker(1).log().parentDir;
  const failed = otherDir(1);
  logs.handleLogDirFailure(failed);
  replicas.handleLogDirFailure(failed);
  expect(replicas.alterReplicaLogDir(ORDERS, failed)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  expect(replicas.alterReplicaLogDir(ORDERS, '/elsewhere')).toBe(ErrorCode.LOG_DIR_NOT_FOUND);
  expect(replicas.alterReplicaLogDir(ORDERS, own)).toBe(ErrorCode.NONE);
});

test('a replica in a directory that failed is offline wherever it is to go', () => {
  const { logs, replicas } = cluster.broker(1);
  const target = otherDir(1);
  const own = cluster.broker(1).log().parentDir;
  logs.handleLogDirFailure(own);
  replicas.handleLogDirFailure(own);
  expect(replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
});

test('a topic whose name leaves no room for the name of a copy cannot be moved, and one character less can', () => {
  const { replicas } = cluster.broker(1);
  const ask = (length: number): number =>
    replicas.alterReplicaLogDir({ topic: 'x'.repeat(length), partition: 0 }, '/logs/a');
  const suffixes = `-0.${'0'.repeat(32)}-future`.length;
  expect(ask(255 - suffixes)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect(ask(255 - suffixes + 1)).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
});

describe('while a replica moves', () => {
  const DIRS = ['/logs/a', '/logs/b', '/logs/c'];
  let broker: TestBroker;
  let own: string;
  let others: string[];
  beforeEach(async () => {
    cluster.stop();
    cluster = await ReplicaCluster.start({
      brokers: 1,
      logDirs: DIRS,
      onLogDirFailure: (id, dir) => void cluster.broker(id).replicas.handleLogDirFailure(dir),
    });
    await cluster.create([1]);
    broker = cluster.broker(1);
    for (let at = 0; at < 3; at++) await broker.produce([`v${at}`], 1);
    own = broker.log().parentDir;
    others = DIRS.filter((dir) => dir !== own);
    // Wherever it goes, it does not get there until the disk has synced.
    broker.fs.pace = {
      clock: cluster.clock,
      delayMs: (operation, path) => (operation === 'sync' && path.includes('-future') ? 5000 : 0),
    };
    expect(broker.replicas.alterReplicaLogDir(ORDERS, others[0]!)).toBe(ErrorCode.NONE);
    await cluster.clock.advance(100);
  });
  const copy = () => broker.logs.getLog(ORDERS, true);
  const folders = (): string[] =>
    DIRS.flatMap((dir) =>
      broker.fs
        .readDir(dir)
        .filter((name) => name.startsWith('orders'))
        .map((name) => `${dir}/${name}`),
    );

  test('the same move is not begun again when it is asked for again, or a role comes', async () => {
    const first = copy()!;
    expect(broker.replicas.alterReplicaLogDir(ORDERS, others[0]!)).toBe(ErrorCode.NONE);
    const appended = jest.spyOn(first, 'appendAsFollower');
    const read = jest.spyOn(broker.log(), 'read');
    cluster.elect(1);
    await cluster.clock.advance(100);
    expect(copy() === first).toBe(true);
    await cluster.until(() => broker.log().parentDir === others[0]);
    expect(broker.log() === first).toBe(true);
    expect([read.mock.calls.length, appended.mock.calls.length]).toEqual([1, 1]);
    expect(await broker.values()).toEqual(['0/v0', '0/v1', '0/v2']);
  });

  test('it can be sent back to where it is, and leaves nothing of the copy', async () => {
    expect(broker.replicas.alterReplicaLogDir(ORDERS, own)).toBe(ErrorCode.NONE);
    expect(copy() === undefined).toBe(true);
    await cluster.clock.advance(300_000);
    expect(broker.log().parentDir).toBe(own);
    expect(folders()).toEqual([`${own}/orders-0`]);
    // And go after all.
    expect(broker.replicas.alterReplicaLogDir(ORDERS, others[0]!)).toBe(ErrorCode.NONE);
    await cluster.until(() => broker.log().parentDir === others[0]);
  });

  test('it can be sent elsewhere, and goes only there', async () => {
    const abandoned = copy()!;
    expect(broker.replicas.alterReplicaLogDir(ORDERS, others[1]!)).toBe(ErrorCode.NONE);
    await cluster.until(() => broker.log().parentDir === others[1]);
    await broker.produce(['v3'], 1);
    await cluster.clock.advance(300_000);
    expect(abandoned.isClosed).toBe(true);
    expect(folders()).toEqual([`${others[1]}/orders-0`]);
    expect(await broker.values()).toEqual(['0/v0', '0/v1', '0/v2', '0/v3']);
  });

  test('the failure of the directory it goes to ends the move, and that of a third does not', async () => {
    broker.logs.handleLogDirFailure(others[1]!);
    await cluster.clock.advance(100);
    expect(broker.replicas.partitionOf(ORDERS)!.futureLog === copy()).toBe(true);
    broker.logs.handleLogDirFailure(others[0]!);
    expect(broker.replicas.partitionOf(ORDERS)!.futureLog === null).toBe(true);
    await cluster.clock.advance(20_000);
    expect(broker.log().parentDir).toBe(own);
    expect((await broker.produce(['v3'], 1)).errorCode).toBe(ErrorCode.NONE);
    expect(cluster.failures).toEqual([]);
  });

  test('DeleteRecords, a higher watermark and new records reach the copy before it takes the place of the log', async () => {
    void broker.replicas.deleteRecords(0, [{ tp: ORDERS, offset: 2 }], () => undefined);
    await broker.produce(['v3'], 1);
    await cluster.until(() => broker.log().parentDir === others[0]);
    const { logStartOffset, highWatermark, logEndOffset } = broker.log();
    expect([logStartOffset, highWatermark, logEndOffset]).toEqual([2, 4, 4]);
    expect(await broker.values()).toEqual(['0/v2', '0/v3']);
  });

  test('the broker that stops makes nothing of it any more', async () => {
    broker.replicas.shutdown();
    await cluster.clock.advance(60_000);
    expect(broker.logs.getLog(ORDERS)!.parentDir).toBe(own);
    expect(copy() !== undefined).toBe(true);
  });
});

/** Lets moves fail right before the copy would replace the log, until the function it returns is called. */
function stopBeforeReplacement(id: number): () => void {
  const { fs } = cluster.broker(id);
  fs.fault = (operation, path) =>
    operation === 'open' && path.endsWith('/.replaces-current')
      ? Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' })
      : null;
  return () => void (fs.fault = null);
}

test.each([1, 2])(
  'a copy that no one looked at while %i of its records gave way to others is cut by leader epochs',
  async (lost) => {
    const [one, two] = [cluster.broker(1), cluster.broker(2)];
    void one.produce(['committed-0', 'committed-1']);
    await cluster.until(() => one.log().highWatermark === 2);
    cluster.cut(1, 2);
    for (let at = 2; at < 2 + lost; at++) await one.produce([`lost-${at}`], 1);
    const target = otherDir(1);
    const goOn = stopBeforeReplacement(1);
    one.replicas.alterReplicaLogDir(ORDERS, target);
    await cluster.until(() => one.logs.getLog(ORDERS, true)?.logEndOffset === 2 + lost);
    await cluster.clock.advance(10);
    cluster.elect(2, [2]);
    cluster.heal();
    for (const value of ['good-2', 'good-3', 'good-4']) await two.produce([value], 1);
    await cluster.until(() => one.log().logEndOffset === 5);
    const copy = one.logs.getLog(ORDERS, true)!;
    expect(copy.logEndOffset).toBe(2 + lost);
    const append = copy.appendAsFollower.bind(copy);
    const wasReady: boolean[] = [];
    jest.spyOn(copy, 'appendAsFollower').mockImplementation((records) => {
      wasReady.push(copy.isReadyForAppends);
      return append(records);
    });
    goOn();
    expect(one.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
    await cluster.until(() => one.log().parentDir === target);
    // Cut to what it has in common with the log, it waits until that has settled: an append before would block everyone.
    expect(wasReady).not.toHaveLength(0);
    expect(wasReady).not.toContain(false);
    expect(await one.values()).toEqual(await two.values());
    expect(one.log().epochEntries).toEqual(two.log().epochEntries);
  },
);

test('a copy that begins behind the log, which was cut to before its start, is made again', async () => {
  cluster.stop();
  cluster = await ReplicaCluster.start({ brokers: 1, logDirs: ['/logs/a', '/logs/b'] });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  for (const value of ['a', 'b', 'c', 'd']) await broker.produce([value], 1);
  await broker.replicas.deleteRecords(0, [{ tp: ORDERS, offset: 2 }], () => undefined);
  const target = otherDir(1);
  const goOn = stopBeforeReplacement(1);
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.until(() => broker.logs.getLog(ORDERS, true)?.logEndOffset === 4);
  await cluster.clock.advance(10);
  // As of a follower whose new leader, elected uncleanly, ends before it begins.
  broker.replicas.partitionOf(ORDERS)!.truncateFullyAndStartAt(1);
  for (const value of ['e', 'f', 'g', 'h']) await broker.produce([value], 1);
  goOn();
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.until(() => broker.log().parentDir === target);
  expect(broker.log().logStartOffset).toBe(1);
  expect(await broker.values()).toEqual(['0/e', '0/f', '0/g', '0/h']);
});

test('after a move that failed the replica can go to a third directory', async () => {
  cluster.stop();
  cluster = await ReplicaCluster.start({ brokers: 1, logDirs: ['/logs/a', '/logs/b', '/logs/c'] });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  const [second, third] = ['/logs/a', '/logs/b', '/logs/c'].filter((dir) => dir !== broker.log().parentDir);
  const goOn = stopBeforeReplacement(1);
  broker.replicas.alterReplicaLogDir(ORDERS, second!);
  await cluster.clock.advance(100);
  goOn();
  expect(broker.replicas.alterReplicaLogDir(ORDERS, third!)).toBe(0);
  await cluster.until(() => broker.log().parentDir === third);
  expect(await broker.values()).toEqual(['0/a']);
  expect(broker.logs.getLog(ORDERS, true)).toBeUndefined();
});

test('a replica whose log starts inside a batch moves', async () => {
  const broker = cluster.broker(1);
  void broker.produce(['a', 'b', 'c', 'd']);
  await cluster.until(() => broker.log().highWatermark === 4);
  void broker.replicas.deleteRecords(0, [{ tp: ORDERS, offset: 2 }], () => undefined);
  await cluster.clock.advance(10);
  const target = otherDir(1);
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.until(() => broker.log().parentDir === target);
  expect([broker.log().logStartOffset, broker.log().logEndOffset]).toEqual([2, 4]);
});

test('places on disk that were noted of followers are not those of the new files', async () => {
  const broker = cluster.broker(1);
  void broker.produce(['a', 'b']);
  void broker.produce(['c']);
  await cluster.until(() => broker.log().highWatermark === 3);
  const target = otherDir(1);
  cluster.cut(1, 2);
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.until(() => broker.log().parentDir === target);
  const [follower] = [...broker.replicas.partitionOf(ORDERS)!.replicas()].filter(({ brokerId }) => brokerId === 2);
  expect(follower!.logEnd).toMatchObject({ messageOffset: 3, messageOffsetOnly: true });
});

test('a leader that moved knows where its own epoch begins, though nothing was written in it', async () => {
  await cluster.broker(1).produce(['a'], 1);
  await cluster.until(() => cluster.broker(2).log().logEndOffset === 1);
  cluster.elect(1);
  const before = cluster.broker(1).log().epochEntries;
  expect(before.map(({ epoch }) => epoch)).toEqual([0, 1]);
  const target = otherDir(1);
  cluster.broker(1).replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.until(() => cluster.broker(1).log().parentDir === target);
  expect(cluster.broker(1).log().epochEntries).toEqual(before);
});

test('a loss of power at any moment of a replacement leaves the whole log to be found', async () => {
  const left = new Set<string>();
  for (let stopAt = 0; stopAt < 20; stopAt++) {
    for (let seed = 1; seed <= 6; seed++) {
      const one = await ReplicaCluster.start({ brokers: 1, logDirs: ['/a', '/b'], seed });
      const broker = one.broker(1);
      broker.fs.syncDir('/');
      await one.create([1]);
      for (let at = 0; at < 20; at++) await broker.produce([`v${at}`]);
      await broker.log().flush(true);
      broker.logs.checkpointLogRecoveryOffsets();
      let operations = -1;
      // Counts from the marks on; from `stopAt` on nothing reaches the disks any more.
      broker.fs.fault = (operation, path) => {
        if (operations >= 0 || (operation === 'open' && path.endsWith('/.replaced'))) operations++;
        return operations >= stopAt ? Object.assign(new Error('no power'), { code: 'EIO', syscall: operation }) : null;
      };
      broker.replicas.alterReplicaLogDir(ORDERS, broker.log().parentDir === '/a' ? '/b' : '/a');
      await one.clock.advance(200);
      broker.fs.fault = null;
      broker.crash('power');
      const folders = ['/a', '/b'].flatMap((dir) => broker.fs.readDir(dir)).filter((name) => name.startsWith('orders'));
      left.add(
        folders
          .map((name) => name.replace(/\.[0-9a-f]{32}/, ''))
          .sort()
          .join(' '),
      );
      await broker.start();
      one.elect(1, [1]);
      await one.clock.advance(200);
      expect({ stopAt, seed, folders, records: (await broker.values()).length }).toMatchObject({ records: 20 });
      one.stop();
    }
  }
  // Each of the four outcomes that two directories allow was among them.
  expect([...left].sort()).toEqual([
    'orders-0 orders-0',
    'orders-0 orders-0-delete',
    'orders-0 orders-0-future',
    'orders-0-delete orders-0-future',
  ]);
});

test('a move that wanted for a file goes on by itself as soon as it can', async () => {
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  const target = otherDir(1);
  const goOn = stopBeforeReplacement(1);
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.clock.advance(3000);
  expect(broker.log().parentDir).not.toBe(target);
  goOn();
  await cluster.until(() => broker.log().parentDir === target);
  expect(await broker.values()).toEqual(['0/a']);
});

test('where a move cannot go on after a restart, every replica takes its role all the same', async () => {
  cluster.stop();
  const failed: string[] = [];
  cluster = await ReplicaCluster.start({ brokers: 1, logDirs: ['/logs/a', '/logs/b'] });
  const broker = cluster.broker(1);
  const all = [0, 1, 2, 3].map((partition) => ({ topic: 'orders', partition }));
  await cluster.create([1], all);
  const target = otherDir(1);
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  broker.crash('process');
  await broker.start();
  // As a kill leaves it between the mark and the renames.
  const copy = broker.logs.getLog(ORDERS, true)!;
  broker.fs.open(`${copy.dir}/.replaces-current`, 'w+').close();
  broker.fs.fault = (operation, path) =>
    operation === 'remove' && path.endsWith('/.replaces-current')
      ? Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS', syscall: 'unlink' })
      : null;
  Object.assign((broker.logs as unknown as { options: object }).options, {
    onLogDirFailure: (dir: string) => {
      failed.push(dir);
      broker.replicas.handleLogDirFailure(dir);
    },
  });
  cluster.announce(all);
  await cluster.until(() => failed.length > 0);
  await cluster.clock.advance(100);
  expect(failed).toEqual([target]);
  const staying = all.filter((tp) => broker.logs.getLog(tp));
  expect(staying).toContainEqual(ORDERS);
  for (const tp of staying) expect((await broker.produce(['x'], 1, tp)).errorCode).toBe(ErrorCode.NONE);
  expect(cluster.failures).toEqual([]);
});

test('a replica that is deleted while its copy is made durable takes no directory with it', async () => {
  cluster.stop();
  cluster = await ReplicaCluster.start({
    brokers: 1,
    logDirs: ['/logs/a', '/logs/b'],
    topicConfig: { 'file.delete.delay.ms': '1000' },
  });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  await cluster.clock.advance(1000);
  const target = otherDir(1);
  // Once it has all that the log has.
  const copy = () => broker.logs.getLog(ORDERS, true);
  const delayMs = (operation: string, path: string): number =>
    operation === 'sync' && path.startsWith(target) && copy()?.logEndOffset === 1 ? 3000 : 0;
  broker.fs.pace = { clock: cluster.clock, delayMs };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.until(() => copy()?.logEndOffset === 1);
  await cluster.clock.advance(200);
  const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
  const stopped = broker.replicas.stopReplicas(controller, [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }]);
  await cluster.clock.advance(30_000);
  expect(await (await stopped).partitions).toEqual([{ tp: ORDERS, errorCode: 0 }]);
  expect(broker.logs.offlineLogDirs).toEqual([]);
  expect(broker.fs.readDir(target).filter((name) => name.startsWith('orders'))).toEqual([]);
});

test.each([
  { title: 'fails', fails: true, isCopied: true },
  { title: 'hangs', fails: false, isCopied: true },
  { title: 'hangs from the beginning', fails: false, isCopied: false },
])('a replica is cut and follows on while the directory of its copy $title', async ({ fails, isCopied }) => {
  const [old, next] = [cluster.broker(1), cluster.broker(2)];
  void old.produce(['a'], 1);
  await cluster.until(() => next.log().logEndOffset === 1);
  cluster.cut(1, 2);
  for (let n = 0; n < 5; n++) void old.produce([`lost-${n}`], 1);
  const from = old.log().parentDir;
  const target = otherDir(1);
  const copy = () => old.logs.getLog(ORDERS, true);
  const isSlow = (operation: string, path: string): boolean =>
    operation === 'sync' && path.startsWith(target) && (!isCopied || copy()?.isReadyForAppends === true);
  old.fs.pace = { clock: cluster.clock, delayMs: (operation, path) => (isSlow(operation, path) ? 1e9 : 0) };
  expect(old.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.until(() => copy()?.logEndOffset === (isCopied ? 6 : 0));
  if (fails) {
    old.fs.fault = (operation, path) =>
      path.includes('-future') && ['truncate', 'write', 'rename', 'read'].includes(operation)
        ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: operation })
        : null;
  }
  cluster.heal();
  cluster.elect(2, [2]);
  void next.produce(['b'], 1);
  await cluster.until(() => old.log().logEndOffset === 2);
  expect(await old.values()).toEqual(await next.values());
  expect(old.log().parentDir).toBe(from);
});

test('a copy waits for the disk it goes to without holding up anyone', async () => {
  const broker = cluster.broker(1);
  void broker.produce(['a'], 1);
  await cluster.until(() => broker.log().logEndOffset === 1);
  await cluster.clock.advance(1000);
  const target = otherDir(1);
  const copy = () => broker.logs.getLog(ORDERS, true);
  const isSlow = (operation: string, path: string): boolean => operation === 'sync' && path.startsWith(target);
  broker.fs.pace = { clock: cluster.clock, delayMs: (operation, path) => (isSlow(operation, path) ? 2000 : 0) };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.until(() => copy()?.logEndOffset === 1, 20_000);
  expect(broker.fs.blockedMs).toBe(0);
});

test('a copy that wants for a file handle before its first record goes on once there is one', async () => {
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  const target = otherDir(1);
  let failures = 0;
  broker.fs.fault = (operation, path) => {
    if (operation !== 'open' || !path.startsWith(target) || !path.endsWith('-future')) return null;
    failures++;
    return Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
  };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.clock.advance(3000);
  expect(failures).toBeGreaterThan(0);
  expect(failures).toBeLessThan(10);
  expect(broker.log().parentDir).not.toBe(target);
  broker.fs.fault = null;
  await cluster.until(() => broker.log().parentDir === target, 5000);
  expect(await broker.values()).toEqual(['0/a']);
});

test('a breach of an invariant in a move is not taken for the trouble of a disk', async () => {
  cluster.stop();
  const bugs: unknown[] = [];
  cluster = await ReplicaCluster.start({
    brokers: 1,
    logDirs: ['/logs/a', '/logs/b'],
    extras: () => ({ onFatal: (error) => void bugs.push(error) }),
  });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  expect(broker.replicas.alterReplicaLogDir(ORDERS, otherDir(1))).toBe(0);
  const bug = new AssertionError('a bug');
  jest.spyOn(broker.logs.getLog(ORDERS, true)!, 'appendAsFollower').mockImplementation(() => {
    throw bug;
  });
  await cluster.clock.advance(100);
  expect(bugs).toEqual([bug]);
});

test('a move goes on where the log begins now when retention takes away what is being read for it', async () => {
  cluster.stop();
  cluster = await ReplicaCluster.start({
    brokers: 1,
    logDirs: ['/logs/a', '/logs/b'],
    topicConfig: { 'segment.bytes': '3000' },
  });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  for (let at = 0; at < 12; at++) await broker.produce(['x'.repeat(1000)], 1);
  // Only the disk has it any more.
  await cluster.clock.advance(30_000);
  const log = broker.log();
  const target = otherDir(1);
  broker.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'read' ? 1000 : 0) };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.clock.advance(500);
  log.updateConfig({ ...log.config, retentionBytes: 5000 });
  expect(log.deleteOldSegments()).toBeGreaterThan(1);
  const { logStartOffset } = log;
  await cluster.until(() => broker.log().parentDir === target);
  expect([broker.log().logStartOffset, broker.log().logEndOffset]).toEqual([logStartOffset, 12]);
});

test('others run between two chunks of a log that is copied from memory', async () => {
  const broker = cluster.broker(1);
  for (let at = 0; at < 6; at++) void broker.produce(['x'.repeat(900_000)], 1);
  await cluster.until(() => cluster.broker(2).log().logEndOffset === 6);
  const target = otherDir(1);
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  const copy = broker.logs.getLog(ORDERS, true)!;
  let turn = 0;
  const count = (): void => {
    turn++;
    if (!copy.isClosed && copy.isFuture) cluster.clock.defer(count);
  };
  const turns: number[] = [];
  const append = copy.appendAsFollower.bind(copy);
  jest.spyOn(copy, 'appendAsFollower').mockImplementation((records) => {
    turns.push(turn);
    return append(records);
  });
  cluster.clock.defer(count);
  for (let step = 0; copy.isFuture && step < 1000; step++) {
    cluster.clock.step();
    await settle();
  }
  expect(turns.length).toBeGreaterThan(3);
  expect(new Set(turns).size).toBe(turns.length);
});
