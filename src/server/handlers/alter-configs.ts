import {
  alterConfigsRequest,
  alterConfigsResponse,
  ErrorCode,
  errorMessage,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from '../../protocol/index.js';
import { runInSlices, type Steps } from '../../common/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import type { ApiResult } from '../admin/admin-error.js';
import { ResourceType } from '../admin/config-admin.js';
import { handler, type RequestContext } from '../handler.js';
import { forEachInSteps, mapInSteps } from '../in-steps.js';

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

type Answer = { responses: (ApiResult & Resource)[] };

/** Replaces all overrides of each resource. */
export const alterConfigs = handler(alterConfigsRequest, alterConfigsResponse, (request, context) =>
  alterAuthorized(request.resources, context, (resources) =>
    context.configAdmin.alter(resources, request.validateOnly),
  ),
);

/** Sets, deletes, extends and shortens single configurations (KIP-339). */
export const incrementalAlterConfigs = handler(
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
  (request, context) =>
    alterAuthorized(request.resources, context, (resources) =>
      context.configAdmin.incrementalAlter(resources, request.validateOnly),
    ),
);

function* alterAuthorized<R extends Resource>(
  resources: readonly R[],
  { authorize, clock }: Pick<RequestContext, 'authorize' | 'clock'>,
  alter: (resources: readonly R[]) => Promise<ApiResult[]>,
): Steps<Promise<Answer>> {
  const refusalOf = ({ resourceType, resourceName }: Resource): number => {
    const isTopic = resourceType === ResourceType.TOPIC;
    if (authorize('ALTER_CONFIGS', isTopic ? { type: 'TOPIC', name: resourceName } : CLUSTER_RESOURCE))
      return ErrorCode.NONE;
    return isTopic ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
  };
  const refusals: number[] = [];
  const authorized: R[] = [];
  yield* forEachInSteps(resources, (resource) => {
    const refusal = refusalOf(resource);
    refusals.push(refusal);
    if (refusal === ErrorCode.NONE) authorized.push(resource);
  });
  return alter(authorized).then((outcomes) => runInSlices(clock, answersOf(resources, refusals, outcomes)));
}

function* answersOf(
  resources: readonly Resource[],
  refusals: readonly number[],
  outcomes: readonly ApiResult[],
): Steps<Answer> {
  let next = 0;
  const answerOf = ({ resourceType, resourceName }: Resource, at: number): ApiResult & Resource => {
    const refusal = refusals[at]!;
    const result =
      refusal === ErrorCode.NONE ? outcomes[next++]! : { errorCode: refusal, errorMessage: errorMessage(refusal) };
    return { ...result, resourceType, resourceName };
  };
  return { responses: yield* mapInSteps(resources, answerOf) };
}
