/**
 * What can be wrong with record bytes. `kind` is the name of the protocol's error code that Kafka's exception of the same meaning is
 * answered with, so that a handler maps it with one table look-up.
 */
export type RecordsErrorKind =
  'CORRUPT_MESSAGE' | 'INVALID_RECORD' | 'INVALID_TIMESTAMP' | 'MESSAGE_TOO_LARGE' | 'UNKNOWN_SERVER_ERROR';

/** One refused record of a batch, as the produce response lists it (KIP-467). */
export interface RecordError {
  /** The position of the record in its batch, from 0. */
  readonly batchIndex: number;
  readonly message: string;
}

/** The base of everything this folder throws about bytes that came from outside. */
export class RecordsError extends Error {
  override readonly name: string = 'RecordsError';
  constructor(
    readonly kind: RecordsErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** `CorruptRecordException`: sizes, magic or checksum are wrong. Clients retry. */
export class CorruptRecordError extends RecordsError {
  override readonly name = 'CorruptRecordError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('CORRUPT_MESSAGE', message, options);
  }
}

/** `InvalidRecordException`: whole, but not what may stand in a batch. */
export class InvalidRecordError extends RecordsError {
  override readonly name = 'InvalidRecordError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('INVALID_RECORD', message, options);
  }
}

/**
 * `KafkaException` of a codec, or `IllegalArgumentException` for an unknown compression id. Kafka knows no code of its own for either
 * and answers UNKNOWN_SERVER_ERROR.
 */
export class UndecodableRecordsError extends RecordsError {
  override readonly name = 'UndecodableRecordsError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('UNKNOWN_SERVER_ERROR', message, options);
  }
}

/** Decompression would have produced more than the caller allows. Nothing beyond the bound was allocated. */
export class DecompressionLimitError extends RecordsError {
  override readonly name = 'DecompressionLimitError';
  constructor(readonly maxBytes: number) {
    super('MESSAGE_TOO_LARGE', `The compressed records would take more than the allowed ${maxBytes} bytes`);
  }
}

/** `RecordTooLargeException`: a batch beyond `max.message.bytes`. */
export class RecordTooLargeError extends RecordsError {
  override readonly name = 'RecordTooLargeError';
  constructor(message: string) {
    super('MESSAGE_TOO_LARGE', message);
  }
}

/** `RecordValidationException`: single records were refused. `kind` is INVALID_TIMESTAMP when any of them was for its timestamp. */
export class RecordValidationError extends RecordsError {
  override readonly name = 'RecordValidationError';
  constructor(
    kind: 'INVALID_RECORD' | 'INVALID_TIMESTAMP',
    message: string,
    readonly recordErrors: readonly RecordError[],
  ) {
    super(kind, message);
  }
}

/** No refusal: a batch takes more work than the step under way has left, and is to be prepared first (`AppendPreparation`). */
export class PreparationNeededError extends Error {
  override readonly name = 'PreparationNeededError';
  constructor() {
    super('The batch takes more work than one step may do');
  }
}
