import { sweepLogScenario } from './support/log-crash-points.js';
import { LOG_SCENARIOS } from './support/log-scenarios.js';
import { drawsOr, PointCounter } from './support/report.js';

/** A hang ends here; a busy machine is slow. */
const TIMEOUT_MS = 1_800_000;

describe.each([
  { kind: 'process' as const, what: 'the process is killed', draws: drawsOr(1) },
  { kind: 'power' as const, what: 'the power goes', draws: drawsOr(2) },
])('a log is what it was told to be when $what anywhere while it', ({ kind, what, draws }) => {
  const counter = new PointCounter();
  afterAll(() => counter.print(`one log, ${what}`));

  test.each(LOG_SCENARIOS)(
    '$title',
    async (scenario) => {
      const sweep = await sweepLogScenario(scenario, kind, draws);
      counter.add(sweep);
      expect(sweep.faults).toEqual([]);
      expect(sweep.points).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
