/** What a copy must not do: replace a log whose copy it is not, take a broker or a directory with it, or be made for ever. */
import { AssertionError } from '../../../src/common/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { batch } from '../log/log-fixture.js';
import { legacyMessage } from '../records/legacy-messages.js';
import { ORDERS, ReplicaCluster, type TestBroker } from './replica-cluster.js';

const DIRS = ['/logs/a', '/logs/b'];
const CONTROLLER = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
const LATER_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAIg';

let cluster: ReplicaCluster;
let broker: TestBroker;
let failedDirs: string[];
let fatal: unknown[];
afterEach(() => cluster.stop());

async function start(topicConfig: Record<string, string> = {}): Promise<void> {
  failedDirs = [];
  fatal = [];
  cluster = await ReplicaCluster.start({
    brokers: 1,
    logDirs: DIRS,
    topicConfig,
    onLogDirFailure: (_, dir) => void failedDirs.push(dir),
    extras: () => ({ onFatal: (error) => void fatal.push(error) }),
  });
  await cluster.create([1]);
  broker = cluster.broker(1);
}

const otherDir = (): string => (broker.log().parentDir === '/logs/a' ? '/logs/b' : '/logs/a');
const copy = () => broker.logs.getLog(ORDERS, true);
const folders = (dir: string): string[] => broker.fs.readDir(dir).filter((name) => name.startsWith('orders'));

/** A move that goes on reading without a pause would never let a test end. */
function limitReads(): jest.SpyInstance {
  const log = broker.log();
  const read = log.read.bind(log);
  let left = 50;
  return jest.spyOn(log, 'read').mockImplementation((...args) => {
    if (left-- === 0) throw new AssertionError('the log is read again and again');
    return read(...args);
  });
}

/** A move that has all but replaced the log: it wants for a file handle. */
async function moveAlmost(target: string): Promise<void> {
  broker.fs.fault = (operation, path) =>
    operation === 'open' && path.includes('/.replace')
      ? Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' })
      : null;
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.NONE);
  await cluster.until(() => copy()?.logEndOffset === broker.log().logEndOffset);
  await cluster.clock.advance(10);
}

async function restart(): Promise<void> {
  broker.crash('process');
  broker.fs.fault = null;
  await broker.start();
  cluster.announce([ORDERS], false, 1);
  await cluster.clock.advance(5000);
}

describe('the copy of a deleted topic, whose directory was offline when that was deleted', () => {
  beforeEach(async () => {
    await start();
    for (let n = 0; n < 10; n++) await broker.produce([`old-${n}`]);
    const target = otherDir();
    await moveAlmost(target);
    broker.logs.handleLogDirFailure(target);
    broker.replicas.handleLogDirFailure(target);
    await broker.replicas.stopReplicas(CONTROLLER, [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }]);
    await cluster.clock.advance(61_000);
    cluster.topicId = LATER_TOPIC_ID;
    await cluster.create([1]);
    for (let n = 0; n < 5; n++) await broker.produce([`new-${n}`]);
  });
  const kept = ['0/new-0', '0/new-1', '0/new-2', '0/new-3', '0/new-4'];

  test('is deleted when its directory is back, and takes no log’s place', async () => {
    await restart();
    expect(copy()).toBeUndefined();
    expect(await broker.values()).toEqual(kept);
    expect(broker.log().topicId).toBe(LATER_TOPIC_ID);
  });

  test('is not what a move that is asked for then goes on with', async () => {
    broker.crash('process');
    broker.fs.fault = null;
    await broker.start();
    // Asked for again before the replica's role has come: as soon as it has, there is one copy, of the log.
    cluster.announce([ORDERS], false, 1);
    await cluster.clock.advance(10);
    const target = otherDir();
    expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.NONE);
    await cluster.until(() => broker.log().parentDir === target);
    expect(await broker.values()).toEqual(kept);
  });
});

test('a log of another topic of the name is not handed out', async () => {
  await start();
  expect(() => broker.logs.getOrCreateLog(ORDERS, { topicId: LATER_TOPIC_ID })).toThrow(
    expect.objectContaining({ kind: 'INCONSISTENT_TOPIC_ID' }),
  );
  expect(broker.logs.getOrCreateLog(ORDERS, { topicId: cluster.topicId })).toBe(broker.log());
});

test('a copy of before the topic had an id is made again, in the same directory', async () => {
  await start();
  await broker.produce(['v0']);
  const target = otherDir();
  const first = broker.logs.getOrCreateLog(ORDERS, { isFuture: true, isNew: true });
  expect([first.parentDir, first.topicId]).toEqual([target, null]);
  first.appendAsFollower(batch({ values: ['of-whom'], partitionLeaderEpoch: 0 }));
  await restart();
  await cluster.until(() => broker.log().parentDir === target);
  expect(await broker.values()).toEqual(['0/v0']);
  expect(broker.log().topicId).toBe(cluster.topicId);
});

test('a copy in the directory where its log was made again is deleted, and the directory stays online', async () => {
  await start();
  for (let n = 0; n < 5; n++) await broker.produce([`v${n}`]);
  const from = broker.log().parentDir;
  const target = otherDir();
  await moveAlmost(target);
  broker.crash('process');
  broker.fs.fault = null;
  // The disk that it moves from is lost, and replaced by an empty one; the other is not to take copies beside logs.
  for (const name of folders(from)) broker.fs.remove(`${from}/${name}`);
  await broker.start();
  broker.logs.maybeUpdatePreferredLogDir(ORDERS, target);
  cluster.announce([ORDERS], false, 1);
  await cluster.clock.advance(5000);
  expect(broker.log().parentDir).toBe(target);
  expect(copy()).toBeUndefined();
  await broker.produce(['again'], 1);
  await restart();
  expect([failedDirs, fatal]).toEqual([[], []]);
  expect(await broker.values()).toEqual(['0/again']);
});

test('a copy is not made beside its log', async () => {
  await start();
  for (const partition of [1, 2, 3]) {
    // The directory of the log is the emptiest.
    const other = { ...ORDERS, partition };
    broker.logs.maybeUpdatePreferredLogDir(other, otherDir());
    broker.logs.getOrCreateLog(other, { isNew: true });
  }
  expect(broker.logs.getOrCreateLog(ORDERS, { isFuture: true, isNew: true }).parentDir).toBe(otherDir());
});

test.each([
  { title: 'its checksum', at: 80, bytes: [0xff] },
  { title: 'its length', at: 8, bytes: [0, 0, 0, 1] },
])(
  'a replica with a batch damaged in $title lives on where it is when it is to be moved, and so after a restart',
  async ({ at, bytes }) => {
    await start({ 'segment.bytes': '4000' });
    for (let n = 0; n < 20; n++) await broker.produce([`${n}`.padEnd(900, 'x')]);
    const flushed = broker.log().flush(true);
    await cluster.clock.advance(1);
    await flushed;
    broker.logs.checkpointLogRecoveryOffsets();
    const segment = broker.log().segments.findLast(({ baseOffset }) => baseOffset <= 2)!;
    const { position } = segment.translateOffset(2)!;
    const file = broker.fs.open(segment.file.path, 'r+');
    file.writeSync([Buffer.from(bytes)], position + at);
    file.close();
    // Only the disk has it any more.
    await cluster.clock.advance(30_000);
    const own = broker.log().parentDir;
    const target = otherDir();
    expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.NONE);
    await cluster.clock.advance(5000);
    expect(broker.replicas.partitionOf(ORDERS)!.futureLog).toBeNull();
    await restart();
    expect(fatal).toEqual([]);
    expect([broker.log().parentDir, broker.log().logEndOffset]).toEqual([own, 20]);
    expect((await broker.produce(['more'], 1)).errorCode).toBe(ErrorCode.NONE);
  },
);

describe('a replica is moved by one copy, though', () => {
  const follow = (offset: number, epoch: number): void =>
    void broker
      .log()
      .appendAsFollower(batch({ values: [`v${offset}`], baseOffset: offset, partitionLeaderEpoch: epoch }));
  const fillOldFormat = (): void => {
    for (let at = 0; at < 20; at++) broker.log().appendAsFollower(legacyMessage(1, at, `k${at}`, 1));
  };
  test.each([
    { title: 'all of it is in the format of before there were leader epochs', fill: fillOldFormat },
    {
      title: 'it begins in that format',
      fill: () => {
        fillOldFormat();
        follow(20, 3);
      },
    },
    {
      title: 'the first batches of an epoch, and all of another, are cleaned away',
      fill: () => {
        for (let offset = 0; offset < 10; offset++) follow(offset, 0);
        broker.log().maybeAssignEpochStartOffset(1, 10);
        broker.log().maybeAssignEpochStartOffset(2, 12);
        for (let offset = 15; offset < 20; offset++) follow(offset, 2);
      },
    },
  ])('$title', async ({ fill }) => {
    await start();
    fill();
    const { epochEntries, logEndOffset } = broker.log();
    const target = otherDir();
    expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.NONE);
    limitReads();
    const truncated = jest.spyOn(copy()!, 'truncateTo');
    await cluster.until(() => broker.log().parentDir === target);
    expect(truncated).not.toHaveBeenCalled();
    expect(broker.log().logEndOffset).toBe(logEndOffset);
    expect(broker.log().epochEntries).toEqual(epochEntries);
  });
});

test('a log that ends in a gap is looked at now and then by its move, which goes on with the next record', async () => {
  await start();
  const log = broker.log();
  const follow = (offset: number): void =>
    void log.appendAsFollower(batch({ values: [`v${offset}`], baseOffset: offset, partitionLeaderEpoch: 0 }));
  for (const offset of [0, 1, 2, 8, 9]) follow(offset);
  log.truncateTo(6);
  await cluster.clock.advance(100);
  const read = limitReads();
  const target = otherDir();
  broker.replicas.alterReplicaLogDir(ORDERS, target);
  await cluster.clock.advance(10_000);
  expect(read.mock.calls.length).toBeLessThan(20);
  follow(6);
  await cluster.until(() => broker.log().parentDir === target);
  expect(broker.log().logEndOffset).toBe(7);
});

test('a replica is moved away from a disk that is full', async () => {
  await start();
  for (let n = 0; n < 10; n++) await broker.produce([`v${n}`]);
  await cluster.clock.advance(120_000);
  const [from, to] = [broker.log().parentDir, otherDir()];
  broker.fs.fault = (operation, path) =>
    operation === 'write' && path.startsWith(`${from}/orders`)
      ? Object.assign(new Error(`ENOSPC: ${path}`), { code: 'ENOSPC', syscall: 'write' })
      : null;
  expect(broker.replicas.alterReplicaLogDir(ORDERS, to)).toBe(ErrorCode.NONE);
  await cluster.until(() => broker.log().parentDir === to);
  expect(broker.log().logEndOffset).toBe(10);
  expect(failedDirs).toEqual([]);
});

test.each(['EROFS', 'EIO'])(
  'a replica is not moved away from a disk that answers %s, where two folders would be left',
  async (code) => {
    await start();
    for (let n = 0; n < 10; n++) await broker.produce([`v${n}`]);
    await cluster.clock.advance(120_000);
    const [from, to] = [broker.log().parentDir, otherDir()];
    broker.fs.fault = (operation, path) =>
      operation === 'write' && path.startsWith(`${from}/orders`)
        ? Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'write' })
        : null;
    expect(broker.replicas.alterReplicaLogDir(ORDERS, to)).toBe(ErrorCode.NONE);
    await cluster.until(() => failedDirs.length > 0);
    expect(failedDirs).toEqual([from]);
    expect(folders(to).filter((name) => name === 'orders-0')).toEqual([]);
  },
);

test('the end of a move writes nothing in a third directory, and blocks on no disk for its checkpoints', async () => {
  await start();
  for (let n = 0; n < 10; n++) await broker.produce([`v${n}`]);
  const to = otherDir();
  const replaceFile = jest.spyOn(broker.fs, 'replaceFile');
  expect(broker.replicas.alterReplicaLogDir(ORDERS, to)).toBe(ErrorCode.NONE);
  await cluster.until(() => broker.log().parentDir === to);
  const written = replaceFile.mock.calls.map(([path]) => path);
  expect(written.filter((path) => path.endsWith('-offset-checkpoint'))).toEqual([]);
  await cluster.clock.advance(1000);
  const points = broker.fs.readFile(`${to}/recovery-point-offset-checkpoint`).toString();
  expect(points).toContain('orders 0 10');
});
