import { partitionKey, type TopicPartition } from '../../cluster/index.js';

/** A batch that kafkajs gives: where it is from, and what consumers may read of the partition. */
export interface BatchPlace {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
}

/**
 * How far a member of a group has printed the partitions that it keeps. Java's consumer goes on from its position when the coordinator moves,
 * or when it keeps a partition in a rebalance; kafkajs joins again and goes back to what was committed, though the coordinator was away when
 * it wanted to commit the rest.
 */
export class PrintedPositions {
  /** Behind the last record that was printed, of each assigned partition. */
  private printed = new Map<string, bigint>();
  /** Records before these came already, until one comes that did not. */
  private readonly resumeAt = new Map<string, bigint>();

  /** These are the member's partitions from now on: what others had meanwhile is read from where they left it. */
  assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    const kept = new Map<string, bigint>();
    this.resumeAt.clear();
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const key = partitionKey({ topic, partition });
        const position = this.printed.get(key);
        if (position === undefined) continue;
        kept.set(key, position);
        this.resumeAt.set(key, position);
      }
    }
    this.printed = kept;
  }

  /** Records of the batch before this were printed before. */
  resumeAtOf(place: BatchPlace): bigint {
    const resumeAt = this.resumeAt.get(partitionKey(place)) ?? 0n;
    // What is shorter than what was printed of it is another topic of that name.
    return BigInt(place.highWatermark) < resumeAt ? 0n : resumeAt;
  }

  /** The records of the partition up to `next` are printed. */
  onPrinted(at: TopicPartition, next: bigint): void {
    const key = partitionKey(at);
    this.resumeAt.delete(key);
    this.printed.set(key, next);
  }
}
