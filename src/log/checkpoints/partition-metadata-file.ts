import { isUuid, type FileSystem, type Uuid } from '../../common/index.js';
import { LogError } from '../core/log-error.js';
import { SmallFile } from './small-file.js';

export const PARTITION_METADATA = 'partition.metadata';

const HEADER = 'version: 0\ntopic_id: ';
const UUID_LENGTH = 22;

/**
 * The topic id of a log, in `partition.metadata` of its folder (`PartitionMetadataFile`, version 0). By it the log is told from that of a
 * topic of the same name that was deleted, so `LogFlusher` makes it durable before the first record can be.
 */
export class PartitionMetadataFile {
  private id: Uuid | null = null;

  private constructor(readonly file: SmallFile) {}

  /** Reads the file when it `exists`. `isDurable`: it was there before the last clean shutdown. */
  static open(fs: FileSystem, dir: string, exists: boolean, isDurable: boolean): PartitionMetadataFile {
    const metadata = new PartitionMetadataFile(new SmallFile(fs, `${dir}/${PARTITION_METADATA}`, isDurable || !exists));
    if (exists) metadata.id = readPartitionMetadata(fs, dir);
    return metadata;
  }

  /** Null when it was never written, or a loss of power has taken it. */
  get topicId(): Uuid | null {
    return this.id;
  }

  write(topicId: Uuid): void {
    this.file.replace(HEADER + topicId);
    this.id = topicId;
  }

  movedTo(dir: string): void {
    this.file.movedTo(`${dir}/${PARTITION_METADATA}`);
  }
}

/**
 * Reads the topic id of a partition's folder. Null when only a beginning of the file is there, or zeros in place of its end, which a loss
 * of power can leave: the controller names the id again. Throws KAFKA_STORAGE_ERROR for anything else that is not the format: no one can
 * tell whose records these are.
 */
export function readPartitionMetadata(fs: FileSystem, dir: string): Uuid | null {
  const path = `${dir}/${PARTITION_METADATA}`;
  const text = fs.readFile(path).toString('utf8');
  if (isTorn(text)) return null;
  // Java ends lines at CRLF as well, and Kafka reads no further than the second line.
  const match = /^version:\s+0\r?\ntopic_id:\s+(\S+)\s*?(?:\n[^]*)?$/.exec(text);
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
