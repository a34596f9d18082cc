import { RecordsError, type RecordsErrorKind } from '../records/index.js';
import { UncaughtException } from './options.js';

const EXCEPTION_OF: Partial<Record<RecordsErrorKind, string>> = {
  CORRUPT_MESSAGE: 'org.apache.kafka.common.errors.CorruptRecordException',
  INVALID_RECORD: 'org.apache.kafka.common.InvalidRecordException',
};

/** What Kafka's tool would die of, where ours met `error`. Anything else is ours, and comes back as it is. */
export function javaError(error: unknown): unknown {
  if (error instanceof RecordsError) {
    return new UncaughtException(EXCEPTION_OF[error.kind] ?? 'org.apache.kafka.common.KafkaException', error.message);
  }
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UncaughtException('java.nio.file.NoSuchFileException', path ?? '');
  if (code === 'EACCES') return new UncaughtException('java.nio.file.AccessDeniedException', path ?? '');
  return error;
}
