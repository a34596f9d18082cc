import type { EpochEntry } from './leader-epochs.js';

/**
 * The leader epochs of a log as its batches tell them, from where its recovery begins. The file of epochs is believed up to there only:
 * after a loss of power it may be older or newer than the batches, and what it says of them would hide where two logs part.
 */
export class RecoveredEpochs {
  private found: EpochEntry[];
  private lastEpoch = -1;

  /** `known`: what the file says. `nextOffset`: where recovery begins. */
  constructor(
    private readonly known: readonly EpochEntry[],
    private nextOffset: number,
  ) {
    this.found = known.filter((entry) => entry.startOffset < nextOffset);
  }

  get entries(): readonly EpochEntry[] {
    return this.found;
  }

  /**
   * Takes the next batch of the log. False when it is none: epochs never fall from one batch to the next, so this one was left over from
   * before a truncation that has not become durable. Epoch -1 is that of batches from before there were any.
   */
  take(epoch: number, baseOffset: number, lastOffset: number): boolean {
    if (epoch >= 0) {
      if (epoch < this.lastEpoch) return false;
      if (epoch > (this.found.at(-1)?.epoch ?? -1)) {
        this.found.push({ epoch, startOffset: this.startOf(epoch, baseOffset) });
      } else if (this.lastEpoch < 0) {
        // The file names a later epoch for what lies before: it is of another history than the batches.
        while (this.found.length > 0 && this.found.at(-1)!.epoch > epoch) this.found.pop();
        if (this.found.at(-1)?.epoch !== epoch) this.found.push({ epoch, startOffset: baseOffset });
      }
      this.lastEpoch = epoch;
    }
    this.nextOffset = lastOffset + 1;
    return true;
  }

  /** The file knows better where an epoch began when the cleaner has removed its first batches. */
  private startOf(epoch: number, baseOffset: number): number {
    const known = this.known.find((entry) => entry.epoch === epoch);
    return known && known.startOffset >= this.nextOffset && known.startOffset <= baseOffset
      ? known.startOffset
      : baseOffset;
  }
}
