import {
  ErrorCode,
  type AllocateProducerIdsRequest,
  type AllocateProducerIdsResponseInput,
} from '../../protocol/index.js';
import type { ControllerEvent } from '../runtime.js';

/** A broker wants a block of producer ids for its transaction coordinator (KIP-730). */
export function allocateProducerIds(
  request: AllocateProducerIdsRequest,
  respond: (response: AllocateProducerIdsResponseInput) => void,
): ControllerEvent {
  const refuse = (errorCode: number): void => respond({ errorCode });
  return {
    name: 'AllocateProducerIds',
    state: 'Idle',
    preempt: () => refuse(ErrorCode.NOT_CONTROLLER),
    async process(controller) {
      if (!controller.isActive) return refuse(ErrorCode.NOT_CONTROLLER);
      const { context, stores, log } = controller;
      const broker = context.liveOrShuttingDownBrokers.get(request.brokerId);
      if (!broker) {
        log.warn('Ignoring AllocateProducerIds due to unknown broker', { broker: request.brokerId });
        return refuse(ErrorCode.BROKER_ID_NOT_REGISTERED);
      }
      if (broker.epoch !== request.brokerEpoch) {
        log.warn('Ignoring AllocateProducerIds due to stale broker epoch', {
          broker: broker.id,
          epoch: request.brokerEpoch,
        });
        return refuse(ErrorCode.STALE_BROKER_EPOCH);
      }
      try {
        const { firstProducerId, lastProducerId } = await stores.producerIds.nextBlock(broker.id);
        respond({
          errorCode: ErrorCode.NONE,
          producerIdStart: BigInt(firstProducerId),
          producerIdLen: lastProducerId - firstProducerId + 1,
        });
      } catch (error) {
        refuse(ErrorCode.UNKNOWN_SERVER_ERROR);
        throw error;
      }
    },
  };
}
