import type { GroupRequestContext } from '../coordinator/index.js';
import { compressionIdOf } from '../records/index.js';
import type { RequestContext } from './handler.js';

/** What the group coordinator wants to know of a request. */
export function groupContext({ apiVersion, clientId, clientAddress }: RequestContext): GroupRequestContext {
  return { apiVersion, clientId: clientId ?? '', clientHost: `/${clientAddress}` };
}

/** Whether what the coordinator writes is compressed before it is measured: one cannot tell beforehand what is too large. */
export function areGroupsCompressed({ config }: Pick<RequestContext, 'config'>): boolean {
  return config.groups.offsets.compressionId !== compressionIdOf('none');
}

/** Whoever takes part in a group needs Read on it. */
export function mayReadGroup({ authorize }: RequestContext, groupId: string): boolean {
  return authorize('READ', { type: 'GROUP', name: groupId });
}
