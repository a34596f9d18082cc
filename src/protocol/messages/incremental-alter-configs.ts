/** IncrementalAlterConfigs (API key 44): changes single configurations (KIP-339). */
import { array, bool, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Operations on keys: 0 set, 1 delete, 2 append, 3 subtract. */
export const incrementalAlterConfigsRequest = message(
  { name: 'IncrementalAlterConfigsRequest', kind: 'request', apiKey: 44, versions: '0-1', flexible: '1+' },
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
            configOperation: int8('0+', { mapKey: true }),
            value: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    validateOnly: bool('0+'),
  },
);
export type IncrementalAlterConfigsRequest = TypeOf<typeof incrementalAlterConfigsRequest>;
export type IncrementalAlterConfigsRequestInput = InputOf<typeof incrementalAlterConfigsRequest>;
export type IncrementalAlterConfigsRequestAlterConfigsResource = IncrementalAlterConfigsRequest['resources'][number];
export type IncrementalAlterConfigsRequestAlterableConfig =
  IncrementalAlterConfigsRequestAlterConfigsResource['configs'][number];

/**
 * An error for each resource.
 * Errors: INVALID_CONFIG, INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, POLICY_VIOLATION, TOPIC_AUTHORIZATION_FAILED,
 * CLUSTER_AUTHORIZATION_FAILED.
 */
export const incrementalAlterConfigsResponse = message(
  { name: 'IncrementalAlterConfigsResponse', kind: 'response', apiKey: 44, versions: '0-1', flexible: '1+' },
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
export type IncrementalAlterConfigsResponse = TypeOf<typeof incrementalAlterConfigsResponse>;
export type IncrementalAlterConfigsResponseInput = InputOf<typeof incrementalAlterConfigsResponse>;
export type IncrementalAlterConfigsResponseAlterConfigsResourceResponse =
  IncrementalAlterConfigsResponse['responses'][number];
