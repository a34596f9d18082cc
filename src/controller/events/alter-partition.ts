import type { LeaderAndIsr } from '../../cluster/index.js';
import type { Uuid } from '../../common/index.js';
import {
  ErrorCode,
  errorName,
  type AlterPartitionRequest,
  type AlterPartitionResponseInput,
} from '../../protocol/index.js';
import { decideAlterPartition } from '../core/alter-partition.js';
import type { PartitionEntry } from '../core/controller-context.js';
import { endsTerm, type PartitionUpdate } from '../partition-store.js';
import type { ControllerEvent, ControllerRuntime } from '../runtime.js';
import { maybeCompleteReassignments } from './reassignment.js';

type TopicRequest = AlterPartitionRequest['topics'][number];
type PartitionRequest = TopicRequest['partitions'][number];
type TopicResponse = NonNullable<AlterPartitionResponseInput['topics']>[number];
type PartitionResponse = NonNullable<TopicResponse['partitions']>[number];

/** From this version on topics are named by id. */
const FIRST_VERSION_WITH_TOPIC_IDS = 2;
/** From this version on members of the ISR come with their broker epochs (KIP-903). */
const FIRST_VERSION_WITH_BROKER_EPOCHS = 3;

/** A leader asks for changes of its ISRs (KIP-497). */
export function alterPartition(
  request: AlterPartitionRequest,
  version: number,
  respond: (response: AlterPartitionResponseInput) => void,
): ControllerEvent {
  return {
    name: 'AlterPartitionReceived',
    state: 'IsrChange',
    preempt: () => respond({ errorCode: ErrorCode.NOT_CONTROLLER }),
    async process(controller) {
      const refusal = refuse(controller, request);
      if (refusal !== null) return respond({ errorCode: refusal });
      let granted: readonly PartitionEntry[];
      try {
        const outcome = await alter(controller, request, version);
        granted = outcome.granted;
        respond(outcome.response);
      } catch (error) {
        // When our term is over the leader is to look for the new controller and ask there.
        respond({ errorCode: endsTerm(error) ? ErrorCode.NOT_CONTROLLER : ErrorCode.UNKNOWN_SERVER_ERROR });
        throw error;
      }
      await maybeCompleteReassignments(controller, granted);
    },
  };
}

function refuse({ isActive, context, log }: ControllerRuntime, request: AlterPartitionRequest): number | null {
  if (!isActive) return ErrorCode.NOT_CONTROLLER;
  const broker = context.liveOrShuttingDownBrokers.get(request.brokerId);
  if (broker?.epoch === request.brokerEpoch) return null;
  log.info('Ignoring AlterPartition of an unknown broker or an old epoch of it', {
    broker: request.brokerId,
    epoch: request.brokerEpoch,
    currentEpoch: broker?.epoch,
  });
  return ErrorCode.STALE_BROKER_EPOCH;
}

async function alter(
  controller: ControllerRuntime,
  request: AlterPartitionRequest,
  version: number,
): Promise<{ response: AlterPartitionResponseInput; granted: readonly PartitionEntry[] }> {
  const { context, batch, stateChanges, log } = controller;
  const unchanged: PartitionEntry[] = [];
  const topics: { topicName: string; topicId: Uuid; partitions: PartitionResponse[] }[] = [];
  const updates: (PartitionUpdate & { readonly into: PartitionResponse[] })[] = [];
  for (const topicRequest of request.topics) {
    const useId = version >= FIRST_VERSION_WITH_TOPIC_IDS;
    const name = useId ? context.topicName(topicRequest.topicId) : topicRequest.topicName;
    const partitions: PartitionResponse[] = [];
    topics.push({ topicName: topicRequest.topicName, topicId: topicRequest.topicId, partitions });
    for (const partitionRequest of topicRequest.partitions) {
      const { partitionIndex } = partitionRequest;
      if (name === undefined) {
        partitions.push({ partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_ID });
        continue;
      }
      const partition = context.partition(name, partitionIndex);
      const proposed = proposedState(request.brokerId, partitionRequest, version);
      const decision = decideAlterPartition(
        partition?.leadership?.leaderAndIsr,
        proposed,
        context.liveBrokerIds,
        version,
      );
      if (decision.kind === 'write') updates.push({ partition: partition!, next: decision.next, into: partitions });
      else if (decision.kind === 'unchanged') {
        partitions.push(stateResponse(partitionIndex, decision.current));
        unchanged.push(partition!);
      } else {
        log.info('Rejecting AlterPartition', {
          broker: request.brokerId,
          partition: `${name}-${partitionIndex}`,
          error: errorName(decision.errorCode),
          reason: decision.reason,
          isr: proposed.isr,
        });
        partitions.push({ partitionIndex, errorCode: decision.errorCode });
      }
    }
  }

  const changed: PartitionEntry[] = [];
  const written = await controller.partitionStore.writePartitionStates(updates);
  written.forEach((result, i) => {
    const { partition, into } = updates[i]!;
    const { partition: partitionIndex } = partition;
    if (result.kind === 'written') {
      context.putLeadership(partition, { leaderAndIsr: result.state, controllerEpoch: context.epoch });
      stateChanges.isrChanged(partition, result.state);
      changed.push(partition);
      into.push(stateResponse(partitionIndex, result.state));
    } else if (result.kind === 'badVersion') {
      log.info('Failed to update an ISR, bad ZK version', { partition: `${partition.topic}-${partitionIndex}` });
      into.push({ partitionIndex, errorCode: ErrorCode.INVALID_UPDATE_VERSION });
    } else {
      log.warn('Failed to update an ISR', { partition: `${partition.topic}-${partitionIndex}`, error: result.error });
      into.push({ partitionIndex, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR });
    }
  });
  // Only metadata caches hear of it: the leader has the answer, and the followers' epoch did not change.
  if (changed.length > 0) batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, changed);
  return { response: { errorCode: ErrorCode.NONE, topics }, granted: [...changed, ...unchanged] };
}

function proposedState(leader: number, request: PartitionRequest, version: number): LeaderAndIsr {
  return {
    leader,
    leaderEpoch: request.leaderEpoch,
    isr:
      version >= FIRST_VERSION_WITH_BROKER_EPOCHS
        ? request.newIsrWithEpochs.map(({ brokerId }) => brokerId)
        : request.newIsr,
    recovering: request.leaderRecoveryState === 1,
    partitionEpoch: request.partitionEpoch,
  };
}

function stateResponse(partitionIndex: number, state: LeaderAndIsr): PartitionResponse {
  return {
    partitionIndex,
    errorCode: ErrorCode.NONE,
    leaderId: state.leader,
    leaderEpoch: state.leaderEpoch,
    isr: state.isr,
    leaderRecoveryState: state.recovering ? 1 : 0,
    partitionEpoch: state.partitionEpoch,
  };
}
