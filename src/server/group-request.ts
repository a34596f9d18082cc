import type { GroupRequestContext } from '../coordinator/index.js';
import type { RequestContext } from './handler.js';

/** What the group coordinator wants to know of a request. */
export function groupContext({ apiVersion, clientId, clientAddress }: RequestContext): GroupRequestContext {
  return { apiVersion, clientId: clientId ?? '', clientHost: `/${clientAddress}` };
}

/** Whoever takes part in a group needs Read on it. */
export function mayReadGroup({ authorize }: RequestContext, groupId: string): boolean {
  return authorize('READ', { type: 'GROUP', name: groupId });
}
