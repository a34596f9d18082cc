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

export interface Sweep {
  readonly points: number;
  readonly tried: number;
  /** What went wrong, one line a kind, with the first place and how often. */
  readonly faults: readonly string[];
}

/** Gathers what goes wrong in a sweep by its kind. */
export class FaultList {
  private readonly kinds = new Map<string, { readonly first: string; count: number }>();

  add(where: string, fault: string): void {
    const kind = fault.replace(/\d+/g, 'n').slice(0, 60);
    const known = this.kinds.get(kind);
    if (known) known.count++;
    else this.kinds.set(kind, { first: `${where}: ${fault}`, count: 1 });
  }

  lines(): string[] {
    return Array.from(this.kinds.values(), ({ first, count }) => `${count} × ${first}`);
  }
}
