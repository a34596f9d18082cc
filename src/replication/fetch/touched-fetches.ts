import { runAtOnce, startInSlices, type Clock, type SliceLimits, type Steps } from '../../common/index.js';

/** A fetch that waits. */
export interface TouchedFetch {
  /** How many of its partitions it has to look at. */
  readonly openPartitions: number;
  /** Answers if there is enough by now. What goes wrong ends it; what it throws all the same keeps no other from being looked at. */
  maybeComplete(): Steps<void>;
}

/** To look at so many partitions, and a fetch counts for some, takes a millisecond. */
const PARTITIONS_AT_ONCE = 4000;
const PARTITIONS_OF_A_FETCH = 50;

/**
 * Fetches whose partitions have changed, or whose time is up. All that are touched while the present events are handled are looked at together
 * after them, so that one answer carries what several requests appended; in slices when they are many, for a partition may have thousands of
 * fetches waiting, each for hundreds of others.
 */
export class TouchedFetches {
  private readonly touched = new Set<TouchedFetch>();
  private isScheduled = false;

  constructor(
    private readonly clock: Clock,
    private readonly limits: SliceLimits | undefined,
  ) {}

  add(fetch: TouchedFetch): void {
    this.touched.add(fetch);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.clock.defer(() => this.lookAt());
  }

  /** It waits no more. */
  delete(fetch: TouchedFetch): void {
    this.touched.delete(fetch);
  }

  private lookAt(): void {
    let partitions = 0;
    for (const fetch of this.touched) partitions += PARTITIONS_OF_A_FETCH + fetch.openPartitions;
    if (partitions <= PARTITIONS_AT_ONCE) {
      this.isScheduled = false;
      runAtOnce(this.each([...this.touched]));
      return;
    }
    const goOn = (): void => {
      this.isScheduled = false;
    };
    // Those that are touched meanwhile come last.
    startInSlices(this.clock, this.each(this.touched), goOn, goOn, this.limits);
  }

  private *each(fetches: Iterable<TouchedFetch>): Steps<void> {
    for (const fetch of fetches) {
      if (!this.touched.delete(fetch)) continue;
      try {
        yield* fetch.maybeComplete();
      } catch (error) {
        // Told where it keeps no other fetch from its turn.
        this.clock.defer(() => {
          throw error;
        });
      }
      yield;
    }
  }
}
