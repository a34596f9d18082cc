import { type FileSystem } from '../../common/index.js';

/** Kafka's text checkpoint: a line with the version, one with the count of entries, then an entry a line, fields parted by a space. */
const CHECKPOINT_VERSION = '0';

/** A checkpoint that is not what its format says. The message names the file and what was found. */
export class CheckpointFormatError extends Error {
  override readonly name = 'CheckpointFormatError';
}

/**
 * Reads the entries of a checkpoint as fields; none when the file is missing. Throws `CheckpointFormatError` for an unknown version, a
 * count that is not that of the entries, or an entry that has not `fieldCount` fields of which all but the first (of three) are integers
 * that a number holds exactly.
 */
export function readCheckpoint(fs: FileSystem, path: string, fieldCount: number): string[][] {
  let text: string;
  try {
    text = fs.readFile(path).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return parseCheckpoint(text, path, fieldCount);
}

/** The same from text; `path` is for messages. Lines end as Java's `readLine` takes them to: an editor may have left CRLF. */
export function parseCheckpoint(text: string, path: string, fieldCount: number): string[][] {
  const lines = text.split(/\r\n|\n|\r/);
  const malformed = (line: string | undefined): never => {
    throw new CheckpointFormatError(`${path}: malformed line in checkpoint: '${line ?? ''}'`);
  };
  // Kafka makes the file before it has anything to write.
  if (text === '') return [];
  if (lines[0] !== CHECKPOINT_VERSION)
    throw new CheckpointFormatError(`${path}: unrecognized version of the checkpoint: ${lines[0]}, need 0`);
  if (lines[1] === undefined || !/^\d+$/.test(lines[1])) malformed(lines[1]);
  const expected = Number(lines[1]);
  const entries: string[][] = [];
  for (let at = 2; at < lines.length; at++) {
    const line = lines[at]!;
    if (line === '') {
      if (at === lines.length - 1) break;
      malformed(line);
    }
    const fields = line.trimEnd().split(/\s+/);
    if (fields.length !== fieldCount || !fields.slice(fieldCount - 2).every(isOffset)) malformed(line);
    entries.push(fields);
  }
  if (entries.length !== expected)
    throw new CheckpointFormatError(`${path}: ${entries.length} entries in the checkpoint, but it says ${expected}`);
  return entries;
}

/**
 * A number that is an offset, an epoch or a partition. What no int64 holds is malformed to Kafka as well; between 2^53 and 2^63 no log of
 * ours reaches, and a rounded log start offset would delete segments.
 */
function isOffset(field: string): boolean {
  return /^[+-]?\d+$/.test(field) && Number.isSafeInteger(Number(field));
}

/** The text of a checkpoint. */
export function formatCheckpoint(lines: readonly string[]): string {
  return `${CHECKPOINT_VERSION}\n${lines.length}\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** Replaces a checkpoint durably and whole, unless it would say the same as `lastWritten`. Gives what the file now says. */
export function writeCheckpoint(
  fs: FileSystem,
  path: string,
  lines: readonly string[],
  lastWritten: string | null,
): string {
  const text = formatCheckpoint(lines);
  if (text !== lastWritten) fs.replaceFile(path, text);
  return text;
}
