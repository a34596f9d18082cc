/** A process that may open no more files for a while gives no replica and no directory up: what failed for it is done again. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import { LogError } from '../../../src/log/index.js';
import { settle, type DiskError, type FaultInjector } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import { ORDERS, ReplicaCluster, type TestBroker } from './replica-cluster.js';

const OTHER: TopicPartition = { topic: 'orders', partition: 1 };
const FOLLOWED: TopicPartition = { topic: 'orders', partition: 2 };

let cluster: ReplicaCluster;
afterEach(() => {
  jest.restoreAllMocks();
  cluster.stop();
});

const emfile = (path: string): DiskError =>
  Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' });
const noHandles: FaultInjector = (operation, path) =>
  operation === 'open' || operation === 'readDir' ? emfile(path) : null;

/** Closes the files of the broker's logs, which its other files then cannot make room for. */
function closeFiles({ logs }: TestBroker): void {
  const { files } = (logs as unknown as { context: { files: { closeIdle(): number } } }).context;
  files.closeIdle();
}

async function produceInSync(values: readonly string[], tp: TopicPartition): Promise<number> {
  const acknowledged = cluster.broker(1).produce(values, -1, tp);
  await cluster.until(() => cluster.broker(2).log(tp).logEndOffset === cluster.broker(1).log(tp).logEndOffset);
  return (await acknowledged).errorCode;
}

test('a follower that could open no file follows again as soon as it can', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2, config: { 'replica.lag.time.max.ms': '600000' } });
  await cluster.create([1, 2], [ORDERS, OTHER]);
  for (const tp of [ORDERS, OTHER]) await produceInSync(['a'], tp);
  const follower = cluster.broker(2);
  follower.fs.fault = noHandles;
  closeFiles(follower);
  for (const tp of [ORDERS, OTHER]) await cluster.broker(1).produce(['b'], 1, tp);
  await cluster.clock.advance(5000);
  expect([ORDERS, OTHER].map((tp) => follower.log(tp).logEndOffset)).toEqual([1, 1]);
  follower.fs.fault = null;
  for (const tp of [ORDERS, OTHER]) expect(await produceInSync(['c'], tp)).toBe(ErrorCode.NONE);
  expect(await follower.values()).toEqual(['0/a', '0/b', '0/c']);
  expect(follower.logs.offlineLogDirs).toEqual([]);
});

test('a follower whose cut wanted for a file cuts, and follows, as soon as it can', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2, config: { 'replica.lag.time.max.ms': '600000' } });
  await cluster.create([1, 2]);
  await produceInSync(['a'], ORDERS);
  cluster.cut(1, 2);
  await cluster.broker(1).produce(['lost'], 1);
  cluster.elect(2, [1, 2]);
  await cluster.broker(2).produce(['kept'], 1);
  const follower = cluster.broker(1);
  follower.fs.fault = noHandles;
  closeFiles(follower);
  cluster.heal();
  await cluster.clock.advance(5000);
  expect(follower.log().logEndOffset).toBe(2);
  follower.fs.fault = null;
  await cluster.until(() => follower.log().latestEpoch === 1);
  expect(await follower.values()).toEqual(['0/a', '1/kept']);
});

test('a change of role that wanted for a file is made as soon as it can be, and the controller keeps the replica', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  await cluster.create([1, 2]);
  const elected = cluster.broker(2);
  elected.fs.fault = noHandles;
  // New partitions, and an election of one that is there.
  await cluster.create([2, 1], [OTHER]);
  await cluster.create([1, 2], [FOLLOWED]);
  cluster.elect(2, [1, 2]);
  await cluster.clock.advance(5000);
  // Those that have no log yet have no role either.
  const leaderOf = (tp: TopicPartition): number | undefined => elected.replicas.partitionOf(tp)?.leaderId;
  expect([ORDERS, OTHER, FOLLOWED].map(leaderOf)).toEqual([1, -1, -1]);
  expect((await elected.produce(['early'], 1)).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  elected.fs.fault = null;
  await cluster.until(() => [ORDERS, OTHER].every((tp) => elected.replicas.partitionOf(tp)?.isLeader));
  for (const tp of [ORDERS, OTHER]) expect((await elected.produce(['a'], 1, tp)).errorCode).toBe(ErrorCode.NONE);
  await cluster.until(() => [ORDERS, OTHER].every((tp) => elected.log(tp).highWatermark === 1));
  expect(await cluster.broker(1).values()).toEqual(['1/a']);
  expect(await cluster.broker(1).values(Infinity, OTHER)).toEqual(['0/a']);
  expect(await produceInSync(['a'], FOLLOWED)).toBe(ErrorCode.NONE);
});

test('a later command overtakes a change of role that wanted for a file', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  await cluster.create([1, 2]);
  const broker = cluster.broker(2);
  broker.fs.fault = noHandles;
  await cluster.create([2, 1], [OTHER]);
  cluster.elect(2, [1, 2]);
  const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
  const deleted = [{ tp: OTHER, leaderEpoch: -2, deletePartition: true }];
  const stopped = await broker.replicas.stopReplicas(controller, deleted);
  expect(await stopped.partitions).toEqual([{ tp: OTHER, errorCode: 0 }]);
  cluster.elect(1, [1, 2]);
  broker.fs.fault = null;
  await cluster.clock.advance(5000);
  expect(broker.replicas.partitionOf(OTHER)).toBeUndefined();
  expect(broker.logs.getLog(OTHER)).toBeUndefined();
  expect(await produceInSync(['a'], ORDERS)).toBe(ErrorCode.NONE);
  expect(broker.replicas.partitionOf(ORDERS)!.leaderEpoch).toBe(2);
});

test('an older command does not take the place of a change of role that waits', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  await cluster.create([1, 2]);
  const broker = cluster.broker(2);
  broker.fs.fault = noHandles;
  closeFiles(broker);
  cluster.elect(1, [1, 2]);
  const { state } = cluster.partitions.get('orders-0')!;
  cluster.elect(2, [1, 2]);
  const newest = cluster.stateOf();
  // Held up in the network it comes when the newer one has been answered.
  cluster.partitions.get('orders-0')!.state = state;
  cluster.announce([ORDERS], false, 2);
  await settle();
  cluster.partitions.get('orders-0')!.state = newest;
  broker.fs.fault = null;
  await cluster.until(() => broker.replicas.partitionOf(ORDERS)!.isLeader);
  expect(broker.replicas.partitionOf(ORDERS)!.leaderEpoch).toBe(2);
});

test('a replica that comes back while deletions of it in two directories are not durable is made once one is', async () => {
  cluster = await ReplicaCluster.start({ brokers: 3, logDirs: ['/one', '/two'] });
  const { clock } = cluster;
  await cluster.create([1, 2, 3]);
  const broker = cluster.broker(2);
  await cluster.until(() => broker.logs.getLog(ORDERS) !== undefined);
  const from = broker.log().parentDir;
  const to = from === '/one' ? '/two' : '/one';
  // From the move on.
  const isSlow = (): boolean => broker.logs.getLog(ORDERS)?.parentDir !== from;
  broker.fs.pace = { clock, delayMs: (operation) => (operation === 'sync' && isSlow() ? 5000 : 0) };
  broker.replicas.alterReplicaLogDir(ORDERS, to);
  while (broker.log().parentDir !== to) await clock.advance(1);
  const partition = cluster.partitions.get('orders-0')!;
  partition.replicas.splice(partition.replicas.indexOf(2), 1);
  cluster.elect(1, [1, 3]);
  const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 1 };
  const { leaderEpoch } = partition.state;
  void broker.replicas.stopReplicas(controller, [{ tp: ORDERS, leaderEpoch, deletePartition: true }]);
  await clock.advance(100);
  expect(broker.logs.dirsOf(ORDERS).sort()).toEqual(['/one', '/two']);
  partition.replicas.push(2);
  cluster.elect(1);
  cluster.announce([ORDERS], true, 2);
  await clock.advance(1000);
  expect(broker.logs.getLog(ORDERS)).toBeUndefined();
  await cluster.until(() => broker.logs.getLog(ORDERS) !== undefined);
  broker.fs.pace = null;
  await cluster.until(() => cluster.stateOf().isr.includes(2));
});

test('a change of role that meets something unforeseen when it is tried again costs its replica, and no other that waits', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  const broker = cluster.broker(1);
  broker.fs.fault = noHandles;
  await cluster.create([1], [ORDERS, OTHER]);
  const getOrCreateLog = broker.logs.getOrCreateLog.bind(broker.logs);
  jest.spyOn(broker.logs, 'getOrCreateLog').mockImplementation((tp, options) => {
    if (tp.partition === ORDERS.partition) throw new RangeError('no such thing');
    return getOrCreateLog(tp, options);
  });
  broker.fs.fault = null;
  await cluster.until(() => broker.replicas.partitionOf(OTHER)?.isLeader === true);
  expect(broker.replicas.partitionOrError(ORDERS)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
});

test('a change of role that is refused for the topic id when it is tried again waits no more, nor does what is behind it', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  const broker = cluster.broker(1);
  broker.fs.fault = noHandles;
  await cluster.create([1], [ORDERS, OTHER]);
  const getOrCreateLog = broker.logs.getOrCreateLog.bind(broker.logs);
  let tries = 0;
  jest.spyOn(broker.logs, 'getOrCreateLog').mockImplementation((tp, options) => {
    if (tp.partition !== ORDERS.partition) return getOrCreateLog(tp, options);
    tries++;
    throw new LogError('INCONSISTENT_TOPIC_ID', 'the folder is of another topic');
  });
  broker.fs.fault = null;
  await cluster.until(() => broker.replicas.partitionOf(OTHER)?.isLeader === true);
  await cluster.clock.advance(10_000);
  expect(tries).toBe(1);
});

test('a checkpoint of high watermarks that wanted for a file is read later, and its directory stays', async () => {
  const failed: string[] = [];
  cluster = await ReplicaCluster.start({ brokers: 1, extras: () => ({ onLogDirFailure: (dir) => failed.push(dir) }) });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a'], 1);
  await cluster.clock.advance(6000);
  broker.crash('process');
  await broker.start();
  // Of a broker that starts: what the file says of this partition is not lost either.
  broker.fs.fault = (operation, path) =>
    operation === 'read' && path.endsWith('replication-offset-checkpoint') ? emfile(path) : null;
  await cluster.create([1], [OTHER]);
  cluster.announce([ORDERS]);
  await cluster.clock.advance(20_000);
  expect(failed).toEqual([]);
  expect(broker.fs.readFile.bind(broker.fs, '/logs/replication-offset-checkpoint')).toThrow('EMFILE');
  broker.fs.fault = null;
  expect(broker.fs.readFile('/logs/replication-offset-checkpoint').toString()).toBe('0\n1\norders 0 1\n');
  await cluster.until(() => broker.replicas.partitionOf(ORDERS)?.isLeader === true);
  expect(broker.log().highWatermark).toBe(1);
  expect((await broker.produce(['b'], 1, OTHER)).errorCode).toBe(ErrorCode.NONE);
});

test('what a producer has sent behind a batch that wanted for a file comes behind it', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  await cluster.create([1]);
  const { replicas, fs } = cluster.broker(1);
  const log = cluster.broker(1).log();
  await log.prepareForAppends();
  const append = async (baseSequence: number): Promise<number> => {
    const builder = new BatchBuilder({ producerId: 7, producerEpoch: 0, baseSequence });
    builder.append({ timestamp: cluster.clock.nowMs(), key: null, value: Buffer.from('a') });
    const entries = [{ tp: ORDERS, records: builder.build() }];
    const call = { timeoutMs: 1000, requiredAcks: 1, internalTopicsAllowed: false, entries };
    return new Promise(
      (resolve) =>
        void replicas.appendRecords({
          ...call,
          origin: 'client',
          onComplete: ([result]) => resolve(result!.errorCode),
        }),
    );
  };
  fs.fault = noHandles;
  closeFiles(cluster.broker(1));
  expect(await append(0)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  fs.fault = null;
  expect(await append(1)).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  expect([await append(0), await append(1)]).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
});

test('a follower whose append of two epochs wanted for a file knows afterwards where each began, and lets no one keep other records', async () => {
  cluster = await ReplicaCluster.start({ brokers: 3, config: { 'replica.lag.time.max.ms': '10000' } });
  const [first, second, third] = [1, 2, 3].map((id) => cluster.broker(id)) as [TestBroker, TestBroker, TestBroker];
  await cluster.create([1, 2, 3]);
  await produceInSync(['a'], ORDERS);
  await cluster.until(() => third.log().logEndOffset === 1);
  // Records that no one else has: the first broker dies with them.
  for (const other of [2, 3]) cluster.cut(1, other);
  await first.produce(['nobody-else-has', 'nobody-else-has'], 1);
  first.crash('process');
  cluster.elect(2, [2, 3]);
  expect((await second.produce(['b'], 1)).errorCode).toBe(ErrorCode.NONE);
  await cluster.until(() => third.log().logEndOffset === 2);
  // The third catches up with the next two epochs in one append.
  cluster.cut(2, 3);
  await second.produce(['c'], 1);
  cluster.elect(2, [2]);
  expect((await second.produce(['d'], 1)).errorCode).toBe(ErrorCode.NONE);
  closeFiles(third);
  third.fs.fault = (operation, path) => (operation === 'open' && path.endsWith('.log') ? emfile(path) : null);
  cluster.heal();
  await cluster.clock.advance(2500);
  expect(third.log()).toMatchObject({ logEndOffset: 2, latestEpoch: 1 });
  third.fs.fault = null;
  await cluster.until(() => third.log().logEndOffset === 4);
  cluster.elect(3, [2, 3]);
  await first.start();
  cluster.announce([ORDERS], false, 1);
  await cluster.until(() => cluster.stateOf().isr.includes(1));
  expect(await first.values()).toEqual(await third.values());
  expect(first.log().epochEntries).toEqual(second.log().epochEntries);
});
