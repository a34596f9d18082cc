/** What members of a consumer group tell each other through JoinGroup and SyncGroup (`ConsumerPartitionAssignor`). */
import { array, bytes, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** What a member wants: topics, and in later versions what it owns already. */
export const consumerProtocolSubscription = message(
  { name: 'ConsumerProtocolSubscription', kind: 'data', versions: '0-3', flexible: 'none' },
  {
    topics: array('0+', 'string'),
    userData: bytes('0+', { nullable: '0+', default: null }),
    ownedPartitions: array(
      '1+',
      struct('TopicPartition', {
        topic: string('1+', { mapKey: true }),
        partitions: array('1+', 'int32'),
      }),
      { ignorable: true },
    ),
    generationId: int32('2+', { default: -1, ignorable: true }),
    rackId: string('3+', { nullable: '3+', default: null, ignorable: true }),
  },
);
export type ConsumerProtocolSubscription = TypeOf<typeof consumerProtocolSubscription>;
export type ConsumerProtocolSubscriptionInput = InputOf<typeof consumerProtocolSubscription>;
export type ConsumerProtocolSubscriptionTopicPartition = ConsumerProtocolSubscription['ownedPartitions'][number];

/** What a member got. */
export const consumerProtocolAssignment = message(
  { name: 'ConsumerProtocolAssignment', kind: 'data', versions: '0-3', flexible: 'none' },
  {
    assignedPartitions: array(
      '0+',
      struct('TopicPartition', {
        topic: string('0+', { mapKey: true }),
        partitions: array('0+', 'int32'),
      }),
    ),
    userData: bytes('0+', { nullable: '0+', default: null }),
  },
);
export type ConsumerProtocolAssignment = TypeOf<typeof consumerProtocolAssignment>;
export type ConsumerProtocolAssignmentInput = InputOf<typeof consumerProtocolAssignment>;
export type ConsumerProtocolAssignmentTopicPartition = ConsumerProtocolAssignment['assignedPartitions'][number];
