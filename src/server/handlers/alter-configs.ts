import {
  alterConfigsRequest,
  alterConfigsResponse,
  ErrorCode,
  errorMessage,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import type { ApiResult } from '../admin/admin-error.js';
import { ResourceType } from '../admin/config-admin.js';
import { handler, type RequestContext } from '../handler.js';

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Replaces all overrides of each resource. */
export const alterConfigs = handler(alterConfigsRequest, alterConfigsResponse, async (request, context) =>
  alterAuthorized(request.resources, context, (resources) =>
    context.configAdmin.alter(resources, request.validateOnly),
  ),
);

/** Sets, deletes, extends and shortens single configurations (KIP-339). */
export const incrementalAlterConfigs = handler(
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
  async (request, context) =>
    alterAuthorized(request.resources, context, (resources) =>
      context.configAdmin.incrementalAlter(resources, request.validateOnly),
    ),
);

async function alterAuthorized<R extends Resource>(
  resources: readonly R[],
  { authorize }: Pick<RequestContext, 'authorize'>,
  alter: (resources: readonly R[]) => Promise<ApiResult[]>,
): Promise<{ responses: (ApiResult & Resource)[] }> {
  const refusalOf = ({ resourceType, resourceName }: Resource): number => {
    const isTopic = resourceType === ResourceType.TOPIC;
    if (authorize('ALTER_CONFIGS', isTopic ? { type: 'TOPIC', name: resourceName } : CLUSTER_RESOURCE))
      return ErrorCode.NONE;
    return isTopic ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
  };
  const authorized = resources.filter((resource) => refusalOf(resource) === ErrorCode.NONE);
  const outcomes = await alter(authorized);
  return {
    responses: resources.map((resource) => {
      const { resourceType, resourceName } = resource;
      const refusal = refusalOf(resource);
      const result =
        refusal === ErrorCode.NONE
          ? outcomes[authorized.indexOf(resource)]!
          : { errorCode: refusal, errorMessage: errorMessage(refusal) };
      return { ...result, resourceType, resourceName };
    }),
  };
}
