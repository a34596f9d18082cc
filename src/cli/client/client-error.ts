import { ErrorCode, errorExceptionName, errorMessage } from '../../protocol/index.js';

/** An error code that a broker answered, as the Java clients report it: a class of exception and a message. */
export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    readonly className: string,
    message: string,
    readonly errorCode: number = ErrorCode.UNKNOWN_SERVER_ERROR,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The exception of an error code; the broker's own message wins over the default one. */
  static ofCode(errorCode: number, message: string | null = null): ClientError {
    const simpleName = errorExceptionName(errorCode) ?? 'UnknownServerException';
    return new ClientError(
      `org.apache.kafka.common.errors.${simpleName}`,
      message ?? errorMessage(errorCode),
      errorCode,
    );
  }

  /** Java's `toString` of the exception, which Kafka's tools print in many places. */
  override toString(): string {
    return `${this.className}: ${this.message}`;
  }
}

/** Throws unless the code is NONE. */
export function throwIfError(errorCode: number, message: string | null = null): void {
  if (errorCode !== ErrorCode.NONE) throw ClientError.ofCode(errorCode, message);
}

/** `IllegalArgumentException` and its like, which Kafka's tools throw at themselves. */
export function illegalArgument(message: string): ClientError {
  return new ClientError('java.lang.IllegalArgumentException', message);
}

/** The caller waited longer than it wanted to. */
export function timeoutError(message: string): ClientError {
  return new ClientError('org.apache.kafka.common.errors.TimeoutException', message, ErrorCode.REQUEST_TIMED_OUT);
}
