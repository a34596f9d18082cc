import type { BrokerInfo } from '../cluster/index.js';
import { sleep, withinTime } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { ApiKey, ErrorCode, errorName, type ControlledShutdownResponse } from '../protocol/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import { brokerClient, controlListenerName, endPointOf, type BrokerClientOptions } from './ports/broker-client.js';

/** How long ZooKeeper is given to say who the controller is: when the ensemble is gone, a broker that stops must not wait for it. */
const LOOK_UP_LIMIT_MS = 5_000;

/**
 * Asks the controller to move this broker's leaders away before it stops (`KafkaServer.controlledShutdown`): again and again, up to
 * `controlled.shutdown.max.retries`, while partitions remain or the controller moves. True when nothing is left to move. The last broker
 * of a cluster asks once: nobody is left to take over.
 */
export async function requestControlledShutdown(
  brokerId: number,
  brokerEpoch: () => bigint,
  stores: ZkStores,
  options: BrokerClientOptions,
): Promise<boolean> {
  const { config, clock, logger } = options;
  const retries = config.get('controlled.shutdown.max.retries');
  const backoffMs = config.get('controlled.shutdown.retry.backoff.ms');
  logger.info('Starting controlled shutdown');
  for (let attempt = 1; attempt <= retries; attempt++) {
    if (await askOnce(brokerId, brokerEpoch(), stores, options)) {
      logger.info('Controlled shutdown request returned successfully');
      return true;
    }
    if (attempt < retries) {
      if (await isLastBroker(brokerId, stores, options)) break;
      logger.warn('Retrying controlled shutdown after the previous attempt failed', { attempt });
      await sleep(clock, backoffMs);
    }
  }
  logger.warn('Proceeding to do an unclean shutdown as all the controlled shutdown attempts failed');
  return false;
}

async function askOnce(
  brokerId: number,
  brokerEpoch: bigint,
  stores: ZkStores,
  options: BrokerClientOptions,
): Promise<boolean> {
  const { config, logger, clock } = options;
  try {
    const controller = await withinTime(clock, LOOK_UP_LIMIT_MS, findController(stores));
    const endPoint = controller && endPointOf(controller.endPoints, controlListenerName(config));
    if (!endPoint) {
      logger.info('No controller is known that could take over the leaders of this broker');
      return false;
    }
    const client = brokerClient(options, endPoint, String(brokerId), config.get('controller.socket.timeout.ms'));
    try {
      const body = { brokerId, brokerEpoch };
      const answer = await client.send<ControlledShutdownResponse>(ApiKey.ControlledShutdown, versionFor(config), body);
      if (answer.errorCode === ErrorCode.NONE && answer.remainingPartitions.length === 0) return true;
      logger.info('The controller could not move all leaders', {
        controller: controller.id,
        error: errorName(answer.errorCode),
        remaining: answer.remainingPartitions.length,
      });
    } finally {
      client.close();
    }
  } catch (error) {
    logger.warn('Error during controlled shutdown, possibly because the controller does not answer', { error });
  }
  return false;
}

/** By `inter.broker.protocol.version`, as in Kafka; brokers of before 0.9 are not spoken to. */
function versionFor(config: BrokerConfig): number {
  if (config.interBrokerProtocolAtLeast('2.4-IV1')) return 3;
  return config.interBrokerProtocolAtLeast('2.2-IV0') ? 2 : 1;
}

async function isLastBroker(brokerId: number, stores: ZkStores, { clock }: BrokerClientOptions): Promise<boolean> {
  try {
    const ids = await withinTime(clock, LOOK_UP_LIMIT_MS, stores.brokers.brokerIds());
    return ids?.length === 1 && ids[0] === brokerId;
  } catch (error) {
    void error; // ZooKeeper does not say, so there may be others.
    return false;
  }
}

async function findController(stores: ZkStores): Promise<BrokerInfo | null> {
  const controllerId = await stores.controller.controllerId();
  return controllerId === null ? null : stores.brokers.broker(controllerId);
}
