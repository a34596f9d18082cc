import { EventQueue, type Clock, type Logger, type Timer } from '../common/index.js';
import type { ControllerEvent, ControllerState } from './runtime.js';

/**
 * The controller's events, each handled to its end before the next (Kafka's `ControllerEventManager`). Those that wait can be answered when they
 * will not be handled.
 */
export class ControllerEventManager {
  private readonly queue: EventQueue;
  private readonly waiting = new Set<ControllerEvent>();
  /** Of events that are to be put later: one each, so that none takes another's place. */
  private readonly timers = new Map<ControllerEvent, Timer>();
  private current: ControllerState = 'Idle';

  constructor(
    private readonly handle: (event: ControllerEvent) => Promise<void>,
    private readonly clock: Clock,
    log: Logger,
  ) {
    this.queue = new EventQueue((error) => log.error('A controller event failed', { error }));
  }

  /** Of the event that is being handled. */
  get state(): ControllerState {
    return this.current;
  }

  get size(): number {
    return this.queue.size;
  }

  put(event: ControllerEvent): void {
    this.waiting.add(event);
    const accepted = this.queue.put(() => {
      this.waiting.delete(event);
      return this.run(event);
    });
    if (accepted) return;
    this.waiting.delete(event);
    event.preempt?.();
  }

  /** Puts the event after a while, unless what waits is dropped before. */
  putLater(event: ControllerEvent, delayMs: number): void {
    this.timers.get(event)?.cancel();
    const put = (): void => {
      this.timers.delete(event);
      this.put(event);
    };
    this.timers.set(event, this.clock.setTimer(delayMs, put, { background: true }));
  }

  /** Handles an event in its turn, and resolves then. */
  handled(event: ControllerEvent): Promise<void> {
    return this.queue.call(() => this.run(event));
  }

  /** Does something in its turn. Rejects when the queue is closed before. */
  inTurn(step: () => void): Promise<void> {
    return this.queue.call(step);
  }

  /** Answers the events that wait, and drops them. The one that is being handled ends on its own. */
  dropWaiting(): void {
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
    this.queue.clear();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const event of waiting) event.preempt?.();
  }

  /** Takes no more events. Resolves when the one that is being handled has ended. */
  async close(): Promise<void> {
    this.dropWaiting();
    await this.queue.close();
    this.dropWaiting();
  }

  /** Resolves when every event that waits now has been handled. */
  whenIdle(): Promise<void> {
    return this.queue.whenIdle();
  }

  private async run(event: ControllerEvent): Promise<void> {
    this.current = event.state;
    try {
      await this.handle(event);
    } finally {
      this.current = 'Idle';
    }
  }
}
