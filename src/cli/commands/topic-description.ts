import { ZERO_UUID } from '../../common/index.js';
import type { PartitionListing, Reassignment, TopicDescription } from '../client/topic-admin.js';

/** What `--describe` prints, from what is known of the topics: Kafka's `TopicDescription` and `PartitionDescription`. */
export interface DescribedTopic {
  readonly topic: TopicDescription;
  /** What is not a default, as name and value in the order to print. */
  readonly configs: readonly (readonly [name: string, value: string | null])[];
  /** Null when it is not known. */
  readonly minInsyncReplicas: number | null;
  readonly markedForDeletion: boolean;
}

export interface DescribeFilter {
  readonly underReplicated: boolean;
  readonly unavailable: boolean;
  readonly underMinIsr: boolean;
  readonly atMinIsr: boolean;
  /** Only the topics' own lines, of those with configurations of their own. */
  readonly overrides: boolean;
}

export function formatTopics(
  topics: readonly DescribedTopic[],
  reassignments: ReadonlyMap<string, Reassignment>,
  liveBrokers: ReadonlySet<number>,
  filter: DescribeFilter,
): string {
  const filtered = filter.underReplicated || filter.unavailable || filter.underMinIsr || filter.atMinIsr;
  let text = '';
  for (const described of topics) {
    const { topic } = described;
    const reassignmentOf = ({ partition }: PartitionListing) => reassignments.get(`${topic.name}-${partition}`);
    if (!filtered && (!filter.overrides || described.configs.length > 0)) {
      const first = topic.partitions[0];
      text += formatTopic(described, first ? replicationFactor(first, reassignmentOf(first)) : 0);
    }
    if (filter.overrides) continue;
    for (const partition of topic.partitions) {
      const reassignment = reassignmentOf(partition);
      if (!filtered || passes(partition, reassignment, described, liveBrokers, filter)) {
        text += formatPartition(described, partition, reassignment);
      }
    }
  }
  return text;
}

function formatTopic({ topic, configs, markedForDeletion }: DescribedTopic, factor: number): string {
  return (
    `Topic: ${topic.name}` +
    (topic.topicId === ZERO_UUID ? '' : `\tTopicId: ${topic.topicId}`) +
    `\tPartitionCount: ${topic.partitions.length}` +
    `\tReplicationFactor: ${factor}` +
    `\tConfigs: ${configs.map(([name, value]) => `${name}=${value}`).join(',')}` +
    `${markedForDeletion ? '\tMarkedForDeletion: true' : ''}\n`
  );
}

function formatPartition(
  { topic, markedForDeletion }: DescribedTopic,
  { partition, leader, replicas, isr }: PartitionListing,
  reassignment: Reassignment | undefined,
): string {
  return (
    `\tTopic: ${topic.name}` +
    `\tPartition: ${partition}` +
    `\tLeader: ${leader ?? 'none'}` +
    `\tReplicas: ${replicas.join(',')}` +
    `\tIsr: ${isr.join(',')}` +
    (reassignment
      ? `\tAdding Replicas: ${reassignment.adding.join(',')}\tRemoving Replicas: ${reassignment.removing.join(',')}`
      : '') +
    `${markedForDeletion ? '\tMarkedForDeletion: true' : ''}\n`
  );
}

function passes(
  partition: PartitionListing,
  reassignment: Reassignment | undefined,
  { minInsyncReplicas }: DescribedTopic,
  liveBrokers: ReadonlySet<number>,
  filter: DescribeFilter,
): boolean {
  const { leader, isr } = partition;
  return (
    (filter.underReplicated && replicationFactor(partition, reassignment) > isr.length) ||
    (filter.unavailable && (leader === null || !liveBrokers.has(leader))) ||
    (filter.underMinIsr && (leader === null || (minInsyncReplicas !== null && isr.length < minInsyncReplicas))) ||
    (filter.atMinIsr && isr.length === minInsyncReplicas)
  );
}

/** Replicas that a reassignment adds do not count, while it goes on. */
function replicationFactor({ replicas }: PartitionListing, reassignment: Reassignment | undefined): number {
  if (!reassignment) return replicas.length;
  const changing = [...reassignment.adding, ...reassignment.removing];
  if (!replicas.some((replica) => changing.includes(replica))) return replicas.length;
  return reassignment.replicas.filter((replica) => !reassignment.adding.includes(replica)).length;
}
