/** Commands of the controller for many replicas, and everything that may happen between two of their steps. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import { settle } from '../../../src/testing/index.js';
import { ErrorCode, leaderAndIsrRequest, type LeaderAndIsrResponseInput } from '../../../src/protocol/index.js';
import { crowd } from './crowd.js';
import { ReplicaCluster, TOPIC_ID, type ClusterOptions, type TestBroker } from './replica-cluster.js';

const COUNT = 5;
const ALL: TopicPartition[] = Array.from({ length: COUNT }, (_, partition) => ({ topic: 'orders', partition }));
/** One step a slice: everything may happen after each partition. */
const slices = { maxMs: 10, maxSteps: 1 };
const controller = { controllerId: 1, controllerEpoch: 1, correlationId: 7 };

let cluster: ReplicaCluster;
let broker: TestBroker;
afterEach(() => cluster.stop());

async function start(options: Partial<ClusterOptions> = {}): Promise<void> {
  cluster = await ReplicaCluster.start({ brokers: 2, extras: () => ({ slices }), ...options });
  broker = cluster.broker(1);
  for (const { topic, partition } of ALL) {
    const state = { leader: 1, leaderEpoch: 0, isr: [1], recovering: false, partitionEpoch: 0 };
    cluster.partitions.set(`${topic}-${partition}`, { tp: { topic, partition }, replicas: [1, 2], state });
  }
}

/** LeaderAndIsr of all partitions for the first broker. */
function command(leader: number, leaderEpoch: number): Promise<LeaderAndIsrResponseInput> {
  const partitionStates = ALL.map(({ partition: partitionIndex }) => ({
    partitionIndex,
    controllerEpoch: 1,
    leader,
    leaderEpoch,
    isr: [leader],
    partitionEpoch: leaderEpoch,
    replicas: [1, 2],
    isNew: leaderEpoch === 0,
  }));
  const topicStates = [{ topicName: 'orders', topicId: TOPIC_ID, partitionStates }];
  const encoded = leaderAndIsrRequest.encode({ controllerId: 1, controllerEpoch: 1, topicStates, liveLeaders: [] }, 7);
  return broker.replicas.becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1);
}

async function stopAll(deleted: number[] = []): Promise<{ partitions: readonly { errorCode: number }[] }> {
  const asked = ALL.map((tp) => ({ tp, leaderEpoch: -2, deletePartition: true }));
  const { partitions } = await broker.replicas.stopReplicas(controller, asked, ({ tp }) => deleted.push(tp.partition));
  return { partitions: await partitions };
}

/** Lets a command that is under way take `steps` more steps. */
async function letStep(steps: number): Promise<void> {
  for (let at = 0; at < steps; at++) {
    expect(cluster.clock.step(cluster.clock.nowMs())).toBe(true);
    await settle();
  }
}

async function ended<T>(command: Promise<T>): Promise<T> {
  await cluster.clock.advance(0);
  return await command;
}

function errorCodes(response: LeaderAndIsrResponseInput): (number | undefined)[] {
  return response.topics![0]!.partitionErrors!.map(({ errorCode }) => errorCode);
}

const produce = async (tp: TopicPartition): Promise<number> => (await broker.produce(['x'], 1, tp)).errorCode;
const ledNow = (): number => ALL.filter((tp) => broker.replicas.partitionOf(tp)?.isLeader).length;
const places = Array.from({ length: COUNT - 1 }, (_, at) => at);

test.each(places)(
  'a Produce after step %i finds each partition led or not known, as far as the command got',
  async (at) => {
    await start();
    const taken = command(1, 0);
    await letStep(at);
    const codes = await Promise.all(ALL.map(produce));
    const expected = ALL.map((_, partition) => (partition <= at ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER));
    expect(codes).toEqual(expected);
    expect(errorCodes(await ended(taken))).toEqual(ALL.map(() => ErrorCode.NONE));
    expect(await Promise.all(ALL.map(produce))).toEqual(ALL.map(() => ErrorCode.NONE));
  },
);

test.each(places)(
  'records acknowledged after step %i of losing the lead lie before the epoch that ends it',
  async (at) => {
    let changed = 0;
    await start({ extras: () => ({ slices, onNotLed: () => changed++ }) });
    await ended(command(1, 0));
    const resigned = command(2, 1);
    // Fetchers begin in between.
    while (changed <= at) await letStep(1);
    const codes = await Promise.all(ALL.map(produce));
    expect(codes).toEqual(
      ALL.map((_, partition) => (partition <= at ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.NONE)),
    );
    await ended(resigned);
    for (const [partition, tp] of ALL.entries()) {
      expect(broker.log(tp).logEndOffset).toBe(partition <= at ? 0 : 1);
      const { leaderId, leaderEpoch } = broker.replicas.partitionOf(tp)!;
      expect([leaderId, leaderEpoch]).toEqual([2, 1]);
    }
  },
);

test('whoever is to know of a change of role is told before anyone else runs', async () => {
  const told: number[] = [];
  await start({ extras: () => ({ slices, onLed: ({ tp }) => told.push(tp.partition) }) });
  const taken = command(1, 0);
  for (let at = 0; at < COUNT; at++) {
    expect(told).toHaveLength(at + 1);
    expect(ledNow()).toBe(at + 1);
    await letStep(1);
  }
  await taken;
  expect(told).toEqual(ALL.map(({ partition }) => partition));
});

test.each(places)(
  'a broker that stops after step %i makes no logs any more, and says which roles it did not take',
  async (at) => {
    await start();
    const taken = command(1, 0);
    await letStep(at);
    broker.replicas.shutdown();
    expect(errorCodes(await ended(taken))).toEqual(
      ALL.map((_, partition) => (partition <= at ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER)),
    );
    expect(broker.fs.readDir('/logs').filter((name) => name.startsWith('orders-'))).toHaveLength(at + 1);
  },
);

test('a broker that stops within its first command keeps the high watermarks of partitions it had not come to', async () => {
  await start();
  await ended(command(1, 0));
  await Promise.all(ALL.map(produce));
  broker.replicas.shutdown();
  await broker.logs.shutdown();
  const checkpoint = '/logs/replication-offset-checkpoint';
  const before = broker.fs.readFile(checkpoint).toString();
  expect(before).toContain('orders 4 1');

  await broker.start();
  const taken = command(1, 1);
  await letStep(2);
  broker.replicas.shutdown();
  await ended(taken);
  await ended(broker.replicas.checkpointHighWatermarks());
  expect(broker.fs.readFile(checkpoint).toString()).toBe(before);
});

test.each(places)('a broker that stops after step %i of deleting keeps the rest, and says so', async (at) => {
  await start();
  await ended(command(1, 0));
  const stopped = stopAll();
  await letStep(at);
  broker.replicas.shutdown();
  const { partitions } = await ended(stopped);
  expect(partitions.map(({ errorCode }) => errorCode)).toEqual(
    ALL.map((_, partition) => (partition <= at ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER)),
  );
  for (const [partition, tp] of ALL.entries()) expect(broker.logs.getLog(tp) !== undefined).toBe(partition > at);
});

test.each(places)(
  'a Produce after step %i of deleting is refused where the log is gone, and taken where it is not',
  async (at) => {
    await start();
    await ended(command(1, 0));
    const stopped = stopAll();
    await letStep(at);
    for (const tp of ALL.slice(0, at + 1)) cluster.partitions.delete(`orders-${tp.partition}`);
    expect(await Promise.all(ALL.map(produce))).toEqual(
      ALL.map((_, partition) => (partition <= at ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE)),
    );
    expect((await ended(stopped)).partitions.every(({ errorCode }) => errorCode === ErrorCode.NONE)).toBe(true);
    expect(ALL.filter((tp) => broker.logs.getLog(tp))).toEqual([]);
  },
);

test('many deletions write the checkpoints of their directory once', async () => {
  await start();
  await ended(command(1, 0));
  broker.logs.checkpointLogRecoveryOffsets();
  let writes = 0;
  broker.fs.fault = (operation, path) => {
    if (operation === 'write' && path.includes('/recovery-point-offset-checkpoint.')) writes++;
    return null;
  };
  await ended(stopAll());
  expect(writes).toBe(1);
});

test.each(places)('a directory that fails after step %i takes no more of the command', async (at) => {
  await start({ logDirs: ['/logs', '/other'] });
  await ended(command(1, 0));
  const resigned = command(1, 1);
  await letStep(at);
  broker.logs.handleLogDirFailure('/other');
  const failed = broker.replicas.handleLogDirFailure('/other');
  expect(failed).toHaveLength(2);
  const expected = ALL.map((tp) =>
    tp.partition > at && failed.some(({ partition }) => partition === tp.partition)
      ? ErrorCode.KAFKA_STORAGE_ERROR
      : ErrorCode.NONE,
  );
  expect(errorCodes(await ended(resigned))).toEqual(expected);
  for (const tp of failed) expect(broker.replicas.partitionOrError(tp)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  expect(broker.logs.getLog(failed[0]!)).toBeUndefined();
});

test('replicas whose deletion a failing disk did not make durable are not said to be deleted', async () => {
  const onLogDirFailure = (_id: number, dir: string): void => void broker.replicas.handleLogDirFailure(dir);
  await start({ logDirs: ['/logs', '/other'], onLogDirFailure });
  await ended(command(1, 0));
  const inOther = ALL.map((tp) => broker.log(tp).parentDir === '/other');
  expect(new Set(inOther)).toEqual(new Set([true, false]));
  broker.fs.fault = (operation, path) =>
    operation === 'sync' && path === '/other'
      ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' })
      : null;
  const { partitions } = await ended(stopAll());
  expect(partitions.map(({ errorCode }) => errorCode)).toEqual(
    inOther.map((isInOther) => (isInOther ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE)),
  );
});

test('StopReplica is answered when its deletions are durable, and the slow disk that they wait for holds no one else up', async () => {
  await start();
  await ended(command(1, 0));
  const delayMs = (operation: string): number => (operation === 'sync' ? 2000 : 0);
  broker.fs.pace = { clock: cluster.clock, delayMs };
  const { blockedMs } = broker.fs;
  let isAnswered = false;
  const deleted: number[] = [];
  const answer = stopAll(deleted).finally(() => (isAnswered = true));
  await cluster.clock.advance(1500);
  expect(deleted).toHaveLength(COUNT);
  expect(isAnswered).toBe(false);
  await cluster.clock.advance(60_000);
  expect((await answer).partitions.map(({ errorCode }) => errorCode)).toEqual(ALL.map(() => ErrorCode.NONE));
  expect(broker.fs.blockedMs).toBe(blockedMs);
  broker.fs.pace = null;
  broker.crash('power');
  await broker.start();
  expect(ALL.filter((tp) => broker.logs.getLog(tp))).toEqual([]);
});

/** Syncs in /other take `ms` from now on, and its replicas are deleted. */
async function stopAllBeside(ms: number): Promise<{ answer: ReturnType<typeof stopAll>; late: number[] }> {
  await start({ logDirs: ['/logs', '/other'] });
  await ended(command(1, 0));
  const late = ALL.map((tp) =>
    broker.log(tp).parentDir === '/other' ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE,
  );
  const delayMs = (operation: string, path: string): number =>
    operation === 'sync' && path.startsWith('/other') ? ms : 0;
  broker.fs.pace = { clock: cluster.clock, delayMs };
  return { answer: stopAll(), late };
}

const codesOf = async (answer: ReturnType<typeof stopAll>): Promise<number[]> =>
  (await answer).partitions.map(({ errorCode }) => errorCode);

test('StopReplica is answered though a disk hangs, and names what is not durable, so that other commands come', async () => {
  const { answer, late } = await stopAllBeside(3_600_000);
  await cluster.clock.advance(25_000);
  expect(await codesOf(answer)).toEqual(late);
  // The controller has one request under way: the next ones are not waited for again.
  const before = cluster.clock.nowMs();
  expect(await codesOf(ended(stopAll()))).toEqual(late);
  expect(cluster.clock.nowMs()).toBe(before);
});

test.each([9000, 20_000])(
  'StopReplica waits for a disk that takes %i ms for a sync, but not for the checkpoints behind it',
  async (syncMs) => {
    const { answer } = await stopAllBeside(syncMs);
    let isAnswered = false;
    void answer.finally(() => (isAnswered = true));
    await cluster.clock.advance(syncMs - 1);
    expect(isAnswered).toBe(false);
    await cluster.clock.advance(2);
    expect(isAnswered).toBe(true);
    expect(await codesOf(answer)).toEqual(ALL.map(() => ErrorCode.NONE));
  },
);

test('where a folder cannot be renamed away nothing is said to be deleted, for that was not made durable either', async () => {
  await start({ onLogDirFailure: (_id, dir) => void broker.replicas.handleLogDirFailure(dir) });
  await ended(command(1, 0));
  const { rename } = broker.fs;
  broker.fs.rename = (from, to) => {
    if (from.endsWith('/orders-2')) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'rename' });
    rename.call(broker.fs, from, to);
  };
  const deleted: number[] = [];
  const { partitions } = await ended(stopAll(deleted));
  expect(partitions.map(({ errorCode }) => errorCode)).toEqual(ALL.map(() => ErrorCode.KAFKA_STORAGE_ERROR));
  // Coordinators are told of those that are not here any more.
  expect(deleted).toEqual([0, 1]);
  expect(broker.fs.exists('/logs/orders-2')).toBe(true);
});

test('a command that is given before the last one is carried out is a bug, and is refused', async () => {
  await start();
  const taken = command(1, 0);
  await expect(command(1, 1)).rejects.toThrow('carried out before the next begins');
  await expect(stopAll()).rejects.toThrow('carried out before the next begins');
  await ended(taken);
  expect(ledNow()).toBe(COUNT);
  // The way is free again.
  await ended(command(2, 2));
  expect(ledNow()).toBe(0);
});

test('a command goes on beside a crowd of clients as if they were one', async () => {
  await start({ extras: () => ({}) });
  const disperse = crowd(cluster);
  let isDone = false;
  void command(1, 0).then(() => (isDone = true));
  let turns = 0;
  for (; !isDone; turns++) await letStep(1);
  disperse();
  expect(turns).toBeLessThanOrEqual(2);
});
