import * as fs from 'node:fs';
import * as path from 'node:path';
import { assignReplicas, ReplicaAssignmentError, type AssignableBroker } from '../../src/cluster/index.js';

interface ReplicasLine {
  kind: 'replicas';
  brokers: AssignableBroker[];
  partitions: number;
  replicationFactor: number;
  fixedStartIndex: number;
  startPartitionId: number;
  assignment?: { [partition: string]: number[] };
  exception?: string;
}

const file = path.join(__dirname, '..', '.fixtures', 'protocol', 'assignment.jsonl');
const lines = fs
  .readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as { kind: string });
const replicas = lines.filter((line): line is ReplicasLine => line.kind === 'replicas');

const EXCEPTION_OF = {
  INVALID_PARTITIONS: 'InvalidPartitionsException',
  INVALID_REPLICATION_FACTOR: 'InvalidReplicationFactorException',
  ADMIN_OPERATION: 'AdminOperationException',
} as const;

test('replicas are assigned to the brokers to which Kafka assigns them', () => {
  expect(replicas.length).toBeGreaterThan(100);
  for (const line of replicas) {
    const options = {
      partitionCount: line.partitions,
      replicationFactor: line.replicationFactor,
      start: line.fixedStartIndex,
      startPartitionId: line.startPartitionId,
    };
    let outcome: Partial<ReplicasLine>;
    try {
      outcome = { assignment: Object.fromEntries(assignReplicas(line.brokers, options)) };
    } catch (error) {
      if (!(error instanceof ReplicaAssignmentError)) throw error;
      outcome = { exception: EXCEPTION_OF[error.kind] };
    }
    expect({ ...line, ...outcome }).toEqual(line);
  }
});
