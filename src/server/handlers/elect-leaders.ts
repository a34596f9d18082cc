import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import type { ElectLeadersResult } from '../../controller/index.js';
import {
  electLeadersRequest,
  electLeadersResponse,
  ErrorCode,
  errorMessage as errorMessageOf,
  type InputOf,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler, type RequestContext } from '../handler.js';

type Answer = InputOf<typeof electLeadersResponse>;

const PREFERRED = 0;
const UNCLEAN = 1;

/** Elects leaders by hand (KIP-183, KIP-460), and answers when this broker has heard of them or the timeout is up. */
export const electLeaders = handler(
  electLeadersRequest,
  electLeadersResponse,
  async (request, context): Promise<Answer> => {
    const asked = request.topicPartitions?.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    const failAll = (errorCode: number): Answer => ({
      errorCode,
      replicaElectionResults: grouped((asked ?? []).map((tp) => ({ ...tp, errorCode, errorMessage: null }))),
    });
    if (request.electionType !== PREFERRED && request.electionType !== UNCLEAN)
      return failAll(ErrorCode.UNKNOWN_SERVER_ERROR);
    if (!context.authorize('ALTER', CLUSTER_RESOURCE)) return failAll(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);

    const partitions = asked ?? allPartitions(context);
    const type = request.electionType === UNCLEAN ? 'unclean' : 'preferred';
    const results = await context.controller.electLeaders(partitions, type);
    const done = await whenKnown(results, request.timeoutMs, context);
    // Whoever asks for all wants to know what was done, not what was in order already.
    const shown = asked ? done : done.filter(({ errorCode }) => errorCode !== ErrorCode.ELECTION_NOT_NEEDED);
    return { errorCode: ErrorCode.NONE, replicaElectionResults: grouped(shown) };
  },
);

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
): Promise<ElectLeadersResult[]> {
  const waited = new Map(
    results.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map((result) => [partitionKey(result), result]),
  );
  const checkOff = (): void => {
    for (const [key, result] of waited)
      if (metadata.partitionInfo(result)?.leader === result.leader) waited.delete(key);
  };
  return new Promise((resolve) => {
    const finish = (): void => {
      timer.cancel();
      stop();
      resolve(
        results.map((result) =>
          waited.has(partitionKey(result))
            ? { ...result, errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null }
            : result,
        ),
      );
    };
    const timer = clock.setTimer(Math.max(0, timeoutMs), finish);
    const stop = metadata.onUpdate(() => {
      checkOff();
      if (waited.size === 0) finish();
    });
    checkOff();
    if (waited.size === 0) finish();
  });
}

function grouped(
  results: readonly (TopicPartition & { readonly errorCode: number; readonly errorMessage: string | null })[],
): NonNullable<Answer['replicaElectionResults']> {
  const topics = new Map<string, { partitionId: number; errorCode: number; errorMessage: string | null }[]>();
  for (const { topic, partition, errorCode, errorMessage } of results) {
    let list = topics.get(topic);
    if (!list) topics.set(topic, (list = []));
    // Kafka says this with the error's own words.
    const message = errorCode === ErrorCode.ELECTION_NOT_NEEDED ? errorMessageOf(errorCode) : null;
    list.push({ partitionId: partition, errorCode, errorMessage: errorMessage ?? message });
  }
  return [...topics].map(([topic, partitionResult]) => ({ topic, partitionResult }));
}
