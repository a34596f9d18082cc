import { isUuid, type FileSystem, type Uuid } from '../common/index.js';
import { LogError } from './log-error.js';
import { replaceUnsynced } from './leader-epoch-file-cache.js';

export const PARTITION_METADATA = 'partition.metadata';

const HEADER = 'version: 0\ntopic_id: ';
const UUID_LENGTH = 22;

/**
 * Reads the topic id of a partition's folder (`PartitionMetadataFile`, version 0). Null when only a beginning of the file is there, or
 * zeros in place of its end, which a loss of power can leave: the controller names the id again. Throws for anything else that is not
 * the format.
 */
export function readPartitionMetadata(fs: FileSystem, dir: string): Uuid | null {
  const path = `${dir}/${PARTITION_METADATA}`;
  const text = fs.readFile(path).toString('utf8');
  if (isTorn(text)) return null;
  // Java ends lines at CRLF as well.
  const match = /^version:\s+0\r?\ntopic_id:\s+(\S+)\s*$/.exec(text);
  if (!match || !isUuid(match[1]!)) {
    throw new LogError('KAFKA_STORAGE_ERROR', `${path}: malformed partition metadata: '${text}'`);
  }
  return match[1]!;
}

function isTorn(text: string): boolean {
  const zeros = text.indexOf('\0');
  const kept = zeros < 0 ? text : text.slice(0, zeros);
  if (kept.length < HEADER.length) return HEADER.startsWith(kept);
  return kept.startsWith(HEADER) && kept.length < HEADER.length + UUID_LENGTH && !kept.includes('\n', HEADER.length);
}

/** Writes the topic id; not synced, as with a new log nothing is lost that the controller does not know. */
export function writePartitionMetadata(fs: FileSystem, dir: string, topicId: Uuid): void {
  replaceUnsynced(fs, `${dir}/${PARTITION_METADATA}`, HEADER + topicId);
}
