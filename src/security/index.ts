export { ANONYMOUS, principalName, type Principal } from './principal.js';
export {
  ACL_OPERATIONS,
  CLUSTER_RESOURCE,
  allowAllAuthorizer,
  authorizedOperations,
  type AclOperation,
  type AuthorizableContext,
  type Authorizer,
  type Resource,
  type ResourceType,
} from './authorizer.js';
export { noQuotas, type QuotaKind, type Quotas } from './quota.js';
