/** Counts and gauges by Kafka's MBean-like names, for whoever exports them. Cheap enough for every request. */
export class MetricsRegistry {
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, () => number>();

  /** The counter of that name, made on first use. */
  counter(name: string): Counter {
    let counter = this.counters.get(name);
    if (!counter) this.counters.set(name, (counter = new Counter()));
    return counter;
  }

  /** Registers a value that is read when asked for. A later one of the same name replaces it. */
  gauge(name: string, read: () => number): void {
    this.gauges.set(name, read);
  }

  removeGauge(name: string): void {
    this.gauges.delete(name);
  }

  /** All values by name. */
  snapshot(): Map<string, number> {
    const values = new Map<string, number>();
    for (const [name, counter] of this.counters) values.set(name, counter.value);
    for (const [name, read] of this.gauges) values.set(name, read());
    return values;
  }
}

/** A number that only grows. */
export class Counter {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}
