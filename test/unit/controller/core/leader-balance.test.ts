import {
  canPreferredReplicaLead,
  leaderBalance,
  rebalanceCandidates,
} from '../../../../src/controller/core/leader-balance.js';
import { addPartition, contextWith } from './support.js';

test('counts what prefers a broker and what of it others lead, topics under deletion left out', () => {
  const context = contextWith(1, 2);
  const elsewhere = addPartition(context, 'a', 0, [1, 2], 2);
  addPartition(context, 'a', 1, [1, 2], 1);
  addPartition(context, 'a', 2, [2, 1], null);
  addPartition(context, 'gone', 0, [1, 2], 2);
  context.queueTopicDeletion(['gone']);
  expect(leaderBalance(context)).toEqual([
    { broker: 1, preferred: 2, ledElsewhere: [elsewhere] },
    { broker: 2, preferred: 1, ledElsewhere: [] },
  ]);
});

test.each([
  { percentage: 10, moved: 1 },
  { percentage: 49, moved: 1 },
  { percentage: 50, moved: 0 },
])('with half of them led elsewhere, $percentage percent move $moved', ({ percentage, moved }) => {
  const context = contextWith(1, 2);
  addPartition(context, 'a', 0, [1, 2], 2);
  addPartition(context, 'a', 1, [1, 2], 1);
  expect(rebalanceCandidates(context, percentage).flat()).toHaveLength(moved);
});

test('moves nothing to a replica that is down or out of sync', () => {
  const context = contextWith(1, 2);
  const down = addPartition(context, 'a', 0, [3, 1], 1);
  const outOfSync = addPartition(context, 'a', 1, [2, 1], 1, { isr: [1] });
  const ready = addPartition(context, 'a', 2, [2, 1], 1);
  expect([down, outOfSync, ready].map((partition) => canPreferredReplicaLead(context, partition))).toEqual([
    false,
    false,
    true,
  ]);
  expect(rebalanceCandidates(context, 10)).toEqual([[ready]]);
});
