import type { ReplicaAssignment, TopicAssignment, TopicPartition } from '../../cluster/index.js';
import { isUuid, mutableMapOrder } from '../../common/index.js';
import { ZnodeFormatError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonValue } from './json.js';

const MAX_PARTITION = 0x7fffffff;

export const topicsZnode = { path: '/brokers/topics' };

/** `/brokers/topics/T`: which brokers hold which partition, and the topic's id. Creating it creates the topic. */
export const topicZnode = {
  path: (topic: string): string => `/brokers/topics/${topic}`,

  encode({ topicId, partitions }: Pick<TopicAssignment, 'topicId' | 'partitions'>): Buffer {
    const members: Record<string, JsonValue> = {
      version: 3,
      partitions: replicaLists(partitions, (it) => it.replicas),
      adding_replicas: replicaLists(partitions, (it) => (it.adding.length > 0 ? it.adding : null)),
      removing_replicas: replicaLists(partitions, (it) => (it.removing.length > 0 ? it.removing : null)),
    };
    if (topicId !== null) members['topic_id'] = topicId;
    return encodeJson(new Map(mutableMapOrder(Object.keys(members), 4).map((name) => [name, members[name]!])));
  },

  /** Reads versions 1 to 3; before 3 there are no topic ids, before 2 no reassignment. Partitions come in ascending order. */
  decode(topic: string, data: Buffer | null): TopicAssignment {
    const json = decodeJson(data, topicZnode.path(topic));
    const replicas = json.optionalObject('partitions');
    const adding = json.optionalObject('adding_replicas');
    const removing = json.optionalObject('removing_replicas');
    const topicId = json.optionalString('topic_id');
    if (topicId !== null && !isUuid(topicId)) {
      throw new ZnodeFormatError(`"topic_id" of ${topicZnode.path(topic)} is ${JSON.stringify(topicId)}, need an id`);
    }
    const partitions = new Map<number, ReplicaAssignment>();
    for (const name of (replicas?.names() ?? []).sort((a, b) => Number(a) - Number(b))) {
      if (!/^\d{1,10}$/.test(name) || Number(name) > MAX_PARTITION) {
        throw new ZnodeFormatError(
          `${topicZnode.path(topic)} has the partition ${JSON.stringify(name)}, need a number`,
        );
      }
      partitions.set(Number(name), {
        replicas: replicas!.ints(name),
        adding: adding?.optionalInts(name) ?? [],
        removing: removing?.optionalInts(name) ?? [],
      });
    }
    return { topic, topicId, partitions };
  },
};

function replicaLists(
  partitions: TopicAssignment['partitions'],
  select: (assignment: ReplicaAssignment) => readonly number[] | null,
): Map<string, readonly number[]> {
  const lists = new Map<string, readonly number[]>();
  for (const [partition, assignment] of partitions) {
    const list = select(assignment);
    if (list) lists.set(String(partition), list);
  }
  return new Map(mutableMapOrder(lists.keys()).map((name) => [name, lists.get(name)!]));
}

/** False for a name of which ZooKeeper's client makes no path (`PathUtils.validatePath`). */
export function isNameOfTopicZnode(topic: string): boolean {
  if (/[\0-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff]/.test(topic)) return false;
  return topic.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** `/brokers/topics/T/partitions`, and `…/P` under it; both without data. */
export const topicPartitionsZnode = { path: (topic: string): string => `/brokers/topics/${topic}/partitions` };
export const topicPartitionZnode = {
  path: ({ topic, partition }: TopicPartition): string => `/brokers/topics/${topic}/partitions/${partition}`,
};
