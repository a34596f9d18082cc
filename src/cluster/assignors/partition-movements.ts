import { partitionKey, type TopicPartition } from '../topic-partition.js';

interface Movement {
  readonly from: string;
  readonly to: string;
}

/**
 * The moves of one rebalance (`PartitionMovements`). When a partition of a topic would move from A to B while another went from B to A,
 * that other is moved back instead, so that both members keep what they had.
 */
export class PartitionMovements {
  private readonly byPartition = new Map<string, Movement>();
  /** Topic, then `from → to`, to the partitions that moved so. */
  private readonly byTopic = new Map<string, Map<string, Map<string, TopicPartition>>>();

  partitionToMove(partition: TopicPartition, owner: string, newOwner: string): TopicPartition {
    const ofTopic = this.byTopic.get(partition.topic);
    if (ofTopic === undefined) return partition;
    const from = this.byPartition.get(partitionKey(partition))?.from ?? owner;
    const reverse = ofTopic.get(pairKey(newOwner, from));
    return reverse?.values().next().value ?? partition;
  }

  move(partition: TopicPartition, from: string, to: string): void {
    const existing = this.byPartition.get(partitionKey(partition));
    if (existing === undefined) {
      this.add(partition, { from, to });
      return;
    }
    this.remove(partition, existing);
    // Back where it came from is no move at all.
    if (existing.from !== to) this.add(partition, { from: existing.from, to });
  }

  private add(partition: TopicPartition, movement: Movement): void {
    const key = partitionKey(partition);
    this.byPartition.set(key, movement);
    let ofTopic = this.byTopic.get(partition.topic);
    if (ofTopic === undefined) this.byTopic.set(partition.topic, (ofTopic = new Map()));
    const pair = pairKey(movement.from, movement.to);
    let moved = ofTopic.get(pair);
    if (moved === undefined) ofTopic.set(pair, (moved = new Map()));
    moved.set(key, partition);
  }

  private remove(partition: TopicPartition, movement: Movement): void {
    const key = partitionKey(partition);
    this.byPartition.delete(key);
    const ofTopic = this.byTopic.get(partition.topic)!;
    const pair = pairKey(movement.from, movement.to);
    const moved = ofTopic.get(pair)!;
    moved.delete(key);
    if (moved.size === 0) ofTopic.delete(pair);
    if (ofTopic.size === 0) this.byTopic.delete(partition.topic);
  }
}

function pairKey(from: string, to: string): string {
  return JSON.stringify([from, to]);
}
