/** A log directory that fails while partitions take roles in it, and what waits for them. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  leaderAndIsrRequest,
  type FetchResponse,
  type LeaderAndIsrResponseInput,
} from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type TestBroker } from './replica-cluster.js';

const ALL: TopicPartition[] = [0, 1, 2, 3].map((partition) => ({ topic: 'orders', partition }));
const CONTROLLER = { controllerId: 1, controllerEpoch: 1, correlationId: 7 };

let cluster: ReplicaCluster;
let broker: TestBroker;
beforeEach(async () => {
  cluster = await ReplicaCluster.start({
    brokers: 2,
    logDirs: ['/logs/a', '/logs/b'],
    onLogDirFailure: (id, dir) => void cluster.broker(id).replicas.handleLogDirFailure(dir),
    extras: (id) => ({
      onLogDirFailure: (dir) => cluster.clock.defer(() => cluster.broker(id).logs.handleLogDirFailure(dir)),
    }),
  });
  broker = cluster.broker(1);
});
afterEach(() => cluster.stop());

/** LeaderAndIsr for broker 1, with the error code of each partition. */
async function command(leader: number, leaderEpoch: number, partitions = ALL): Promise<(number | undefined)[]> {
  const partitionStates = partitions.map(({ partition: partitionIndex }) => ({
    partitionIndex,
    controllerEpoch: 1,
    leader,
    leaderEpoch,
    isr: [1, 2],
    partitionEpoch: leaderEpoch,
    replicas: [1, 2],
    isNew: leaderEpoch === 0,
  }));
  const topicStates = [{ topicName: 'orders', topicId: TOPIC_ID, partitionStates }];
  const encoded = leaderAndIsrRequest.encode({ controllerId: 1, controllerEpoch: 1, topicStates, liveLeaders: [] }, 7);
  const answered = broker.replicas.becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1);
  let response: LeaderAndIsrResponseInput | null = null;
  void answered.then((it) => (response = it));
  for (let turn = 0; !response && turn < 100; turn++) await cluster.clock.advance(0);
  return (await answered).topics![0]!.partitionErrors!.map(({ errorCode }) => errorCode);
}

function fail(dir: string, ...operations: string[]): void {
  broker.fs.fault = (operation, path) =>
    path.startsWith(`${dir}/`) && operations.includes(operation)
      ? Object.assign(new Error(`EIO: ${operation} ${path}`), { code: 'EIO', syscall: operation })
      : null;
}

const placedIn = (dir: string): TopicPartition[] => ALL.filter((tp) => broker.logs.getLog(tp)?.parentDir === dir);

test.each([
  { title: 'lead', leader: 1 },
  { title: 'follow', leader: 2 },
])(
  'a directory in which no log can be made costs the partitions that it was to take, not the command to $title',
  async ({ leader }) => {
    // The folder can be made, and its files cannot: that is the partition's failure. From then on the directory takes nothing more.
    fail('/logs/a', 'open');
    expect(await command(leader, 0)).toEqual([ErrorCode.KAFKA_STORAGE_ERROR, 0, 0, 0]);
    expect(placedIn('/logs/b')).toEqual(ALL.slice(1));
    expect(broker.replicas.partitionOrError(ALL[0]!) === ErrorCode.KAFKA_STORAGE_ERROR).toBe(true);
    expect(ALL.slice(1).map((tp) => broker.replicas.partitionOf(tp)?.leaderId)).toEqual([leader, leader, leader]);
  },
);

test('a directory whose high watermarks cannot be read is offline, and costs its partitions only', async () => {
  await command(1, 0, ALL.slice(0, 2));
  await cluster.clock.advance(6000);
  broker.fs.fault = (operation, path) =>
    path === '/logs/a/replication-offset-checkpoint'
      ? Object.assign(new Error(`EIO: ${operation} ${path}`), { code: 'EIO', syscall: operation })
      : null;
  const codes = await command(1, 0, ALL.slice(2));
  expect([...codes].sort()).toEqual([ErrorCode.NONE, ErrorCode.KAFKA_STORAGE_ERROR]);
  await cluster.clock.advance(1);
  expect(broker.logs.offlineLogDirs).toEqual(['/logs/a']);
  for (const [at, tp] of ALL.slice(2).entries()) {
    expect((await broker.produce(['a'], 1, tp)).errorCode).toBe(codes[at]);
  }
});

test('a leader whose disk refuses the start of its epoch answers for its directory, with the role it had', async () => {
  await command(1, 0);
  for (const tp of ALL) await broker.produce(['a'], 1, tp);
  const lost = placedIn('/logs/a');
  expect(lost).toHaveLength(2);
  const waiting = lost.map((tp) => broker.produce(['b'], -1, tp));
  fail('/logs/a', 'open', 'write', 'sync', 'rename');
  const codes = await command(1, 1);
  const isLost = ({ partition }: TopicPartition): boolean => lost.some((tp) => tp.partition === partition);
  expect(codes).toEqual(ALL.map((tp) => (isLost(tp) ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE)));
  // Who waits for them is told then, not when its time is up.
  expect((await Promise.all(waiting)).map(({ errorCode }) => errorCode)).toEqual(
    lost.map(() => ErrorCode.KAFKA_STORAGE_ERROR),
  );
  expect(cluster.clock.monotonicMs()).toBeLessThan(10_000);
  for (const tp of ALL) {
    const { errorCode } = await broker.produce(['c'], 1, tp);
    expect(errorCode).toBe(isLost(tp) ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE);
  }
});

test('whoever waits for a partition in a directory that fails is told at once, and no one else', async () => {
  await cluster.create([1, 2], ALL);
  await cluster.clock.advance(1000);
  cluster.cut(1, 2);
  const answers = new Map<number, number>();
  const fetched = new Map<number, FetchResponse>();
  for (const tp of ALL) {
    void broker.produce(['a'], -1, tp, 60_000).then(({ errorCode }) => answers.set(tp.partition, errorCode));
    const partitions = [{ partition: tp.partition, fetchOffset: 0n, partitionMaxBytes: 1000 }];
    const input = { maxWaitMs: 60_000, minBytes: 1, topics: [{ topic: 'orders', partitions }] };
    const request = fetchRequest.decode(fetchRequest.encode(input, 12), 12);
    const context = {
      listenerName: 'PLAINTEXT',
      clientAddress: 'a',
      mayReplicate: true,
      authorize: () => 0,
      fail: () => undefined,
    };
    broker.replicas.handleFetch(request, 12, context, (response) =>
      fetched.set(tp.partition, fetchResponse.decode(fetchResponse.encode(response, 12), 12)),
    );
  }
  const lost = placedIn('/logs/b').map(({ partition }) => partition);
  expect(lost).toHaveLength(2);
  await cluster.clock.advance(10);
  expect([answers.size, fetched.size]).toEqual([0, 0]);
  broker.logs.handleLogDirFailure('/logs/b');
  await cluster.clock.advance(10);
  expect([...answers].sort()).toEqual(lost.map((partition) => [partition, ErrorCode.KAFKA_STORAGE_ERROR]));
  expect([...fetched.keys()].sort()).toEqual(lost);
  for (const response of fetched.values())
    expect(response.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
});

test('a follower whose directory failed fetches no more for it, and goes on with the others', async () => {
  await cluster.create([2, 1], ALL);
  await cluster.clock.advance(1000);
  const [lost, kept] = [placedIn('/logs/a'), placedIn('/logs/b')];
  broker.logs.handleLogDirFailure('/logs/a');
  for (const tp of ALL) void cluster.broker(2).produce(['a'], 1, tp);
  await cluster.until(() => kept.every((tp) => broker.log(tp).logEndOffset === 1), 5000);
  const metrics = broker.metrics.snapshot();
  const gauge = (name: string): unknown => metrics.get(`kafka.server:type=ReplicaManager,name=${name}`);
  expect([gauge('OfflineReplicaCount'), gauge('PartitionCount'), gauge('LeaderCount')]).toEqual([lost.length, 4, 0]);
  // A role that comes later is refused, as is its deletion: the replica is there again when its directory is.
  expect(await command(2, 1, lost)).toEqual(lost.map(() => ErrorCode.KAFKA_STORAGE_ERROR));
  const stops = ALL.map((tp) => ({ tp, leaderEpoch: -2, deletePartition: true }));
  let partitions: readonly { tp: TopicPartition; errorCode: number }[] = [];
  void broker.replicas.stopReplicas(CONTROLLER, stops).then(async (it) => (partitions = await it.partitions));
  await cluster.until(() => partitions.length > 0);
  const isLost = ({ partition }: TopicPartition): boolean => lost.some((tp) => tp.partition === partition);
  expect(partitions.map(({ errorCode }) => errorCode)).toEqual(
    ALL.map((tp) => (isLost(tp) ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE)),
  );
});

test('a replica whose copy cannot be deleted is not said to be deleted', async () => {
  await cluster.create([1, 2]);
  await broker.produce(['a'], 1);
  const target = broker.log().parentDir === '/logs/a' ? '/logs/b' : '/logs/a';
  broker.fs.pace = {
    clock: cluster.clock,
    delayMs: (operation, path) => (operation === 'sync' && path.startsWith(target) ? 1e9 : 0),
  };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.clock.advance(100);
  expect(broker.logs.getLog(ORDERS, true) !== undefined).toBe(true);
  fail(target, 'rename');
  let code: number | undefined;
  void broker.replicas
    .stopReplicas(CONTROLLER, [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }])
    .then(async ({ partitions }) => (code = (await partitions)[0]!.errorCode));
  await cluster.until(() => code !== undefined);
  expect(code).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
});

test('a deleted replica takes the copy along that was being made of it', async () => {
  await cluster.create([1, 2]);
  await broker.produce(['a'], 1);
  const target = broker.log().parentDir === '/logs/a' ? '/logs/b' : '/logs/a';
  broker.fs.pace = {
    clock: cluster.clock,
    delayMs: (operation, path) => (operation === 'sync' && path.startsWith(target) ? 1000 : 0),
  };
  expect(broker.replicas.alterReplicaLogDir(ORDERS, target)).toBe(0);
  await cluster.clock.advance(100);
  const folders = (): string[] =>
    ['/logs/a', '/logs/b'].flatMap((dir) => broker.fs.readDir(dir)).filter((name) => name.startsWith('orders'));
  expect(folders()).toHaveLength(2);
  void broker.replicas.stopReplicas(CONTROLLER, [{ tp: ORDERS, leaderEpoch: -2, deletePartition: true }]);
  await cluster.clock.advance(200_000);
  expect(broker.logs.getLog(ORDERS, true) === undefined).toBe(true);
  expect(folders()).toEqual([]);
});
