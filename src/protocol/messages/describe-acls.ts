/** DescribeAcls (API key 29): lists ACLs that match a filter. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The filter; null matches anything. */
export const describeAclsRequest = message(
  { name: 'DescribeAclsRequest', kind: 'request', apiKey: 29, versions: '0-3', flexible: '2+' },
  {
    resourceTypeFilter: int8('0+'),
    resourceNameFilter: string('0+', { nullable: '0+' }),
    patternTypeFilter: int8('1+', { default: 3 }),
    principalFilter: string('0+', { nullable: '0+' }),
    hostFilter: string('0+', { nullable: '0+' }),
    operation: int8('0+'),
    permissionType: int8('0+'),
  },
);
export type DescribeAclsRequest = TypeOf<typeof describeAclsRequest>;
export type DescribeAclsRequestInput = InputOf<typeof describeAclsRequest>;

/**
 * Matching ACLs by resource.
 * Errors: SECURITY_DISABLED, INVALID_REQUEST, CLUSTER_AUTHORIZATION_FAILED.
 */
export const describeAclsResponse = message(
  { name: 'DescribeAclsResponse', kind: 'response', apiKey: 29, versions: '0-3', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    resources: array(
      '0+',
      struct('DescribeAclsResource', {
        resourceType: int8('0+'),
        resourceName: string('0+'),
        patternType: int8('1+', { default: 3 }),
        acls: array(
          '0+',
          struct('AclDescription', {
            principal: string('0+'),
            host: string('0+'),
            operation: int8('0+'),
            permissionType: int8('0+'),
          }),
        ),
      }),
    ),
  },
);
export type DescribeAclsResponse = TypeOf<typeof describeAclsResponse>;
export type DescribeAclsResponseInput = InputOf<typeof describeAclsResponse>;
export type DescribeAclsResource = DescribeAclsResponse['resources'][number];
export type DescribeAclsResponseAclDescription = DescribeAclsResource['acls'][number];
