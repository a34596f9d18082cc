import type { TopicPartition } from '../../cluster/index.js';
import type { AppendAllowance, Int64 } from '../../records/index.js';

/** Who wrote the records: a client's producer, or a coordinator of this broker. */
export type AppendOrigin = 'client' | 'coordinator';

/** A request to append to several partitions (Kafka's `ReplicaManager.appendRecords`). */
export interface AppendCall {
  /** How long acks=all may wait, in ms. */
  readonly timeoutMs: number;
  /** 0, 1, or -1 for all. Anything else answers INVALID_REQUIRED_ACKS. */
  readonly requiredAcks: number;
  /** Whether `__consumer_offsets` and `__transaction_state` may be written. */
  readonly internalTopicsAllowed: boolean;
  readonly origin: AppendOrigin;
  /**
   * One for each partition: batches in wire format; offsets are written into these very bytes. They are looked at no more once `append` has returned, or what it
   * returned has resolved: their memory may be used for something else then.
   */
  readonly entries: readonly AppendEntry[];
  /** What the request's other calls have left, if it is appended in parts, and who has sent it. */
  readonly allowance?: AppendAllowance;
  /** For transaction verification (KIP-890): null outside of transactions. */
  readonly transactionalId?: string | null;
  /**
   * Given, for what waits to be replicated, how to give that up: for who is not there any more to be answered. Called before `append` has returned,
   * or what it returned has resolved; `onComplete` is not called then.
   */
  readonly onWait?: (giveUp: () => void) => void;
  /** Called once, at once or later; results in the order of the entries. */
  readonly onComplete: (results: AppendResult[]) => void;
}

export interface AppendEntry {
  readonly tp: TopicPartition;
  /** Whoever appends may put something else here once they are looked at no more: what waits for an answer is not to keep them. */
  records: Buffer;
}

/** What Produce answers for a partition (Kafka's `PartitionResponse`). */
export interface AppendResult {
  readonly tp: TopicPartition;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  /** The offset of the first record; -1 on error. */
  readonly baseOffset: number;
  /** The offset of the last record; -1 on error. */
  readonly lastOffset: number;
  /** -1 unless the topic's timestamps are of append. */
  readonly logAppendTimeMs: Int64;
  readonly logStartOffset: number;
  /** The records at fault, by their index in the batch. */
  readonly recordErrors: readonly { readonly batchIndex: number; readonly message: string | null }[];
}
