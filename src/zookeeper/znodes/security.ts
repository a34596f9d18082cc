import type { ConfigType } from './config.js';

/** Kafka's names of resource types under the ACL roots. */
export const ACL_RESOURCE_TYPES = ['Topic', 'Group', 'Cluster', 'TransactionalId', 'DelegationToken', 'User'] as const;

/** `/kafka-acl/TYPE/NAME`: the ACLs of literal patterns; `/kafka-acl-extended/prefixed/TYPE/NAME`: of prefixed ones. */
export const aclZnode = {
  root: (patternType: 'LITERAL' | 'PREFIXED'): string =>
    patternType === 'LITERAL' ? '/kafka-acl' : '/kafka-acl-extended/prefixed',
  path: (patternType: 'LITERAL' | 'PREFIXED', resourceType: string, name: string): string =>
    `${aclZnode.root(patternType)}/${resourceType}/${name}`,
};

/** Where authorizers learn that ACLs changed: sequence nodes with the prefix `acl_changes_`. */
export const aclChangeZnode = {
  parent: (patternType: 'LITERAL' | 'PREFIXED'): string =>
    patternType === 'LITERAL' ? '/kafka-acl-changes' : '/kafka-acl-extended-changes',
  prefix: 'acl_changes_',
};

/** `/delegation_token`: tokens, and sequence nodes that say which token changed. */
export const delegationTokenZnode = {
  tokensPath: '/delegation_token/tokens',
  path: (tokenId: string): string => `/delegation_token/tokens/${tokenId}`,
  changesParent: '/delegation_token/token_changes',
  changePrefix: 'token_change_',
};

/** Paths whose data nobody but the brokers may read when `zookeeper.set.acl` is on (`ZkData.SensitiveRootPaths`). */
export const SENSITIVE_ROOTS: readonly string[] = [
  ...(['users', 'brokers'] satisfies ConfigType[]).map((type) => `/config/${type}`),
  '/delegation_token/tokens',
];
