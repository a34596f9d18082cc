import { ErrorCode } from '../../../src/protocol/index.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

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

test('a directory that is not configured is not found', () => {
  expect(cluster.broker(1).replicas.alterReplicaLogDir(ORDERS, '/elsewhere')).toBe(ErrorCode.LOG_DIR_NOT_FOUND);
});
