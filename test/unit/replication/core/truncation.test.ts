import {
  divergenceOf,
  outOfRangeAction,
  truncationPoint,
  type EpochEnd,
} from '../../../../src/replication/core/truncation.js';

/** A log as its epochs with their ends, in order. */
function logOf(...epochs: EpochEnd[]) {
  return {
    logEndOffset: epochs.at(-1)?.endOffset ?? 0,
    endOffsetForEpoch: (epoch: number) => epochs.findLast((one) => one.epoch <= epoch) ?? null,
  };
}

test.each([
  { title: 'the same epoch and within it', end: { epoch: 3, endOffset: 20 }, epoch: 3, offset: 20, kind: 'none' },
  { title: 'beyond the end of its epoch', end: { epoch: 3, endOffset: 20 }, epoch: 3, offset: 21, kind: 'diverging' },
  {
    title: 'in an epoch the leader never had',
    end: { epoch: 2, endOffset: 15 },
    epoch: 3,
    offset: 10,
    kind: 'diverging',
  },
  { title: 'before all epochs of the leader', end: null, epoch: 0, offset: 10, kind: 'unknown' },
])('a follower $title is $kind', ({ end, epoch, offset, kind }) => {
  expect(divergenceOf(end, epoch, offset).kind).toBe(kind);
});

test.each([
  {
    title: 'cuts what its epoch has beyond the leader',
    leader: { epoch: 1, endOffset: 12 },
    log: logOf({ epoch: 0, endOffset: 10 }, { epoch: 1, endOffset: 20 }),
    expected: { offset: 12, completed: true },
  },
  {
    title: 'keeps all when the leader has more of its epoch',
    leader: { epoch: 1, endOffset: 50 },
    log: logOf({ epoch: 0, endOffset: 10 }, { epoch: 1, endOffset: 20 }),
    expected: { offset: 20, completed: true },
  },
  {
    title: 'cuts to its last epoch before one it never had, and asks again',
    leader: { epoch: 2, endOffset: 30 },
    log: logOf({ epoch: 1, endOffset: 10 }, { epoch: 3, endOffset: 20 }),
    expected: { offset: 10, completed: false },
  },
  {
    title: 'goes by the offset alone when the epoch is below all of its own',
    leader: { epoch: 1, endOffset: 5 },
    log: logOf({ epoch: 3, endOffset: 20 }),
    expected: { offset: 5, completed: true },
  },
  {
    title: 'goes by the offset alone when the leader names no epoch',
    leader: { epoch: -1, endOffset: 15 },
    log: logOf({ epoch: 3, endOffset: 20 }),
    expected: { offset: 15, completed: true },
  },
  {
    title: 'cuts to where it meant to fetch when the leader knows nothing',
    leader: { epoch: -1, endOffset: -1 },
    log: logOf({ epoch: 3, endOffset: 20 }),
    expected: { offset: 7, completed: true },
  },
  {
    title: 'whose epoch goes on at the leader is cut where it ended here',
    leader: { epoch: 3, endOffset: 20 },
    log: logOf({ epoch: 3, endOffset: 15 }, { epoch: 4, endOffset: 30 }),
    expected: { offset: 15, completed: true },
  },
])('a follower $title', ({ leader, log, expected }) => {
  expect(truncationPoint(leader, log, 7)).toEqual(expected);
});

test.each([
  { title: 'beyond the leader is cut to its end', own: 50, end: 40, start: 0, kind: 'truncateTo', offset: 40 },
  {
    title: 'before its start begins anew there',
    own: 5,
    end: 40,
    start: 20,
    kind: 'truncateFullyAndStartAt',
    offset: 20,
  },
  { title: 'within its log goes on from its own end', own: 30, end: 40, start: 20, kind: 'fetchFrom', offset: 30 },
])('a log $title', ({ own, end, start, kind, offset }) => {
  expect(outOfRangeAction(own, end, start)).toEqual({ kind, offset });
});
