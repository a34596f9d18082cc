import type { ReplicaState } from '../../../../src/controller/core/replica-state.js';
import { planDeletions, planReplicaDeletions } from '../../../../src/controller/core/topic-deletion.js';
import { addPartition, contextWith } from './support.js';

/** A context with topic `a` on brokers 1 and 2, queued for deletion, its replicas in these states. */
function deleting(states: [ReplicaState, ReplicaState], live = [1, 2]) {
  const context = contextWith(...live);
  const partition = addPartition(context, 'a', 0, [1, 2]);
  states.forEach((state, i) => context.putReplicaState({ partition, replica: i + 1 }, state));
  context.queueTopicDeletion(['a']);
  return { context, partition };
}

const nothing = { complete: [], retry: [], start: [] };

test.each<{ title: string; states: [ReplicaState, ReplicaState]; halted?: boolean; plan: object }>([
  {
    title: 'begins with a topic whose replicas are online',
    states: ['OnlineReplica', 'OnlineReplica'],
    plan: { start: ['a'] },
  },
  {
    title: 'waits while a replica is being deleted',
    states: ['ReplicaDeletionStarted', 'ReplicaDeletionIneligible'],
    plan: {},
  },
  {
    title: 'completes when all are deleted',
    states: ['ReplicaDeletionSuccessful', 'ReplicaDeletionSuccessful'],
    plan: { complete: ['a'] },
  },
  {
    title: 'retries a failed replica and starts again',
    states: ['ReplicaDeletionSuccessful', 'ReplicaDeletionIneligible'],
    plan: { retry: ['a'], start: ['a'] },
  },
  { title: 'does not start a halted topic', states: ['OnlineReplica', 'OnlineReplica'], halted: true, plan: {} },
  {
    title: 'makes failed replicas of a halted topic offline',
    states: ['OfflineReplica', 'ReplicaDeletionIneligible'],
    halted: true,
    plan: { retry: ['a'] },
  },
  {
    title: 'starts again when only offline replicas are left',
    states: ['OfflineReplica', 'ReplicaDeletionSuccessful'],
    plan: { start: ['a'] },
  },
])('$title', ({ states, halted, plan }) => {
  const { context } = deleting(states);
  if (halted) context.topicsIneligibleForDeletion.add('a');
  expect(planDeletions(context)).toEqual({ ...nothing, ...plan });
});

test('a topic without partitions, or unknown, is complete at once', () => {
  const context = contextWith(1);
  context.addTopic('empty');
  context.queueTopicDeletion(['empty', 'unknown']);
  expect(planDeletions(context)).toEqual({ ...nothing, complete: ['empty', 'unknown'] });
});

test('deletes live replicas that are not deleted yet, and halts topics with dead ones', () => {
  const { context, partition } = deleting(['OnlineReplica', 'OnlineReplica'], [1]);
  addPartition(context, 'b', 0, [1]);
  context.queueTopicDeletion(['b']);
  const plan = planReplicaDeletions(context, ['a', 'b']);
  expect(plan.dead).toEqual([{ partition, replica: 2 }]);
  expect(plan.toDelete.map(({ partition: { topic }, replica }) => `${topic} on ${replica}`)).toEqual([
    'a on 1',
    'b on 1',
  ]);
  expect(plan.halted).toEqual(['a']);
});

test('leaves replicas that an earlier try deleted', () => {
  const { context, partition } = deleting(['ReplicaDeletionSuccessful', 'OfflineReplica']);
  expect(planReplicaDeletions(context, ['a']).toDelete).toEqual([{ partition, replica: 2 }]);
});
