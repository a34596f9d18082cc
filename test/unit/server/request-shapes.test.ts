/** What is made of all that a request names goes in steps: of what nobody may do a million may be named. */
import { ZERO_UUID, type Steps } from '../../../src/common/index.js';
import {
  ApiKey,
  deleteTopicsRequest,
  ErrorCode,
  leaderAndIsrRequest,
  stopReplicaRequest,
  type InputOf,
  type LeaderAndIsrResponse,
} from '../../../src/protocol/index.js';
import { errorResponse } from '../../../src/server/error-responses.js';
import { stoppedPartitions, topicsToDelete } from '../../../src/server/request-shapes.js';

const COUNT = 2000;
const list = <T>(length: number, make: (at: number) => T): T[] => Array.from({ length }, (_, at) => make(at));

function inSteps<T>(steps: Steps<T>): { result: T; count: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done) return { result: step.value, count };
  }
}

test.each([5, 6])('topics to be deleted are told by DeleteTopics %i', (version) => {
  const topics = list(COUNT, (at) => ({ name: `t${at}`, topicId: ZERO_UUID }));
  const input = version < 6 ? { topicNames: topics.map(({ name }) => name) } : { topics };
  const request = deleteTopicsRequest.decode(deleteTopicsRequest.encode({ timeoutMs: 0, ...input }, version), version);
  const { result, count } = inSteps(topicsToDelete(request, version));
  expect(result).toEqual(topics);
  if (version < 6) expect(count).toBeGreaterThan(COUNT / 100);
});

type StopReplicaInput = InputOf<typeof stopReplicaRequest>;
const controller = { controllerId: 1, controllerEpoch: 2, brokerEpoch: 3n };
const stops: readonly (readonly [string, number, StopReplicaInput, number])[] = [
  ['of one topic', 1, { topics: [{ name: 't', partitionIndexes: list(COUNT, (at) => at) }] }, -1],
  ['of many topics', 1, { topics: list(COUNT, (at) => ({ name: 't', partitionIndexes: [at] })) }, -1],
  ['by themselves', 0, { ungroupedPartitions: list(COUNT, (at) => ({ topicName: 't', partitionIndex: at })) }, -1],
  [
    'of one topic',
    3,
    {
      topicStates: [
        {
          topicName: 't',
          partitionStates: list(COUNT, (partitionIndex) => ({ partitionIndex, leaderEpoch: 4, deletePartition: true })),
        },
      ],
    },
    4,
  ],
];

test.each(stops)('partitions to be stopped, %s, are told by StopReplica %i', (_how, version, input, leaderEpoch) => {
  const sent = { ...controller, deletePartitions: version < 3, ...input };
  const encoded = stopReplicaRequest.encode(sent, version);
  const { result, count } = inSteps(stoppedPartitions(stopReplicaRequest.decode(encoded, version)));
  expect(result).toEqual(
    list(COUNT, (partition) => ({ tp: { topic: 't', partition }, leaderEpoch, deletePartition: true })),
  );
  expect(count).toBeGreaterThan(COUNT / 100);
});

test.each([0, 4])('LeaderAndIsr %i is refused in each partition', (version) => {
  const state = (partitionIndex: number) => ({ topicName: 't', partitionIndex, isr: [1], replicas: [1] });
  const states = list(COUNT, state);
  const input =
    version < 2
      ? { ungroupedPartitionStates: states }
      : { topicStates: states.map((one) => ({ topicName: 't', partitionStates: [one] })) };
  const encoded = leaderAndIsrRequest.encode({ ...controller, ...input }, version);
  const request = leaderAndIsrRequest.decode(encoded, version);
  const errorCode = ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
  const answer = errorResponse(ApiKey.LeaderAndIsr, request, { errorCode, message: null }, version);
  const { result, count } = inSteps(answer as Steps<LeaderAndIsrResponse>);
  expect(result.partitionErrors).toEqual(
    list(COUNT, (partitionIndex) => ({ topicName: 't', partitionIndex, errorCode })),
  );
  expect(count).toBeGreaterThan(COUNT / 100);
});
