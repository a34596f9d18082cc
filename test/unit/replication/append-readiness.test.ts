/** Records right after a log was made, on a disk whose syncs take long. */
import { ErrorCode } from '../../../src/protocol/index.js';
import { ReplicaCluster, type TestBroker } from './replica-cluster.js';

const SYNC_MS = 500;
const TP = { topic: 'orders', partition: 0 };

let cluster: ReplicaCluster;
afterEach(() => cluster.stop());

function makeSyncsSlow(broker: TestBroker): void {
  const { clock } = cluster;
  broker.fs.pace = { clock, delayMs: (operation) => (operation === 'sync' ? SYNC_MS : 0) };
}

test('a log is ready for appends once its topic id is durable, and its first append then waits for no disk', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  const broker = cluster.broker(1);
  makeSyncsSlow(broker);
  await cluster.create([1]);
  const wait = broker.replicas.waitForAppends([{ tp: TP }], { bytes: 1, timeoutMs: 10 * SYNC_MS });
  expect(wait).not.toBeNull();
  await cluster.clock.advance(2 * SYNC_MS + 1);
  expect(await wait!.ended).toBe('ready');
  expect(broker.replicas.isReadyForAppends(TP)).toBe(true);
  expect(await broker.produce(['a'], 1)).toMatchObject({ errorCode: 0 });
  expect(broker.fs.blockedMs).toBe(0);
});

test('a partition that is not led here keeps no one waiting', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  expect(cluster.broker(1).replicas.waitForAppends([{ tp: TP }], { bytes: 1, timeoutMs: 1 })).toBeNull();
});

test('a follower appends the first records of a new log when it is ready, and holds up no one for it', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  makeSyncsSlow(cluster.broker(2));
  await cluster.create([1, 2]);
  let isAcknowledged = false;
  void cluster
    .broker(1)
    .produce(['a'])
    .then(({ errorCode }) => (isAcknowledged = errorCode === 0));
  await cluster.clock.advance(SYNC_MS);
  expect(cluster.broker(2).log().logEndOffset).toBe(0);
  await cluster.until(() => isAcknowledged);
  expect(cluster.broker(2).log().logEndOffset).toBe(1);
  expect(cluster.broker(2).fs.blockedMs).toBe(0);
});

test('a follower that is made leader while its log gets ready drops what the old leader sent', async () => {
  cluster = await ReplicaCluster.start({ brokers: 2 });
  makeSyncsSlow(cluster.broker(2));
  await cluster.create([1, 2]);
  void cluster.broker(1).produce(['a']);
  await cluster.clock.advance(SYNC_MS);
  cluster.elect(2, [2]);
  await cluster.clock.advance(4 * SYNC_MS);
  expect(cluster.broker(2).log().logEndOffset).toBe(0);
  expect(await cluster.broker(2).produce(['b'], 1)).toMatchObject({ errorCode: 0, baseOffset: 0 });
});

test('a Produce that waited for its log until the broker stops appends nothing', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  await cluster.create([1]);
  const broker = cluster.broker(1);
  const log = broker.log();
  broker.replicas.shutdown();
  expect(await broker.produce(['a'], 1)).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  expect(log.logEndOffset).toBe(0);
});
