import { forEachInSteps, type Steps } from '../../common/index.js';
import type { AllOffsets } from '../../coordinator/index.js';
import {
  ErrorCode,
  ListView,
  offsetFetchRequest,
  offsetFetchResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
} from '../../protocol/index.js';
import { offsetFetchErrors } from '../error-responses.js';
import { handler, type RequestContext } from '../handler.js';

type AskedTopics = NonNullable<OffsetFetchRequest['groups'][number]['topics']>;
type FetchedPartition = OffsetFetchResponse['groups'][number]['topics'][number]['partitions'][number];
type FetchedTopics = { name: string; partitions: readonly FetchedPartition[] }[];
interface FetchedGroup {
  readonly errorCode: number;
  readonly topics: FetchedTopics;
}

/** Since this version a group may ask for all its offsets, and errors of the group have a field of their own. */
const TOP_LEVEL_ERROR_VERSION = 2;
const BATCHED_GROUPS_VERSION = 8;
/** Of one topic so many partitions are looked up in one step. */
const PARTITIONS_A_STEP = 100;

/** Tells how far groups have committed. (Version 0, which Kafka reads from ZooKeeper, is answered from the same store.) */
export const offsetFetch = handler(offsetFetchRequest, offsetFetchResponse, function* (request, context) {
  const { apiVersion } = context;
  if (apiVersion >= BATCHED_GROUPS_VERSION) {
    const groups = [];
    // However often a group is named, all its offsets are one object.
    const whole = new Map<string, FetchedGroup>();
    for (const { groupId, topics } of request.groups) {
      let fetched = topics === null ? whole.get(groupId) : undefined;
      fetched ??= yield* fetchGroup(context, groupId, topics, request.requireStable);
      if (topics === null) whole.set(groupId, fetched);
      groups.push({ groupId, ...fetched });
      yield;
    }
    return { groups };
  }
  const { errorCode, topics } = yield* fetchGroup(context, request.groupId, request.topics, request.requireStable);
  if (apiVersion >= TOP_LEVEL_ERROR_VERSION || errorCode === ErrorCode.NONE) return { errorCode, topics };
  return { topics: yield* offsetFetchErrors(request.topics ?? [], errorCode) };
});

/** Of topics that the client may see. Offsets are looked up when they are written: a group may have as many as the cluster has partitions. */
function* allTopics(
  { partitions, offsetOf }: AllOffsets,
  mayDescribe: (topic: { name: string }) => boolean,
): Steps<FetchedTopics> {
  const indexes = new Map<string, number[]>();
  yield* forEachInSteps(partitions, ({ topic, partition }) => {
    const ofTopic = indexes.get(topic);
    if (ofTopic) ofTopic.push(partition);
    else indexes.set(topic, [partition]);
  });
  const topics: FetchedTopics = [];
  yield* forEachInSteps(indexes, ([name, ofTopic]) => {
    if (!mayDescribe({ name })) return;
    const fetched = (at: number): FetchedPartition => {
      const partitionIndex = ofTopic[at]!;
      return { partitionIndex, ...offsetOf({ topic: name, partition: partitionIndex }) };
    };
    topics.push({ name, partitions: ListView.of(ofTopic.length, fetched) });
  });
  return topics;
}

function* fetchGroup(
  context: RequestContext,
  groupId: string,
  asked: AskedTopics | null,
  requireStable: boolean,
): Steps<FetchedGroup> {
  const { authorize, groups } = context;
  if (!authorize('DESCRIBE', { type: 'GROUP', name: groupId })) {
    return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, topics: [] };
  }
  const mayDescribe = ({ name }: { name: string }): boolean => authorize('DESCRIBE', { type: 'TOPIC', name });
  if (asked === null) {
    const all = groups.fetchAllOffsets(groupId, requireStable);
    if ('errorCode' in all) return { errorCode: all.errorCode, topics: [] };
    return { errorCode: ErrorCode.NONE, topics: yield* allTopics(all, mayDescribe) };
  }
  // Of no topic too: the group as such may be refused.
  const { errorCode } = groups.fetchOffsets(groupId, [], requireStable);
  if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] };
  const fetched: FetchedTopics = [];
  const refused: AskedTopics = [];
  // Each once, however often it is named; a topic of which no partition is named is none.
  const shown = new Map<string, Set<number>>();
  for (const topic of asked) {
    const { name, partitionIndexes } = topic;
    if (!mayDescribe(topic)) refused.push(topic);
    else if (partitionIndexes.length > 0) {
      let ofTopic = shown.get(name);
      if (!ofTopic) shown.set(name, (ofTopic = new Set()));
      yield* forEachInSteps(partitionIndexes, (partition) => void ofTopic.add(partition));
    }
    yield;
  }
  for (const [name, ofTopic] of shown) {
    const partitionIndexes = [...ofTopic];
    let partitions: FetchedPartition[] = [];
    for (let at = 0; at < partitionIndexes.length; at += PARTITIONS_A_STEP) {
      const some = partitionIndexes.slice(at, at + PARTITIONS_A_STEP);
      // What was found before is worth nothing when the group has moved away meanwhile.
      const found = groups.fetchOffsets(groupId, [{ name, partitionIndexes: some }], requireStable);
      if (found.errorCode !== ErrorCode.NONE) return { errorCode: found.errorCode, topics: [] };
      if (partitions.length === 0) ({ partitions } = found.topics[0]!);
      else partitions.push(...found.topics[0]!.partitions);
      yield;
    }
    fetched.push({ name, partitions });
  }
  if (refused.length === 0) return { errorCode, topics: fetched };
  return {
    errorCode,
    topics: [...fetched, ...(yield* offsetFetchErrors(refused, ErrorCode.TOPIC_AUTHORIZATION_FAILED))],
  };
}
