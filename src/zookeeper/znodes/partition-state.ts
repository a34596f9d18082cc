import type { LeaderIsrAndControllerEpoch, TopicPartition } from '../../cluster/index.js';
import { ZnodeFormatError } from '../core/errors.js';
import { decodeJson, encodeJson } from './json.js';

/** It leaves room for more elections than a cluster will see. */
const MAX_LEADER_EPOCH = 0x7fff0000;

/** `/brokers/topics/T/partitions/P/state`. Its version is the partition epoch, so every write names the one it read. */
export const partitionStateZnode = {
  path: ({ topic, partition }: TopicPartition): string => `/brokers/topics/${topic}/partitions/${partition}/state`,

  encode: ({ leaderAndIsr: state, controllerEpoch }: LeaderIsrAndControllerEpoch): Buffer =>
    encodeJson({
      controller_epoch: controllerEpoch,
      leader: state.leader,
      version: 1,
      // Kafka writes this only while recovering, and reads its absence as recovered (KIP-704).
      ...(state.recovering && { leader_recovery_state: 1 }),
      leader_epoch: state.leaderEpoch,
      isr: state.isr,
    }),

  decode(data: Buffer | null, znodeVersion: number): LeaderIsrAndControllerEpoch {
    const json = decodeJson(data, 'a partition state');
    const leaderEpoch = json.int('leader_epoch');
    // Each election raises it, and what it is raised to has to be told.
    if (leaderEpoch > MAX_LEADER_EPOCH)
      throw new ZnodeFormatError(`a partition state has the leader epoch ${leaderEpoch}`);
    return {
      controllerEpoch: json.int('controller_epoch'),
      leaderAndIsr: {
        leader: json.int('leader'),
        leaderEpoch,
        isr: json.ints('isr'),
        recovering: json.optionalInt('leader_recovery_state') === 1,
        partitionEpoch: znodeVersion,
      },
    };
  },
};
