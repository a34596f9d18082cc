import {
  ErrorCode,
  offsetFetchRequest,
  offsetFetchResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
} from '../../protocol/index.js';
import { handler, type RequestContext } from '../handler.js';

type AskedTopics = OffsetFetchRequest['groups'][number]['topics'];
type FetchedTopics = OffsetFetchResponse['groups'][number]['topics'];
interface FetchedGroup {
  readonly errorCode: number;
  readonly topics: FetchedTopics;
}

/** Since this version a group may ask for all its offsets, and errors of the group have a field of their own. */
const TOP_LEVEL_ERROR_VERSION = 2;
const BATCHED_GROUPS_VERSION = 8;

/** Tells how far groups have committed. (Version 0, which Kafka reads from ZooKeeper, is answered from the same store.) */
export const offsetFetch = handler(offsetFetchRequest, offsetFetchResponse, (request, context) => {
  const { apiVersion } = context;
  if (apiVersion >= BATCHED_GROUPS_VERSION) {
    const groups = request.groups.map(({ groupId, topics }) => ({
      groupId,
      ...fetchGroup(context, groupId, topics, request.requireStable),
    }));
    return { groups };
  }
  const { errorCode, topics } = fetchGroup(context, request.groupId, request.topics, request.requireStable);
  if (apiVersion >= TOP_LEVEL_ERROR_VERSION || errorCode === ErrorCode.NONE) return { errorCode, topics };
  return { topics: withError(request.topics ?? [], errorCode) };
});

function fetchGroup(
  context: RequestContext,
  groupId: string,
  asked: AskedTopics,
  requireStable: boolean,
): FetchedGroup {
  const { authorize, groups } = context;
  if (!authorize('DESCRIBE', { type: 'GROUP', name: groupId })) {
    return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, topics: [] };
  }
  const mayDescribe = ({ name }: { name: string }): boolean => authorize('DESCRIBE', { type: 'TOPIC', name });
  if (asked === null) {
    const all = groups.fetchOffsets(groupId, null, requireStable);
    // Topics that the client may not see are kept from it.
    return { errorCode: all.errorCode, topics: all.topics.filter(mayDescribe) };
  }
  const { errorCode, topics } = groups.fetchOffsets(groupId, asked.filter(mayDescribe), requireStable);
  if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] };
  const refused = asked.filter((topic) => !mayDescribe(topic));
  return { errorCode, topics: [...topics, ...withError(refused, ErrorCode.TOPIC_AUTHORIZATION_FAILED)] };
}

function withError(
  topics: readonly { name: string; partitionIndexes: readonly number[] }[],
  errorCode: number,
): FetchedTopics {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1n,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    })),
  }));
}
