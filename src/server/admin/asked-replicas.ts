/** Whether replicas that a client asks for, partition by partition, can be had. */
import type { AssignableBroker, ReplicaAssignment } from '../../cluster/index.js';
import { forEachInSteps, type Steps } from '../../common/index.js';
import { ErrorCode, type CreatePartitionsRequest } from '../../protocol/index.js';
import { AdminError } from './admin-error.js';

type Assignments = NonNullable<CreatePartitionsRequest['topics'][number]['assignments']>;

/** More than any cluster has brokers: the replicas of a partition are compared in one step. */
const MAX_REPLICAS = 1000;
/** So many things a sentence names, of one kind. */
const MAX_NAMED = 1000;

/** What is asked for a new topic, in the order of `AdminZkClient.validateTopicCreate`. */
export function* validateAssignment(assignment: ReadonlyMap<number, readonly number[]>): Steps<void> {
  const refuse = (text: string): never => {
    throw new AdminError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text);
  };
  const counts = new Set<number>();
  let hasDuplicates = false;
  let hasNegative = false;
  let sum = 0;
  yield* forEachInSteps(assignment, ([partition, replicas]) => {
    requireFewReplicas(replicas);
    counts.add(replicas.length);
    hasDuplicates ||= replicas.length > 1 && new Set(replicas).size !== replicas.length;
    hasNegative ||= partition < 0;
    sum += partition;
  });
  if (counts.size !== 1) refuse('All partitions should have the same number of replicas');
  if (hasDuplicates) {
    // The words of Scala's toString are part of what clients see; small numbers stand in order in its hash tables.
    const inOrder = firstOf(assignment).sort(([a], [b]) => a - b);
    const entries = inOrder.map(([partition, replicas]) => `${partition} -> ArrayBuffer(${shown(replicas)})`);
    refuse(`Duplicate replica assignment found: HashMap(${entries.join(', ')})`);
  }
  // Kafka leaves negative ones out of the sum, and makes topics of them whose znodes no one reads.
  if (hasNegative || sum !== (assignment.size * (assignment.size - 1)) / 2) {
    refuse('partitions should be a consecutive 0-based integer sequence');
  }
}

/** Checks the replicas that were asked for new partitions, in the order of `ZkAdminManager` and then `AdminZkClient`. */
export function* manualPartitions(
  assignments: Assignments,
  oldCount: number,
  count: number,
  first: ReplicaAssignment,
  brokers: readonly AssignableBroker[],
): Steps<Map<number, readonly number[]>> {
  const refuse = (text: string): never => {
    throw new AdminError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text);
  };
  const alive = new Set(brokers.map(({ id }) => id));
  const unknown = new Set<number>();
  yield* forEachInSteps(assignments, ({ brokerIds }) => {
    requireFewReplicas(brokerIds);
    for (const id of brokerIds) if (!alive.has(id) && unknown.size < MAX_NAMED) unknown.add(id);
  });
  if (unknown.size > 0) refuse(`Unknown broker(s) in replica assignment: ${shown(unknown)}.`);
  if (assignments.length !== count - oldCount) {
    refuse(
      `Increasing the number of partitions by ${count - oldCount} but ${assignments.length} assignments provided.`,
    );
  }
  const added = new Map<number, readonly number[]>();
  const expected = first.replicas.length;
  const bad: [number, number][] = [];
  yield* forEachInSteps(assignments, ({ brokerIds: replicas }) => {
    const partition = oldCount + added.size;
    added.set(partition, replicas);
    if (replicas.length !== expected && bad.length < MAX_NAMED) bad.push([partition, replicas.length]);
    if (replicas.length === 0) refuse(`Cannot have replication factor of 0 for partition id ${partition}.`);
    if (new Set(replicas).size !== replicas.length) {
      refuse(`Duplicate brokers not allowed in replica assignment: ${shown(replicas)} for partition id ${partition}.`);
    }
  });
  if (bad.length > 0) {
    refuse(
      `Inconsistent replication factor between partitions, partition 0 has ${expected} while partitions ` +
        `[${bad.map(([partition]) => partition).join(', ')}] have replication factors ` +
        `[${bad.map(([, replicas]) => replicas).join(', ')}], respectively.`,
    );
  }
  return added;
}

/** As many as a sentence may name. */
function firstOf<T>(items: Iterable<T>): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === MAX_NAMED) break;
    first.push(item);
  }
  return first;
}

function shown(numbers: Iterable<number>): string {
  return firstOf(numbers).join(', ');
}

function requireFewReplicas(replicas: readonly number[]): void {
  if (replicas.length <= MAX_REPLICAS) return;
  const text = `A partition may have ${MAX_REPLICAS} replicas at most, not ${replicas.length}.`;
  throw new AdminError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text);
}
