/** Replicas with a damaged batch that take roles in a command with others. */
import { settle } from '../../../src/testing/index.js';
import type { TopicPartition } from '../../../src/cluster/index.js';
import { CorruptRecordError } from '../../../src/records/index.js';
import { ORDERS, ReplicaCluster } from './replica-cluster.js';

const ALL: TopicPartition[] = [0, 1, 2].map((partition) => ({ topic: 'orders', partition }));

let cluster: ReplicaCluster;
afterEach(() => cluster.stop());

test('a replica whose high watermark lies in a damaged batch takes the lead, and so do those behind it in the command', async () => {
  cluster = await ReplicaCluster.start({ brokers: 3 });
  const [elected, old] = [cluster.broker(1), cluster.broker(2)];
  await cluster.create([2, 1, 3], ALL);
  for (let n = 0; n < 10; n++) void old.produce(['x'.repeat(3000)], 1);
  await cluster.clock.advance(1000);
  expect(elected.log().highWatermark).toBe(10);
  cluster.cut(2, 3);
  await cluster.clock.advance(20);
  for (let n = 0; n < 40; n++) {
    void old.produce(['y'.repeat(3000)], 1);
    await cluster.clock.advance(5);
  }
  await cluster.until(() => elected.log().logEndOffset === 50);
  expect(elected.log().highWatermark).toBe(10);
  const segment = elected.log().segments[0]!;
  const { path } = segment.file;
  const { position } = segment.translateOffset(10)!;
  // An orderly stop; then a byte of its disk goes bad.
  elected.isUp = false;
  elected.replicas.shutdown();
  const stopped = elected.logs.shutdown();
  await cluster.clock.advance(100);
  await stopped;
  elected.life++;
  elected.commandsUnderWay = 0;
  const handle = elected.fs.open(path, 'r+');
  handle.writeSync([Buffer.from([0, 0, 0, 1])], position + 8);
  handle.close();
  old.crash('process');
  await elected.start();
  for (const tp of ALL) cluster.elect(1, [1], tp);
  await settle();
  await cluster.clock.advance(1000);
  expect(ALL.map((tp) => elected.replicas.partitionOf(tp)?.isLeader)).toEqual([true, true, true]);
  expect(elected.log().highWatermark).toBe(50);
  expect((await elected.produce(['z'], 1)).errorCode).toBe(0);
});

test('a partition that cannot take its role for a damaged batch costs the others of the command nothing', async () => {
  cluster = await ReplicaCluster.start({ brokers: 1 });
  const broker = cluster.broker(1);
  const getOrCreateLog = broker.logs.getOrCreateLog.bind(broker.logs);
  broker.logs.getOrCreateLog = (tp, options) => {
    if (tp.partition === ORDERS.partition) throw new CorruptRecordError('a header');
    return getOrCreateLog(tp, options);
  };
  await cluster.create([1], ALL);
  expect(ALL.map((tp) => broker.replicas.partitionOf(tp)?.isLeader ?? false)).toEqual([false, true, true]);
});
