/** DeleteAcls (API key 31): deletes the ACLs that match filters. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Filters; null matches anything. */
export const deleteAclsRequest = message(
  { name: 'DeleteAclsRequest', kind: 'request', apiKey: 31, versions: '0-3', flexible: '2+' },
  {
    filters: array(
      '0+',
      struct('DeleteAclsFilter', {
        resourceTypeFilter: int8('0+'),
        resourceNameFilter: string('0+', { nullable: '0+' }),
        patternTypeFilter: int8('1+', { default: 3 }),
        principalFilter: string('0+', { nullable: '0+' }),
        hostFilter: string('0+', { nullable: '0+' }),
        operation: int8('0+'),
        permissionType: int8('0+'),
      }),
    ),
  },
);
export type DeleteAclsRequest = TypeOf<typeof deleteAclsRequest>;
export type DeleteAclsRequestInput = InputOf<typeof deleteAclsRequest>;
export type DeleteAclsFilter = DeleteAclsRequest['filters'][number];

/**
 * The ACLs that each filter removed.
 * Errors: SECURITY_DISABLED, INVALID_REQUEST, CLUSTER_AUTHORIZATION_FAILED.
 */
export const deleteAclsResponse = message(
  { name: 'DeleteAclsResponse', kind: 'response', apiKey: 31, versions: '0-3', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    filterResults: array(
      '0+',
      struct('DeleteAclsFilterResult', {
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
        matchingAcls: array(
          '0+',
          struct('DeleteAclsMatchingAcl', {
            errorCode: int16('0+'),
            errorMessage: string('0+', { nullable: '0+' }),
            resourceType: int8('0+'),
            resourceName: string('0+'),
            patternType: int8('1+', { default: 3 }),
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
export type DeleteAclsResponse = TypeOf<typeof deleteAclsResponse>;
export type DeleteAclsResponseInput = InputOf<typeof deleteAclsResponse>;
export type DeleteAclsFilterResult = DeleteAclsResponse['filterResults'][number];
export type DeleteAclsMatchingAcl = DeleteAclsFilterResult['matchingAcls'][number];
