import { partitionKey, type TopicPartition } from '../../cluster/index.js';
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
import type { Wait } from '../request-context.js';

type Answer = InputOf<typeof electLeadersResponse>;

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
  if (request.topicPartitions === null) return elect(request, allPartitions(context), context);
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
  return elect(request, asked, context);
});

async function elect(
  request: ElectLeadersRequest,
  partitions: readonly TopicPartition[],
  context: RequestContext,
): Promise<Answer> {
  const type = request.electionType === UNCLEAN ? 'unclean' : 'preferred';
  const { clock, controller } = context;
  const results: ElectLeadersResult[] = [];
  // An election is one event of the controller, which does nothing else meanwhile.
  for (let at = 0; at < partitions.length; at += PARTITIONS_AN_EVENT) {
    if (at > 0) await nextTurn(clock);
    results.push(...(await controller.electLeaders(partitions.slice(at, at + PARTITIONS_AN_EVENT), type)));
  }
  const done = await context.awaitOthers(whenKnown(results, request.timeoutMs, context));
  // Whoever asks for all wants to know what was done, not what was in order already.
  const isShown = ({ errorCode }: ElectLeadersResult): boolean =>
    request.topicPartitions !== null || errorCode !== ErrorCode.ELECTION_NOT_NEEDED;
  const replicaElectionResults = await runInSlices(clock, grouped(done, isShown));
  return { errorCode: ErrorCode.NONE, replicaElectionResults };
}

function allPartitions({ metadata }: RequestContext): TopicPartition[] {
  return [...metadata.topicsInCluster()].flatMap((topic) =>
    [...metadata.partitionsOf(topic)].map(({ partitionIndex }) => ({ topic, partition: partitionIndex })),
  );
}

/** Kafka's `DelayedElectLeader`: waits until the metadata name the new leaders; what is still missing then is REQUEST_TIMED_OUT. */
function whenKnown(
  results: readonly ElectLeadersResult[],
  timeoutMs: number,
  { metadata, clock }: RequestContext,
): Wait<ElectLeadersResult[]> {
  const waited = new Map(
    results.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map((result) => [partitionKey(result), result]),
  );
  const checkOff = (): void => {
    for (const [key, result] of waited)
      if (metadata.partitionInfo(result)?.leader === result.leader) waited.delete(key);
  };
  let stopWaiting = (): void => undefined;
  const ended = new Promise<ElectLeadersResult[]>((resolve) => {
    const finish = (): void => {
      stopWaiting();
      const missing = new Set(waited.values());
      const isMissing = (result: ElectLeadersResult): boolean => missing.has(result);
      const timedOut = { errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null };
      resolve(results.map((result) => (isMissing(result) ? { ...result, ...timedOut } : result)));
    };
    const timer = clock.setTimer(Math.max(0, timeoutMs), finish);
    const stop = metadata.onUpdate(() => {
      checkOff();
      if (waited.size === 0) finish();
    });
    stopWaiting = () => {
      timer.cancel();
      stop();
    };
    checkOff();
    if (waited.size === 0) finish();
  });
  return { ended, giveUp: stopWaiting };
}

function* grouped(
  results: readonly ElectLeadersResult[],
  isShown: (result: ElectLeadersResult) => boolean,
): Steps<NonNullable<Answer['replicaElectionResults']>> {
  const topics = new Map<string, { partitionId: number; errorCode: number; errorMessage: string | null }[]>();
  yield* forEachInSteps(results, (result) => {
    if (!isShown(result)) return;
    const { topic, partition, errorCode, errorMessage } = result;
    let list = topics.get(topic);
    if (!list) topics.set(topic, (list = []));
    // Kafka says this with the error's own words.
    const message = errorCode === ErrorCode.ELECTION_NOT_NEEDED ? errorMessageOf(errorCode) : null;
    list.push({ partitionId: partition, errorCode, errorMessage: errorMessage ?? message });
  });
  return [...topics].map(([topic, partitionResult]) => ({ topic, partitionResult }));
}
