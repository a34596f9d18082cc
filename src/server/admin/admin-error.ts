import { ReplicaAssignmentError } from '../../cluster/index.js';
import type { Logger } from '../../common/index.js';
import { ConfigError } from '../../config/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { isZkError } from '../../zookeeper/index.js';

/** A refusal that goes to the client: the code, and a sentence where Kafka sends one. */
export class AdminError extends Error {
  override readonly name = 'AdminError';

  constructor(
    readonly code: number,
    readonly text: string | null = null,
  ) {
    super(text ?? `error code ${code}`);
  }
}

export interface ApiResult {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/**
 * What one resource may have, by name. A broker knows 250 names and takes others for plug-ins it does not have; all that stand are checked
 * together, in one step, with each change and each start.
 */
export const MAX_CONFIGS = 1000;

export function tooManyConfigs(count: number): string {
  return `A resource may have ${MAX_CONFIGS} configs at most, not ${count}.`;
}

export const NO_ERROR: ApiResult = { errorCode: ErrorCode.NONE, errorMessage: null };

/**
 * Runs one part of an administrative request and says how it went. What is not a refusal is our bug or the world's: the log gets it
 * whole, the client UNKNOWN_SERVER_ERROR.
 */
export async function attempt(log: Logger, what: string, task: () => Promise<void>): Promise<ApiResult> {
  try {
    await task();
    return NO_ERROR;
  } catch (error) {
    return apiResultOf(error, log, what);
  }
}

export function apiResultOf(error: unknown, log: Logger, what: string): ApiResult {
  if (error instanceof AdminError) return { errorCode: error.code, errorMessage: error.text };
  if (error instanceof ConfigError) return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: error.message };
  if (error instanceof ReplicaAssignmentError && error.kind !== 'ADMIN_OPERATION') {
    return { errorCode: ErrorCode[error.kind], errorMessage: error.message };
  }
  const isUnanswered = isZkError(error, 'SessionExpired', 'ConnectionLoss', 'OperationTimeout', 'Closed');
  log[isUnanswered ? 'warn' : 'error']('An administrative request failed', { what, error });
  return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: null };
}
