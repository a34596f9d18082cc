import { alterPartitionRequest, alterPartitionResponse } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** A leader asks the controller to change ISRs (KIP-497). */
export const alterPartition = handler(
  alterPartitionRequest,
  alterPartitionResponse,
  (request, { authorizeClusterAction, controller, apiVersion }) => {
    authorizeClusterAction();
    return controller.alterPartitions(request, apiVersion);
  },
);
