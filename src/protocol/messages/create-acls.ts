/** CreateAcls (API key 30): creates ACLs. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** ACL bindings to add. */
export const createAclsRequest = message(
  { name: 'CreateAclsRequest', kind: 'request', apiKey: 30, versions: '0-3', flexible: '2+' },
  {
    creations: array(
      '0+',
      struct('AclCreation', {
        resourceType: int8('0+'),
        resourceName: string('0+'),
        resourcePatternType: int8('1+', { default: 3 }),
        principal: string('0+'),
        host: string('0+'),
        operation: int8('0+'),
        permissionType: int8('0+'),
      }),
    ),
  },
);
export type CreateAclsRequest = TypeOf<typeof createAclsRequest>;
export type CreateAclsRequestInput = InputOf<typeof createAclsRequest>;
export type CreateAclsRequestAclCreation = CreateAclsRequest['creations'][number];

/**
 * An error for each one.
 * Errors: SECURITY_DISABLED, INVALID_REQUEST, CLUSTER_AUTHORIZATION_FAILED.
 */
export const createAclsResponse = message(
  { name: 'CreateAclsResponse', kind: 'response', apiKey: 30, versions: '0-3', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('AclCreationResult', {
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
      }),
    ),
  },
);
export type CreateAclsResponse = TypeOf<typeof createAclsResponse>;
export type CreateAclsResponseInput = InputOf<typeof createAclsResponse>;
export type CreateAclsResponseAclCreationResult = CreateAclsResponse['results'][number];
