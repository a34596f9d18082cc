import fs from 'node:fs';

/** More than the last words of many lives; a program that logs to files of its own says little else. */
const MAX_BYTES = 1024 * 1024;

/** Opens the file that takes what a process says by itself, at its end; one that has grown long begins anew. It may be opened twice, as stdout and as stderr. */
export function openOutputFile(file: string): number {
  if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) fs.truncateSync(file);
  return fs.openSync(file, 'a');
}
