/** AlterConfigs (API key 33): replaces the whole configuration of resources. */
import { array, bool, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** All overrides that shall remain. */
export const alterConfigsRequest = message(
  { name: 'AlterConfigsRequest', kind: 'request', apiKey: 33, versions: '0-2', flexible: '2+' },
  {
    resources: array(
      '0+',
      struct('AlterConfigsResource', {
        resourceType: int8('0+', { mapKey: true }),
        resourceName: string('0+', { mapKey: true }),
        configs: array(
          '0+',
          struct('AlterableConfig', {
            name: string('0+', { mapKey: true }),
            value: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    validateOnly: bool('0+'),
  },
);
export type AlterConfigsRequest = TypeOf<typeof alterConfigsRequest>;
export type AlterConfigsRequestInput = InputOf<typeof alterConfigsRequest>;
export type AlterConfigsRequestAlterConfigsResource = AlterConfigsRequest['resources'][number];
export type AlterConfigsRequestAlterableConfig = AlterConfigsRequestAlterConfigsResource['configs'][number];

/**
 * An error for each resource.
 * Errors: INVALID_CONFIG, INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, POLICY_VIOLATION, TOPIC_AUTHORIZATION_FAILED,
 * CLUSTER_AUTHORIZATION_FAILED.
 */
export const alterConfigsResponse = message(
  { name: 'AlterConfigsResponse', kind: 'response', apiKey: 33, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    responses: array(
      '0+',
      struct('AlterConfigsResourceResponse', {
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
        resourceType: int8('0+'),
        resourceName: string('0+'),
      }),
    ),
  },
);
export type AlterConfigsResponse = TypeOf<typeof alterConfigsResponse>;
export type AlterConfigsResponseInput = InputOf<typeof alterConfigsResponse>;
export type AlterConfigsResponseAlterConfigsResourceResponse = AlterConfigsResponse['responses'][number];
