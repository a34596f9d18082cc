import type { LeaderAndIsr } from '../../../../src/cluster/index.js';
import {
  electForControlledShutdown,
  electForOffline,
  electForReassignment,
  electPreferred,
  initialLeaderAndIsr,
  removeFromIsr,
  type Election,
} from '../../../../src/controller/core/election.js';

const stateWith = (state: Partial<LeaderAndIsr>): LeaderAndIsr => ({
  leader: 1,
  leaderEpoch: 4,
  isr: [1, 2, 3],
  recovering: false,
  partitionEpoch: 9,
  ...state,
});
const leaderOf = (election: Election): number | null => (election.kind === 'elected' ? election.next.leader : null);

/** All ordered selections of some of the ids. */
function selections(ids: number[]): number[][] {
  return [[], ...ids.flatMap((id) => selections(ids.filter((other) => other !== id)).map((rest) => [id, ...rest]))];
}
/** All sets of some of the ids. */
function subsets(ids: number[]): number[][] {
  return ids.reduce<number[][]>((all, id) => [...all, ...all.map((set) => [...set, id])], [[]]);
}

describe('a partition whose leader is gone', () => {
  test.each([
    {
      title: 'takes the first live ISR member in assignment order',
      isr: [3, 2],
      live: [2, 3],
      unclean: false,
      leader: 2,
    },
    {
      title: 'prefers a live ISR member even if unclean election is allowed',
      isr: [3],
      live: [2, 3],
      unclean: true,
      leader: 3,
    },
    {
      title: 'leaves the partition offline rather than lose records',
      isr: [1],
      live: [2, 3],
      unclean: false,
      leader: null,
    },
    { title: 'takes the first live replica if it may', isr: [1], live: [3, 2], unclean: true, leader: 2 },
    { title: 'stays offline when nobody lives', isr: [1, 2, 3], live: [], unclean: true, leader: null },
  ])('$title', ({ isr, live, unclean, leader }) => {
    expect(leaderOf(electForOffline(stateWith({ leader: 1, isr }), [1, 2, 3], new Set(live), unclean, true))).toBe(
      leader,
    );
  });

  test('keeps the live members of the ISR, raises the leader epoch and names the version it goes by', () => {
    expect(electForOffline(stateWith({ isr: [3, 1, 2] }), [1, 2, 3], new Set([2, 3]), false, true)).toEqual({
      kind: 'elected',
      unclean: false,
      next: { leader: 2, leaderEpoch: 5, isr: [3, 2], recovering: false, partitionEpoch: 9 },
    });
  });

  test('recovers alone after an unclean election, and stays recovering through a clean one', () => {
    const unclean = electForOffline(stateWith({ isr: [1] }), [1, 2, 3], new Set([2, 3]), true, true);
    expect(unclean).toEqual({
      kind: 'elected',
      unclean: true,
      next: { leader: 2, leaderEpoch: 5, isr: [2], recovering: true, partitionEpoch: 9 },
    });
    const clean = electForOffline(stateWith({ isr: [2], recovering: true }), [1, 2, 3], new Set([2]), false, true);
    expect(clean).toMatchObject({ kind: 'elected', unclean: false, next: { leader: 2, recovering: true } });
  });
});

describe('whatever the assignment, the ISR and the live brokers', () => {
  const ids = [1, 2, 3];
  const cases = selections(ids)
    .filter((assignment) => assignment.length > 0)
    .flatMap((assignment) =>
      selections(assignment).flatMap((isr) => subsets([...ids, 4]).map((live) => ({ assignment, isr, live }))),
    );

  test('an offline election finds a leader exactly when one is eligible, and only a live one', () => {
    for (const { assignment, isr, live } of cases) {
      for (const unclean of [false, true]) {
        const election = electForOffline(stateWith({ isr }), assignment, new Set(live), unclean, true);
        const clean = assignment.find((id) => live.includes(id) && isr.includes(id));
        const expected = clean ?? (unclean ? assignment.find((id) => live.includes(id)) : undefined);
        expect(leaderOf(election)).toBe(expected ?? null);
        if (election.kind !== 'elected') continue;
        expect(election.next.isr).toContain(election.next.leader);
        expect(election.next.isr.every((id) => live.includes(id) && assignment.includes(id))).toBe(true);
        expect(election.unclean).toBe(clean === undefined);
        expect(election.next.recovering).toBe(election.unclean);
      }
    }
  });

  test('a preferred election moves only to a first replica that is live and in sync, and leaves the ISR', () => {
    for (const { assignment, isr, live } of cases) {
      const election = electPreferred(stateWith({ isr }), assignment, new Set(live));
      const first = assignment[0]!;
      expect(leaderOf(election)).toBe(live.includes(first) && isr.includes(first) ? first : null);
      if (election.kind === 'elected') expect(election.next).toMatchObject({ isr, leaderEpoch: 5 });
    }
  });

  test('a reassignment ends with the first target replica that is live and in sync', () => {
    for (const { assignment: target, isr, live } of cases) {
      const election = electForReassignment(stateWith({ isr }), target, new Set(live));
      expect(leaderOf(election)).toBe(target.find((id) => live.includes(id) && isr.includes(id)) ?? null);
      if (election.kind === 'elected') expect(election.next.isr).toEqual(isr);
    }
  });

  test('a controlled shutdown moves to one that stays and takes those that go out of the ISR', () => {
    for (const { assignment, isr, live } of cases) {
      for (const shuttingDown of subsets([1, 2])) {
        const election = electForControlledShutdown(
          stateWith({ isr }),
          assignment,
          new Set(live),
          new Set(shuttingDown),
        );
        const stays = (id: number) => live.includes(id) && isr.includes(id) && !shuttingDown.includes(id);
        expect(leaderOf(election)).toBe(assignment.find(stays) ?? null);
        if (election.kind !== 'elected') continue;
        expect(election.next.isr).toEqual(isr.filter((id) => !shuttingDown.includes(id)));
      }
    }
  });

  test('a replica that goes leaves the ISR unless it is the last, and takes its lead with it', () => {
    for (const { isr } of cases.filter(({ isr }) => isr.length > 0)) {
      for (const leader of isr) {
        for (const gone of isr) {
          const next = removeFromIsr(stateWith({ leader, isr }), gone);
          expect(next.leader).toBe(gone === leader ? -1 : leader);
          expect(next.isr).toEqual(isr.length === 1 ? isr : isr.filter((id) => id !== gone));
          expect(next).toMatchObject({ leaderEpoch: 5, partitionEpoch: 9 });
        }
      }
    }
  });
});

test('a new partition is led by its first live replica, with all live ones in sync', () => {
  expect(initialLeaderAndIsr([2, 3])).toEqual({
    leader: 2,
    leaderEpoch: 0,
    isr: [2, 3],
    recovering: false,
    partitionEpoch: 0,
  });
});
