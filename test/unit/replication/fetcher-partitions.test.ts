/** Which partitions a follower asks of which leader, and when: under a quota, as they come and go, and in which words. */
import { settle } from '../../../src/testing/index.js';
import type { TopicPartition } from '../../../src/cluster/index.js';
import { ErrorCode, fetchRequest, type FetchResponse } from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import type { ReplicaQuota } from '../../../src/replication/ports.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions, type TestBroker } from './replica-cluster.js';
import { ScriptedLeader } from './scripted-leader.js';

const BACKOFF_MS = 1000;
const OTHER = { topic: 'orders', partition: 1 };
const FAILED = 'kafka.server:type=ReplicaFetcherManager,name=FailedPartitionsCount,clientId=Replica';

let cluster: ReplicaCluster;
let follower: TestBroker;
let leaders: Map<number, ScriptedLeader>;
const leader = (id = 1): ScriptedLeader => leaders.get(id)!;
const end = (tp = ORDERS): number => follower.log(tp).logEndOffset;
const metric = (name: string): number => follower.metrics.snapshot().get(name)!;

afterEach(() => cluster.stop());

class Quota implements ReplicaQuota {
  readonly throttled = new Set<number>();
  readonly recorded: number[] = [];
  isExceeded = false;

  isThrottled({ partition }: TopicPartition): boolean {
    return this.throttled.has(partition);
  }

  isQuotaExceeded(): boolean {
    return this.isExceeded;
  }

  record(bytes: number): void {
    this.recorded.push(bytes);
  }
}

/** Broker 2 follows broker 1, which is a script. */
async function start(options: Partial<ClusterOptions> = {}, partitions = [ORDERS, OTHER], quota = new Quota()) {
  leaders = new Map();
  const scripted = (id: number): ScriptedLeader => {
    const made = new ScriptedLeader(id);
    leaders.set(id, made);
    return made;
  };
  const extras = (id: number) =>
    id === 2 ? { leaderEndpoints: scripted, quotas: { leader: new Quota(), follower: quota } } : {};
  cluster = await ReplicaCluster.start({ brokers: 3, extras, ...options });
  follower = cluster.broker(2);
  await cluster.create([1, 2], partitions);
  await cluster.clock.advance(0);
}

function records(baseOffset: number, count = 1, partitionLeaderEpoch = 0): Buffer {
  const builder = new BatchBuilder({ baseOffset, partitionLeaderEpoch });
  for (let at = 0; at < count; at++)
    builder.append({ timestamp: 1, key: null, value: Buffer.from(`${baseOffset + at}`) });
  return builder.build();
}

async function stopReplica(tp = ORDERS, deletePartition = false): Promise<void> {
  await follower.replicas.stopReplicas({ controllerId: 1, controllerEpoch: 1, correlationId: 1 }, [
    { tp, leaderEpoch: 0, deletePartition },
  ]);
  await settle();
}

describe('a throttled replica that is behind', () => {
  test('is not asked for while the quota is used up, and is again within a rest of it having room', async () => {
    const quota = new Quota();
    quota.throttled.add(0);
    quota.isExceeded = true;
    await start({}, [ORDERS], quota);
    await cluster.clock.advance(5 * BACKOFF_MS);
    expect(leader().requests).toEqual([]);
    quota.isExceeded = false;
    await cluster.clock.advance(BACKOFF_MS);
    expect(leader().asked()).toMatchObject({ fetchOffset: 0n });
    await leader().answer([{ records: records(0), highWatermark: 9 }]);
    expect(end()).toBe(1);
    // Used up again: it leaves the session, and comes back into it.
    quota.isExceeded = true;
    await leader().answer([{ records: records(1), highWatermark: 9 }]);
    expect(leader().lastRequest.forgottenTopicsData).toMatchObject([{ topicId: TOPIC_ID, partitions: [0] }]);
    await leader().answer([]);
    quota.isExceeded = false;
    await cluster.clock.advance(BACKOFF_MS);
    expect(leader().asked()).toMatchObject({ fetchOffset: 2n });
  });

  test('does not hold up the others, and is asked for with their next request once there is room', async () => {
    const quota = new Quota();
    quota.throttled.add(0);
    quota.isExceeded = true;
    await start({}, [ORDERS, OTHER], quota);
    expect([leader().asked(0), leader().asked(1)]).toMatchObject([undefined, { fetchOffset: 0n }]);
    await leader().answer([{ partition: 1, records: records(0), highWatermark: 1 }]);
    expect(end(OTHER)).toBe(1);
    expect(leader().asked(0)).toBeUndefined();
    quota.isExceeded = false;
    await leader().answer([]);
    expect(leader().asked(0)).toMatchObject({ fetchOffset: 0n });
  });

  test('is asked for all the same once it has caught up', async () => {
    const quota = new Quota();
    quota.throttled.add(0);
    await start({}, [ORDERS], quota);
    quota.isExceeded = true;
    await leader().answer([{ records: records(0), highWatermark: 1 }]);
    expect(leader().asked()).toMatchObject({ fetchOffset: 1n });
  });

  test('has what it fetches recorded, and no other has', async () => {
    const quota = new Quota();
    quota.throttled.add(0);
    await start({}, [ORDERS, OTHER], quota);
    const both = [
      { partition: 0, records: records(0, 3), highWatermark: 9 },
      { partition: 1, records: records(0, 1), highWatermark: 9 },
    ];
    await leader().answer(both);
    expect(quota.recorded).toEqual([records(0, 3).length]);
  });
});

test('partitions without a topic id are asked for by name, in a version that has names', async () => {
  await start({ withTopicIds: false }, [ORDERS]);
  expect(leader().lastRequest.topics).toMatchObject([{ topic: 'orders', partitions: [{ partition: 0 }] }]);
  await leader().answer([{ records: records(0), highWatermark: 1 }]);
  expect(end()).toBe(1);
});

test('a consumer that waits at a follower is answered when the leader tells of a new high watermark', async () => {
  await start({}, [ORDERS]);
  await leader().answer([{ records: records(0, 2), highWatermark: 0 }]);
  const asked = fetchRequest.encode(
    {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }],
    },
    12,
  );
  const answers: FetchResponse[] = [];
  const context = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: (error: unknown) => {
      throw error;
    },
  };
  follower.replicas.handleFetch(fetchRequest.decode(asked, 12), 12, context, (response) => {
    answers.push(response as FetchResponse);
  });
  await cluster.clock.advance(10);
  expect(answers).toEqual([]);
  await leader().answer([{ highWatermark: 2 }]);
  await cluster.clock.advance(10);
  expect(answers).toMatchObject([{ responses: [{ partitions: [{ errorCode: 0, highWatermark: 2n }] }] }]);
});

test('without truncation on fetch the leader is asked for ends of epochs until both logs know the same one', async () => {
  await start({ config: { 'inter.broker.protocol.version': '2.6' }, withTopicIds: false }, [ORDERS]);
  const batches = [records(0, 2, 0), records(2, 3, 3), records(5, 5, 7)];
  await leader().answer([{ records: Buffer.concat(batches), highWatermark: 1 }]);
  expect(end()).toBe(10);
  cluster.elect(1);
  await cluster.clock.advance(0);
  await leader().answer([]);
  const answer = async (leaderEpoch: number, endOffset: number): Promise<void> => {
    leader()
      .epochQuestions.at(-1)!
      .answer([{ errorCode: 0, leaderEpoch, endOffset }]);
    await cluster.clock.advance(0);
  };
  // Our epoch 7 is not the leader's: it knows 5, which we do not have.
  await answer(5, 8);
  expect(end()).toBe(5);
  if (leader().isAsked) await leader().answer([]);
  expect(leader().epochQuestions.map(({ asked }) => asked[0]!.leaderEpoch)).toEqual([7, 3]);
  expect(
    leader()
      .requests.slice(2)
      .flatMap(({ topics }) => topics),
  ).toEqual([]);
  await answer(3, 4);
  if (leader().isAsked && !leader().asked()) await leader().answer([]);
  expect(end()).toBe(4);
  expect(leader().asked()).toMatchObject({ fetchOffset: 4n });
});

test('a partition that moves to another leader leaves the requests to its old one, which goes on with the others', async () => {
  await start();
  await leader(1).answer([{ partition: 0 }, { partition: 1 }]);
  cluster.partitions.get('orders-0')!.replicas.push(3);
  cluster.elect(3);
  await cluster.clock.advance(0);
  expect(leader(3).asked(0)).toMatchObject({ fetchOffset: 0n, currentLeaderEpoch: 1 });
  await leader(1).answer([{ partition: 0, records: records(0), highWatermark: 1 }]);
  expect(end()).toBe(0);
  await leader(1).answer([{ partition: 1, records: records(0), highWatermark: 1 }]);
  expect(end(OTHER)).toBe(1);
  await leader(1).answer([]);
  const { topics, forgottenTopicsData, sessionEpoch } = leader(1).lastRequest;
  expect({ topics, forgottenTopicsData, isIncremental: sessionEpoch > 0 }).toMatchObject({
    topics: [],
    forgottenTopicsData: [],
    isIncremental: true,
  });
});

test('a partition that is stopped is forgotten in the session, which goes on', async () => {
  await start();
  await leader().answer([{ partition: 0 }, { partition: 1 }]);
  await stopReplica();
  await leader().answer([{ partition: 1, records: records(0), highWatermark: 1 }]);
  const { sessionEpoch, forgottenTopicsData } = leader().lastRequest;
  expect({ sessionEpoch, forgottenTopicsData }).toMatchObject({
    sessionEpoch: 2,
    forgottenTopicsData: [{ topicId: TOPIC_ID, partitions: [0] }],
  });
});

test.each([
  { title: 'is stopped', leave: () => stopReplica() },
  { title: 'is led from here', leave: async () => cluster.elect(2) },
])('a partition that failed is not counted as failed any more when it $title', async ({ leave }) => {
  await start();
  await leader().answer([{ partition: 0, errorCode: ErrorCode.FENCED_LEADER_EPOCH }, { partition: 1 }]);
  expect(metric(FAILED)).toBe(1);
  await leave();
  await settle();
  expect(metric(FAILED)).toBe(0);
});
