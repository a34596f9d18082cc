import { versionIn, type ProtocolAtLeast, type VersionTable } from '../../config/index.js';

/** What a controller of some `inter.broker.protocol.version` sends, and whether it may use what came with later ones. */
export interface ControlVersions {
  readonly leaderAndIsr: number;
  readonly updateMetadata: number;
  readonly stopReplica: number;
  /** Topics get ids (KIP-516, `KafkaConfig.usesTopicId`). Those that have one keep it all the same. */
  readonly usesTopicIds: boolean;
  /** A leader elected unclean is told to recover (KIP-704). Before, no broker could say that it has. */
  readonly isLeaderRecoverySupported: boolean;
}

const LEADER_AND_ISR: VersionTable = [
  ['3.4-IV0', 7],
  ['3.2-IV0', 6],
  ['2.8-IV1', 5],
  ['2.4-IV1', 4],
  ['2.4-IV0', 3],
  ['2.2-IV0', 2],
  ['1.0-IV0', 1],
];

const UPDATE_METADATA: VersionTable = [
  ['3.4-IV0', 8],
  ['2.8-IV1', 7],
  ['2.4-IV1', 6],
  ['2.2-IV0', 5],
  ['1.0-IV0', 4],
  ['0.10.2-IV0', 3],
  ['0.10.0-IV1', 2],
];

const STOP_REPLICA: VersionTable = [
  ['3.4-IV0', 4],
  ['2.6-IV0', 3],
  ['2.4-IV1', 2],
  ['2.2-IV0', 1],
];

/**
 * Chooses the versions of the controller's requests, once for each configuration, as Kafka's `ControllerBrokerRequestBatch` does: by the
 * inter-broker protocol alone and whatever the receiver could do, for an older broker closes the connection on anything newer. Brokers
 * older than 0.9 are not spoken to.
 */
export function controlVersions(atLeast: ProtocolAtLeast): ControlVersions {
  return {
    leaderAndIsr: versionIn(LEADER_AND_ISR, atLeast, 0),
    updateMetadata: versionIn(UPDATE_METADATA, atLeast, 1),
    stopReplica: versionIn(STOP_REPLICA, atLeast, 0),
    usesTopicIds: atLeast('2.8-IV0'),
    isLeaderRecoverySupported: atLeast('3.2-IV0'),
  };
}
