import type { Sweep } from './log-crash-points.js';

/** Counts the points that a suite tries, for its last line. */
export class PointCounter {
  private points = 0;
  private tried = 0;

  add({ points, tried }: Sweep): void {
    this.points += points;
    this.tried += tried;
  }

  print(what: string): void {
    process.stdout.write(`${what}: ${this.tried} tried at ${this.points} points\n`);
  }
}

/** How often each point is tried by a loss of power: more than by default in the exhaustive form. */
export function drawsOr(usual: number): number {
  return Number(process.env.OTTLA_CRASH_DRAWS ?? usual);
}
