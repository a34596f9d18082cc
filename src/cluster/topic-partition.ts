/** One partition of one topic. Maps and sets are keyed by `partitionKey`. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * `topic-partition`: Kafka's way of printing it, the name of its directory, and the key in maps. A negative partition, which only a client can
 * name, is in parentheses: that of `x` is not to be found under the key of partition 1 of `x-`.
 */
export function partitionKey(tp: TopicPartition): string {
  return tp.partition >= 0 ? `${tp.topic}-${tp.partition}` : `${tp.topic}-(${tp.partition})`;
}

/**
 * Reads `topic-partition` back; null when it has no such form. A topic may itself contain dashes. `topic-00` is not partition 0: nothing of
 * ours writes it, and as a folder it is someone's copy, which must not be taken for a second one of `topic-0`.
 */
export function parsePartitionKey(key: string): TopicPartition | null {
  const dash = key.lastIndexOf('-');
  const digits = key.slice(dash + 1);
  if (dash < 1 || !/^(?:0|[1-9]\d{0,9})$/.test(digits)) return null;
  const partition = Number(digits);
  return partition <= 0x7fffffff ? { topic: key.slice(0, dash), partition } : null;
}
