import {
  describeConfigsRequest,
  describeConfigsResponse,
  ErrorCode,
  errorMessage,
  type DescribeConfigsRequest,
  type DescribeConfigsResponseInput,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { ResourceType } from '../admin/config-admin.js';
import { ApiError, handler } from '../handler.js';
import { mapInTurns } from '../in-turns.js';

type Resource = DescribeConfigsRequest['resources'][number];
type Result = NonNullable<DescribeConfigsResponseInput['results']>[number];

/** Side by side: each is a read of ZooKeeper. */
const MAX_CONCURRENT = 100;
const DESCRIBABLE: ReadonlySet<number> = new Set(Object.values(ResourceType));

/** Tells the configurations of topics, and of the broker that is asked. */
export const describeConfigs = handler(describeConfigsRequest, describeConfigsResponse, async (request, context) => {
  const { authorize, clock, configAdmin } = context;
  // Kafka gives up on all of the request at the first such resource.
  if (request.resources.some(({ resourceType }) => !DESCRIBABLE.has(resourceType))) {
    throw new ApiError(ErrorCode.INVALID_REQUEST);
  }
  const describe = async (resource: Resource): Promise<Result> => {
    const { resourceType, resourceName } = resource;
    const isTopic = resourceType === ResourceType.TOPIC;
    if (authorize('DESCRIBE_CONFIGS', isTopic ? { type: 'TOPIC', name: resourceName } : CLUSTER_RESOURCE)) {
      return configAdmin.describe(resource, request);
    }
    const errorCode = isTopic ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
    return { errorCode, errorMessage: errorMessage(errorCode), resourceType, resourceName, configs: [] };
  };
  // A resource that is named again and again is read, and kept in memory, once: it is dozens of configurations.
  const described = new Map<string, Promise<Result>>();
  const describeOnce = (resource: Resource): Promise<Result> => {
    const { resourceType, resourceName, configurationKeys } = resource;
    // None named are all, as null is.
    const key = JSON.stringify([resourceType, resourceName, ...(configurationKeys ?? [])]);
    let result = described.get(key);
    if (!result) described.set(key, (result = describe(resource)));
    return result;
  };
  const describeAll = () => mapInTurns(clock, request.resources, MAX_CONCURRENT, describeOnce);
  const isOfTopics = request.resources.some(({ resourceType }) => resourceType === ResourceType.TOPIC);
  return { results: await (isOfTopics ? context.atZooKeeper(describeAll) : describeAll()) };
});
