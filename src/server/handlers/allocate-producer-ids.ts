import { allocateProducerIdsRequest, allocateProducerIdsResponse } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** A broker asks the controller for a block of producer ids (KIP-730). */
export const allocateProducerIds = handler(
  allocateProducerIdsRequest,
  allocateProducerIdsResponse,
  (request, { authorizeClusterAction, controller }) => {
    authorizeClusterAction();
    return controller.allocateProducerIds(request);
  },
);
