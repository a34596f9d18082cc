interface QueuedEvent {
  readonly run: () => void | Promise<void>;
  /** Called instead when the event is forgotten. */
  readonly onDropped?: () => void;
}

/**
 * Runs events one at a time in the order they were put, each to its end (its promise settled) before the next begins. The controller
 * and the coordinators turn on it. An event that throws goes to `onError`; the queue carries on.
 */
export class EventQueue {
  private readonly events: QueuedEvent[] = [];
  private running = false;
  private closed = false;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly onError: (error: unknown) => void) {}

  /** Events that wait; the running one is not counted. */
  get size(): number {
    return this.events.length;
  }

  /** Puts an event at the end. After `close` it is dropped, and false returned. */
  put(event: () => void | Promise<void>, options?: { onDropped?: () => void }): boolean {
    if (this.closed) return false;
    this.events.push({ run: event, onDropped: options?.onDropped });
    if (!this.running) void this.run();
    return true;
  }

  /** Puts an event and gives its result, or its error, to the caller instead of `onError`. Rejects when the queue is closed, or forgets it. */
  call<T>(event: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const refuse = (): void => reject(new Error('the event queue is closed'));
      const run = async (): Promise<void> => {
        try {
          resolve(await event());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (!this.put(run, { onDropped: refuse })) refuse();
    });
  }

  /** Forgets what waits. The running event ends on its own. */
  clear(): void {
    for (const { onDropped } of this.events.splice(0)) onDropped?.();
  }

  /** Takes no more events and forgets what waits; resolves when the running one has ended. */
  close(): Promise<void> {
    this.closed = true;
    this.clear();
    return this.whenIdle();
  }

  whenIdle(): Promise<void> {
    if (!this.running) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private async run(): Promise<void> {
    this.running = true;
    // One turn of the loop's delay, so that `put` never runs the event inside its caller.
    await Promise.resolve();
    for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) {
      try {
        await event.run();
      } catch (error) {
        this.onError(error);
      }
    }
    this.running = false;
    for (const wake of this.idleWaiters.splice(0)) wake();
  }
}
