import { AssertionError } from '../common/index.js';
import { errorName, ErrorCode } from '../protocol/index.js';
import { LogError } from '../log/index.js';
import { RecordsError } from '../records/index.js';

/** A refusal with the error code that the client or follower is answered. */
export class ReplicationError extends Error {
  override readonly name = 'ReplicationError';

  constructor(
    readonly errorCode: number,
    message: string = errorName(errorCode),
  ) {
    super(message);
  }
}

/** The error code for anything that `Partition` and `UnifiedLog` throw as a refusal; what is no refusal is thrown on. */
export function errorCodeOf(error: unknown): number {
  if (error instanceof ReplicationError) return error.errorCode;
  if (error instanceof RecordsError) return ErrorCode[error.kind];
  if (error instanceof LogError) return errorCodeOfLogError(error);
  throw error;
}

/**
 * The same, where one partition's trouble must not be that of the others in a request: what is no refusal is told to `onUnexpected` and
 * becomes UNKNOWN_SERVER_ERROR. A breach of our own invariants is thrown on.
 */
export function anyErrorCodeOf(error: unknown, onUnexpected: (error: unknown) => void): number {
  if (error instanceof AssertionError) throw error;
  try {
    return errorCodeOf(error);
  } catch {
    onUnexpected(error);
    return ErrorCode.UNKNOWN_SERVER_ERROR;
  }
}

/** What only a follower's append can meet is no client's fault. */
function errorCodeOfLogError(error: LogError): number {
  switch (error.kind) {
    case 'OFFSETS_OUT_OF_ORDER':
    case 'UNEXPECTED_APPEND_OFFSET':
      return ErrorCode.UNKNOWN_SERVER_ERROR;
    default:
      return ErrorCode[error.kind];
  }
}
