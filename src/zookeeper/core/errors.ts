/** ZooKeeper's `KeeperException.Code`, by name. `Closed` and `Timeout` are this client's own: it was closed, or an answer missed its deadline. */
export const ZK_ERROR_CODES = {
  SystemError: -1,
  RuntimeInconsistency: -2,
  DataInconsistency: -3,
  ConnectionLoss: -4,
  MarshallingError: -5,
  Unimplemented: -6,
  OperationTimeout: -7,
  BadArguments: -8,
  NewConfigNoQuorum: -13,
  ReconfigInProgress: -14,
  ApiError: -100,
  NoNode: -101,
  NoAuth: -102,
  BadVersion: -103,
  NoChildrenForEphemerals: -108,
  NodeExists: -110,
  NotEmpty: -111,
  SessionExpired: -112,
  InvalidCallback: -113,
  InvalidAcl: -114,
  AuthFailed: -115,
  SessionMoved: -118,
  NotReadOnly: -119,
  EphemeralOnLocalSession: -120,
  NoWatcher: -121,
  RequestTimeout: -122,
  ReconfigDisabled: -123,
  SessionClosedRequireSaslAuth: -124,
  QuotaExceeded: -125,
  ThrottledOp: -127,
} as const;

export type ZkErrorCode = keyof typeof ZK_ERROR_CODES | 'Closed';

const NAMES = new Map<number, keyof typeof ZK_ERROR_CODES>(
  Object.entries(ZK_ERROR_CODES).map(([name, code]) => [code, name as keyof typeof ZK_ERROR_CODES]),
);

/** The name of a code in an answer of ZooKeeper's; `SystemError` for one that this table does not know. */
export function zkErrorName(code: number): keyof typeof ZK_ERROR_CODES {
  return NAMES.get(code) ?? 'SystemError';
}

/**
 * An operation on ZooKeeper that failed. `code` says how (ZooKeeper's `KeeperException`), `path` where, without the chroot.
 * After `ConnectionLoss` and `OperationTimeout` a write may or may not have happened.
 */
export class ZkError extends Error {
  override readonly name = 'ZkError';

  constructor(
    readonly code: ZkErrorCode,
    readonly path: string | null,
    readonly detail?: string,
    options?: ErrorOptions,
  ) {
    super(`${code}${path === null ? '' : ` for ${path}`}${detail === undefined ? '' : `: ${detail}`}`, options);
  }
}

/** True when `error` is a `ZkError` with one of `codes`. */
export function isZkError(error: unknown, ...codes: ZkErrorCode[]): error is ZkError {
  return error instanceof ZkError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Another broker became controller: a conditional write found `/controller_epoch` at another version. Whoever sees it must stop acting
 * as the controller (`org.apache.kafka.common.errors.ControllerMovedException`).
 */
export class ControllerMovedError extends Error {
  override readonly name = 'ControllerMovedError';
}

/** What a znode holds cannot be read as what Kafka keeps there. */
export class ZnodeFormatError extends Error {
  override readonly name = 'ZnodeFormatError';
}
