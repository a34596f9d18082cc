import { ErrorCode } from '../../protocol/index.js';

export const UNKNOWN_MEMBER_ID = '';
export const NO_GENERATION = -1;

/** The answer to a JoinGroup, before it is put in the words of a version. */
export interface JoinGroupResult {
  readonly errorCode: number;
  readonly memberId: string;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leaderId: string;
  readonly skipAssignment: boolean;
  /** For the leader only. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[];
}

export function joinError(memberId: string, errorCode: number): JoinGroupResult {
  return {
    errorCode,
    memberId,
    generationId: NO_GENERATION,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    skipAssignment: false,
    members: [],
  };
}

/** The answer to a SyncGroup. */
export interface SyncGroupResult {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export function syncError(errorCode: number): SyncGroupResult {
  return { errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) };
}

/** What a client is told when the record of its group could not be appended (`GroupMetadataManager.storeGroup`). */
export function groupErrorOfAppend(errorCode: number): number {
  if (errorCode === ErrorCode.REQUEST_TIMED_OUT) return ErrorCode.REBALANCE_IN_PROGRESS;
  return isTooLarge(errorCode) ? ErrorCode.UNKNOWN_SERVER_ERROR : coordinatorErrorOf(errorCode);
}

/** The same for the record of an offset commit (`GroupMetadataManager.storeOffsets`). */
export function commitErrorOfAppend(errorCode: number): number {
  return isTooLarge(errorCode) ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE : coordinatorErrorOf(errorCode);
}

/** What the partition's trouble means for a client that knows only its coordinator. */
function coordinatorErrorOf(errorCode: number): number {
  switch (errorCode) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR;
    default:
      return errorCode;
  }
}

function isTooLarge(errorCode: number): boolean {
  return (
    errorCode === ErrorCode.MESSAGE_TOO_LARGE ||
    errorCode === ErrorCode.RECORD_LIST_TOO_LARGE ||
    errorCode === ErrorCode.INVALID_FETCH_SIZE
  );
}
