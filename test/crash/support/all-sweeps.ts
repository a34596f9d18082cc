import { sweepClusterScenario } from './cluster-crash-points.js';
import { CLUSTER_SCENARIOS } from './cluster-scenarios.js';
import { sweepFailures } from './fail-points.js';
import { sweepLogScenario } from './log-crash-points.js';
import { LOG_SCENARIOS } from './log-scenarios.js';
import type { Sweep } from './report.js';

export interface NamedSweep {
  readonly title: string;
  sweep(draws: number): Promise<Sweep>;
}

/** Every sweep of the suites, for `scripts/crash-points.mjs`. */
export const ALL_SWEEPS: readonly NamedSweep[] = [
  ...(['process', 'power'] as const).flatMap((kind) =>
    LOG_SCENARIOS.map((scenario) => ({
      title: `one log, ${kind}: ${scenario.title}`,
      sweep: (draws: number) => sweepLogScenario(scenario, kind, draws),
    })),
  ),
  ...(['while it runs', 'while it starts'] as const).flatMap((when) =>
    (['EIO', 'ENOSPC', 'EMFILE'] as const).flatMap((code) =>
      [false, true].map((forever) => ({
        title: `failing operations: ${code} ${forever ? 'from then on' : 'once'} ${when}`,
        sweep: () => sweepFailures({ code, forever, when }),
      })),
    ),
  ),
  ...[1, 2].flatMap((victim) =>
    (['process', 'power', 'directory'] as const).flatMap((kind) =>
      CLUSTER_SCENARIOS.map((scenario) => ({
        title: `cluster, broker ${victim}, ${kind}: ${scenario.title}`,
        sweep: (draws: number) => sweepClusterScenario(scenario, { victim, kind, draws }),
      })),
    ),
  ),
];
