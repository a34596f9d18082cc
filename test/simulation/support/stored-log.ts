import type { SimulatedFileSystem } from '../../../src/testing/index.js';
import { iterateBatches } from '../../../src/records/index.js';
import { LOG_DIRS } from './simulated-broker.js';

export interface StoredRecord {
  readonly offset: number;
  readonly value: string;
  readonly leaderEpoch: number;
}

/** The bytes of a replica's log as its disk has them, all segments one after another. Null when there is no such log. */
export function logBytes(disk: SimulatedFileSystem, topic: string, partition: number): Buffer | null {
  const dir = LOG_DIRS.map((parent) => `${parent}/${topic}-${partition}`).find((path) => disk.exists(path));
  if (dir === undefined) return null;
  const segments = disk
    .readDir(dir)
    .filter((name) => name.endsWith('.log'))
    .sort();
  return Buffer.concat(segments.map((name) => disk.readFile(`${dir}/${name}`)));
}

/** The folders of a topic on a disk, those that wait to be deleted among them. */
export function foldersOf(disk: SimulatedFileSystem, topic: string): string[] {
  return LOG_DIRS.filter((dir) => disk.exists(dir))
    .flatMap((dir) => disk.readDir(dir))
    .filter((name) => name.startsWith(`${topic}-`));
}

/** The records of a log, in order. Throws when its bytes make no sense. */
export function recordsIn(bytes: Buffer): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (const batch of iterateBatches(bytes)) {
    batch.ensureValid();
    if (batch.isControl) continue;
    for (const { offset, value } of batch.records()) {
      records.push({ offset, value: value?.toString() ?? '', leaderEpoch: batch.partitionLeaderEpoch });
    }
  }
  return records;
}
