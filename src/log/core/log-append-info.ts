import type {
  AppendAllowance,
  AppendOrigin,
  CompressionType,
  Int64,
  PreparedAppend,
  StepWork,
} from '../../records/index.js';
import type { LogOffsetMetadata } from './log-offset-metadata.js';

export type { AppendOrigin };

/** Whether an append moved the leader's high watermark; set by `Partition` after the append. */
export type LeaderHwChange = 'none' | 'increased' | 'same';

/** What an append did (`org.apache.kafka.storage.internals.log.LogAppendInfo`). */
export interface LogAppendInfo {
  /** The first offset appended, and where it lies; null when nothing was. */
  firstOffset: LogOffsetMetadata | null;
  /** The last offset appended; of the first time when the batch was a duplicate. */
  lastOffset: number;
  /** The leader epoch of the last batch as it was given; -1 when it had none. */
  lastLeaderEpoch: number;
  /** The greatest timestamp appended; -1 when there was none. */
  maxTimestamp: Int64;
  /** An offset not before that of the record with `maxTimestamp`. */
  offsetOfMaxTimestamp: number;
  /** The time that the broker put on the records; -1 with `CreateTime`. */
  logAppendTime: Int64;
  logStartOffset: number;
  sourceCompression: CompressionType;
  /** Batches given. */
  shallowCount: number;
  /** Bytes of whole batches in what was given. */
  validBytes: number;
  /** The batch had been appended before: `firstOffset`, `lastOffset` and `logAppendTime` are those of the first time. */
  duplicate: boolean;
  leaderHwChange: LeaderHwChange;
}

/** How an append comes by what it needs of the insides of a batch. */
export interface AppendMeans {
  /** What the step under way may still do; without it the append does all, however long it takes. */
  readonly work?: StepWork | undefined;
  /** What `prepareAppend` found. */
  readonly prepared?: PreparedAppend | undefined;
  /** What the other batches of the request have left. */
  readonly allowance?: AppendAllowance | undefined;
}

export interface AppendAsLeaderOptions extends AppendMeans {
  readonly leaderEpoch: number;
  /** `client` when not given. */
  readonly origin?: AppendOrigin;
  /** What `maybeStartTransactionVerification` gave for this producer, once the coordinator has confirmed the transaction. */
  readonly verificationGuard?: VerificationGuard | null;
}

/** Proof that a transaction's partition is being verified with its coordinator (KIP-890). Compared by identity. */
export type VerificationGuard = object;
