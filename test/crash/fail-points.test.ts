import { sweepFailures, type FailureKind } from './support/fail-points.js';
import { PointCounter } from './support/report.js';

const kinds: FailureKind[] = (['while it runs', 'while it starts'] as const).flatMap((when) =>
  (['EIO', 'ENOSPC', 'EMFILE'] as const).flatMap((code) => [false, true].map((forever) => ({ code, forever, when }))),
);

/** A hang ends here; a busy machine is slow. */
const TIMEOUT_MS = 1_800_000;

describe('a directory in which an operation fails costs that directory, and nothing that was acknowledged', () => {
  const counter = new PointCounter();
  afterAll(() => counter.print('failing operations'));

  test.each(kinds)(
    '$code, forever: $forever, $when',
    async (kind) => {
      const sweep = await sweepFailures(kind);
      counter.add(sweep);
      expect(sweep.faults).toEqual([]);
      expect(sweep.points).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
