import { describeClusterRequest, describeClusterResponse } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

/** Names the cluster, its controller and its live brokers. */
export const describeCluster = handler(describeClusterRequest, describeClusterResponse, (request, context) => {
  const { authorize, metadata, clusterId, listenerName } = context;
  let clusterAuthorizedOperations = -2147483648;
  if (request.includeClusterAuthorizedOperations) {
    const mayDescribe = authorize('DESCRIBE', CLUSTER_RESOURCE);
    clusterAuthorizedOperations = mayDescribe ? context.authorizedOperations(CLUSTER_RESOURCE) : 0;
  }
  return {
    clusterId,
    controllerId: metadata.controllerId,
    clusterAuthorizedOperations,
    brokers: metadata
      .aliveBrokerNodes(listenerName)
      .map(({ id, host, port, rack }) => ({ brokerId: id, host, port, rack })),
  };
});
