/** What is so of a topic, as far as its producers and its readers know: all that can be held against the answers of a command. */
export interface PartitionTruth {
  /** Records below this number were acknowledged. Record N has offset N. */
  readonly acknowledged: number;
  /** Records from this number on were never sent. */
  readonly sent: number;
  /** The highest offset whose commit was acknowledged; null without one. */
  readonly committed: number | null;
}

export interface TopicTruth {
  readonly topic: string;
  readonly replicationFactor: number;
  readonly partitions: readonly PartitionTruth[];
}

export type Truth = readonly TopicTruth[];

/** What was so when a command was begun, and what had become so when it had answered. */
export interface Interval {
  readonly before: Truth;
  readonly after: Truth;
  /** How often the servers had been told to end, or killed, when it was begun; NaN while they were. */
  readonly upheavals: number;
}

/** The offsets that a log may end at. What was acknowledged before the question is there; what is sent after the answer is not. */
export function possibleEnds(
  { before, after }: Interval,
  topic: string,
  partition: number,
): [least: number, most: number] {
  const of = (truth: Truth): PartitionTruth | undefined =>
    truth.find((each) => each.topic === topic)?.partitions[partition];
  return [of(before)?.acknowledged ?? 0, of(after)?.sent ?? 0];
}
