/** What a Produce answers, and keeps of its request while it waits to be answered. */
import type { TopicPartition } from '../../cluster/index.js';
import { ErrorCode, ListView, type InputOf, type produceResponse } from '../../protocol/index.js';
import type { AppendEntry, AppendResult } from '../../replication/index.js';

export type Answer = InputOf<typeof produceResponse>;
type TopicAnswer = NonNullable<Answer['responses']>[number];
export type PartitionAnswer = NonNullable<TopicAnswer['partitionResponses']>[number];
/** The answer for a partition that is not asked, or just its error: of those there may be a million. */
export type Refusal = PartitionAnswer | number;

/** A partition's records, and what becomes of them. */
export class WantedAppend implements AppendEntry {
  answer: PartitionAnswer | null = null;

  constructor(
    readonly tp: TopicPartition,
    public records: Buffer,
    /** Of other records for the partition: that is what is answered, as in Kafka. */
    public refusal: Refusal | null,
  ) {}
}

/** Nearly all requests name so few topics, and partitions of each, that looking at each is quicker than a map of them. */
const FEW = 8;
/** An answer of more is made while it is encoded. */
const ANSWERS_AT_ONCE = 100;
/** What is kept of each, measured. */
const HEAP_BYTES = { topic: 160, refusal: 24, append: 600 };

interface Topic {
  readonly name: string;
  readonly indexes: number[];
  /** Of each index. */
  readonly results: (Refusal | WantedAppend)[];
}

/**
 * The answer for each distinct partition that a Produce names, as Kafka keeps them (`ProduceResponse.toData`): one for a partition, or a topic,
 * that is named again and again, and none for a topic without partitions.
 */
export class ProduceAnswers {
  private readonly topics: Topic[] = [];
  /** The two are made when there are many, and needed until all is named. */
  private byName: Map<string, Topic> | null = null;
  private places: Map<Topic, Map<number, number>> | null = null;
  /** About what is kept of the request in this. */
  heapBytes = 0;

  /** The partition answers this, whatever becomes of other records for it. */
  refuse(name: string, index: number, refusal: Refusal): void {
    const topic = this.topicOf(name);
    const at = this.placeOf(topic, index);
    const result = topic?.results[at];
    if (result === undefined) this.add(topic ?? name, index, refusal, HEAP_BYTES.refusal);
    else if (result instanceof WantedAppend) result.refusal = refusal;
    else topic!.results[at] = refusal;
  }

  /** Null when there are records for the partition already: these take their place, as in Kafka. */
  want(tp: TopicPartition, records: Buffer): WantedAppend | null {
    const topic = this.topicOf(tp.topic);
    const at = this.placeOf(topic, tp.partition);
    const result = topic?.results[at];
    if (result instanceof WantedAppend) {
      result.records = records;
      return null;
    }
    const wanted = new WantedAppend(tp, records, result ?? null);
    if (result === undefined) this.add(topic ?? tp.topic, tp.partition, wanted, HEAP_BYTES.append);
    else topic!.results[at] = wanted;
    return wanted;
  }

  /** All is named. */
  complete(): this {
    this.byName = null;
    this.places = null;
    return this;
  }

  /** That of a partition that failed; NONE when there is none. */
  get errorCode(): number {
    for (const { results } of this.topics) {
      for (const result of results) {
        const errorCode = errorCodeOf(result);
        if (errorCode !== ErrorCode.NONE) return errorCode;
      }
    }
    return ErrorCode.NONE;
  }

  get responses(): readonly TopicAnswer[] {
    const { topics } = this;
    if (topics.length > ANSWERS_AT_ONCE) return ListView.of(topics.length, (at) => topicAnswer(topics[at]!));
    return topics.map(topicAnswer);
  }

  private topicOf(name: string): Topic | undefined {
    if (this.byName) return this.byName.get(name);
    for (const topic of this.topics) if (topic.name === name) return topic;
    return undefined;
  }

  /** Of the partition's result in its topic; -1 when there is none. */
  private placeOf(topic: Topic | undefined, index: number): number {
    if (!topic) return -1;
    return topic.indexes.length <= FEW ? topic.indexes.indexOf(index) : (this.placesOf(topic).get(index) ?? -1);
  }

  private placesOf(topic: Topic): Map<number, number> {
    this.places ??= new Map();
    let places = this.places.get(topic);
    if (!places) this.places.set(topic, (places = new Map(topic.indexes.map((index, at) => [index, at]))));
    return places;
  }

  private add(topic: Topic | string, index: number, result: Refusal | WantedAppend, heapBytes: number): void {
    this.heapBytes += heapBytes;
    if (typeof topic === 'string') {
      this.heapBytes += HEAP_BYTES.topic + 2 * topic.length;
      this.addTopic({ name: topic, indexes: [index], results: [result] });
      return;
    }
    const at = topic.indexes.push(index) - 1;
    topic.results.push(result);
    if (at >= FEW) this.placesOf(topic).set(index, at);
  }

  private addTopic(topic: Topic): void {
    this.topics.push(topic);
    if (this.byName) this.byName.set(topic.name, topic);
    else if (this.topics.length > FEW) this.byName = new Map(this.topics.map((one) => [one.name, one]));
  }
}

function topicAnswer({ name, indexes, results }: Topic): TopicAnswer {
  const answerOf = (at: number): PartitionAnswer => {
    const result = resultOf(results[at]!);
    return typeof result === 'number' ? { index: indexes[at]!, errorCode: result, baseOffset: -1n } : result;
  };
  const isLong = results.length > ANSWERS_AT_ONCE;
  return {
    name,
    partitionResponses: isLong ? ListView.of(results.length, answerOf) : results.map((_, at) => answerOf(at)),
  };
}

function resultOf(result: Refusal | WantedAppend): Refusal {
  return result instanceof WantedAppend ? (result.refusal ?? result.answer!) : result;
}

function errorCodeOf(named: Refusal | WantedAppend): number {
  const result = resultOf(named);
  return typeof result === 'number' ? result : (result.errorCode ?? ErrorCode.NONE);
}

export function partitionAnswer(result: AppendResult): PartitionAnswer {
  return {
    index: result.tp.partition,
    errorCode: result.errorCode,
    baseOffset: BigInt(result.baseOffset),
    logAppendTimeMs: BigInt(result.logAppendTimeMs),
    logStartOffset: BigInt(result.logStartOffset),
    recordErrors:
      result.recordErrors.length === 0
        ? []
        : result.recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message })),
    errorMessage: result.errorMessage,
  };
}
