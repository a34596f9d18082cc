import { withinTime, type Clock, type Logger } from '../common/index.js';
import type { Controller } from '../controller/index.js';
import type { GroupCoordinator } from '../coordinator/index.js';
import type { LogManager } from '../log/index.js';
import type { SocketServer } from '../network/index.js';
import type { AlterPartitionSender, ReplicaManager } from '../replication/index.js';
import type { ZkClient } from '../zookeeper/index.js';
import type { TopicAdmin } from './admin/topic-admin.js';
import type { ConfigChanges } from './config-changes.js';
import type { FinalizedFeatures } from './finalized-features.js';
import type { MetadataGate } from './metadata-gate.js';
import type { OffsetsTopic } from './offsets-topic.js';
import type { ControllerConnection } from './ports/controller-channel.js';
import type { BrokerServices } from './services.js';

/** What a broker is made of. */
export interface Parts {
  zk: ZkClient;
  logs: LogManager;
  features: FinalizedFeatures;
  sockets: SocketServer;
  controllerConnection: ControllerConnection;
  alterPartition: AlterPartitionSender & { close(): void };
  replicas: ReplicaManager;
  controller: Controller;
  groups: GroupCoordinator;
  offsetsTopic: OffsetsTopic;
  topicAdmin: TopicAdmin;
  configChanges: ConfigChanges;
  gate: MetadataGate;
  services: BrokerServices;
}

/** How long a part may take to stop that waits for others: for ZooKeeper above all, which may be gone for good. */
export const STOP_LIMIT_MS = 5_000;

/** Stops the parts that were made, in Kafka's order. Each is stopped though another fails to. */
export async function stopParts(parts: Partial<Parts>, clock: Clock, logger: Logger): Promise<void> {
  /** What still waits for ZooKeeper then ends when the session is closed. */
  const withinLimit = (what: string, stop: () => Promise<void> | undefined): Promise<void> =>
    quietly(logger, what, async () => {
      let isDone = false;
      const stopping = Promise.resolve(stop()).then(() => (isDone = true));
      await withinTime(clock, STOP_LIMIT_MS, stopping);
      if (!isDone) logger.warn('A part of the broker does not stop in time; going on without', { part: what });
    });
  await withinLimit('config changes', () => parts.configChanges?.close());
  await quietly(logger, 'socket server', () => parts.sockets?.stopProcessing());
  await quietly(logger, 'metadata gate', () => parts.gate?.close());
  await quietly(logger, 'topic admin', () => parts.topicAdmin?.waiter.close());
  await quietly(logger, 'offsets topic', () => parts.offsetsTopic?.close());
  await withinLimit('group coordinator', () => parts.groups?.shutdown());
  await quietly(logger, 'replica manager', () => parts.replicas?.shutdown());
  await quietly(logger, 'alter partition manager', () => parts.alterPartition?.close());
  await quietly(logger, 'controller connection', () => parts.controllerConnection?.close());
  await quietly(logger, 'log manager', () => parts.logs?.shutdown());
  await withinLimit('controller', () => parts.controller?.shutdown());
  await quietly(logger, 'features', () => parts.features?.close());
  await quietly(logger, 'zookeeper', () => parts.zk?.close());
  await quietly(logger, 'sockets', () => parts.sockets?.shutdown());
}

/** Stops a part. That it fails to is logged. */
export async function quietly(logger: Logger, what: string, stop: () => unknown): Promise<void> {
  try {
    await stop();
  } catch (error) {
    logger.error('Stopping a part of the broker failed', { part: what, error });
  }
}
