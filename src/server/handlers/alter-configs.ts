import {
  alterConfigsRequest,
  alterConfigsResponse,
  ErrorCode,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from '../../protocol/index.js';
import { mapInSteps, runInSlices, type Steps } from '../../common/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import type { ApiResult } from '../admin/admin-error.js';
import { ResourceType, type AuthorizeAlter } from '../admin/config-admin.js';
import { handler, type RequestContext } from '../handler.js';

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

type Answer = { responses: (ApiResult & Resource)[] };

/** Replaces all overrides of each resource. */
export const alterConfigs = handler(alterConfigsRequest, alterConfigsResponse, async (request, context) => {
  const { resources, validateOnly } = request;
  const alter = () => context.configAdmin.alter(resources, validateOnly, authorizeAlter(context));
  const results = await context.atZooKeeper(alter);
  return runInSlices(context.clock, answersOf(resources, results));
});

/** Sets, deletes, extends and shortens single configurations (KIP-339). */
export const incrementalAlterConfigs = handler(
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
  async (request, context) => {
    const { resources, validateOnly } = request;
    const alter = () => context.configAdmin.incrementalAlter(resources, validateOnly, authorizeAlter(context));
    const results = await context.atZooKeeper(alter);
    return runInSlices(context.clock, answersOf(resources, results));
  },
);

function authorizeAlter({ authorize }: Pick<RequestContext, 'authorize'>): AuthorizeAlter {
  return (resourceType, resourceName) => {
    const isTopic = resourceType === ResourceType.TOPIC;
    const resource = isTopic ? ({ type: 'TOPIC', name: resourceName } as const) : CLUSTER_RESOURCE;
    if (authorize('ALTER_CONFIGS', resource)) return ErrorCode.NONE;
    return isTopic ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
  };
}

function* answersOf(resources: readonly Resource[], results: readonly ApiResult[]): Steps<Answer> {
  const answerOf = ({ resourceType, resourceName }: Resource, at: number): ApiResult & Resource => ({
    ...results[at]!,
    resourceType,
    resourceName,
  });
  return { responses: yield* mapInSteps(resources, answerOf) };
}
