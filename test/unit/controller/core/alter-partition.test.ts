import type { LeaderAndIsr } from '../../../../src/cluster/index.js';
import { decideAlterPartition } from '../../../../src/controller/core/alter-partition.js';
import { ErrorCode } from '../../../../src/protocol/index.js';

const current: LeaderAndIsr = { leader: 1, leaderEpoch: 5, isr: [1, 2], recovering: false, partitionEpoch: 7 };
const live = new Set([1, 2, 3]);
const refusal = (
  proposed: Partial<LeaderAndIsr>,
  {
    known = current,
    brokers = live,
    version = 3,
  }: { known?: LeaderAndIsr | undefined; brokers?: Set<number>; version?: number } = {},
): number | string => {
  const decision = decideAlterPartition(known, { ...current, ...proposed }, brokers, version);
  return decision.kind === 'refused' ? decision.errorCode : decision.kind;
};

test.each([
  {
    title: 'a later partition epoch than ours',
    proposed: { partitionEpoch: 8, isr: [1] },
    error: ErrorCode.NOT_CONTROLLER,
  },
  { title: 'a later leader epoch than ours', proposed: { leaderEpoch: 6, isr: [1] }, error: ErrorCode.NOT_CONTROLLER },
  { title: 'an old leader epoch', proposed: { leaderEpoch: 4, isr: [1] }, error: ErrorCode.FENCED_LEADER_EPOCH },
  {
    title: 'an old leader epoch with our own state',
    proposed: { leaderEpoch: 4 },
    error: ErrorCode.FENCED_LEADER_EPOCH,
  },
  {
    title: 'an old partition epoch',
    proposed: { partitionEpoch: 6, isr: [1] },
    error: ErrorCode.INVALID_UPDATE_VERSION,
  },
  {
    title: 'an ISR in another order under an old epoch',
    proposed: { partitionEpoch: 6, isr: [2, 1] },
    error: ErrorCode.INVALID_UPDATE_VERSION,
  },
  {
    title: 'more than one in sync while recovering',
    proposed: { recovering: true, isr: [1, 3] },
    error: ErrorCode.INVALID_REQUEST,
  },
  { title: 'a return to recovering', proposed: { recovering: true, isr: [1] }, error: ErrorCode.INVALID_REQUEST },
  { title: 'a replica that is not live', proposed: { isr: [1, 2, 4] }, error: ErrorCode.INELIGIBLE_REPLICA },
])('refuses $title', ({ proposed, error }) => {
  expect(refusal(proposed)).toBe(error);
});

test('has no code of its own for an ineligible replica before version 2', () => {
  expect(refusal({ isr: [1, 2, 4] }, { version: 1 })).toBe(ErrorCode.OPERATION_NOT_ATTEMPTED);
  expect(refusal({ isr: [1, 2, 4] }, { version: 2 })).toBe(ErrorCode.INELIGIBLE_REPLICA);
});

test('refuses a partition that it does not know', () => {
  expect(decideAlterPartition(undefined, current, live, 3)).toMatchObject({
    kind: 'refused',
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  });
});

test('answers a repeated request with the state it has, under whatever older partition epoch', () => {
  expect(decideAlterPartition(current, { ...current, partitionEpoch: 3 }, live, 3)).toEqual({
    kind: 'unchanged',
    current,
  });
});

test.each([
  { title: 'a shrunk ISR', proposed: { isr: [1] } },
  { title: 'a grown ISR', proposed: { isr: [1, 2, 3] } },
])('writes $title', ({ proposed }) => {
  expect(decideAlterPartition(current, { ...current, ...proposed }, live, 3)).toEqual({
    kind: 'write',
    next: { ...current, ...proposed },
  });
});

test('lets a recovering leader say that it has recovered', () => {
  const recovering = { ...current, isr: [1], recovering: true };
  expect(refusal({ isr: [1], recovering: false }, { known: recovering })).toBe('write');
});
