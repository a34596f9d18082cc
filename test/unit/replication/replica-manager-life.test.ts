/** What a replica manager does as a whole: its end, its configuration, its checkpoints and its metrics. */
import { BrokerConfig } from '../../../src/config/index.js';
import { ErrorCode, fetchRequest, leaderAndIsrRequest } from '../../../src/protocol/index.js';
import { batchOf, ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions } from './replica-cluster.js';

let cluster: ReplicaCluster;
const start = async (options: Partial<ClusterOptions> = {}): Promise<void> => {
  cluster = await ReplicaCluster.start({ brokers: 2, ...options });
};
afterEach(() => cluster.stop());

const gauge = (id: number, name: string): unknown =>
  cluster.broker(id).metrics.snapshot().get(`kafka.server:type=ReplicaManager,name=${name}`);

test('a producer that waits when the broker stops is told that it leads no more', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  const answers: number[] = [];
  void cluster
    .broker(1)
    .produce(['a'], -1, ORDERS, 60_000)
    .then(({ errorCode }) => answers.push(errorCode));
  await cluster.clock.advance(10);
  expect(answers).toEqual([]);
  cluster.broker(1).replicas.shutdown();
  await cluster.clock.advance(0);
  expect(answers).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER]);
});

test('a broker that has stopped proposes no change of an ISR', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(10);
  cluster.broker(1).replicas.shutdown();
  await cluster.clock.advance(120_000);
  expect(cluster.stateOf().isr).toEqual([1, 2]);
});

test('a configuration that changes while the broker runs counts from then on', async () => {
  await start();
  await cluster.create([1, 2]);
  const { config, replicas } = cluster.broker(1);
  const values = { 'broker.id': '1', 'zookeeper.connect': 'zk:2181', 'replica.lag.time.max.ms': '300000' };
  expect(config.get('replica.lag.time.max.ms')).toBe(30_000);
  replicas.updateConfig(BrokerConfig.parse(new Map(Object.entries(values))).config);
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(120_000);
  expect(cluster.stateOf().isr).toEqual([1, 2]);
  await cluster.until(() => cluster.stateOf().isr.length === 1, 300_000);
});

test.each([1, 2])('the high watermark of broker %i is checkpointed again after each time it moved', async (id) => {
  await start();
  await cluster.create([1, 2]);
  for (const end of [1, 2, 3]) {
    void cluster.broker(1).produce(['a']);
    await cluster.until(() => [1, 2].every((one) => cluster.broker(one).log().highWatermark === end));
    await cluster.clock.advance(6000);
    const lines = cluster.broker(id).fs.readFile('/logs/replication-offset-checkpoint').toString().trim().split('\n');
    expect(lines.at(-1)).toBe(`orders 0 ${end}`);
  }
});

test('a partition counts as led where it is led, and nowhere else', async () => {
  await start();
  await cluster.create([1, 2]);
  await cluster.create([2, 1], [{ topic: 'orders', partition: 1 }]);
  await cluster.create([2, 1], [{ topic: 'orders', partition: 2 }]);
  expect([gauge(1, 'LeaderCount'), gauge(1, 'PartitionCount')]).toEqual([1, 3]);
  expect([gauge(2, 'LeaderCount'), gauge(2, 'PartitionCount')]).toEqual([2, 3]);
});

test.each([
  { title: 'adds a replica that has not caught up', adding: [3], removing: [], isr: [1, 2], under: 0, reassigning: 1 },
  { title: 'adds one while another lags', adding: [3], removing: [], isr: [1], under: 1, reassigning: 1 },
  { title: 'removes a replica that lags', adding: [], removing: [3], isr: [1, 2], under: 1, reassigning: 1 },
  { title: 'is over', adding: [], removing: [], isr: [1, 2, 3], under: 0, reassigning: 0 },
])('a partition whose reassignment $title counts as under-replicated for what it lacks', async (row) => {
  await start({ brokers: 3 });
  const state = {
    partitionIndex: 0,
    controllerEpoch: 1,
    leader: 1,
    leaderEpoch: 0,
    isr: row.isr,
    partitionEpoch: 0,
    replicas: [1, 2, 3],
    addingReplicas: row.adding,
    removingReplicas: row.removing,
    isNew: true,
  };
  const topicStates = [{ topicName: 'orders', topicId: TOPIC_ID, partitionStates: [state] }];
  const encoded = leaderAndIsrRequest.encode({ controllerId: 1, controllerEpoch: 1, topicStates, liveLeaders: [] }, 7);
  await cluster.broker(1).replicas.becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1);
  expect([gauge(1, 'UnderReplicatedPartitions'), gauge(1, 'ReassigningPartitions')]).toEqual([
    row.under,
    row.reassigning,
  ]);
});

test.each([
  { title: 'stopped', deletePartition: false },
  { title: 'deleted', deletePartition: true },
])('a follower that is $title fetches no more', async ({ deletePartition }) => {
  await start();
  await cluster.create([1, 2]);
  void cluster.broker(1).produce(['a']);
  await cluster.until(() => cluster.broker(2).log().highWatermark === 1);
  const log = cluster.broker(2).log();
  await cluster
    .broker(2)
    .replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 7 }, [
      { tp: ORDERS, leaderEpoch: -2, deletePartition },
    ]);
  await cluster.clock.advance(1000);
  const before = cluster.fetchCount;
  void cluster.broker(1).produce(['b'], 1);
  await cluster.clock.advance(5000);
  expect([log.logEndOffset, cluster.fetchCount - before]).toEqual([1, 0]);
});

test('the high watermark of a replica that moved is checkpointed where it is now, and nowhere else', async () => {
  await start({ brokers: 1, logDirs: ['/logs/a', '/logs/b'] });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a', 'b'], 1);
  await cluster.clock.advance(6000);
  const own = broker.log().parentDir;
  const target = own === '/logs/a' ? '/logs/b' : '/logs/a';
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(ErrorCode.NONE);
  await cluster.until(() => broker.log().parentDir === target);
  await cluster.clock.advance(6000);
  const lines = [own, target].map((dir) =>
    broker.fs.readFile(`${dir}/replication-offset-checkpoint`).toString().trim().split('\n').slice(2),
  );
  expect(lines).toEqual([[], ['orders 0 2']]);
});

test('a replica that leads takes nothing more from the old leader, though that one does not know yet', async () => {
  await start();
  await cluster.create([1, 2]);
  void cluster.broker(1).produce(['a']);
  await cluster.until(() => cluster.broker(2).log().highWatermark === 1);
  const partition = cluster.partitions.get('orders-0')!;
  partition.state = { ...partition.state, leader: 2, isr: [2], leaderEpoch: 1, partitionEpoch: 1 };
  cluster.announce([ORDERS], false, 2);
  void cluster.broker(1).produce(['lost'], 1);
  await cluster.clock.advance(2000);
  expect(await cluster.broker(2).values()).toEqual(['0/a']);
  expect(await cluster.broker(2).produce(['b'], 1)).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 1 });
});

test('a producer that waits for a leader that follows from now on is told so at once', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  const answers: number[] = [];
  void cluster
    .broker(1)
    .produce(['a'], -1, ORDERS, 60_000)
    .then(({ errorCode }) => answers.push(errorCode));
  await cluster.clock.advance(10);
  cluster.elect(2, [2]);
  await cluster.clock.advance(10);
  expect(answers).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER]);
});

test('a follower that stops fetches no more', async () => {
  await start();
  await cluster.create([1, 2]);
  await cluster.clock.advance(2000);
  cluster.broker(2).replicas.shutdown();
  await cluster.clock.advance(1000);
  const before = cluster.fetchCount;
  await cluster.clock.advance(10_000);
  expect(cluster.fetchCount).toBe(before);
});

test('the leader learns of what retention has deleted at its follower', async () => {
  await start();
  await cluster.create([1, 2]);
  for (const value of ['a', 'b', 'c']) void cluster.broker(1).produce([value], 1);
  await cluster.until(() => cluster.broker(2).log().highWatermark === 3);
  cluster.broker(2).log().maybeIncrementLogStartOffset(2, 'a test');
  const known = (): number => cluster.broker(1).replicas.partitionOf(ORDERS)!.replica(2)!.logStartOffset;
  expect(known()).toBe(0);
  await cluster.until(() => known() === 2, 6000);
});

test('what is appended and what is refused is counted, and so is who waits', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  // What the follower had asked before is answered.
  await cluster.clock.advance(1000);
  const { metrics } = cluster.broker(1);
  const counted = (name: string): unknown =>
    metrics.snapshot().get(`kafka.server:type=BrokerTopicMetrics,name=${name}`);
  const waiting = (operation: string): unknown =>
    metrics
      .snapshot()
      .get(`kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=${operation}`);
  const all = (): unknown[] => ['Produce', 'Fetch', 'DeleteRecords'].map(waiting);
  expect(all()).toEqual([0, 0, 0]);
  await cluster.broker(1).produce(['a', 'b', 'c'], 1);
  expect([counted('MessagesInPerSec'), counted('BytesInPerSec')]).toEqual([3, batchOf(['a', 'b', 'c']).length]);
  void cluster.broker(1).produce(['d'], -1);
  expect([counted('MessagesInPerSec'), all()]).toEqual([4, [1, 0, 0]]);
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
  const input = { maxWaitMs: 500, minBytes: 1, topics: [{ topic: 'orders', partitions }] };
  const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
  const context = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: () => undefined,
  };
  cluster.broker(1).replicas.handleFetch(request, 12, context, () => undefined);
  expect(all()).toEqual([1, 1, 0]);
  await cluster.clock.advance(500);
  expect(all()).toEqual([1, 0, 0]);
  cluster.heal();
  await cluster.until(() => cluster.broker(1).log().highWatermark === 4, 5000);
  expect(waiting('Produce')).toBe(0);
});

test.each([
  { isr: [1, 2], under: 0, at: 1 },
  { isr: [1], under: 1, at: 0 },
  { isr: [1, 2, 3], under: 0, at: 0 },
])('with two replicas to be in sync and $isr in sync the metrics say so', async ({ isr, under, at }) => {
  await start({ brokers: 3, topicConfig: { 'min.insync.replicas': '2' } });
  await cluster.create([1, 2, 3]);
  cluster.elect(1, isr);
  expect([gauge(1, 'UnderMinIsrPartitionCount'), gauge(1, 'AtMinIsrPartitionCount')]).toEqual([under, at]);
  expect([gauge(2, 'UnderMinIsrPartitionCount'), gauge(2, 'AtMinIsrPartitionCount')]).toEqual([0, 0]);
});

test('a replica whose directory failed proposes nothing for its partition any more', async () => {
  await start({ logDirs: ['/logs/a', '/logs/b'], config: { 'replica.lag.time.max.ms': '2000' } });
  await cluster.create([1, 2]);
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['a'], 1);
  const { logs, replicas } = cluster.broker(1);
  const dir = cluster.broker(1).log().parentDir;
  logs.handleLogDirFailure(dir);
  replicas.handleLogDirFailure(dir);
  await cluster.clock.advance(30_000);
  expect(cluster.stateOf().isr).toEqual([1, 2]);
});

test('a follower whose only directory with partitions failed fetches no more', async () => {
  await start({ logDirs: ['/logs/a', '/logs/b'] });
  await cluster.create([1, 2]);
  await cluster.clock.advance(2000);
  const { logs, replicas } = cluster.broker(2);
  const dir = cluster.broker(2).log().parentDir;
  logs.handleLogDirFailure(dir);
  replicas.handleLogDirFailure(dir);
  await cluster.clock.advance(1000);
  const before = cluster.fetchCount;
  await cluster.clock.advance(10_000);
  expect(cluster.fetchCount).toBe(before);
});

test('a checkpoint of high watermarks that cannot be written costs its directory', async () => {
  const failed: string[] = [];
  await start({
    brokers: 1,
    logDirs: ['/logs/a', '/logs/b'],
    extras: () => ({ onLogDirFailure: (dir) => void failed.push(dir) }),
  });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  broker.fs.fault = (operation, path) =>
    path.startsWith('/logs/b/replication-offset-checkpoint') && operation !== 'read'
      ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: operation })
      : null;
  await broker.produce(['a'], 1);
  await cluster.clock.advance(6000);
  expect(failed).toEqual(['/logs/b']);
});

test('an old partition epoch changes no role, whatever the leader epoch', async () => {
  await start();
  await cluster.create([1, 2]);
  const command = async (leader: number, leaderEpoch: number, partitionEpoch: number, leaderRecoveryState = 0) => {
    const state = {
      ...{ partitionIndex: 0, controllerEpoch: 1, leader, leaderEpoch, isr: [leader], partitionEpoch },
      ...{ replicas: [1, 2], isNew: false, leaderRecoveryState },
    };
    const topicStates = [{ topicName: 'orders', topicId: TOPIC_ID, partitionStates: [state] }];
    const encoded = leaderAndIsrRequest.encode(
      { controllerId: 1, controllerEpoch: 1, topicStates, liveLeaders: [] },
      7,
    );
    await cluster.broker(1).replicas.becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1);
    const { leaderId, leaderEpoch: epoch, leaderAndIsr } = cluster.broker(1).replicas.partitionOf(ORDERS)!;
    return [leaderId, epoch, leaderAndIsr.partitionEpoch, leaderAndIsr.recovering];
  };
  expect(await command(1, 3, 7)).toEqual([1, 3, 7, false]);
  expect(await command(1, 4, 6)).toEqual([1, 3, 7, false]);
  expect(await command(2, 5, 6)).toEqual([1, 3, 7, false]);
  // A follower keeps in mind that its leader recovers from an unclean election; a leader has recovered with its election.
  expect(await command(2, 6, 8, 1)).toEqual([2, 6, 8, true]);
  expect(await command(1, 7, 9, 1)).toEqual([1, 7, 9, false]);
});

test('a second follower that lags is found too, though nothing is appended after the first has left', async () => {
  await start({ brokers: 3, config: { 'replica.lag.time.max.ms': '10000' } });
  await cluster.create([1, 2, 3]);
  await cluster.clock.advance(1000);
  cluster.cut(1, 3);
  void cluster.broker(1).produce(['a'], 1);
  await cluster.clock.advance(8000);
  cluster.cut(1, 2);
  void cluster.broker(1).produce(['b'], 1);
  await cluster.until(() => cluster.stateOf().isr.length === 2, 8000);
  expect([...cluster.stateOf().isr].sort()).toEqual([1, 2]);
  await cluster.until(() => cluster.stateOf().isr.length === 1, 20_000);
});

test('a high watermark that an append has raised is checkpointed, though the answer to the append throws', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  await cluster.clock.advance(6000);
  const append = (): unknown =>
    void cluster.broker(1).replicas.appendRecords({
      timeoutMs: 1000,
      requiredAcks: 1,
      internalTopicsAllowed: false,
      origin: 'client',
      entries: [{ tp: ORDERS, records: batchOf(['a']) }],
      onComplete: () => {
        throw new Error('no answer');
      },
    });
  expect(append).toThrow('no answer');
  await cluster.clock.advance(6000);
  const lines = cluster.broker(1).fs.readFile('/logs/replication-offset-checkpoint').toString().trim().split('\n');
  expect(lines.at(-1)).toBe('orders 0 1');
});

test('a broker that stops writes its last high watermarks without blocking on a disk', async () => {
  await start({ brokers: 1 });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  await broker.produce(['a']);
  broker.fs.pace = { clock: cluster.clock, delayMs: (operation) => (operation === 'sync' ? 2000 : 0) };
  const { blockedMs } = broker.fs;
  broker.replicas.shutdown();
  expect(broker.fs.blockedMs).toBe(blockedMs);
  await cluster.clock.advance(10_000);
  const dir = broker.log().parentDir;
  expect(broker.fs.readFile(`${dir}/replication-offset-checkpoint`).toString()).toContain('orders 0 1');
});

test('a leader that is told of another one steps down, though that one is not alive to its knowledge, and follows it when it is', async () => {
  await start();
  await cluster.create([1, 2]);
  expect((await cluster.broker(1).produce(['a'], 1)).errorCode).toBe(ErrorCode.NONE);
  await cluster.clock.advance(1000);
  cluster.broker(2).isUp = false;
  cluster.elect(2);
  expect((await cluster.broker(1).produce(['b'], 1)).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  await cluster.clock.advance(5000);
  cluster.broker(2).isUp = true;
  cluster.announce([ORDERS], false, 2);
  expect((await cluster.broker(2).produce(['c'], 1)).errorCode).toBe(ErrorCode.NONE);
  await cluster.until(() => cluster.broker(1).log().logEndOffset === 2);
});

test('a leader that is told that there is none steps down', async () => {
  await start();
  await cluster.create([1, 2]);
  cluster.elect(-1);
  expect((await cluster.broker(1).produce(['a'], 1)).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  cluster.elect(1);
  expect((await cluster.broker(1).produce(['a'], 1)).errorCode).toBe(ErrorCode.NONE);
});
