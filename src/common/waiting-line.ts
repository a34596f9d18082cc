/** Who stands in a line, and for which address. */
export interface Waiting {
  readonly address: string;
}

/**
 * Those that wait: in the order they came by address, and the addresses in turn. A crowd at one address holds up those at others by no more
 * than one of it at a time.
 */
export class WaitingLine<T extends Waiting> {
  /** The address whose turn is next comes first. */
  private readonly byAddress = new Map<string, Set<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Whose turn is next; null when no one waits. */
  get first(): T | null {
    return this.firstThat(() => true);
  }

  /** Whose turn is next of those for whom this holds. Of each address only the first is asked. */
  firstThat(holds: (waiting: T) => boolean): T | null {
    for (const line of this.byAddress.values()) {
      for (const first of line) {
        if (holds(first)) return first;
        break;
      }
    }
    return null;
  }

  /** At the end of its address, unless it waits already. */
  add(waiting: T): void {
    const line = this.byAddress.get(waiting.address);
    if (line?.has(waiting)) return;
    if (line) line.add(waiting);
    else this.byAddress.set(waiting.address, new Set([waiting]));
    this.count++;
  }

  /** False when it does not wait. */
  delete(waiting: T): boolean {
    const line = this.byAddress.get(waiting.address);
    if (!line?.delete(waiting)) return false;
    if (line.size === 0) this.byAddress.delete(waiting.address);
    this.count--;
    return true;
  }

  /** The first of its address has its turn: the other addresses come before the next one. */
  takeFirst(waiting: T): void {
    const line = this.byAddress.get(waiting.address)!;
    this.delete(waiting);
    this.byAddress.delete(waiting.address);
    if (line.size > 0) this.byAddress.set(waiting.address, line);
  }
}
