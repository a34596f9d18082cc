import type { LeaderAndIsrRequest, StopReplicaRequest, UpdateMetadataRequest } from '../../src/protocol/index.js';
import type { Received } from './controller-lab.js';

/** One line a request, or for all brokers that got the same one after another: `1 -> 2,3 UpdateMetadata brokers 1,2,3; a-0 …`. */
export function describeRequests(received: readonly Received[]): string[] {
  const lines: { from: number; to: number[]; text: string }[] = [];
  for (const request of received) {
    const { from, to } = request;
    const text = textOf(request);
    const same = lines.find((line) => line.from === from && line.text === text && !line.to.includes(to));
    if (same) same.to.push(to);
    else lines.push({ from, to: [to], text });
  }
  return lines.map(({ from, to, text }) => `${from} -> ${to.join(',')} ${text}`);
}

function textOf(request: Received): string {
  switch (request.api) {
    case 'LEADER_AND_ISR':
      return leaderAndIsrText(request.body);
    case 'UPDATE_METADATA':
      return updateMetadataText(request.body);
    case 'STOP_REPLICA':
      return stopReplicaText(request.body);
  }
}

function leaderAndIsrText({ type, controllerEpoch, topicStates }: LeaderAndIsrRequest): string {
  const partitions = topicStates.flatMap(({ topicName, partitionStates }) =>
    partitionStates.map((state) =>
      words(
        `${topicName}-${state.partitionIndex}`,
        stateText(state),
        state.addingReplicas.length > 0 && `adding ${state.addingReplicas.join()}`,
        state.removingReplicas.length > 0 && `removing ${state.removingReplicas.join()}`,
        state.isNew && 'new',
        state.leaderRecoveryState === 1 && 'recovering',
      ),
    ),
  );
  return `LeaderAndIsr of epoch ${controllerEpoch}${type === 1 ? ', full' : ''}: ${partitions.join('; ') || 'nothing'}`;
}

function updateMetadataText({ controllerEpoch, liveBrokers, topicStates }: UpdateMetadataRequest): string {
  const partitions = topicStates.flatMap(({ topicName, partitionStates }) =>
    partitionStates.map((state) =>
      words(
        `${topicName}-${state.partitionIndex}`,
        stateText(state),
        state.offlineReplicas.length > 0 && `offline ${state.offlineReplicas.join()}`,
      ),
    ),
  );
  const brokers = liveBrokers.map(({ id }) => id).join();
  return `UpdateMetadata of epoch ${controllerEpoch}: ${[`brokers ${brokers}`, ...partitions].join('; ')}`;
}

function stopReplicaText({ controllerEpoch, topicStates }: StopReplicaRequest): string {
  const partitions = topicStates.flatMap(({ topicName, partitionStates }) =>
    partitionStates.map(({ partitionIndex, leaderEpoch, deletePartition }) =>
      words(`${topicName}-${partitionIndex}`, `in ${leaderEpoch}`, deletePartition && 'delete'),
    ),
  );
  return `StopReplica of epoch ${controllerEpoch}: ${partitions.join('; ')}`;
}

interface State {
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly isr: readonly number[];
  readonly replicas: readonly number[];
}

function stateText({ leader, leaderEpoch, isr, replicas }: State): string {
  return `leader ${leader} in ${leaderEpoch}, isr ${isr.join() || 'none'} of ${replicas.join()}`;
}

function words(...texts: (string | false)[]): string {
  return texts.filter((text) => text !== false).join(' ');
}
