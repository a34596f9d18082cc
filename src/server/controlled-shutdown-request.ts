import { sleep } from '../common/index.js';
import { ApiKey, ErrorCode, errorName, type ControlledShutdownResponse } from '../protocol/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import { brokerClient, controlListenerName, endPointOf, type BrokerClientOptions } from './ports/broker-client.js';

const CONTROLLED_SHUTDOWN_VERSION = 3;

/**
 * Asks the controller to move this broker's leaders away before it stops (`KafkaServer.controlledShutdown`): again and again, up to
 * `controlled.shutdown.max.retries`, while partitions remain or the controller moves. True when nothing is left to move.
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
  const { config, logger } = options;
  try {
    const controllerId = await stores.controller.controllerId();
    const controller = controllerId === null ? null : await stores.brokers.broker(controllerId);
    const endPoint = controller && endPointOf(controller.endPoints, controlListenerName(config));
    if (!endPoint) return false;
    const client = brokerClient(options, endPoint, String(brokerId), config.get('controller.socket.timeout.ms'));
    try {
      const body = { brokerId, brokerEpoch };
      const answer = await client.send<ControlledShutdownResponse>(
        ApiKey.ControlledShutdown,
        CONTROLLED_SHUTDOWN_VERSION,
        body,
      );
      if (answer.errorCode === ErrorCode.NONE && answer.remainingPartitions.length === 0) return true;
      logger.info('The controller could not move all leaders', {
        controller: controllerId,
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
