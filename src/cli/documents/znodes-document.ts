import {
  ACL_RESOURCE_TYPES,
  aclChangeZnode,
  aclZnode,
  brokerIdsZnode,
  brokerIdZnode,
  brokerSequenceIdZnode,
  clusterIdZnode,
  CONFIG_TYPES,
  configChangeZnode,
  configEntityZnode,
  configTypeZnode,
  consumersZnode,
  controllerEpochZnode,
  controllerZnode,
  DEFAULT_ENTITY,
  delegationTokenZnode,
  deleteTopicsZnode,
  featureZnode,
  isrChangeZnode,
  logDirEventZnode,
  partitionStateZnode,
  preferredReplicaElectionZnode,
  producerIdBlockZnode,
  reassignPartitionsZnode,
  topicPartitionsZnode,
  topicPartitionZnode,
  topicsZnode,
  topicZnode,
} from '../../zookeeper/index.js';

/** One znode, or one kind of them: what stands in it, who writes it and who is told of a change. */
interface ZnodeEntry {
  /** The object of `src/zookeeper/znodes` that says where it is and how it is written. */
  readonly znode: object;
  readonly paths: readonly string[];
  readonly lives?: 'ephemeral' | 'sequential';
  readonly writtenBy: string;
  readonly watchedBy?: string;
  readonly meaning: string;
  /** What is in one, as the code encodes it; absent where there is nothing, or where it is not written yet. */
  readonly example?: Buffer;
}

const ORDERS = { topic: 'orders', partition: 0 };
const SINCE_MS = Date.UTC(2026, 0, 1);

export const ZNODES: readonly ZnodeEntry[] = [
  {
    znode: clusterIdZnode,
    paths: [clusterIdZnode.path],
    writtenBy: 'the first broker of the cluster',
    meaning: 'The id of the cluster. Each broker keeps it in `meta.properties` and refuses to join another.',
    example: clusterIdZnode.encode('4L6g3nShT-eMCtK--X86sw'),
  },
  {
    znode: brokerSequenceIdZnode,
    paths: [brokerSequenceIdZnode.path],
    writtenBy: 'a broker with `broker.id=-1`',
    meaning:
      'Its version, raised by a write of nothing, and `reserved.broker.max.id` make the id of a broker that has none.',
  },
  {
    znode: brokerIdsZnode,
    paths: [brokerIdsZnode.path],
    writtenBy: 'brokers, as its children',
    watchedBy: 'the controller',
    meaning: 'The brokers that are alive.',
  },
  {
    znode: brokerIdZnode,
    paths: [brokerIdZnode.path(1)],
    lives: 'ephemeral',
    writtenBy: 'the broker, when it starts, when its session is lost, and when its listeners change',
    watchedBy: 'the controller',
    meaning: 'A living broker and where it is reached. The zxid of its creation is the broker epoch (KIP-380).',
    example: brokerIdZnode.encode({
      broker: {
        id: 1,
        endPoints: [{ host: 'localhost', port: 9092, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' }],
        rack: null,
      },
      jmxPort: -1,
      timestampMs: SINCE_MS,
      version: 5,
      features: new Map(),
    }),
  },
  {
    znode: controllerZnode,
    paths: [controllerZnode.path],
    lives: 'ephemeral',
    writtenBy: 'the broker that wins the race for it',
    watchedBy: 'all brokers: when it goes, they race for it again',
    meaning: 'Who is the controller. Deleting it by hand makes another election.',
    example: controllerZnode.encode(1, SINCE_MS),
  },
  {
    znode: controllerEpochZnode,
    paths: [controllerEpochZnode.path],
    writtenBy: 'the controller, in one step with the creation of `/controller`',
    meaning:
      'How often a controller was elected. Each write of the controller is conditional on the version of this node, so that one that was replaced writes nothing.',
    example: controllerEpochZnode.encode(7),
  },
  {
    znode: topicsZnode,
    paths: [topicsZnode.path],
    writtenBy: 'whoever creates topics, as its children',
    watchedBy: 'the controller',
    meaning: 'The topics.',
  },
  {
    znode: topicZnode,
    paths: [topicZnode.path(ORDERS.topic)],
    writtenBy:
      'whoever creates the topic or adds partitions, on the version that was read; the controller while it moves replicas',
    watchedBy: 'the controller',
    meaning:
      'Which brokers hold which partition, the preferred leader first, the replicas that are being added and removed (KIP-455), and the id of the topic (KIP-516).',
    example: topicZnode.encode({
      topicId: 'eE6rNeSLQqCbJYPPpPU1Iw',
      partitions: new Map([
        [0, { replicas: [1, 2, 3], adding: [], removing: [] }],
        [1, { replicas: [2, 3, 1], adding: [], removing: [] }],
      ]),
    }),
  },
  {
    znode: topicPartitionsZnode,
    paths: [topicPartitionsZnode.path(ORDERS.topic)],
    writtenBy: 'the controller',
    meaning: 'The partitions that have a state.',
  },
  {
    znode: topicPartitionZnode,
    paths: [topicPartitionZnode.path(ORDERS)],
    writtenBy: 'the controller',
    meaning: 'One of them.',
  },
  {
    znode: partitionStateZnode,
    paths: [partitionStateZnode.path(ORDERS)],
    writtenBy:
      'the controller, also for leaders that ask it to (AlterPartition, KIP-497); leaders themselves below inter-broker protocol 2.7',
    meaning:
      'The leader (-1: none) and the replicas in sync. Its version is the partition epoch: a write that does not name it fails.',
    example: partitionStateZnode.encode({
      controllerEpoch: 7,
      leaderAndIsr: { leader: 1, leaderEpoch: 3, isr: [1, 2, 3], recovering: false, partitionEpoch: 4 },
    }),
  },
  {
    znode: isrChangeZnode,
    paths: [isrChangeZnode.path('isr_change_0000000000')],
    lives: 'sequential',
    writtenBy: 'leaders below inter-broker protocol 2.7',
    watchedBy: 'the controller, which deletes it',
    meaning: 'Partitions whose replicas in sync their leader has changed.',
    example: isrChangeZnode.encode([ORDERS]),
  },
  {
    znode: logDirEventZnode,
    paths: [logDirEventZnode.path('log_dir_event_0000000000')],
    lives: 'sequential',
    writtenBy: 'a broker that lost a log directory',
    watchedBy: 'the controller, which deletes it',
    meaning: 'The broker whose replicas the controller is to ask for; those that are offline get other leaders.',
    example: logDirEventZnode.encode(1),
  },
  {
    znode: deleteTopicsZnode,
    paths: [deleteTopicsZnode.topicPath(ORDERS.topic)],
    writtenBy: 'whoever deletes the topic',
    watchedBy: 'the controller, which deletes it when the topic is gone',
    meaning: 'The topic is to be deleted.',
  },
  {
    znode: reassignPartitionsZnode,
    paths: [reassignPartitionsZnode.path],
    writtenBy: 'tools of the time before KIP-455, and people',
    watchedBy: 'the controller, which takes out what is done and deletes it at the end',
    meaning: 'Which brokers are to hold partitions.',
    example: reassignPartitionsZnode.encode(new Map([['orders-0', [2, 3, 4]]])),
  },
  {
    znode: preferredReplicaElectionZnode,
    paths: [preferredReplicaElectionZnode.path],
    writtenBy: 'tools of the time before KIP-183, and people',
    watchedBy: 'the controller, which deletes it',
    meaning: 'Partitions that their preferred replica is to lead.',
    example: preferredReplicaElectionZnode.encode([ORDERS]),
  },
  {
    znode: configTypeZnode,
    paths: CONFIG_TYPES.map(configTypeZnode.path),
    writtenBy: 'the first broker',
    meaning: 'What can have a dynamic configuration.',
  },
  {
    znode: configEntityZnode,
    paths: [configEntityZnode.path('topics', ORDERS.topic), configEntityZnode.path('brokers', DEFAULT_ENTITY)],
    writtenBy: 'brokers that are asked to (IncrementalAlterConfigs), and `configs --zookeeper`',
    meaning: `The overrides of one topic, broker, user, client or address; of all that have none under \`${DEFAULT_ENTITY}\`.`,
    example: configEntityZnode.encode(new Map([['retention.ms', '3600000']])),
  },
  {
    znode: configChangeZnode,
    paths: [`${configChangeZnode.createPath}0000000000`],
    lives: 'sequential',
    writtenBy: 'whoever changed a configuration, in one step with it',
    watchedBy: 'all brokers; the old ones are removed after 15 minutes',
    meaning: 'Which configuration is to be read again.',
    example: configChangeZnode.encode('topics/orders'),
  },
  {
    znode: featureZnode,
    paths: [featureZnode.path],
    writtenBy: 'the controller',
    watchedBy: 'all brokers',
    meaning: 'The finalized features of the cluster (KIP-584). Kafka 3.6 defines none with ZooKeeper.',
    example: featureZnode.encode({ version: 2, enabled: true, features: new Map() }),
  },
  {
    znode: producerIdBlockZnode,
    paths: [producerIdBlockZnode.path],
    writtenBy:
      'the controller, for brokers that ask (AllocateProducerIds); brokers themselves below inter-broker protocol 3.0',
    meaning: 'The last block of a thousand producer ids that was given to a broker.',
    example: producerIdBlockZnode.encode({ brokerId: 1, firstProducerId: 0, lastProducerId: 999 }),
  },
  {
    znode: consumersZnode,
    paths: [consumersZnode.path],
    writtenBy: 'the first broker',
    meaning: 'Kept for consumers of the time before Kafka 0.9, which had their offsets here.',
  },
  {
    znode: aclZnode,
    paths: (['LITERAL', 'PREFIXED'] as const).map((type) => aclZnode.path(type, ACL_RESOURCE_TYPES[0], ORDERS.topic)),
    writtenBy: 'nobody yet; the folders above are made by the first broker',
    meaning: 'ACLs of a resource, and of all whose names begin with it.',
  },
  {
    znode: aclChangeZnode,
    paths: (['LITERAL', 'PREFIXED'] as const).map(
      (type) => `${aclChangeZnode.parent(type)}/${aclChangeZnode.prefix}0000000000`,
    ),
    lives: 'sequential',
    writtenBy: 'nobody yet; the folders above are made by the first broker',
    meaning: 'Which ACLs are to be read again.',
  },
  {
    znode: delegationTokenZnode,
    paths: [
      delegationTokenZnode.path('TOKEN'),
      `${delegationTokenZnode.changesParent}/${delegationTokenZnode.changePrefix}0000000000`,
    ],
    writtenBy: 'nobody yet; the folders above are made by the first broker',
    meaning: 'Delegation tokens (KIP-48), and which of them changed.',
  },
];

/** `docs/znodes.md`: what stands where in ZooKeeper, with data as the code writes it. */
export function znodesDocument(): string {
  return [
    '# What stands in ZooKeeper',
    'Paths are below the chroot of `zookeeper.connect`, if it names one. `scripts/cluster.sh shell get /controller` shows a node of the development ' +
      'cluster, and so does any other client of ZooKeeper. All of it is as Kafka 3.6.1 writes it, byte by byte, so that brokers of both kinds share it; ' +
      '[compatibility.md](compatibility.md) says what happens to a node that no one can read.',
    ...ZNODES.map(section),
  ]
    .join('\n\n')
    .concat('\n');
}

function section({ paths, lives, writtenBy, watchedBy, meaning, example }: ZnodeEntry): string {
  const facts = [
    ...(lives
      ? [`- ${lives === 'ephemeral' ? 'ephemeral: it goes with the session that made it' : 'sequential'}`]
      : []),
    `- written by ${writtenBy}`,
    ...(watchedBy ? [`- watched by ${watchedBy}`] : []),
  ];
  return [
    `## ${paths.map((path) => `\`${path}\``).join(', ')}`,
    meaning,
    facts.join('\n'),
    ...(example ? [`\`\`\`json\n${example.toString('utf8')}\n\`\`\``] : []),
  ].join('\n\n');
}
