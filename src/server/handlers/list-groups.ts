import { forEachInSteps } from '../../common/index.js';
import { listGroupsRequest, listGroupsResponse, type ListGroupsResponse } from '../../protocol/index.js';
import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler, type RequestContext } from '../handler.js';

/** The groups that this broker coordinates, or those of them that the client may see. */
export const listGroups = handler(listGroupsRequest, listGroupsResponse, function* (request, context) {
  const { authorize, groups } = context;
  const states = new Set<string>();
  yield* forEachInSteps(request.statesFilter, (state) => void states.add(state));
  const mayDescribeAll = authorize('DESCRIBE', CLUSTER_RESOURCE);
  const { errorCode, groups: all } = groups.listGroups(ledHere(context));
  const listed: ListGroupsResponse['groups'] = [];
  yield* forEachInSteps(all, (group) => {
    const isAsked = states.size === 0 || states.has(group.groupState);
    if (isAsked && (mayDescribeAll || authorize('DESCRIBE', { type: 'GROUP', name: group.groupId })))
      listed.push(group);
  });
  return { errorCode, groups: listed };
});

/** The partitions of `__consumer_offsets` that this broker leads as the metadata have it. */
function* ledHere({ metadata, brokerId }: RequestContext): Iterable<number> {
  for (const { leader, partitionIndex } of metadata.partitionsOf(GROUP_METADATA_TOPIC)) {
    if (leader === brokerId) yield partitionIndex;
  }
}
