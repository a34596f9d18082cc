/** Which brokers hold the replicas of new partitions: `AdminUtils.assignReplicasToBrokers`. */
import type { Random } from '../common/index.js';

/** Names are those of Kafka's error codes, except for the exception that has none and is answered as UNKNOWN_SERVER_ERROR. */
export type ReplicaAssignmentErrorKind = 'INVALID_PARTITIONS' | 'INVALID_REPLICATION_FACTOR' | 'ADMIN_OPERATION';

/** The request cannot be met with these brokers. The message is Kafka's. */
export class ReplicaAssignmentError extends Error {
  override readonly name = 'ReplicaAssignmentError';
  constructor(
    readonly kind: ReplicaAssignmentErrorKind,
    message: string,
  ) {
    super(message);
  }
}

export interface AssignableBroker {
  readonly id: number;
  readonly rack: string | null;
}

/** Where the rounds begin. Kafka draws both by chance, or fixes both to the same index when it adds partitions to a topic. */
interface AssignmentStart {
  readonly startIndex: number;
  readonly replicaShift: number;
}

export interface AssignReplicasOptions {
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** A fixed index, or a generator to draw from. */
  readonly start: number | Random;
  /** The first partition to assign, when a topic grows. Default 0. */
  readonly startPartitionId?: number;
}

/**
 * Replicas by partition number, the preferred leader first. Leaders go round the brokers in the order given, followers are shifted
 * more after every full round. When all brokers have racks, the replicas of a partition are spread over as many racks as there are.
 * Throws `ReplicaAssignmentError`.
 */
export function assignReplicas(
  brokers: readonly AssignableBroker[],
  options: AssignReplicasOptions,
): Map<number, number[]> {
  const { partitionCount, replicationFactor } = options;
  if (partitionCount <= 0) {
    throw new ReplicaAssignmentError('INVALID_PARTITIONS', 'Number of partitions must be larger than 0.');
  }
  if (replicationFactor <= 0) {
    throw new ReplicaAssignmentError('INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0.');
  }
  if (replicationFactor > brokers.length) {
    throw new ReplicaAssignmentError(
      'INVALID_REPLICATION_FACTOR',
      `Replication factor: ${replicationFactor} larger than available brokers: ${brokers.length}.`,
    );
  }
  const withRack = brokers.filter((broker) => broker.rack !== null).length;
  if (withRack !== 0 && withRack !== brokers.length) {
    throw new ReplicaAssignmentError(
      'ADMIN_OPERATION',
      'Not all brokers have rack information for replica rack aware assignment.',
    );
  }
  const rackOf = new Map(brokers.map((broker) => [broker.id, broker.rack ?? '']));
  const ids = withRack === 0 ? brokers.map((broker) => broker.id) : rackAlternatedBrokers(rackOf);
  const followers = withRack === 0 ? followersByShift(ids) : followersByRack(ids, rackOf);
  const { startIndex, replicaShift } = startOf(options.start, ids.length);
  const assignment = new Map<number, number[]>();
  const firstPartition = Math.max(0, options.startPartitionId ?? 0);
  let shift = replicaShift;
  for (let partition = firstPartition; partition < firstPartition + partitionCount; partition++) {
    if (partition > 0 && partition % ids.length === 0) shift++;
    const leaderIndex = (partition + startIndex) % ids.length;
    assignment.set(partition, [ids[leaderIndex]!, ...followers(leaderIndex, shift, replicationFactor - 1)]);
  }
  return assignment;
}

function startOf(start: number | Random, brokerCount: number): AssignmentStart {
  if (typeof start === 'number') return { startIndex: start, replicaShift: start };
  return { startIndex: start.nextInt(brokerCount), replicaShift: start.nextInt(brokerCount) };
}

type Followers = (leaderIndex: number, shift: number, count: number) => number[];

function followersByShift(ids: readonly number[]): Followers {
  return (leaderIndex, shift, count) =>
    Array.from({ length: count }, (_, i) => ids[replicaIndex(leaderIndex, shift, i, ids.length)]!);
}

function followersByRack(ids: readonly number[], rackOf: ReadonlyMap<number, string>): Followers {
  const rackCount = new Set(rackOf.values()).size;
  return (leaderIndex, shift, count) => {
    const leader = ids[leaderIndex]!;
    const usedRacks = new Set([rackOf.get(leader)!]);
    const usedBrokers = new Set([leader]);
    const replicas: number[] = [];
    for (let step = 0; replicas.length < count; step++) {
      const broker = ids[replicaIndex(leaderIndex, shift * rackCount, step, ids.length)]!;
      const rack = rackOf.get(broker)!;
      // A rack is used again only when every rack has a replica, a broker never.
      if (usedRacks.has(rack) && usedRacks.size < rackCount) continue;
      if (usedBrokers.has(broker) && usedBrokers.size < ids.length) continue;
      replicas.push(broker);
      usedRacks.add(rack);
      usedBrokers.add(broker);
    }
    return replicas;
  };
}

/** Brokers ordered so that neighbours are in different racks while that lasts: one of each rack in turn, by id inside a rack. */
export function rackAlternatedBrokers(rackOf: ReadonlyMap<number, string>): number[] {
  const byRack = new Map<string, number[]>();
  for (const [id, rack] of [...rackOf].sort(([a], [b]) => a - b)) {
    const ids = byRack.get(rack);
    if (ids === undefined) byRack.set(rack, [id]);
    else ids.push(id);
  }
  const racks = [...byRack.keys()].sort(compareStrings).map((rack) => byRack.get(rack)!);
  const result: number[] = [];
  for (let round = 0; result.length < rackOf.size; round++) {
    for (const ids of racks) if (round < ids.length) result.push(ids[round]!);
  }
  return result;
}

function replicaIndex(leaderIndex: number, secondReplicaShift: number, replica: number, brokerCount: number): number {
  const shift = 1 + ((secondReplicaShift + replica) % (brokerCount - 1));
  return (leaderIndex + shift) % brokerCount;
}

/** By UTF-16 code units, as Java sorts. */
function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
