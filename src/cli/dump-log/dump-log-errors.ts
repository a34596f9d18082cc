import path from 'node:path';
import { RecordsError, type RecordsErrorKind } from '../../records/index.js';
import { UncaughtException } from '../options.js';

const EXCEPTION_OF: Partial<Record<RecordsErrorKind, string>> = {
  CORRUPT_MESSAGE: 'org.apache.kafka.common.errors.CorruptRecordException',
  INVALID_RECORD: 'org.apache.kafka.common.InvalidRecordException',
};

/** What Kafka's tool would die of, where ours met `error`. Anything else is ours, and comes back as it is. */
export function javaError(error: unknown): unknown {
  if (error instanceof RecordsError) {
    if (error.message.startsWith('Unknown compression type')) {
      return new UncaughtException('java.lang.IllegalArgumentException', error.message);
    }
    return new UncaughtException(EXCEPTION_OF[error.kind] ?? 'org.apache.kafka.common.KafkaException', error.message);
  }
  const { code, path: file } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UncaughtException('java.nio.file.NoSuchFileException', file ?? '');
  if (code === 'EACCES') return new UncaughtException('java.nio.file.AccessDeniedException', file ?? '');
  return error;
}

/** The offset in front of the first dot of a file's name. */
export function baseOffsetOf(file: string): bigint {
  const digits = path.basename(file).split('.')[0]!;
  if (!/^[+-]?\d+$/.test(digits)) {
    throw new UncaughtException('java.lang.NumberFormatException', `For input string: "${digits}"`);
  }
  return BigInt(digits.replace('+', ''));
}
