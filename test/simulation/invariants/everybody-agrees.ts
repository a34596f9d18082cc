import { partitionKey } from '../../../src/cluster/index.js';
import { partitionStates, sameMembers } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** At rest the controller's memory and the metadata of every broker are what ZooKeeper has. */
export function everybodyAgrees(): Invariant {
  return {
    name: 'everybody agrees with ZooKeeper',
    atRest(cluster) {
      const states = partitionStates(cluster.zooKeeper);
      const live = cluster.zooKeeper.childrenOf('/brokers/ids').map(Number);
      const { controllerId } = cluster;
      const active = cluster.brokers.filter(({ running }) => running?.services?.controller.isActive === true);
      ensure(
        active.length === 1 && active[0]!.id === controllerId,
        () => `active controllers ${active.map(({ id }) => id).join(',')}, ZooKeeper says ${controllerId}`,
      );
      const context = active[0]!.running!.services!.controller['context'];
      const epoch = Number(cluster.zooKeeper.read('/controller_epoch')!.toString());
      ensure(context.epoch === epoch, () => `the controller's epoch is ${context.epoch}, ZooKeeper's ${epoch}`);
      for (const state of states) {
        const name = partitionKey(state);
        const known = context.partition(state.topic, state.partition)?.leadership;
        const inMemory = known?.leaderAndIsr;
        ensure(
          inMemory?.leader === state.leader &&
            inMemory.leaderEpoch === state.leaderEpoch &&
            inMemory.partitionEpoch === state.zkVersion &&
            sameMembers(inMemory.isr, state.isr),
          () => `the controller believes ${name} ${JSON.stringify(known)}, ZooKeeper ${JSON.stringify(state)}`,
        );
      }
      for (const { id, running } of cluster.brokers) {
        const { metadata, replicas } = running!.services!;
        ensure(
          metadata.controllerId === controllerId,
          () => `broker ${id} believes controller ${metadata.controllerId}`,
        );
        const alive = live.filter((brokerId) => metadata.hasAliveBroker(brokerId));
        ensure(sameMembers(alive, live), () => `broker ${id} believes alive ${alive.join(',')} of ${live.join(',')}`);
        const topics = new Set(states.map(({ topic }) => topic));
        for (const topic of metadata.topicsInCluster()) ensure(topics.has(topic), () => `broker ${id} knows ${topic}`);
        for (const state of states) {
          const info = metadata.partitionInfo(state);
          ensure(
            info?.leader === state.leader && info.leaderEpoch === state.leaderEpoch,
            () => `broker ${id} has ${JSON.stringify(info)}, ZooKeeper ${JSON.stringify(state)}`,
          );
          const partition = replicas.partitionOf(state);
          if (!state.replicas.includes(id)) continue;
          ensure(
            partition?.isLeader === (state.leader === id) && partition.leaderAndIsr.leaderEpoch === state.leaderEpoch,
            () => `broker ${id} is ${JSON.stringify(partition?.leaderAndIsr)} in ${JSON.stringify(state)}`,
          );
        }
      }
    },
  };
}
