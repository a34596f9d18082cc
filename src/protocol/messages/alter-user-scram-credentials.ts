/** AlterUserScramCredentials (API key 51): changes SCRAM credentials. */
import { array, bytes, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Credentials to delete and to put. */
export const alterUserScramCredentialsRequest = message(
  { name: 'AlterUserScramCredentialsRequest', kind: 'request', apiKey: 51, versions: '0', flexible: '0+' },
  {
    deletions: array(
      '0+',
      struct('ScramCredentialDeletion', {
        name: string('0+'),
        mechanism: int8('0+'),
      }),
    ),
    upsertions: array(
      '0+',
      struct('ScramCredentialUpsertion', {
        name: string('0+'),
        mechanism: int8('0+'),
        iterations: int32('0+'),
        salt: bytes('0+'),
        saltedPassword: bytes('0+'),
      }),
    ),
  },
);
export type AlterUserScramCredentialsRequest = TypeOf<typeof alterUserScramCredentialsRequest>;
export type AlterUserScramCredentialsRequestInput = InputOf<typeof alterUserScramCredentialsRequest>;
export type AlterUserScramCredentialsRequestScramCredentialDeletion =
  AlterUserScramCredentialsRequest['deletions'][number];
export type AlterUserScramCredentialsRequestScramCredentialUpsertion =
  AlterUserScramCredentialsRequest['upsertions'][number];

/**
 * An error for each user.
 * Errors: UNACCEPTABLE_CREDENTIAL, UNSUPPORTED_SASL_MECHANISM, RESOURCE_NOT_FOUND, DUPLICATE_RESOURCE, NOT_CONTROLLER,
 * CLUSTER_AUTHORIZATION_FAILED.
 */
export const alterUserScramCredentialsResponse = message(
  { name: 'AlterUserScramCredentialsResponse', kind: 'response', apiKey: 51, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('AlterUserScramCredentialsResult', {
        user: string('0+'),
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
      }),
    ),
  },
);
export type AlterUserScramCredentialsResponse = TypeOf<typeof alterUserScramCredentialsResponse>;
export type AlterUserScramCredentialsResponseInput = InputOf<typeof alterUserScramCredentialsResponse>;
export type AlterUserScramCredentialsResult = AlterUserScramCredentialsResponse['results'][number];
