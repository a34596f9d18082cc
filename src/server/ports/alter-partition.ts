import {
  AlterPartitionManager,
  isAlterPartitionSupported,
  type AlterPartitionManagerOptions,
  type AlterPartitionSender,
} from '../../replication/index.js';
import type { ZkStores } from '../../zookeeper/index.js';
import { ZkAlterPartitionManager } from './zk-alter-partition-manager.js';

/** The way in which ISRs are changed under this `inter.broker.protocol.version`: by the controller, or in ZooKeeper. */
export function alterPartitionSender(
  options: AlterPartitionManagerOptions & { readonly stores: ZkStores },
): AlterPartitionSender & { close(): void } {
  return isAlterPartitionSupported(options.protocolAtLeast)
    ? new AlterPartitionManager(options)
    : new ZkAlterPartitionManager(options);
}
