/** ISR changes against a controller that is the test: every answer, late answers, and those for a role that has ended. */
import { settle } from '../../../src/testing/index.js';
import type { LeaderAndIsr } from '../../../src/cluster/index.js';
import { ErrorCode, fetchRequest } from '../../../src/protocol/index.js';
import type { AlterPartitionResult } from '../../../src/replication/ports.js';
import { ORDERS, ReplicaCluster, TOPIC_ID, type ClusterOptions, type TestBroker } from './replica-cluster.js';

const RETRY_MS = 50;
const MAX_LAG_MS = 30_000;
const METRIC = 'kafka.server:type=ReplicaManager,name=';

interface Proposal {
  readonly state: LeaderAndIsr;
  readonly controllerEpoch: number;
  readonly answer: (result: AlterPartitionResult) => void;
}

let cluster: ReplicaCluster;
let leader: TestBroker;
let proposals: Proposal[];

afterEach(() => cluster.stop());

/** Broker 1 leads 2 and 3; what it proposes waits for the test. */
async function start(options: Partial<ClusterOptions> = {}): Promise<void> {
  proposals = [];
  const alterPartition = {
    submit: (
      _tp: object,
      _id: unknown,
      state: LeaderAndIsr,
      controllerEpoch: number,
      answer: (result: AlterPartitionResult) => void,
    ) => void proposals.push({ state, controllerEpoch, answer }),
  };
  cluster = await ReplicaCluster.start({
    brokers: 3,
    extras: (id) => (id === 1 ? { alterPartition } : {}),
    ...options,
  });
  leader = cluster.broker(1);
  await cluster.create([1, 2, 3]);
}

/** Follower 3 is cut off with a record that it lacks, until the leader proposes that it leaves. */
async function fallBehind(): Promise<void> {
  cluster.cut(1, 3);
  void leader.produce(['missed'], 1);
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(proposals.map(({ state }) => state.isr)).toEqual([[1, 2]]);
}

const partition = () => leader.replicas.partitionOf(ORDERS)!;
/** Of the partition, as a value of its own: the difference of two partitions is the whole broker. */
const isrNow = () => {
  const { inSyncReplicaIds, partitionEpoch, isIsrChangePending } = partition();
  return { inSyncReplicaIds, partitionEpoch, isIsrChangePending };
};
const metric = (name: string): number => leader.metrics.snapshot().get(METRIC + name)!;
const refuse = (errorCode: number, at = -1): void => proposals.at(at)!.answer({ errorCode, leaderAndIsr: null });

function commit({ state, answer }: Proposal, change: Partial<LeaderAndIsr> = {}): void {
  answer({ errorCode: 0, leaderAndIsr: { ...state, partitionEpoch: state.partitionEpoch + 1, ...change } });
}

test('a change that is committed counts from then on, and the next one names its epoch', async () => {
  await start();
  await fallBehind();
  const { highWatermark } = leader.log();
  expect(highWatermark).toBe(0);
  expect(proposals[0]!.controllerEpoch).toBe(1);
  commit(proposals[0]!);
  expect(partition().inSyncReplicaIds).toEqual([1, 2]);
  expect(leader.log().highWatermark).toBe(1);
  expect([metric('IsrShrinksPerSec'), metric('IsrExpandsPerSec')]).toEqual([1, 0]);
  cluster.heal();
  await cluster.until(() => proposals.length > 1);
  expect(proposals[1]!.state).toMatchObject({ isr: [1, 2, 3], partitionEpoch: 1, leaderEpoch: 0 });
  commit(proposals[1]!);
  expect(partition().inSyncReplicaIds).toEqual([1, 2, 3]);
  expect([metric('IsrShrinksPerSec'), metric('IsrExpandsPerSec'), metric('FailedIsrUpdatesPerSec')]).toEqual([1, 1, 0]);
});

test('a producer that waits for a follower is answered when that leaves the ISR', async () => {
  await start();
  cluster.cut(1, 3);
  let answered = false;
  void leader.produce(['waits'], -1, ORDERS, 10 * MAX_LAG_MS).then(() => {
    answered = true;
  });
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(answered).toBe(false);
  commit(proposals[0]!);
  await settle();
  expect(answered).toBe(true);
});

test.each([
  ErrorCode.NOT_CONTROLLER,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.STALE_BROKER_EPOCH,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
])('error %i is tried again until it is answered otherwise', async (errorCode) => {
  await start();
  await fallBehind();
  for (let times = 1; times <= 3; times++) {
    refuse(errorCode);
    await cluster.clock.advance(RETRY_MS);
    expect(proposals).toHaveLength(times + 1);
    expect(proposals.at(-1)!.state).toEqual(proposals[0]!.state);
    expect(partition().isIsrChangePending).toBe(true);
  }
  commit(proposals.at(-1)!);
  expect(partition().inSyncReplicaIds).toEqual([1, 2]);
  expect(metric('FailedIsrUpdatesPerSec')).toBe(3);
});

test.each([ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA])(
  'error %i takes the change back, and it is proposed anew when the follower is looked at again',
  async (errorCode) => {
    await start();
    await fallBehind();
    refuse(errorCode);
    expect(partition().isIsrChangePending).toBe(false);
    expect(partition().inSyncReplicaIds).toEqual([1, 2, 3]);
    await cluster.clock.advance(MAX_LAG_MS);
    expect(proposals).toHaveLength(2);
    expect(proposals[1]!.state.isr).toEqual([1, 2]);
  },
);

test.each([
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.INVALID_UPDATE_VERSION,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NEW_LEADER_ELECTED,
])('after error %i nothing is proposed before LeaderAndIsr', async (errorCode) => {
  await start();
  await fallBehind();
  refuse(errorCode);
  await cluster.clock.advance(3 * MAX_LAG_MS);
  expect(proposals).toHaveLength(1);
  expect(partition().isIsrChangePending).toBe(true);
  cluster.elect(1);
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(proposals.at(-1)!.state).toMatchObject({ isr: [1, 2], leaderEpoch: 1 });
});

describe('an answer to a change of an earlier epoch', () => {
  test('changes nothing, whatever it says', async () => {
    await start();
    await fallBehind();
    cluster.elect(1);
    await settle();
    for (const answer of [
      () => commit(proposals[0]!),
      () => commit(proposals[0]!, { leaderEpoch: 1, partitionEpoch: 7 }),
      () => refuse(ErrorCode.INELIGIBLE_REPLICA, 0),
      () => refuse(ErrorCode.NOT_CONTROLLER, 0),
    ]) {
      answer();
      await cluster.clock.advance(RETRY_MS);
      expect(isrNow()).toMatchObject({ inSyncReplicaIds: [1, 2, 3], partitionEpoch: 1, isIsrChangePending: false });
    }
    expect(proposals.filter(({ state }) => state.leaderEpoch === 0)).toHaveLength(1);
  });

  test('that is to be tried again is not, when the epoch ends during the rest', async () => {
    await start();
    await fallBehind();
    refuse(ErrorCode.NOT_CONTROLLER);
    cluster.elect(1);
    await cluster.clock.advance(RETRY_MS);
    expect(proposals).toHaveLength(1);
  });

  test('is ignored when it tells of another leader epoch or an older partition epoch', async () => {
    await start();
    await fallBehind();
    commit(proposals[0]!, { leaderEpoch: 5 });
    expect(isrNow()).toMatchObject({ inSyncReplicaIds: [1, 2, 3], isIsrChangePending: true });
    cluster.elect(2);
    await settle();
    expect(partition().inSyncReplicaIds).toEqual([]);
    commit(proposals[0]!);
    expect(partition().inSyncReplicaIds).toEqual([]);
  });
});

test('a follower that falls behind while another change is under way is proposed to leave after it', async () => {
  await start();
  await fallBehind();
  cluster.cut(1, 2);
  void leader.produce(['more'], 1);
  await cluster.clock.advance(3 * MAX_LAG_MS);
  expect(proposals).toHaveLength(1);
  commit(proposals[0]!);
  await cluster.clock.advance(MAX_LAG_MS);
  expect(proposals.at(-1)!.state).toMatchObject({ isr: [1], partitionEpoch: 1 });
});

test('a new leader proposes that a follower leaves which never comes', async () => {
  await start();
  cluster.cut(1, 3);
  cluster.elect(2);
  await settle();
  cluster.elect(1);
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(proposals.at(-1)!.state).toMatchObject({ isr: [1, 2], leaderEpoch: 2 });
});

test('a follower is watched again from the next record on, however long everyone was at the end before', async () => {
  await start();
  void leader.produce(['first']);
  await cluster.clock.advance(3 * MAX_LAG_MS);
  expect(proposals).toEqual([]);
  await fallBehind();
});

test('followers of before a reassignment are forgotten, and hold nothing back', async () => {
  await start();
  cluster.cut(1, 3);
  void leader.produce(['a'], 1);
  await cluster.clock.advance(100);
  expect(leader.log().highWatermark).toBe(0);
  const controlled = cluster.partitions.get('orders-0')!;
  controlled.replicas.pop();
  cluster.elect(1, [1, 2]);
  await cluster.until(() => leader.log().highWatermark === 1);
  expect([...partition().replicas()].map(({ brokerId }) => brokerId)).toEqual([2]);
});

/** A fetch of broker 3, which is cut off, as the leader sees it. */
function fetchAsThree(offset: number): void {
  const version = 15;
  const request = {
    replicaState: { replicaId: 3, replicaEpoch: 1n },
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 20,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic: ORDERS.topic,
        topicId: TOPIC_ID,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: 0,
            fetchOffset: BigInt(offset),
            lastFetchedEpoch: 0,
            logStartOffset: 0n,
            partitionMaxBytes: 100,
          },
        ],
      },
    ],
  };
  const context = {
    listenerName: 'PLAINTEXT',
    clientAddress: 'a',
    mayReplicate: true,
    authorize: () => 0,
    fail: (error: unknown): never => {
      throw error;
    },
  };
  leader.replicas.handleFetch(
    fetchRequest.decode(fetchRequest.encode(request, version), version),
    version,
    context,
    () => undefined,
  );
}

/** All that are in the ISR are at the log end, so that nothing is left to watch for. */
async function everyoneAtEnd(): Promise<void> {
  await cluster.until(() => partition().replica(2)!.logEndOffset === leader.log().logEndOffset);
  expect(partition().hasLaggingFollower).toBe(false);
  await leader.replicas.maybeShrinkIsrs();
}

test('a follower that joined behind the log end and fetches no more leaves, though nothing is appended', async () => {
  await start();
  await fallBehind();
  commit(proposals[0]!);
  void leader.produce(['b'], 1);
  await everyoneAtEnd();
  fetchAsThree(1);
  void leader.produce(['c'], 1);
  await everyoneAtEnd();
  fetchAsThree(2);
  // It counts as caught up from here, and the high watermark waits for it.
  void leader.produce(['d', 'e'], 1);
  await everyoneAtEnd();
  expect(leader.log().highWatermark).toBe(3);
  fetchAsThree(3);
  expect(proposals.map(({ state }) => state.isr)).toEqual([
    [1, 2],
    [1, 2, 3],
  ]);
  commit(proposals[1]!);
  expect(leader.log().highWatermark).toBe(3);
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(proposals).toHaveLength(3);
  expect(proposals[2]!.state.isr).toEqual([1, 2]);
  commit(proposals[2]!);
  expect(leader.log().highWatermark).toBe(5);
});

test('a follower in the ISR that goes back to an earlier offset and fetches no more leaves', async () => {
  await start();
  void leader.produce(['a', 'b', 'c'], 1);
  await everyoneAtEnd();
  await cluster.until(() => partition().replica(3)!.logEndOffset === 3);
  await leader.replicas.maybeShrinkIsrs();
  cluster.cut(1, 3);
  // It was restarted, and has lost what was not durable.
  fetchAsThree(1);
  await cluster.clock.advance(2 * MAX_LAG_MS);
  expect(proposals.map(({ state }) => state.isr)).toEqual([[1, 2]]);
});

test('a follower that hangs after the clock was set back leaves as soon as otherwise', async () => {
  await start();
  void leader.produce(['a'], 1);
  await everyoneAtEnd();
  const { clock } = cluster;
  const nowMs = clock.nowMs.bind(clock);
  clock.nowMs = () => nowMs() - 3_600_000;
  await clock.advance(100);
  await fallBehind();
});

test('a follower that has never fetched from a leader just started is not taken for one that has caught up', async () => {
  await start();
  // In the first seconds of the monotonic clock: it begins with the process.
  expect(cluster.clock.monotonicMs()).toBeLessThan(MAX_LAG_MS);
  cluster.cut(1, 3);
  cluster.elect(1, [1, 2]);
  void leader.produce(['b'], 1);
  await cluster.until(() => leader.log().highWatermark === leader.log().logEndOffset, 1000);
});
