import { shuffled, type Random } from '../../../../src/common/index.js';

const MOMENTS = ['start', 'load', 'stop'] as const;
export type Moment = (typeof MOMENTS)[number];

/** When everything is killed, and how. */
export interface Plan {
  readonly moment: Moment;
  /** Which part of what the last one of its kind took. */
  readonly fraction: number;
  /** Whether the command that starts or stops is killed as well, as by a loss of power. */
  readonly killsCommand: boolean;
  /** Whether a cluster that is killed while it starts had been stopped before, or killed then too. */
  readonly wasStopped: boolean;
  /** Whether the group goes on with a consumer that knows nothing of the time before. */
  readonly renewsReader: boolean;
}

/** As many plans; each three in a row have all moments. */
export function drawPlans(random: Random, rounds: number): Plan[] {
  const threes = Array.from({ length: Math.ceil(rounds / MOMENTS.length) }, () => shuffled(random, MOMENTS));
  return threes
    .flat()
    .slice(0, rounds)
    .map((moment) => ({
      moment,
      fraction: random.nextDouble(),
      killsCommand: random.nextInt(2) === 0,
      wasStopped: random.nextInt(2) === 0,
      renewsReader: random.nextInt(2) === 0,
    }));
}
