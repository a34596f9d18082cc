import type { TopicPartition } from '../../cluster/index.js';
import { forEachInSteps, nextTurn, runInSlices, type Steps } from '../../common/index.js';
import type { ElectLeadersResult } from '../../controller/index.js';
import {
  electLeadersRequest,
  electLeadersResponse,
  ErrorCode,
  errorMessage as errorMessageOf,
  type ElectLeadersRequest,
  type InputOf,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { electLeadersErrorResponse } from '../error-responses.js';
import { handler, type RequestContext } from '../handler.js';

type Answer = InputOf<typeof electLeadersResponse>;
type TopicAnswer = NonNullable<Answer['replicaElectionResults']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitionResult']>[number];

const PREFERRED = 0;
const UNCLEAN = 1;
const PARTITIONS_AN_EVENT = 1000;

/** Elects leaders by hand (KIP-183, KIP-460), and answers when this broker has heard of them or the timeout is up. */
export const electLeaders = handler(electLeadersRequest, electLeadersResponse, function* (request, context) {
  const { apiVersion } = context;
  const refuse = (errorCode: number): Steps<Answer> =>
    electLeadersErrorResponse(request.topicPartitions ?? [], { errorCode, message: null }, apiVersion);
  if (request.electionType !== PREFERRED && request.electionType !== UNCLEAN) {
    return yield* refuse(ErrorCode.UNKNOWN_SERVER_ERROR);
  }
  if (!context.authorize('ALTER', CLUSTER_RESOURCE)) return yield* refuse(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  const electAll = (partitions: readonly TopicPartition[]): Promise<Answer> =>
    context.atZooKeeper(() => elect(request, partitions, context));
  if (request.topicPartitions === null) return electAll(yield* allPartitions(context));
  const asked: TopicPartition[] = [];
  // Each once, however often it is named.
  const seen = new Map<string, Set<number>>();
  for (const { topic, partitions } of request.topicPartitions) {
    let seenOfTopic = seen.get(topic);
    if (!seenOfTopic) seen.set(topic, (seenOfTopic = new Set()));
    yield* forEachInSteps(partitions, (partition) => {
      if (seenOfTopic.has(partition)) return;
      seenOfTopic.add(partition);
      asked.push({ topic, partition });
    });
    yield;
  }
  return electAll(asked);
});

async function elect(
  request: ElectLeadersRequest,
  partitions: readonly TopicPartition[],
  context: RequestContext,
): Promise<Answer> {
  const type = request.electionType === UNCLEAN ? 'unclean' : 'preferred';
  const { clock, controller, metadata, topicAdmin } = context;
  const results: ElectLeadersResult[] = [];
  // As many as the cluster has, while those that are asked for may be any number.
  const elected: ElectLeadersResult[] = [];
  // An election is one event of the controller, which does nothing else meanwhile.
  for (let at = 0; at < partitions.length; at += PARTITIONS_AN_EVENT) {
    if (at > 0) await nextTurn(clock);
    for (const result of await controller.electLeaders(partitions.slice(at, at + PARTITIONS_AN_EVENT), type)) {
      results.push(result);
      if (result.errorCode === ErrorCode.NONE) elected.push(result);
    }
  }
  // Those that the metadata do not name yet.
  const late = new Set(elected);
  function* areAllKnown(): Steps<boolean> {
    yield* forEachInSteps(late, (result) => {
      if (metadata.partitionInfo(result)?.leader === result.leader) late.delete(result);
    });
    return late.size === 0;
  }
  // Kafka's `DelayedElectLeader`.
  await context.awaitOthers(topicAdmin.waiter.wait(Math.max(0, request.timeoutMs), areAllKnown));
  await runInSlices(clock, areAllKnown());
  // Whoever asks for all wants to know what was done, not what was in order already.
  const isShown = ({ errorCode }: ElectLeadersResult): boolean =>
    request.topicPartitions !== null || errorCode !== ErrorCode.ELECTION_NOT_NEEDED;
  const replicaElectionResults = await runInSlices(clock, grouped(results, late, isShown));
  return { errorCode: ErrorCode.NONE, replicaElectionResults };
}

function* allPartitions({ metadata }: RequestContext): Steps<TopicPartition[]> {
  const all: TopicPartition[] = [];
  for (const topic of metadata.topicsInCluster()) {
    yield* forEachInSteps(metadata.partitionsOf(topic), ({ partitionIndex }) => {
      all.push({ topic, partition: partitionIndex });
    });
    yield;
  }
  return all;
}

/** Those that are `late` have timed out. */
function* grouped(
  results: readonly ElectLeadersResult[],
  late: ReadonlySet<ElectLeadersResult>,
  isShown: (result: ElectLeadersResult) => boolean,
): Steps<TopicAnswer[]> {
  const answers: TopicAnswer[] = [];
  const byTopic = new Map<string, PartitionAnswer[]>();
  yield* forEachInSteps(results, (result) => {
    if (!isShown(result)) return;
    const { topic, partition: partitionId, errorCode, errorMessage } = result;
    let ofTopic = byTopic.get(topic);
    if (!ofTopic) {
      byTopic.set(topic, (ofTopic = []));
      answers.push({ topic, partitionResult: ofTopic });
    }
    if (late.has(result)) {
      ofTopic.push({ partitionId, errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null });
      return;
    }
    // Kafka says this with the error's own words.
    const message = errorCode === ErrorCode.ELECTION_NOT_NEEDED ? errorMessageOf(errorCode) : null;
    ofTopic.push({ partitionId, errorCode, errorMessage: errorMessage ?? message });
  });
  return answers;
}
