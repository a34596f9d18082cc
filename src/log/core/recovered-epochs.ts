import { assignEpoch, type EpochEntry } from './leader-epochs.js';

/**
 * The leader epochs of a log as its batches tell them, from where its recovery begins. The file of epochs is believed up to there only:
 * after a loss of power it may be older or newer than the batches, and what it says of them would hide where two logs part.
 */
export class RecoveredEpochs {
  private found: readonly EpochEntry[];
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
   * Takes the next batch of the log. False when it is none: its epoch is below that of the batch before, so it was left over from before a
   * truncation that has not become durable. Epoch -1 is that of batches from before there were any.
   */
  take(epoch: number, baseOffset: number, lastOffset: number): boolean {
    if (epoch >= 0 && epoch !== this.lastEpoch) {
      if (epoch < this.lastEpoch && !this.mayFallTo(epoch)) return false;
      this.lastEpoch = epoch;
      this.found = assignEpoch(this.found, { epoch, startOffset: this.startOf(epoch, baseOffset) }) ?? this.found;
    }
    this.nextOffset = lastOffset + 1;
    return true;
  }

  /**
   * A log takes batches of an epoch that falls, as Kafka's does: ZooKeeper was restored from a backup, or the log was taken into another
   * cluster. The file was written before the first of them, which the cleaner may have removed, and drops what they contradict. Of a file that
   * was lost nothing is known.
   */
  private mayFallTo(epoch: number): boolean {
    const { known, nextOffset } = this;
    return known.length === 0 || known.some((entry) => entry.epoch <= epoch && entry.startOffset >= nextOffset);
  }

  /** The file knows better where an epoch began when the cleaner has removed its first batches. */
  private startOf(epoch: number, baseOffset: number): number {
    const known = this.known.find((entry) => entry.epoch === epoch);
    return known && known.startOffset >= this.nextOffset && known.startOffset <= baseOffset
      ? known.startOffset
      : baseOffset;
  }
}
