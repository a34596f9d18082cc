import { sweepClusterScenario } from './support/cluster-crash-points.js';
import { CLUSTER_SCENARIOS } from './support/cluster-scenarios.js';
import { drawsOr, PointCounter } from './support/report.js';

const TIMEOUT_MS = 600_000;

describe.each([
  { kind: 'process' as const, what: 'is killed', draws: drawsOr(1) },
  { kind: 'power' as const, what: 'loses its power', draws: drawsOr(1) },
  { kind: 'directory' as const, what: 'loses a log directory', draws: 1 },
])(
  'what was acknowledged is on replicas that are the same when one of them $what anywhere while',
  ({ kind, what, draws }) => {
    const counter = new PointCounter();
    afterAll(() => counter.print(`a cluster of which one broker ${what}`));

    describe.each([
      { role: 'leader', victim: 1 },
      { role: 'follower', victim: 2 },
    ])('(it is the $role)', ({ victim }) => {
      test.each(CLUSTER_SCENARIOS)(
        '$title',
        async (scenario) => {
          const sweep = await sweepClusterScenario(scenario, { victim, kind, draws });
          counter.add(sweep);
          expect(sweep.faults).toEqual([]);
          expect(sweep.points).toBeGreaterThan(0);
        },
        TIMEOUT_MS,
      );
    });
  },
);
