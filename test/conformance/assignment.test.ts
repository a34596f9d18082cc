import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  assignReplicas,
  cooperativeStickyAssignor,
  decodeCooperativeStickyUserData,
  decodeStickyUserData,
  encodeCooperativeStickyUserData,
  encodeStickyUserData,
  partitionKey,
  rangeAssignor,
  ReplicaAssignmentError,
  roundRobinAssignor,
  stickyAssignor,
  type AssignableBroker,
  type AssignableTopic,
  type GroupMember,
  type PartitionAssignor,
  type TopicPartition,
} from '../../src/cluster/index.js';

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

interface ByTopic {
  [topic: string]: number[];
}
interface MemberLine {
  memberId: string;
  groupInstanceId?: string;
  rackId?: string;
  topics: string[];
  ownedPartitions?: ByTopic;
  generation?: number;
  userData?: string;
}
interface ConsumersLine {
  kind: 'consumers';
  group: number;
  round: number;
  assignor: string;
  topics: { [topic: string]: AssignableTopic };
  members: MemberLine[];
  assignment: { [memberId: string]: ByTopic };
}

const file = path.join(__dirname, '..', '.fixtures', 'protocol', 'assignment.jsonl');
const lines = fs
  .readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as { kind: string });
const replicas = lines.filter((line): line is ReplicasLine => line.kind === 'replicas');

const consumers = lines.filter((line): line is ConsumersLine => line.kind === 'consumers');

afterAll(() =>
  console.info(`assignment.jsonl: ${replicas.length} replica lines and ${consumers.length} consumer lines agree`),
);

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

const ASSIGNORS: { [name: string]: PartitionAssignor } = Object.fromEntries(
  [rangeAssignor, roundRobinAssignor, stickyAssignor, cooperativeStickyAssignor].map((each) => [each.name, each]),
);

const partitionsOf = (byTopic: ByTopic = {}): TopicPartition[] =>
  Object.entries(byTopic).flatMap(([topic, list]) => list.map((partition) => ({ topic, partition })));

function byTopic(partitions: readonly TopicPartition[]): ByTopic {
  const result: ByTopic = {};
  for (const { topic, partition } of partitions) (result[topic] ??= []).push(partition);
  for (const list of Object.values(result)) list.sort((a, b) => a - b);
  return result;
}

/** Cooperative members name what they own in the order in which it was assigned in the round before, which decides what they keep. */
type Previous = ReadonlyMap<string, readonly TopicPartition[]> | undefined;
function ownedOf(line: MemberLine, previous: Previous): TopicPartition[] {
  const owned = partitionsOf(line.ownedPartitions);
  const order = (previous?.get(line.memberId) ?? []).map(partitionKey);
  return owned.sort((a, b) => order.indexOf(partitionKey(a)) - order.indexOf(partitionKey(b)));
}

const memberOf = (line: MemberLine, previous: Previous): GroupMember => ({
  memberId: line.memberId,
  groupInstanceId: line.groupInstanceId ?? null,
  rackId: line.rackId ?? null,
  topics: line.topics,
  ownedPartitions: ownedOf(line, previous),
  generation: line.generation ?? null,
  userData: line.userData === undefined ? null : Buffer.from(line.userData, 'base64'),
});

describe.each(Object.keys(ASSIGNORS))('consumers with %s', (name) => {
  const ofAssignor = consumers.filter((line) => line.assignor === name);

  test('get the partitions that Kafka assigns, whatever the order of the members', () => {
    expect(ofAssignor.length).toBeGreaterThanOrEqual(40);
    const previous = new Map<number, Previous>();
    for (const line of ofAssignor) {
      const expected = Object.fromEntries(
        Object.entries(line.assignment).map(([memberId, partitions]) => [memberId, byTopic(partitionsOf(partitions))]),
      );
      const members = line.members.map((member) => memberOf(member, previous.get(line.group)));
      let latest: Previous;
      for (const order of [members, [...members].reverse()]) {
        const assignment = ASSIGNORS[name]!.assign(new Map(Object.entries(line.topics)), order);
        const ours = Object.fromEntries([...assignment].map(([memberId, list]) => [memberId, byTopic(list)]));
        expect({ group: line.group, round: line.round, assignment: ours }).toEqual({
          group: line.group,
          round: line.round,
          assignment: expected,
        });
        if (order === members) latest = assignment;
      }
      previous.set(line.group, latest);
    }
  });
});

test('user data of the sticky assignors is read and written as Kafka does', () => {
  let seen = 0;
  for (const line of consumers) {
    for (const { userData, ownedPartitions, generation } of line.members) {
      if (userData === undefined) continue;
      const bytes = Buffer.from(userData, 'base64');
      seen++;
      if (line.assignor === 'sticky') {
        const data = decodeStickyUserData(bytes);
        expect([byTopic(data.partitions), data.generation]).toEqual([
          byTopic(partitionsOf(ownedPartitions)),
          generation,
        ]);
        expect(encodeStickyUserData(data.partitions, data.generation!).equals(bytes)).toBe(true);
      } else {
        const decoded = decodeCooperativeStickyUserData(bytes)!;
        expect(decoded).toBe(generation ?? -1);
        expect(encodeCooperativeStickyUserData(decoded).equals(bytes)).toBe(true);
      }
    }
  }
  expect(seen).toBeGreaterThan(100);
});
