/** DescribeUserScramCredentials (API key 50): describes which SCRAM credentials users have. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Users; null or empty stands for all. */
export const describeUserScramCredentialsRequest = message(
  { name: 'DescribeUserScramCredentialsRequest', kind: 'request', apiKey: 50, versions: '0', flexible: '0+' },
  {
    users: array(
      '0+',
      struct('UserName', {
        name: string('0+'),
      }),
      { nullable: '0+' },
    ),
  },
);
export type DescribeUserScramCredentialsRequest = TypeOf<typeof describeUserScramCredentialsRequest>;
export type DescribeUserScramCredentialsRequestInput = InputOf<typeof describeUserScramCredentialsRequest>;
export type DescribeUserScramCredentialsRequestUserName = NonNullable<
  DescribeUserScramCredentialsRequest['users']
>[number];

/**
 * Mechanisms and iterations, never secrets.
 * Errors: RESOURCE_NOT_FOUND, DUPLICATE_RESOURCE, CLUSTER_AUTHORIZATION_FAILED.
 */
export const describeUserScramCredentialsResponse = message(
  { name: 'DescribeUserScramCredentialsResponse', kind: 'response', apiKey: 50, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    results: array(
      '0+',
      struct('DescribeUserScramCredentialsResult', {
        user: string('0+'),
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
        credentialInfos: array(
          '0+',
          struct('CredentialInfo', {
            mechanism: int8('0+'),
            iterations: int32('0+'),
          }),
        ),
      }),
    ),
  },
);
export type DescribeUserScramCredentialsResponse = TypeOf<typeof describeUserScramCredentialsResponse>;
export type DescribeUserScramCredentialsResponseInput = InputOf<typeof describeUserScramCredentialsResponse>;
export type DescribeUserScramCredentialsResult = DescribeUserScramCredentialsResponse['results'][number];
export type DescribeUserScramCredentialsResponseCredentialInfo =
  DescribeUserScramCredentialsResult['credentialInfos'][number];
