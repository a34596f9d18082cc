import type { BrokerInfo, LeaderAndIsr, ReplicaAssignment } from '../../../../src/cluster/index.js';
import { ControllerContext, type PartitionEntry } from '../../../../src/controller/core/controller-context.js';

export const brokerInfo = (id: number, epoch = BigInt(100 + id)): BrokerInfo => ({
  id,
  endPoints: [{ host: `host-${id}`, port: 9090 + id, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' }],
  rack: null,
  epoch,
});

/** A context in epoch 3 that knows the brokers. */
export function contextWith(...brokers: number[]): ControllerContext {
  const context = new ControllerContext();
  context.epoch = 3;
  context.epochZkVersion = 3;
  context.putLiveBrokers(brokers.map((id) => brokerInfo(id)));
  return context;
}

export const assigned = (...replicas: number[]): ReplicaAssignment => ({ replicas, adding: [], removing: [] });

/** Makes a partition known, led as said; with leader null it never had one. */
export function addPartition(
  context: ControllerContext,
  topic: string,
  partition: number,
  replicas: number[],
  leader: number | null = replicas[0]!,
  state: Partial<LeaderAndIsr> = {},
): PartitionEntry {
  const entry = context.putAssignment({ topic, partition }, assigned(...replicas));
  if (leader !== null) {
    const leaderAndIsr = { leader, leaderEpoch: 1, isr: replicas, recovering: false, partitionEpoch: 2, ...state };
    context.putLeadership(entry, { leaderAndIsr, controllerEpoch: context.epoch });
  }
  return entry;
}
