/**
 * What a log refuses, by the name of the error code that a client or a follower is answered (`ErrorCode` in `protocol`). What is wrong
 * with the bytes themselves is a `RecordsError` of `records`, whose `kind` is read the same way.
 */
export type LogErrorKind =
  | 'OFFSET_OUT_OF_RANGE'
  | 'RECORD_LIST_TOO_LARGE'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_TXN_STATE'
  | 'TRANSACTION_COORDINATOR_FENCED'
  | 'INCONSISTENT_TOPIC_ID'
  /** The disk failed: the log directory is going offline. */
  | 'KAFKA_STORAGE_ERROR'
  /** A follower's append does not continue its log (Kafka's OffsetsOutOfOrderException, UnexpectedAppendOffsetException). */
  | 'OFFSETS_OUT_OF_ORDER'
  | 'UNEXPECTED_APPEND_OFFSET';

/** A refusal by a log. `kind` names the error code of the answer; `cause` is the file system's error for a storage error. */
export class LogError extends Error {
  override readonly name = 'LogError';

  constructor(
    readonly kind: LogErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A partition has a folder in two log directories, and no one but an operator can tell which one counts. */
export class DuplicateLogError extends Error {
  override readonly name = 'DuplicateLogError';
}

/** The log's place is known once deletions are durable that a loss of power may undo: it only wants time. */
export class DeletionPendingError extends LogError {
  constructor(message: string) {
    super('KAFKA_STORAGE_ERROR', message);
  }
}

/** A follower was given records that lie before its log end: `firstOffset` and `lastOffset` are those of the records. */
export class UnexpectedAppendOffsetError extends LogError {
  constructor(
    message: string,
    readonly firstOffset: number,
    readonly lastOffset: number,
  ) {
    super('UNEXPECTED_APPEND_OFFSET', message);
  }
}
