import type { Random } from '../../../src/common/index.js';
import type { JsonObject, JsonValue } from '../../../src/protocol/index.js';
import { BatchBuilder, COMPRESSION_TYPES } from '../../../src/records/index.js';

/** One request by API name, as JSON. */
export interface RandomRequest {
  readonly api: string;
  readonly version: number;
  readonly body: JsonObject;
}

const TOPICS = ['a', 'b', 'c', 'd', 'e.f', 'e_f', 'no such', ''];
const GROUPS = ['g', 'h', 'i', ''];
const TOPIC_CONFIGS: readonly (readonly [string, string | null])[] = [
  ['cleanup.policy', 'compact'],
  ['cleanup.policy', 'compact,delete'],
  ['cleanup.policy', 'delete'],
  ['max.message.bytes', '200'],
  ['message.timestamp.type', 'LogAppendTime'],
  ['compression.type', 'uncompressed'],
  ['compression.type', 'producer'],
  ['min.insync.replicas', '2'],
  ['retention.ms', '100000000'],
  ['retention.bytes', '-2'],
  ['segment.bytes', '20000'],
  ['segment.bytes', '1'],
  ['leader.replication.throttled.replicas', '0:1'],
  ['message.timestamp.difference.max.ms', '1000'],
  ['flush.messages', 'x'],
  ['no.such', '1'],
  ['retention.ms', null],
];
/** Those whose change shows only in answers that read it from ZooKeeper: when a log hears of it differs. */
const ALTERABLE = TOPIC_CONFIGS.filter(([name]) => !/^(cleanup|max|message|compression|min)\./.test(name));
const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** What the answers so far have taught, to be asked about again. */
export interface Known {
  readonly members: Map<string, string[]>;
  readonly topicIds: Map<string, string>;
  readonly generations: Map<string, number>;
}

/** Makes requests about few topics, groups and members, so that they meet; good ones mostly, and odd ones of every kind. */
export class RandomRequests {
  private readonly made: readonly (readonly [weight: number, make: () => RandomRequest])[] = [
    [6, () => this.createTopics()],
    [2, () => this.deleteTopics()],
    [2, () => this.createPartitions()],
    [4, () => this.metadata()],
    [16, () => this.produce()],
    [12, () => this.fetch()],
    [6, () => this.listOffsets()],
    [4, () => this.offsetForLeaderEpoch()],
    [3, () => this.deleteRecords()],
    [4, () => this.describeConfigs()],
    [3, () => this.alterConfigs()],
    [4, () => this.incrementalAlterConfigs()],
    [10, () => this.joinGroup()],
    [8, () => this.syncGroup()],
    [5, () => this.heartbeat()],
    [4, () => this.leaveGroup()],
    [8, () => this.offsetCommit()],
    [6, () => this.offsetFetch()],
    [2, () => this.offsetDelete()],
    [4, () => this.describeGroups()],
    [2, () => this.listGroups()],
    [2, () => this.deleteGroups()],
    [2, () => this.findCoordinator()],
    [2, () => this.electLeaders()],
    [1, () => this.describeCluster()],
    [2, () => this.initProducerId()],
  ];
  private readonly totalWeight = this.made.reduce((sum, [weight]) => sum + weight, 0);

  constructor(
    private readonly random: Random,
    private readonly known: Known,
    /** Times of records, which both brokers must get alike. */
    private readonly nowMs: number,
  ) {}

  next(): RandomRequest {
    let ticket = this.random.nextInt(this.totalWeight);
    for (const [weight, make] of this.made) {
      ticket -= weight;
      if (ticket < 0) return make();
    }
    throw new Error('the weights do not add up');
  }

  private oneOf<T>(items: readonly T[]): T {
    return items[this.random.nextInt(items.length)]!;
  }
  private chance(percent: number): boolean {
    return this.random.nextInt(100) < percent;
  }
  private between(from: number, to: number): number {
    return from + this.random.nextInt(to - from + 1);
  }
  private some<T>(items: readonly T[], most = 2): T[] {
    return [...new Set(Array.from({ length: this.between(1, most) }, () => this.oneOf(items)))];
  }
  /** One of them, sometimes more, some of which may be alike. */
  private someAgain<T>(make: () => T): T[] {
    return Array.from({ length: this.chance(70) ? 1 : this.between(2, 3) }, make);
  }
  private topic(): string {
    return this.chance(85) ? this.oneOf(TOPICS.slice(0, 4)) : this.oneOf(TOPICS);
  }
  private group(): string {
    return this.chance(90) ? this.oneOf(GROUPS.slice(0, 3)) : this.oneOf(GROUPS);
  }
  private partition(): number {
    return this.chance(85) ? this.between(0, 1) : this.oneOf([2, 3, -1, 100]);
  }
  private member(group: string): string {
    const members = this.known.members.get(group) ?? [];
    if (members.length > 0 && this.chance(80)) return members[members.length - 1]!;
    if (members.length > 0 && this.chance(50)) return this.oneOf(members);
    return this.oneOf(['', 'nobody']);
  }
  private generation(group: string): number {
    return this.chance(85) ? (this.known.generations.get(group) ?? 1) : this.oneOf([-1, 0, 1, 2, 100]);
  }
  private make(
    api: string,
    versions: readonly [number, number],
    body: (version: number) => Record<string, JsonValue | undefined>,
  ): RandomRequest {
    const version = this.between(...versions);
    return { api, version, body: body(version) as JsonObject };
  }
  private configs(configs = TOPIC_CONFIGS): { name: string; value: string | null }[] {
    return this.chance(50) ? [] : this.some(configs).map(([name, value]) => ({ name, value }));
  }

  private createTopics(): RandomRequest {
    return this.make('CreateTopics', [0, 7], (version) => ({
      timeoutMs: 10_000,
      ...(version > 0 && { validateOnly: this.chance(20) }),
      topics: this.some([1, 2, 3]).map(() => {
        const hasAssignment = this.chance(15);
        return {
          name: this.topic(),
          numPartitions: hasAssignment ? -1 : version >= 4 && this.chance(20) ? -1 : this.oneOf([1, 2, 2, 3, 0]),
          replicationFactor: hasAssignment ? -1 : version >= 4 && this.chance(20) ? -1 : this.oneOf([1, 1, 1, 1, 2, 0]),
          assignments: hasAssignment
            ? this.some([0, 1, 2]).map((partitionIndex) => ({
                partitionIndex,
                brokerIds: this.oneOf([[1], [1], [1, 1]]),
              }))
            : [],
          configs: this.configs(),
        };
      }),
    }));
  }

  private deleteTopics(): RandomRequest {
    return this.make('DeleteTopics', [0, 6], (version) => ({
      timeoutMs: 10_000,
      ...(version < 6
        ? { topicNames: this.some(TOPICS) }
        : {
            topics: this.some(TOPICS).map((name) =>
              this.chance(50) ? { name, topicId: NO_TOPIC_ID } : { name: null, topicId: this.topicId(name) },
            ),
          }),
    }));
  }

  private topicId(name: string): string {
    return this.known.topicIds.get(name) ?? 'dGhlcmUgaXMgbm8gc3VjaA';
  }

  private createPartitions(): RandomRequest {
    return this.make('CreatePartitions', [0, 3], () => ({
      timeoutMs: 10_000,
      validateOnly: this.chance(30),
      topics: this.some([1, 2]).map(() => ({
        // Kafka fails (-1) where the name is empty; to us there is no such topic.
        name: this.topic() || 'a',
        count: this.oneOf([1, 2, 3, 0, -1]),
        assignments: this.chance(80) ? null : this.some([[1], [1], [2], []]).map((brokerIds) => ({ brokerIds })),
      })),
    }));
  }

  private metadata(): RandomRequest {
    return this.make('Metadata', [0, 12], (version) => ({
      topics: version > 0 && this.chance(10) ? null : this.some(TOPICS, 3).map((name) => ({ name })),
      ...(version >= 4 && { allowAutoTopicCreation: false }),
      ...(version >= 8 && { includeTopicAuthorizedOperations: this.chance(30) }),
    }));
  }

  private records(): string | null {
    if (this.chance(2)) return this.oneOf([null, '', 'AAAA']);
    const hasProducer = this.chance(40);
    const builder = new BatchBuilder({
      compression: this.oneOf(COMPRESSION_TYPES),
      baseOffset: this.chance(97) ? 0 : 3,
      ...(hasProducer && {
        producerId: this.oneOf([0, 1, 1000]),
        producerEpoch: this.oneOf([0, 0, 0, 1]),
        baseSequence: this.oneOf([0, 0, 1, 2, 3, 4, -1]),
      }),
    });
    const count = this.between(1, 3);
    for (let i = 0; i < count; i++) {
      builder.append({
        timestamp: this.chance(95) ? this.nowMs + i : this.oneOf([-1, 0, 1, 4_102_444_800_000]),
        key: this.chance(80) ? Buffer.from(`k${this.between(0, 3)}`) : null,
        value: this.chance(90) ? Buffer.alloc(this.oneOf([1, 10, 10, 300]), 'v') : null,
        headers: this.chance(20) ? [{ key: 'h', value: null }] : [],
      });
    }
    const bytes = builder.build();
    if (this.chance(4)) bytes[this.between(0, bytes.length - 1)]! ^= 1 << this.between(0, 7);
    return bytes.toString('base64');
  }

  private produce(): RandomRequest {
    return this.make('Produce', [3, 9], () => ({
      acks: this.oneOf([-1, -1, 1, 1, 2]),
      timeoutMs: 5_000,
      topicData: [{ name: this.topic(), partitionData: [{ index: this.partition(), records: this.records() }] }],
    }));
  }

  private fetch(): RandomRequest {
    return this.make('Fetch', [4, 15], (version) => ({
      maxWaitMs: 0,
      minBytes: this.oneOf([0, 1, 1000]),
      maxBytes: this.oneOf([0, 1, 1_000_000]),
      isolationLevel: this.between(0, 1),
      ...(version >= 7 && {
        sessionId: this.chance(90) ? 0 : 12345,
        sessionEpoch: this.chance(90) ? -1 : this.oneOf([0, 1]),
      }),
      topics: [this.topic()].map((topic) => ({
        ...(version < 13 ? { topic } : { topicId: this.topicId(topic) }),
        partitions: [this.partition()].map((partition) => ({
          partition,
          fetchOffset: this.oneOf([0, 0, 1, 2, 3, 5, 10, -1, 1000]),
          ...(version >= 9 && { currentLeaderEpoch: this.oneOf([-1, -1, 0, 0, 1]) }),
          ...(version >= 12 && { lastFetchedEpoch: this.oneOf([-1, -1, 0, 1]) }),
          // Kafka cuts a batch that does not fit, which no reader can use; we leave it out.
          partitionMaxBytes: this.oneOf([0, 1, 1_000_000]),
        })),
      })),
    }));
  }

  private listOffsets(): RandomRequest {
    return this.make('ListOffsets', [1, 8], (version) => ({
      replicaId: -1,
      ...(version >= 2 && { isolationLevel: this.between(0, 1) }),
      topics: this.some([1, 2]).map(() => ({
        name: this.topic(),
        partitions: this.some([1, 2]).map(() => ({
          partitionIndex: this.partition(),
          timestamp: this.oneOf([-1, -2, -1, -2, -3, -4, -5, -6, 0, this.nowMs, this.nowMs + 1, 4_102_444_800_000]),
          ...(version >= 4 && { currentLeaderEpoch: this.oneOf([-1, 0, 1]) }),
        })),
      })),
    }));
  }

  private offsetForLeaderEpoch(): RandomRequest {
    return this.make('OffsetForLeaderEpoch', [0, 4], (version) => ({
      ...(version >= 3 && { replicaId: -1 }),
      topics: [
        {
          topic: this.topic(),
          partitions: [
            {
              partition: this.partition(),
              leaderEpoch: this.oneOf([-1, 0, 0, 1, 5]),
              ...(version >= 2 && { currentLeaderEpoch: this.oneOf([-1, 0, 1]) }),
            },
          ],
        },
      ],
    }));
  }

  private deleteRecords(): RandomRequest {
    return this.make('DeleteRecords', [0, 2], () => ({
      timeoutMs: 5_000,
      topics: this.someAgain(() => ({
        name: this.topic(),
        partitions: this.someAgain(() => ({
          partitionIndex: this.partition(),
          offset: this.oneOf([-1, 0, 1, 2, 3, 100, -2]),
        })),
      })),
    }));
  }

  private describeConfigs(): RandomRequest {
    return this.make('DescribeConfigs', [0, 4], (version) => ({
      resources: [
        {
          resourceType: this.chance(90) ? 2 : this.oneOf([0, 1]),
          resourceName: this.chance(95) ? this.topic() : '1',
          configurationKeys: this.chance(20) ? null : this.some(TOPIC_CONFIGS).map(([name]) => name),
        },
      ],
      ...(version >= 1 && { includeSynonyms: this.chance(50) }),
    }));
  }

  private alterConfigs(): RandomRequest {
    return this.make('AlterConfigs', [0, 2], () => ({
      // It takes back all else that is configured, and when a log hears of that differs.
      validateOnly: true,
      resources: [
        {
          resourceType: this.chance(95) ? 2 : this.oneOf([0, 1]),
          resourceName: this.topic(),
          configs: this.configs(ALTERABLE),
        },
      ],
    }));
  }

  private incrementalAlterConfigs(): RandomRequest {
    return this.make('IncrementalAlterConfigs', [0, 1], () => ({
      validateOnly: this.chance(30),
      resources: [
        {
          resourceType: this.chance(95) ? 2 : this.oneOf([0, 1]),
          resourceName: this.topic(),
          configs: this.some(ALTERABLE).map(([name, value]) => {
            // Kafka fails (-1) where it adds to a configuration that nobody knows; we say that nobody knows it.
            const configOperation = name === 'no.such' ? this.oneOf([0, 1]) : this.oneOf([0, 0, 1, 2, 3]);
            return { name, value, configOperation };
          }),
        },
      ],
    }));
  }

  private joinGroup(): RandomRequest {
    return this.make('JoinGroup', [1, 9], (version) => {
      // Only its instance id tells that it is the same member again.
      const groupId = version < 5 ? this.oneOf(['g', 'h', '']) : this.group();
      return {
        groupId,
        sessionTimeoutMs: this.chance(95) ? 300_000 : this.oneOf([1, 100_000_000]),
        rebalanceTimeoutMs: 300_000,
        // One member a group: two would wait for each other, and time would count.
        memberId: this.chance(97) ? (this.known.members.get(groupId)?.at(-1) ?? '') : 'nobody',
        ...(version >= 5 && { groupInstanceId: groupId === 'i' ? 'static' : null }),
        protocolType: this.chance(95) ? 'consumer' : this.oneOf(['connect', '']),
        protocols: this.some(['range', 'range', 'roundrobin'], 2)
          .filter((name, i, all) => all.indexOf(name) === i)
          .map((name) => ({ name, metadata: this.oneOf(['AAA=', 'AAEAAAABAAFhAAAAAP////8=', 'AAA=']) })),
      };
    });
  }

  private syncGroup(): RandomRequest {
    return this.make('SyncGroup', [0, 5], (version) => {
      const groupId = this.group();
      const memberId = this.member(groupId);
      return {
        groupId,
        generationId: this.generation(groupId),
        memberId,
        ...(version >= 3 && { groupInstanceId: this.chance(90) ? null : 'static' }),
        ...(version >= 5 && { protocolType: 'consumer', protocolName: this.oneOf(['range', 'range', 'roundrobin']) }),
        assignments: [{ memberId, assignment: 'AAAA' }],
      };
    });
  }

  private heartbeat(): RandomRequest {
    return this.make('Heartbeat', [0, 4], (version) => {
      const groupId = this.group();
      return {
        groupId,
        generationId: this.generation(groupId),
        memberId: this.member(groupId),
        ...(version >= 3 && { groupInstanceId: this.chance(85) ? null : 'static' }),
      };
    });
  }

  private leaveGroup(): RandomRequest {
    return this.make('LeaveGroup', [0, 5], (version) => {
      const groupId = this.group();
      if (version < 3) return { groupId, memberId: this.member(groupId) };
      const members = [{ memberId: this.member(groupId), groupInstanceId: this.chance(80) ? null : 'static' }];
      return { groupId, members };
    });
  }

  private offsetCommit(): RandomRequest {
    return this.make('OffsetCommit', [1, 8], (version) => {
      const groupId = this.group();
      const isSimple = this.chance(40);
      // Of all or of none: what a group refuses beside what it takes counts as under way in Kafka forever (docs/compatibility.md).
      const isTooLong = this.chance(15);
      return {
        groupId,
        generationIdOrMemberEpoch: isSimple ? -1 : this.generation(groupId),
        memberId: isSimple ? '' : this.member(groupId),
        ...(version >= 7 && { groupInstanceId: this.chance(90) ? null : 'static' }),
        topics: this.someAgain(() => ({
          name: this.topic(),
          partitions: this.someAgain(() => ({
            partitionIndex: this.partition(),
            committedOffset: this.oneOf([0, 1, 7, -1]),
            ...(version >= 6 && { committedLeaderEpoch: this.oneOf([-1, 0, 3]) }),
            committedMetadata: isTooLong ? 'x'.repeat(5_000) : this.oneOf(['', 'm', null]),
          })),
        })),
      };
    });
  }

  private offsetFetch(): RandomRequest {
    return this.make('OffsetFetch', [1, 8], (version) => {
      const topics = (): JsonValue =>
        version >= 2 && this.chance(30)
          ? null
          : this.some(TOPICS).map((name) => ({ name, partitionIndexes: this.some([0, 1, 2, 5]) }));
      const requireStable = version >= 7 ? { requireStable: this.chance(30) } : {};
      if (version < 8) return { groupId: this.group(), topics: topics(), ...requireStable };
      return { groups: this.some(GROUPS).map((groupId) => ({ groupId, topics: topics() })), ...requireStable };
    });
  }

  private offsetDelete(): RandomRequest {
    return this.make('OffsetDelete', [0, 0], () => ({
      groupId: this.group(),
      topics: [{ name: this.topic(), partitions: [{ partitionIndex: this.partition() }] }],
    }));
  }

  private describeGroups(): RandomRequest {
    return this.make('DescribeGroups', [0, 5], (version) => ({
      groups: this.some(GROUPS),
      ...(version >= 3 && { includeAuthorizedOperations: this.chance(30) }),
    }));
  }

  private listGroups(): RandomRequest {
    return this.make('ListGroups', [0, 4], (version) => ({
      ...(version >= 4 && {
        statesFilter: this.oneOf([[], ['Stable'], ['Empty', 'Stable'], ['nonsense'], ['stable']]),
      }),
    }));
  }

  private deleteGroups(): RandomRequest {
    return this.make('DeleteGroups', [0, 2], () => ({ groupsNames: this.some(GROUPS) }));
  }

  private findCoordinator(): RandomRequest {
    return this.make('FindCoordinator', [0, 4], (version) => {
      const keyType = version === 0 ? {} : { keyType: this.chance(90) ? 0 : 9 };
      return version < 4 ? { key: this.group(), ...keyType } : { coordinatorKeys: this.some(GROUPS), ...keyType };
    });
  }

  private electLeaders(): RandomRequest {
    return this.make('ElectLeaders', [0, 2], (version) => ({
      timeoutMs: 5_000,
      ...(version >= 1 && { electionType: this.oneOf([0, 0, 1]) }),
      topicPartitions: this.chance(20) ? null : [{ topic: this.topic(), partitions: [this.partition()] }],
    }));
  }

  private describeCluster(): RandomRequest {
    return this.make('DescribeCluster', [0, 0], () => ({ includeClusterAuthorizedOperations: this.chance(50) }));
  }

  private initProducerId(): RandomRequest {
    return this.make('InitProducerId', [0, 4], (version) => ({
      transactionalId: null,
      transactionTimeoutMs: 1_000,
      ...(version >= 3 &&
        this.chance(20) && { producerId: this.oneOf([-1, 0, 1]), producerEpoch: this.oneOf([-1, 0]) }),
    }));
  }
}
