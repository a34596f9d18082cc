import { alterPartitionRequest, alterPartitionResponse } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** A leader asks the controller to change ISRs (KIP-497). */
export const alterPartition = handler(alterPartitionRequest, alterPartitionResponse, (request, context) => {
  const { authorizeClusterAction, controller, apiVersion } = context;
  authorizeClusterAction();
  return context.atZooKeeper(() => controller.alterPartitions(request, apiVersion));
});
