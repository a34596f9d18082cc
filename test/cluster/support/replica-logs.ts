import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { iterateBatches } from '../../../src/records/index.js';
import type { OttlaCluster } from './ottla-cluster.js';
import type { Workload } from './workload.js';

/** The bytes of a replica's log, all segments after each other. */
export function replicaBytes(logDir: string, topic: string, partition: number): Buffer {
  const dir = path.join(logDir, `${topic}-${partition}`);
  if (!existsSync(dir)) return Buffer.alloc(0);
  const segments = readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .sort();
  return Buffer.concat(segments.map((name) => readFileSync(path.join(dir, name))));
}

/** The values in a replica's log, with the offset of each. */
export function replicaRecords(logDir: string, topic: string, partition: number): { offset: number; value: string }[] {
  const records: { offset: number; value: string }[] = [];
  for (const batch of iterateBatches(replicaBytes(logDir, topic, partition))) {
    batch.ensureValid();
    for (const { offset, value } of batch.records()) records.push({ offset, value: value?.toString() ?? '' });
  }
  return records;
}

/**
 * What is wrong with the logs of a workload's topic once it is at rest and all replicas are in sync: acknowledged records that a replica
 * lacks, offsets with gaps, replicas that differ. Empty when all is well.
 */
export function faultsOf(cluster: OttlaCluster, workload: Workload, partitionCount: number): string[] {
  const faults: string[] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    let reference: Buffer | null = null;
    for (const broker of cluster.all()) {
      const name = `${workload.topic}-${partition} of broker ${broker.id}`;
      const records = replicaRecords(broker.logDir, workload.topic, partition);
      const values = new Set(records.map(({ value }) => Number(value)));
      const lost = [...workload.acknowledgedOf(partition)].filter((id) => !values.has(id));
      if (lost.length > 0) faults.push(`${name} lacks ${lost.length} acknowledged records, the first ${lost[0]}`);
      const gap = records.findIndex(({ offset }, i) => offset !== i);
      if (gap >= 0) faults.push(`${name} has offset ${records[gap]!.offset} where ${gap} is due`);
      const bytes = replicaBytes(broker.logDir, workload.topic, partition);
      if (reference !== null && !bytes.equals(reference)) faults.push(`${name} differs from another replica`);
      reference ??= bytes;
    }
  }
  return faults;
}
