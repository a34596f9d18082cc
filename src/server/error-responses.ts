/**
 * What each API answers to a request that is refused, or fails, as a whole (Kafka's `AbstractRequest.getErrorResponse`): the code stands
 * wherever the version has a place for it, in each topic, group or partition that was asked for.
 */
import { forEachInSteps, mapInSteps, mapNestedInSteps, type Steps } from '../common/index.js';
import {
  allocateProducerIdsRequest,
  allocateProducerIdsResponse,
  alterConfigsRequest,
  alterConfigsResponse,
  alterPartitionRequest,
  alterPartitionResponse,
  apiVersionsRequest,
  apiVersionsResponse,
  controlledShutdownRequest,
  controlledShutdownResponse,
  createPartitionsRequest,
  createPartitionsResponse,
  createTopicsRequest,
  createTopicsResponse,
  deleteGroupsRequest,
  deleteGroupsResponse,
  deleteRecordsRequest,
  deleteRecordsResponse,
  deleteTopicsRequest,
  deleteTopicsResponse,
  describeClusterRequest,
  describeClusterResponse,
  describeConfigsRequest,
  describeConfigsResponse,
  describeGroupsRequest,
  describeGroupsResponse,
  electLeadersRequest,
  electLeadersResponse,
  errorMessage,
  fetchRequest,
  fetchResponse,
  findCoordinatorRequest,
  findCoordinatorResponse,
  heartbeatRequest,
  heartbeatResponse,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
  initProducerIdRequest,
  initProducerIdResponse,
  joinGroupRequest,
  joinGroupResponse,
  leaderAndIsrRequest,
  leaderAndIsrResponse,
  leaveGroupRequest,
  leaveGroupResponse,
  listGroupsRequest,
  listGroupsResponse,
  listOffsetsRequest,
  listOffsetsResponse,
  metadataRequest,
  metadataResponse,
  offsetCommitRequest,
  offsetCommitResponse,
  offsetDeleteRequest,
  offsetDeleteResponse,
  offsetFetchRequest,
  offsetFetchResponse,
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
  produceRequest,
  produceResponse,
  stopReplicaRequest,
  stopReplicaResponse,
  syncGroupRequest,
  syncGroupResponse,
  updateMetadataRequest,
  updateMetadataResponse,
  type AlterConfigsResponseInput,
  type ElectLeadersRequest,
  type ElectLeadersResponseInput,
  type JoinGroupResponseInput,
  type MessageType,
  type MetadataRequest,
  type MetadataResponseInput,
  type OffsetFetchResponse,
  type ProduceRequest,
  type ProduceResponseInput,
} from '../protocol/index.js';
import { stoppedPartitions, topicsToDelete } from './request-shapes.js';

/** Why a request is refused or failed as a whole. */
export interface RequestError {
  readonly errorCode: number;
  /** Null where it would say no more than the code, or what concerns nobody but us (Kafka's `ApiError.fromThrowable`). */
  readonly message: string | null;
}

/** Null when there is no such answer to the request: its connection is closed then. */
type ErrorResponse<Req, ResI> = (request: Req, error: RequestError, version: number) => ResI | Steps<ResI> | null;

const byApiKey = new Map<number, ErrorResponse<never, object>>();
const alone = new Set<number>();

function define<Req, ReqI, Res, ResI extends object>(
  requestType: MessageType<Req, ReqI>,
  _responseType: MessageType<Res, ResI>,
  errorResponse: ErrorResponse<Req, ResI>,
): void {
  byApiKey.set(requestType.apiKey!, errorResponse);
}

/** For an answer that says nothing of what was asked: its request need not be kept for it. */
function defineAlone<Req, ReqI, Res, ResI extends object>(
  requestType: MessageType<Req, ReqI>,
  responseType: MessageType<Res, ResI>,
  errorResponse: (error: RequestError, version: number) => ResI,
): void {
  define(requestType, responseType, (_request, error, version) => errorResponse(error, version));
  alone.add(requestType.apiKey!);
}

/** Whether the error's answer to a request of that API is made of the request. */
export function isErrorOfRequest(apiKey: number): boolean {
  return !alone.has(apiKey);
}

/** The error's answer to a request of that API; null when it has none, and the connection is to be closed. */
export function errorResponse<Req, ResI extends object>(
  apiKey: number,
  /** Null where it is not needed (`isErrorOfRequest`). */
  request: Req | null,
  error: RequestError,
  version: number,
): ResI | Steps<ResI> | null {
  const make = byApiKey.get(apiKey) as ErrorResponse<Req, ResI> | undefined;
  return make ? make(request as Req, error, version) : null;
}

/** Produce. Whoever wants no answer gets none. */
define(produceRequest, produceResponse, (request, error) =>
  request.acks === 0 ? null : produceErrorResponse(request, error),
);

export function* produceErrorResponse(
  { topicData }: ProduceRequest,
  { errorCode, message }: RequestError,
): Steps<ProduceResponseInput> {
  const responses = yield* mapNestedInSteps(
    topicData,
    ({ partitionData }) => partitionData,
    ({ index }) => ({ index, errorCode, errorMessage: message, baseOffset: -1n }),
    ({ name }, partitionResponses) => ({ name, partitionResponses }),
  );
  return { responses };
}

/** Fetch. Before its version 13 the code stands in the partitions too, for once there was no other place. */
define(fetchRequest, fetchResponse, function* ({ sessionId, topics }, { errorCode }, version) {
  if (version >= 13) return { errorCode, sessionId };
  const responses = yield* mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partition }) => ({ partitionIndex: partition, errorCode, highWatermark: -1n, records: null }),
    ({ topic }, partitions) => ({ topic, partitions }),
  );
  return version < 7 ? { responses } : { errorCode, sessionId, responses };
});

define(listOffsetsRequest, listOffsetsResponse, function* ({ topics }, { errorCode }, version) {
  const place = version === 0 ? { oldStyleOffsets: [] } : { timestamp: -1n, offset: -1n };
  const answers = yield* mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => ({ partitionIndex, errorCode, ...place }),
    ({ name }, partitions) => ({ name, partitions }),
  );
  return { topics: answers };
});

/** Metadata. Whoever asks for all topics can be told of no error; Kafka answers as if there were none. */
define(metadataRequest, metadataResponse, ({ topics }, { errorCode }, version) =>
  topics === null || (version === 0 && topics.length === 0) ? null : metadataErrorResponse(topics, errorCode),
);

export function* metadataErrorResponse(
  asked: NonNullable<MetadataRequest['topics']>,
  errorCode: number,
): Steps<MetadataResponseInput> {
  const topics = yield* mapInSteps(asked, ({ name, topicId }) => ({
    errorCode,
    name: name ?? '',
    topicId,
    isInternal: false,
  }));
  return { topics };
}

/** LeaderAndIsr. Since its version 5 answers are by topic id. */
define(leaderAndIsrRequest, leaderAndIsrResponse, function* (request, { errorCode }, version) {
  const { topicStates, ungroupedPartitionStates } = request;
  if (version >= 5) {
    const topics = yield* mapNestedInSteps(
      topicStates,
      ({ partitionStates }) => partitionStates,
      ({ partitionIndex }) => ({ partitionIndex, errorCode }),
      ({ topicId }, partitionErrors) => ({ topicId, partitionErrors }),
    );
    return { errorCode, topics };
  }
  const partitionErrors: { topicName: string; partitionIndex: number; errorCode: number }[] = [];
  for (const { topicName, partitionStates } of topicStates) {
    yield* forEachInSteps(partitionStates, ({ partitionIndex }) => {
      partitionErrors.push({ topicName, partitionIndex, errorCode });
    });
    yield;
  }
  yield* forEachInSteps(ungroupedPartitionStates, ({ topicName, partitionIndex }) => {
    partitionErrors.push({ topicName, partitionIndex, errorCode });
  });
  return { errorCode, partitionErrors };
});

define(stopReplicaRequest, stopReplicaResponse, function* (request, { errorCode }) {
  const partitionErrors = yield* mapInSteps(yield* stoppedPartitions(request), ({ tp: { topic, partition } }) => ({
    topicName: topic,
    partitionIndex: partition,
    errorCode,
  }));
  return { errorCode, partitionErrors };
});

defineAlone(updateMetadataRequest, updateMetadataResponse, codeAlone);
defineAlone(controlledShutdownRequest, controlledShutdownResponse, codeAlone);

define(offsetCommitRequest, offsetCommitResponse, function* ({ topics }, { errorCode }) {
  const answers = yield* mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => ({ partitionIndex, errorCode }),
    ({ name }, partitions) => ({ name, partitions }),
  );
  return { topics: answers };
});

/** OffsetFetch. The code stands in the partitions, since version 2 in the answer, and since version 8 in each group. */
define(offsetFetchRequest, offsetFetchResponse, function* (request, { errorCode }, version) {
  if (version >= 8) return { groups: yield* mapInSteps(request.groups, ({ groupId }) => ({ groupId, errorCode })) };
  if (version >= 2) return { errorCode };
  return { topics: yield* offsetFetchErrors(request.topics ?? [], errorCode) };
});

export function offsetFetchErrors(
  topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[],
  errorCode: number,
): Steps<OffsetFetchResponse['topics']> {
  return mapNestedInSteps(
    topics,
    ({ partitionIndexes }) => partitionIndexes,
    (partitionIndex) => ({
      partitionIndex,
      committedOffset: -1n,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    }),
    ({ name }, partitions) => ({ name, partitions }),
  );
}

define(findCoordinatorRequest, findCoordinatorResponse, function* ({ coordinatorKeys }, { errorCode }, version) {
  const refused = { errorCode, errorMessage: errorMessage(errorCode), nodeId: -1, host: '', port: -1 };
  if (version < 4) return refused;
  return { coordinators: yield* mapInSteps(coordinatorKeys, (key) => ({ key, ...refused })) };
});

defineAlone(joinGroupRequest, joinGroupResponse, ({ errorCode }, version) =>
  joinGroupErrorResponse(errorCode, version),
);

export function joinGroupErrorResponse(errorCode: number, version: number): JoinGroupResponseInput {
  return { errorCode, generationId: -1, protocolName: version >= 7 ? null : '' };
}

defineAlone(heartbeatRequest, heartbeatResponse, codeAlone);
defineAlone(leaveGroupRequest, leaveGroupResponse, codeAlone);
defineAlone(syncGroupRequest, syncGroupResponse, codeAlone);

define(describeGroupsRequest, describeGroupsResponse, function* ({ groups }, { errorCode }) {
  return { groups: yield* mapInSteps(groups, (groupId) => ({ groupId, errorCode })) };
});

defineAlone(listGroupsRequest, listGroupsResponse, codeAlone);
defineAlone(apiVersionsRequest, apiVersionsResponse, codeAlone);

define(createTopicsRequest, createTopicsResponse, function* ({ topics }, { errorCode, message }) {
  return { topics: yield* mapInSteps(topics, ({ name }) => ({ name, errorCode, errorMessage: message })) };
});

define(deleteTopicsRequest, deleteTopicsResponse, function* (request, { errorCode }, version) {
  const asked = yield* topicsToDelete(request, version);
  return { responses: yield* mapInSteps(asked, ({ name, topicId }) => ({ name, topicId, errorCode })) };
});

define(deleteRecordsRequest, deleteRecordsResponse, function* ({ topics }, { errorCode }) {
  const answers = yield* mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1n, errorCode }),
    ({ name }, partitions) => ({ name, partitions }),
  );
  return { topics: answers };
});

defineAlone(initProducerIdRequest, initProducerIdResponse, ({ errorCode }) => ({
  errorCode,
  producerId: -1n,
  producerEpoch: -1,
}));

define(offsetForLeaderEpochRequest, offsetForLeaderEpochResponse, function* ({ topics }, { errorCode }) {
  const answers = yield* mapNestedInSteps(
    topics,
    ({ partitions }) => partitions,
    ({ partition }) => ({ partition, errorCode }),
    ({ topic }, partitions) => ({ topic, partitions }),
  );
  return { topics: answers };
});

/** DescribeConfigs. Unlike the other answers it says the code's own words. */
define(describeConfigsRequest, describeConfigsResponse, function* ({ resources }, { errorCode }) {
  const results = yield* mapInSteps(resources, ({ resourceType, resourceName }) => ({
    errorCode,
    errorMessage: errorMessage(errorCode),
    resourceType,
    resourceName,
  }));
  return { results };
});

define(alterConfigsRequest, alterConfigsResponse, alterConfigsErrorResponse);
define(incrementalAlterConfigsRequest, incrementalAlterConfigsResponse, alterConfigsErrorResponse);

function* alterConfigsErrorResponse(
  { resources }: { readonly resources: readonly { readonly resourceType: number; readonly resourceName: string }[] },
  { errorCode, message }: RequestError,
): Steps<AlterConfigsResponseInput> {
  const responses = yield* mapInSteps(resources, ({ resourceType, resourceName }) => ({
    errorCode,
    errorMessage: message,
    resourceType,
    resourceName,
  }));
  return { responses };
}

define(createPartitionsRequest, createPartitionsResponse, function* ({ topics }, { errorCode, message }) {
  return { results: yield* mapInSteps(topics, ({ name }) => ({ name, errorCode, errorMessage: message })) };
});

define(deleteGroupsRequest, deleteGroupsResponse, function* ({ groupsNames }, { errorCode }) {
  return { results: yield* mapInSteps(groupsNames, (groupId) => ({ groupId, errorCode })) };
});

/** ElectLeaders. Whoever asks for all partitions in version 0 can be told nothing. */
define(electLeadersRequest, electLeadersResponse, ({ topicPartitions }, error, version) =>
  topicPartitions === null && version < 1 ? null : electLeadersErrorResponse(topicPartitions ?? [], error, version),
);

export function* electLeadersErrorResponse(
  asked: NonNullable<ElectLeadersRequest['topicPartitions']>,
  { errorCode, message }: RequestError,
  version: number,
): Steps<ElectLeadersResponseInput> {
  const replicaElectionResults = yield* mapNestedInSteps(
    asked,
    ({ partitions }) => partitions,
    (partitionId) => ({ partitionId, errorCode, errorMessage: message }),
    ({ topic }, partitionResult) => ({ topic, partitionResult }),
  );
  return version < 1 ? { replicaElectionResults } : { errorCode, replicaElectionResults };
}

defineAlone(offsetDeleteRequest, offsetDeleteResponse, codeAlone);
defineAlone(alterPartitionRequest, alterPartitionResponse, codeAlone);

defineAlone(describeClusterRequest, describeClusterResponse, ({ errorCode, message }) => ({
  errorCode,
  errorMessage: message,
}));

defineAlone(allocateProducerIdsRequest, allocateProducerIdsResponse, codeAlone);

/** For an answer that has a code of its own in every version, and nothing to name. */
function codeAlone({ errorCode }: RequestError): { errorCode: number } {
  return { errorCode };
}
