import { addPartition, assigned, brokerInfo, contextWith } from './support.js';

describe('who can serve', () => {
  test('is every registered broker but the ones that are shutting down', () => {
    const context = contextWith(1, 2, 3);
    context.addShuttingDownBroker(2);
    expect([...context.liveBrokerIds]).toEqual([1, 3]);
    expect(context.liveOrShuttingDownBrokerIds).toEqual([1, 2, 3]);
    expect(context.removeShuttingDownBroker(2)).toBe(true);
    expect(context.removeShuttingDownBroker(2)).toBe(false);
    context.removeLiveBrokers([1]);
    expect([...context.liveBrokerIds]).toEqual([2, 3]);
  });

  test('is not a replica in a log directory that failed', () => {
    const context = contextWith(1, 2, 3);
    const [broken, fine] = [addPartition(context, 'a', 0, [1, 2]), addPartition(context, 'a', 1, [1, 2])];
    context.replicasOnOfflineDirs.set(1, new Set([broken]));
    context.addShuttingDownBroker(3);
    expect(context.isReplicaOnline(1, broken)).toBe(false);
    expect(context.isReplicaOnline(1, fine)).toBe(true);
    expect([...context.onlineBrokersFor(broken)]).toEqual([2]);
    expect([...context.onlineBrokersFor(broken, { includeShuttingDown: true })]).toEqual([2, 3]);
    expect(context.partitionsWithOfflineLeader()).toEqual([broken]);
  });
});

describe('the count of partitions without their preferred leader', () => {
  test('follows leaders and assignments', () => {
    const context = contextWith(1, 2);
    const partition = addPartition(context, 'a', 0, [1, 2], 2);
    expect(context.preferredReplicaImbalanceCount).toBe(1);
    context.putAssignment(partition, assigned(2, 1));
    expect(context.preferredReplicaImbalanceCount).toBe(0);
  });

  test('does not count a replica that is still being added', () => {
    const context = contextWith(1, 2, 3);
    const partition = addPartition(context, 'a', 0, [1, 2], 1);
    context.putAssignment(partition, { replicas: [3, 1, 2], adding: [3], removing: [] });
    expect(context.preferredReplicaImbalanceCount).toBe(0);
  });

  test('forgets topics that are queued for deletion, once', () => {
    const context = contextWith(1, 2);
    addPartition(context, 'a', 0, [1, 2], 2);
    context.queueTopicDeletion(['a']);
    context.queueTopicDeletion(['a']);
    expect(context.preferredReplicaImbalanceCount).toBe(0);
    context.removeTopic('a');
    expect(context.preferredReplicaImbalanceCount).toBe(0);
  });

  test('forgets topics that are removed without that', () => {
    const context = contextWith(1, 2);
    addPartition(context, 'a', 0, [1, 2], 2);
    context.removeTopic('a');
    expect(context.preferredReplicaImbalanceCount).toBe(0);
  });
});

describe('the count of offline partitions', () => {
  test('follows the states, but not those of topics whose deletion has begun', () => {
    const context = contextWith(1);
    const [a, b] = [addPartition(context, 'a', 0, [1]), addPartition(context, 'b', 0, [1])];
    context.putPartitionState(a, 'OfflinePartition');
    context.putPartitionState(a, 'OfflinePartition');
    context.topicsWithDeletionStarted.add('b');
    context.putPartitionState(b, 'OfflinePartition');
    expect(context.offlinePartitionCount).toBe(1);
    context.putPartitionState(a, 'OnlinePartition');
    expect(context.offlinePartitionCount).toBe(0);
  });

  test('forgets a topic that is removed while it is offline', () => {
    const context = contextWith(1);
    context.putPartitionState(addPartition(context, 'a', 0, [1]), 'OfflinePartition');
    context.removeTopic('a');
    expect(context.offlinePartitionCount).toBe(0);
  });
});

test('refuses a topic id that contradicts what it knows', () => {
  const context = contextWith(1);
  context.addTopic('a');
  context.addTopic('b');
  context.setTopicId('a', 'id-of-a');
  context.setTopicId('a', 'id-of-a');
  expect(context.topicName('id-of-a')).toBe('a');
  expect(() => context.setTopicId('a', 'another')).toThrow('already has the id id-of-a');
  expect(() => context.setTopicId('b', 'id-of-a')).toThrow('belongs to a');
  expect(() => context.setTopicId('c', 'id-of-c')).toThrow('not contained');
});

test('a topic made again under its name starts from nothing', () => {
  const context = contextWith(1);
  const before = addPartition(context, 'a', 0, [1]);
  context.setTopicId('a', 'first');
  context.putPartitionState(before, 'OnlinePartition');
  context.putReplicaState({ partition: before, replica: 1 }, 'OnlineReplica');
  context.partitionsBeingReassigned.add(before);
  context.replicasOnOfflineDirs.set(1, new Set([before]));
  context.removeTopic('a');
  expect(context.partitionsBeingReassigned.size).toBe(0);
  context.addTopic('a');
  context.setTopicId('a', 'second');
  const after = addPartition(context, 'a', 0, [1], null);
  expect(after.state).toBe('NonExistentPartition');
  expect(after.leadership).toBeUndefined();
  expect(context.replicaState({ partition: after, replica: 1 })).toBe('NonExistentReplica');
  expect(context.isReplicaOnline(1, after)).toBe(true);
});

test('sends StopReplica under a sentinel while a topic is being deleted, and before there was a leader', () => {
  const context = contextWith(1);
  const led = addPartition(context, 'a', 0, [1], 1, { leaderEpoch: 6 });
  expect(context.stopReplicaLeaderEpoch(led)).toBe(6);
  expect(context.stopReplicaLeaderEpoch(addPartition(context, 'a', 1, [1], null))).toBe(-1);
  context.queueTopicDeletion(['a']);
  expect(context.stopReplicaLeaderEpoch(led)).toBe(-2);
});

test('tells which partitions a broker that shuts down still leads for others', () => {
  const context = contextWith(1, 2);
  const shared = addPartition(context, 'a', 0, [1, 2]);
  addPartition(context, 'a', 1, [1]);
  addPartition(context, 'a', 2, [2, 1]);
  addPartition(context, 'gone', 0, [1, 2]);
  context.queueTopicDeletion(['gone']);
  expect(context.partitionLeadersOnBroker(1)).toEqual([shared]);
  expect(context.partitionsOnBroker(2)).toHaveLength(3);
});

test('a reset context knows nothing', () => {
  const context = contextWith(1, 2);
  const partition = addPartition(context, 'a', 0, [1, 2], 2);
  context.putPartitionState(partition, 'OfflinePartition');
  context.addShuttingDownBroker(1);
  context.queueTopicDeletion(['a']);
  context.reset();
  expect({
    epoch: context.epoch,
    offline: context.offlinePartitionCount,
    imbalance: context.preferredReplicaImbalanceCount,
    partitions: [...context.allPartitions()],
    live: [...context.liveBrokerIds],
    deletions: context.topicsToBeDeleted.size,
  }).toEqual({ epoch: 0, offline: 0, imbalance: 0, partitions: [], live: [], deletions: 0 });
  context.putLiveBrokers([brokerInfo(1)]);
  expect([...context.liveBrokerIds]).toEqual([1]);
});
