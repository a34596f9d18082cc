import type { Principal } from './principal.js';

/** `AclOperation` by its code on the wire; authorized operations are a set of bits by these numbers (KIP-430). */
export const ACL_OPERATIONS = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as const;
export type AclOperation = keyof typeof ACL_OPERATIONS;

export type ResourceType = 'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID' | 'DELEGATION_TOKEN' | 'USER';

export interface Resource {
  readonly type: ResourceType;
  readonly name: string;
}

/** The one cluster resource. */
export const CLUSTER_RESOURCE: Resource = { type: 'CLUSTER', name: 'kafka-cluster' };

/** What an authorizer may know of a request besides what it asks for. */
export interface AuthorizableContext {
  readonly principal: Principal;
  readonly clientAddress: string;
  readonly listenerName: string;
  readonly clientId: string | null;
  readonly apiKey: number;
}

/** Says who may do what; every handler asks it. Answers at once, from memory (`org.apache.kafka.server.authorizer.Authorizer`). */
export interface Authorizer {
  authorize(context: AuthorizableContext, operation: AclOperation, resource: Resource): boolean;
  /** Whether the operation is allowed on at least one resource of the type, as InitProducerId asks of topics. */
  authorizeByResourceType(context: AuthorizableContext, operation: AclOperation, type: ResourceType): boolean;
}

/** A cluster without `authorizer.class.name`. */
export const allowAllAuthorizer: Authorizer = {
  authorize: () => true,
  authorizeByResourceType: () => true,
};

/** The operations that make sense on a resource (`AclEntry.supportedOperations`). */
const SUPPORTED_OPERATIONS: Record<ResourceType, readonly AclOperation[]> = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DESCRIBE', 'DELETE', 'ALTER', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DESCRIBE', 'DELETE'],
  CLUSTER: ['CREATE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE', 'ALTER', 'DESCRIBE'],
  TRANSACTIONAL_ID: ['DESCRIBE', 'WRITE'],
  DELEGATION_TOKEN: ['DESCRIBE'],
  USER: ['CREATE', 'DESCRIBE'],
};

/** The set of bits of all operations that the sender may do on the resource, as Metadata and the Describe requests return it. */
export function authorizedOperations(authorizer: Authorizer, context: AuthorizableContext, resource: Resource): number {
  let bits = 0;
  for (const operation of SUPPORTED_OPERATIONS[resource.type]) {
    if (authorizer.authorize(context, operation, resource)) bits |= 1 << ACL_OPERATIONS[operation];
  }
  return bits;
}
