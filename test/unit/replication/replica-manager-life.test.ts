/** What a replica manager does as a whole: its end, its configuration, its checkpoints and its metrics. */
import { BrokerConfig } from '../../../src/config/index.js';
import { ErrorCode, leaderAndIsrRequest } from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions } from './replica-cluster.js';

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
