import {
  checkCurrentLeaderEpoch,
  decideLeadership,
  mayStopReplica,
  type HostedView,
  type RequestedView,
} from '../../../../src/replication/core/leadership.js';
import {
  rackAwareReplicaSelector,
  replicaSelectorOf,
  type ReplicaView,
} from '../../../../src/replication/core/replica-selector.js';
import { fetchRequestVersion, isTruncationOnFetchSupported } from '../../../../src/replication/core/versions.js';
import { BrokerConfig } from '../../../../src/config/index.js';

const A = 'AAAAAAAAAAAAAAAAAAAAEQ';
const B = 'AAAAAAAAAAAAAAAAAAAAEg';
const HOSTED: HostedView = { isOffline: false, leaderEpoch: 3, topicId: A, hasLog: true };
const REQUESTED: RequestedView = { leaderEpoch: 4, leader: 1, replicas: [1, 2], topicId: A };

test.each<{ title: string; hosted?: Partial<HostedView>; asked?: Partial<RequestedView>; expected: object }>([
  { title: 'a new epoch with us as leader', expected: { kind: 'becomeLeader' } },
  { title: 'a new epoch with another leader', asked: { leader: 2 }, expected: { kind: 'becomeFollower' } },
  { title: 'a new epoch without a leader', asked: { leader: -1 }, expected: { kind: 'becomeFollower' } },
  {
    title: 'an offline replica',
    hosted: { isOffline: true },
    expected: { kind: 'refuse', error: 'KAFKA_STORAGE_ERROR' },
  },
  { title: 'another topic id', asked: { topicId: B }, expected: { kind: 'refuse', error: 'INCONSISTENT_TOPIC_ID' } },
  { title: 'a request without topic ids', asked: { topicId: null }, expected: { kind: 'becomeLeader' } },
  {
    title: 'a replica that is not ours',
    asked: { replicas: [2] },
    expected: { kind: 'refuse', error: 'UNKNOWN_TOPIC_OR_PARTITION' },
  },
  {
    title: 'the epoch we know',
    asked: { leaderEpoch: 3 },
    expected: { kind: 'refuse', error: 'STALE_CONTROLLER_EPOCH' },
  },
  { title: 'an old epoch', asked: { leaderEpoch: 2 }, expected: { kind: 'refuse', error: 'STALE_CONTROLLER_EPOCH' } },
  {
    title: 'the first topic id, in the epoch we know',
    hosted: { topicId: null },
    asked: { leaderEpoch: 3, leader: 2 },
    expected: { kind: 'assignTopicId', isFollower: true },
  },
  {
    title: 'the end of topic ids, in the epoch we know',
    asked: { leaderEpoch: 3, leader: 2, topicId: null },
    expected: { kind: 'dropTopicId' },
  },
])('LeaderAndIsr with $title', ({ hosted, asked, expected }) => {
  expect(decideLeadership(1, { ...HOSTED, ...hosted }, { ...REQUESTED, ...asked })).toEqual(expected);
});

test.each([
  [-2, true],
  [-1, true],
  [4, true],
  [3, true],
  [2, false],
])('StopReplica of epoch %i against epoch 3 applies: %s', (epoch, applies) => {
  expect(mayStopReplica(epoch, 3)).toBe(applies);
});

test.each([
  [-1, null],
  [3, null],
  [2, 'FENCED_LEADER_EPOCH'],
  [4, 'UNKNOWN_LEADER_EPOCH'],
])('a client that knows epoch %i is answered %s at epoch 3', (epoch, error) => {
  expect(checkCurrentLeaderEpoch(epoch, 3)).toBe(error);
});

describe('the replica for a rack', () => {
  const replica = (brokerId: number, rack: string | null | undefined, logEndOffset = 10, lag = 0): ReplicaView => ({
    brokerId,
    rack,
    logEndOffset,
    timeSinceLastCaughtUpMs: lag,
  });
  const leader = replica(1, 'a');

  test.each([
    { title: 'is the one there', rack: 'b', others: [replica(2, 'b')], expected: 2 },
    { title: 'is the leader if it is there', rack: 'a', others: [replica(2, 'a', 99)], expected: 1 },
    { title: 'is the leader if none is there', rack: 'c', others: [replica(2, 'b')], expected: 1 },
    { title: 'is the leader without a rack', rack: '', others: [replica(2, '')], expected: 1 },
    { title: 'is the furthest', rack: 'b', others: [replica(2, 'b', 5), replica(3, 'b', 9)], expected: 3 },
    {
      title: 'is the least behind in time',
      rack: 'b',
      others: [replica(2, 'b', 9, 4), replica(3, 'b', 9, 2)],
      expected: 3,
    },
    { title: 'is none that cannot be reached', rack: 'b', others: [replica(2, undefined)], expected: 1 },
  ])('$title', ({ rack, others, expected }) => {
    expect(rackAwareReplicaSelector(rack, [leader, ...others], leader)?.brokerId).toBe(expected);
  });

  test('is chosen by the class that the configuration names', () => {
    expect(replicaSelectorOf('org.apache.kafka.common.replica.RackAwareReplicaSelector')).toBe(
      rackAwareReplicaSelector,
    );
    expect(replicaSelectorOf(null)).toBeNull();
    expect(replicaSelectorOf('com.example.Mine')).toBeUndefined();
  });
});

test.each([
  ['3.6', 15, true],
  ['3.5-IV0', 14, true],
  ['3.1', 13, true],
  ['3.0', 12, true],
  ['2.7-IV0', 11, false],
  ['2.2', 10, false],
  ['2.0', 8, false],
  ['1.1', 7, false],
  ['0.11.0', 5, false],
])('inter-broker protocol %s fetches with version %i and truncates on fetch: %s', (version, expected, truncates) => {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['inter.broker.protocol.version', version],
    ]),
  );
  const atLeast = (other: string): boolean => config.interBrokerProtocolAtLeast(other);
  expect(fetchRequestVersion(atLeast)).toBe(expected);
  expect(isTruncationOnFetchSupported(atLeast)).toBe(truncates);
});
