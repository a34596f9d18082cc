import { settle } from '../../../src/testing/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 3, ...options });
};
afterEach(() => cluster.stop());

const end = (id: number): number => cluster.broker(id).log().logEndOffset;
const highWatermark = (id: number): number => cluster.broker(id).log().highWatermark;

/** Runs until the promise settles. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  void promise.then(() => (isDone = true));
  await cluster.until(() => isDone);
  return promise;
}

test('acks=all is answered once all replicas in sync have the records, and not before', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  cluster.cut(1, 3);
  let isAnswered = false;
  const produced = cluster.broker(1).produce(['a', 'b']);
  void produced.then(() => (isAnswered = true));
  await cluster.until(() => end(2) === 2);
  await cluster.clock.advance(2000);
  expect(isAnswered).toBe(false);
  cluster.heal();
  expect(await settled(produced)).toMatchObject({ errorCode: 0, baseOffset: 0, lastOffset: 1 });
  expect(end(3)).toBe(2);
});

test('a single replica acknowledges acks=all before the call returns', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  const answers: number[] = [];
  void cluster
    .broker(1)
    .produce(['a'])
    .then((result) => answers.push(result.errorCode));
  await settle();
  expect(answers).toEqual([0]);
  expect(highWatermark(1)).toBe(1);
});

test('followers learn of the high watermark, with the topic id in use and without', async () => {
  for (const withTopicIds of [true, false]) {
    await start({ withTopicIds });
    await cluster.create([1, 2, 3]);
    await settled(cluster.broker(1).produce(['a', 'b', 'c']));
    await cluster.until(() => highWatermark(2) === 3 && highWatermark(3) === 3);
    expect(await cluster.broker(3).values()).toEqual(['0/a', '0/b', '0/c']);
    cluster.stop();
  }
});

test('a follower that stops fetching leaves the ISR, which lets the high watermark go on, and comes back when it has caught up', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  cluster.cut(1, 3);
  const produced = cluster.broker(1).produce(['a'], -1, ORDERS, 120_000);
  expect(await settled(produced)).toMatchObject({ errorCode: 0 });
  expect([...cluster.stateOf().isr].sort()).toEqual([1, 2]);
  expect(end(3)).toBe(0);
  cluster.heal();
  await cluster.until(() => cluster.stateOf().isr.length === 3);
  expect(end(3)).toBe(1);
  expect(cluster.broker(1).replicas.partitionOf(ORDERS)!.leaderAndIsr).toEqual(cluster.stateOf());
});

test('followers at rest stay in the ISR however long nothing is written', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  await settled(cluster.broker(1).produce(['a']));
  await cluster.clock.advance(300_000);
  expect(cluster.stateOf().isr).toEqual([1, 2, 3]);
  // The first record after the rest finds them caught up as of their last fetch.
  await settled(cluster.broker(1).produce(['b']));
  await cluster.clock.advance(60_000);
  expect(cluster.stateOf().isr).toEqual([1, 2, 3]);
  expect(cluster.stateOf().partitionEpoch).toBe(0);
});

test('acks=all is refused with the ISR below min.insync.replicas, and acks=1 is not', async () => {
  await start({ topicConfig: { 'min.insync.replicas': '3' } });
  await cluster.create([1, 2, 3]);
  cluster.cut(1, 3);
  const waiting = settled(cluster.broker(1).produce(['a'], -1, ORDERS, 120_000));
  expect(await waiting).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, baseOffset: 0 });
  expect(await cluster.broker(1).produce(['b'])).toMatchObject({
    errorCode: ErrorCode.NOT_ENOUGH_REPLICAS,
    baseOffset: -1,
  });
  expect(await cluster.broker(1).produce(['c'], 1)).toMatchObject({ errorCode: 0, baseOffset: 1 });
});

test('a producer whose time is up is told so, and the records are there all the same', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  expect(await settled(cluster.broker(1).produce(['a'], -1, ORDERS, 500))).toMatchObject({
    errorCode: ErrorCode.REQUEST_TIMED_OUT,
    baseOffset: 0,
  });
  expect(end(1)).toBe(1);
});

test('what an old leader had beyond the new one is cut by leader epoch, and waiting producers are told', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  await settled(cluster.broker(1).produce(['a', 'b']));
  cluster.cut(1, 2);
  cluster.cut(1, 3);
  const lost = cluster.broker(1).produce(['lost-1', 'lost-2', 'lost-3']);
  await settle();
  // The others elect without broker 1, which does not hear of it.
  cluster.broker(1).isUp = false;
  cluster.elect(2, [2, 3]);
  await settled(cluster.broker(2).produce(['c']));
  cluster.broker(1).isUp = true;
  expect(await cluster.broker(1).values()).toEqual(['0/a', '0/b', '0/lost-1', '0/lost-2', '0/lost-3']);
  cluster.heal();
  cluster.announce([ORDERS], false, 1);
  expect(await lost).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  await cluster.until(() => cluster.stateOf().isr.length === 3);
  for (const id of [1, 2, 3]) expect(await cluster.broker(id).values()).toEqual(['0/a', '0/b', '1/c']);
});

test('logs that parted over several epochs are joined epoch by epoch', async () => {
  await start();
  await cluster.create([1, 2]);
  await settled(cluster.broker(1).produce(['a']));
  cluster.cut(1, 2);
  // 1 leads epochs 1 and 2 alone, 2 leads epoch 3 from what it had of epoch 0.
  const asLeader = async (id: number, value: string): Promise<void> => {
    cluster.elect(id, [id]);
    await cluster.broker(id).produce([value], 1);
  };
  cluster.broker(2).isUp = false;
  await asLeader(1, 'x');
  await asLeader(1, 'y');
  cluster.broker(1).isUp = false;
  cluster.broker(2).isUp = true;
  await asLeader(2, 'b');
  cluster.broker(1).isUp = true;
  cluster.heal();
  cluster.announce([ORDERS], false, 1);
  await cluster.until(() => cluster.stateOf().isr.length === 2);
  for (const id of [1, 2]) expect(await cluster.broker(id).values()).toEqual(['0/a', '3/b']);
});

test('before truncation on fetch a follower asks for the end of its epoch first', async () => {
  await start({ config: { 'inter.broker.protocol.version': '2.6' }, withTopicIds: false });
  await cluster.create([1, 2]);
  await settled(cluster.broker(1).produce(['a']));
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['lost'], 1);
  cluster.broker(1).isUp = false;
  cluster.elect(2, [2]);
  await cluster.broker(2).produce(['b'], 1);
  cluster.broker(1).isUp = true;
  cluster.heal();
  cluster.announce([ORDERS], false, 1);
  await cluster.until(() => cluster.stateOf().isr.length === 2);
  expect(await cluster.broker(1).values()).toEqual(['0/a', '1/b']);
});

test('a follower whose offset the leader no longer has begins anew at the start of the leader', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  await cluster.clock.advance(40_000);
  await cluster.until(() => cluster.stateOf().isr.length === 1);
  for (const value of ['a', 'b', 'c', 'd']) await cluster.broker(1).produce([value]);
  void cluster.broker(1).replicas.deleteRecords(0, [{ tp: ORDERS, offset: 3 }], () => undefined);
  cluster.heal();
  await cluster.until(() => cluster.stateOf().isr.length === 2);
  expect(cluster.broker(2).log().logStartOffset).toBe(3);
  expect(await cluster.broker(2).values()).toEqual(['0/d']);
});

test('DeleteRecords is answered when the followers have moved their log start too', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  await settled(cluster.broker(1).produce(['a', 'b', 'c']));
  const answer = new Promise((resolve) => {
    void cluster.broker(1).replicas.deleteRecords(10_000, [{ tp: ORDERS, offset: 2 }], resolve);
  });
  expect(await settled(answer)).toEqual([{ tp: ORDERS, errorCode: 0, lowWatermark: 2 }]);
  expect(cluster.broker(3).log().logStartOffset).toBe(2);
  const refused = await new Promise((resolve) => {
    void cluster.broker(1).replicas.deleteRecords(0, [{ tp: ORDERS, offset: 9 }], resolve);
  });
  expect(refused).toEqual([{ tp: ORDERS, errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 }]);
});

test('no ISR change is proposed while another is under way', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  cluster.isControllerUp = false;
  cluster.cut(1, 2);
  cluster.cut(1, 3);
  void cluster.broker(1).produce(['a']);
  const partition = cluster.broker(1).replicas.partitionOf(ORDERS)!;
  await cluster.until(() => partition.isIsrChangePending);
  await cluster.clock.advance(60_000);
  expect(partition.inSyncReplicaIds).toEqual([1, 2, 3]);
  cluster.isControllerUp = true;
  await cluster.until(() => cluster.stateOf().isr.length === 1);
  expect(cluster.stateOf().partitionEpoch).toBe(1);
});

test('the high watermark is found again after a restart', async () => {
  await start();
  await cluster.create([1, 2]);
  await settled(cluster.broker(1).produce(['a', 'b']));
  await cluster.until(() => highWatermark(2) === 2);
  await cluster.clock.advance(6000);
  cluster.broker(2).crash('process');
  await cluster.broker(2).start();
  cluster.cut(1, 2);
  cluster.announce([ORDERS], false, 2);
  expect(highWatermark(2)).toBe(2);
});

test('a deleted replica is gone, and what waited for it is told', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  const waiting = cluster.broker(1).produce(['a']);
  const stopped = await cluster
    .broker(1)
    .replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 7 }, [
      { tp: ORDERS, leaderEpoch: -2, deletePartition: true },
    ]);
  expect(stopped.errorCode).toBe(0);
  expect(await stopped.partitions).toEqual([{ tp: ORDERS, errorCode: 0 }]);
  expect(await waiting).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION });
  expect(cluster.broker(1).replicas.localLog(ORDERS)).toBeUndefined();
  expect(cluster.broker(1).logs.getLog(ORDERS)).toBeUndefined();
});

test('a stray replica is set aside: its files stay, and its name is free', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  await cluster.broker(1).produce(['a']);
  const { fs, logs, replicas } = cluster.broker(1);
  const { parentDir, config } = logs.getLog(ORDERS)!;
  const stray = { tp: ORDERS, leaderEpoch: -2, deletePartition: true, isStray: true };
  const stopped = await replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 7 }, [stray]);
  expect(await stopped.partitions).toEqual([{ tp: ORDERS, errorCode: 0 }]);
  expect(logs.getLog(ORDERS)).toBeUndefined();
  await cluster.clock.advance(2 * config.fileDeleteDelayMs);
  const folders = fs.readDir(parentDir).filter((name) => name.startsWith('orders-'));
  expect(folders).toEqual([expect.stringMatching(/^orders-0\.[0-9a-f]{32}-stray$/)]);
  expect(fs.stat(`${parentDir}/${folders[0]}/00000000000000000000.log`).size).toBeGreaterThan(0);
});

test('an old controller is not obeyed', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  const { replicas } = cluster.broker(1);
  expect(replicas.maybeUpdateMetadata(5, () => undefined)).toBe(0);
  let isApplied = false;
  expect(replicas.maybeUpdateMetadata(4, () => (isApplied = true))).toBe(ErrorCode.STALE_CONTROLLER_EPOCH);
  expect(isApplied).toBe(false);
  const old = { controllerId: 1, controllerEpoch: 4, correlationId: 7 };
  const stop = [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }];
  const refused = await replicas.stopReplicas(old, stop);
  expect(refused.errorCode).toBe(ErrorCode.STALE_CONTROLLER_EPOCH);
  expect(await refused.partitions).toEqual([]);
  expect(replicas.partitionOf(ORDERS)).toBeDefined();
});

test('partitions of a failed log directory are offline, and say so', async () => {
  await start({ brokers: 2 });
  await cluster.create([1, 2]);
  const { replicas } = cluster.broker(1);
  expect(replicas.handleLogDirFailure('/logs')).toEqual([ORDERS]);
  expect(await cluster.broker(1).produce(['a'])).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  cluster.elect(2, [2]);
  expect(replicas.partitionOrError(ORDERS)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
});

test('until the high watermark reaches the epoch of a new leader, the end is not told to clients', async () => {
  await start();
  await cluster.create([1, 2, 3]);
  await settled(cluster.broker(1).produce(['a']));
  cluster.cut(1, 3);
  cluster.cut(2, 3);
  void cluster.broker(1).produce(['b']);
  await cluster.until(() => end(2) === 2);
  cluster.cut(1, 2);
  cluster.elect(2, [1, 2, 3]);
  const ask = (isolation: 'READ_UNCOMMITTED' | null) =>
    cluster
      .broker(2)
      .replicas.fetchOffsetForTimestamp(ORDERS, -1, { isolation, currentLeaderEpoch: -1, fetchOnlyFromLeader: true });
  expect(await ask('READ_UNCOMMITTED')).toMatchObject({ errorCode: ErrorCode.OFFSET_NOT_AVAILABLE });
  expect(await ask(null)).toMatchObject({ errorCode: 0, offset: 2 });
  cluster.heal();
  await cluster.until(() => highWatermark(2) === 2);
  expect(await ask('READ_UNCOMMITTED')).toMatchObject({ errorCode: 0, offset: 2, leaderEpoch: 1 });
});
