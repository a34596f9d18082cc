/** The names that Kafka gives files and folders of a partition (`LogFileUtils`, `LocalLog`). */
import { LogError } from '../core/log-error.js';
import type { Random } from '../../common/index.js';
import { parsePartitionKey, partitionKey, type TopicPartition } from '../../cluster/index.js';

export const LOG_SUFFIX = '.log';
export const INDEX_SUFFIX = '.index';
export const TIME_INDEX_SUFFIX = '.timeindex';
export const TXN_INDEX_SUFFIX = '.txnindex';
export const SNAPSHOT_SUFFIX = '.snapshot';
/** A file that is to be removed after `file.delete.delay.ms`. */
export const DELETED_SUFFIX = '.deleted';
/** A cleaned segment that is being written. */
export const CLEANED_SUFFIX = '.cleaned';
/** A cleaned segment that is complete and about to replace the old ones. */
export const SWAP_SUFFIX = '.swap';

export const DELETE_DIR_SUFFIX = '-delete';
const STRAY_DIR_SUFFIX = '-stray';
export const FUTURE_DIR_SUFFIX = '-future';

const OFFSET_DIGITS = 20;
const MAX_FILE_NAME_LENGTH = 255;

/** `00000000000000000042` */
export function filenamePrefix(offset: number): string {
  return String(offset).padStart(OFFSET_DIGITS, '0');
}

/** `DIR/00000000000000000042.log` and the like. */
export function segmentFile(dir: string, baseOffset: number, suffix: string): string {
  return `${dir}/${filenamePrefix(baseOffset)}${suffix}`;
}

/**
 * The offset that a file name begins with, in twenty digits; null when it begins with none. Other names are not Kafka's. Throws
 * KAFKA_STORAGE_ERROR for one beyond 2^53: passed over, the log would begin empty.
 */
export function offsetOfFile(name: string): number | null {
  const dot = name.indexOf('.');
  const digits = dot < 0 ? name : name.slice(0, dot);
  if (!/^\d{20}$/.test(digits)) return null;
  const offset = Number(digits);
  if (!Number.isSafeInteger(offset)) {
    throw new LogError('KAFKA_STORAGE_ERROR', `${name}: an offset beyond ${Number.MAX_SAFE_INTEGER} is not supported`);
  }
  return offset;
}

/** What kind of folder of a log directory a name says, and for which partition; null when it is none of Kafka's. */
export function parseLogDirName(
  name: string,
): { topicPartition: TopicPartition; kind: 'current' | 'future' | 'delete' | 'stray' } | null {
  const marked = /^(.+)\.[0-9a-f]{32}-(delete|future|stray)$/.exec(name);
  const topicPartition = parsePartitionKey(marked ? marked[1]! : name);
  if (!topicPartition) return null;
  return { topicPartition, kind: marked ? (marked[2] as 'delete' | 'future' | 'stray') : 'current' };
}

export const UNIQUE_ID_CHARS = 32;

/** Hex digits, as of Kafka's UUIDs without their hyphens. */
export function uniqueId(random: Random): string {
  return random.nextBytes(UNIQUE_ID_CHARS / 2).toString('hex');
}

/** `topic-partition.UNIQUE-delete`, the topic's name cropped so that the whole fits a file name. `uniqueId` is 32 hex digits. */
export function deleteDirName(tp: TopicPartition, uniqueId: string): string {
  return croppedDirName(tp, uniqueId, DELETE_DIR_SUFFIX);
}

/** The same with `-stray`: a log that is set aside, and stays (`LocalLog.logStrayDirName`). */
export function strayDirName(tp: TopicPartition, uniqueId: string): string {
  return croppedDirName(tp, uniqueId, STRAY_DIR_SUFFIX);
}

function croppedDirName(tp: TopicPartition, uniqueId: string, kind: string): string {
  const suffix = `-${tp.partition}.${uniqueId}${kind}`;
  return tp.topic.slice(0, MAX_FILE_NAME_LENGTH - suffix.length) + suffix;
}

/** `topic-partition.UNIQUE-future`: a replica that is being moved between log directories. */
export function futureDirName(tp: TopicPartition, uniqueId: string): string {
  return `${partitionKey(tp)}.${uniqueId}${FUTURE_DIR_SUFFIX}`;
}
