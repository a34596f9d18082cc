import { sweepLogScenario, type Sweep } from './log-crash-points.js';
import { LOG_SCENARIOS } from './log-scenarios.js';

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
];
