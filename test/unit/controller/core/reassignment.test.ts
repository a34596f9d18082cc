import type { LeaderAndIsr, ReplicaAssignment } from '../../../../src/cluster/index.js';
import {
  completedAssignment,
  isBeingReassigned,
  isReassignmentComplete,
  originReplicas,
  reassignTo,
  removeReplica,
  sameAssignment,
  targetReplicas,
} from '../../../../src/controller/core/reassignment.js';
import { fc } from '../../../support/fast-check.js';

const settled = (replicas: number[]): ReplicaAssignment => ({ replicas, adding: [], removing: [] });
const inSync = (isr: number[]): LeaderAndIsr => ({
  leader: isr[0]!,
  leaderEpoch: 0,
  isr,
  recovering: false,
  partitionEpoch: 0,
});

test('lists the target replicas first, then the ones that go', () => {
  expect(reassignTo(settled([1, 2, 3]), [3, 4, 2])).toEqual({ replicas: [3, 4, 2, 1], adding: [4], removing: [1] });
});

test('a cancelled reassignment keeps the surviving target replicas in front', () => {
  const underWay = reassignTo(settled([1, 2]), [3, 2]);
  expect(completedAssignment(reassignTo(underWay, originReplicas(underWay)))).toEqual(settled([2, 1]));
});

test('is complete when every target replica is in sync', () => {
  const underWay = reassignTo(settled([1, 2]), [2, 3]);
  expect(isReassignmentComplete(underWay, inSync([1, 2]))).toBe(false);
  expect(isReassignmentComplete(underWay, inSync([1, 2, 3]))).toBe(true);
  expect(isReassignmentComplete(underWay, undefined)).toBe(false);
  expect(isReassignmentComplete(settled([1, 2]), undefined)).toBe(true);
});

test('a deleted replica is in no list any more', () => {
  expect(removeReplica({ replicas: [2, 3, 1], adding: [3], removing: [1] }, 1)).toEqual({
    replicas: [2, 3],
    adding: [3],
    removing: [],
  });
});

test('origin and target come out of every reassignment as they went in', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1 });
  fc.assert(
    fc.property(ids, ids, ids, (origin, first, second) => {
      const once = reassignTo(settled(origin), first);
      expect(targetReplicas(once)).toEqual(first);
      expect([...originReplicas(once)].sort()).toEqual([...origin].sort());
      const twice = reassignTo(once, second);
      expect(targetReplicas(twice)).toEqual(second);
      expect([...originReplicas(twice)].sort()).toEqual([...origin].sort());
      expect(completedAssignment(twice)).toEqual(settled(second));
      expect(isBeingReassigned(once)).toBe([...origin].sort().join() !== [...first].sort().join());
      expect(sameAssignment(once, reassignTo(settled(origin), first))).toBe(true);
    }),
  );
});
