import { describeConfigsRequest, describeConfigsResponse, ErrorCode, errorMessage } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { ResourceType } from '../admin/config-admin.js';
import { handler } from '../handler.js';

/** Tells the configurations of topics, and of the broker that is asked. */
export const describeConfigs = handler(describeConfigsRequest, describeConfigsResponse, async (request, context) => {
  const { authorize, configAdmin } = context;
  const results = await Promise.all(
    request.resources.map(async (resource) => {
      const { resourceType, resourceName } = resource;
      const isTopic = resourceType === ResourceType.TOPIC;
      if (authorize('DESCRIBE_CONFIGS', isTopic ? { type: 'TOPIC', name: resourceName } : CLUSTER_RESOURCE)) {
        return configAdmin.describe(resource, { includeSynonyms: request.includeSynonyms });
      }
      const errorCode = isTopic ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
      return { errorCode, errorMessage: errorMessage(errorCode), resourceType, resourceName, configs: [] };
    }),
  );
  return { results };
});
