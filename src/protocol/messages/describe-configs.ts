/** DescribeConfigs (API key 32): describes configurations of topics and brokers. */
import { array, bool, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Resources and keys; null keys stand for all. */
export const describeConfigsRequest = message(
  { name: 'DescribeConfigsRequest', kind: 'request', apiKey: 32, versions: '0-4', flexible: '4+' },
  {
    resources: array(
      '0+',
      struct('DescribeConfigsResource', {
        resourceType: int8('0+'),
        resourceName: string('0+'),
        configurationKeys: array('0+', 'string', { nullable: '0+' }),
      }),
    ),
    includeSynonyms: bool('1+', { default: false }),
    includeDocumentation: bool('3+', { default: false }),
  },
);
export type DescribeConfigsRequest = TypeOf<typeof describeConfigsRequest>;
export type DescribeConfigsRequestInput = InputOf<typeof describeConfigsRequest>;
export type DescribeConfigsResource = DescribeConfigsRequest['resources'][number];

/**
 * Values with their source and synonyms.
 * Errors: INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED.
 */
export const describeConfigsResponse = message(
  { name: 'DescribeConfigsResponse', kind: 'response', apiKey: 32, versions: '0-4', flexible: '4+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('DescribeConfigsResult', {
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
        resourceType: int8('0+'),
        resourceName: string('0+'),
        configs: array(
          '0+',
          struct('DescribeConfigsResourceResult', {
            name: string('0+'),
            value: string('0+', { nullable: '0+' }),
            readOnly: bool('0+'),
            isDefault: bool('0'),
            /** 1 topic, 2 dynamic broker, 3 dynamic default, 4 static broker, 5 default, 6 dynamic logger. */
            configSource: int8('1+', { default: -1, ignorable: true }),
            isSensitive: bool('0+'),
            synonyms: array(
              '1+',
              struct('DescribeConfigsSynonym', {
                name: string('1+'),
                value: string('1+', { nullable: '0+' }),
                source: int8('1+'),
              }),
              { ignorable: true },
            ),
            configType: int8('3+', { default: 0, ignorable: true }),
            documentation: string('3+', { nullable: '0+', ignorable: true }),
          }),
        ),
      }),
    ),
  },
);
export type DescribeConfigsResponse = TypeOf<typeof describeConfigsResponse>;
export type DescribeConfigsResponseInput = InputOf<typeof describeConfigsResponse>;
export type DescribeConfigsResult = DescribeConfigsResponse['results'][number];
export type DescribeConfigsResourceResult = DescribeConfigsResult['configs'][number];
export type DescribeConfigsSynonym = DescribeConfigsResourceResult['synonyms'][number];
