/** CreateDelegationToken (API key 38): creates a delegation token. */
import { array, bytes, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The owner, those who may renew, and the maximum lifetime. */
export const createDelegationTokenRequest = message(
  { name: 'CreateDelegationTokenRequest', kind: 'request', apiKey: 38, versions: '0-3', flexible: '2+' },
  {
    ownerPrincipalType: string('3+', { nullable: '3+' }),
    ownerPrincipalName: string('3+', { nullable: '3+' }),
    renewers: array(
      '0+',
      struct('CreatableRenewers', {
        principalType: string('0+'),
        principalName: string('0+'),
      }),
    ),
    maxLifetimeMs: int64('0+'),
  },
);
export type CreateDelegationTokenRequest = TypeOf<typeof createDelegationTokenRequest>;
export type CreateDelegationTokenRequestInput = InputOf<typeof createDelegationTokenRequest>;
export type CreateDelegationTokenRequestCreatableRenewers = CreateDelegationTokenRequest['renewers'][number];

/**
 * The token with its HMAC.
 * Errors: DELEGATION_TOKEN_AUTH_DISABLED, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, INVALID_PRINCIPAL_TYPE, INVALID_TIMESTAMP,
 * DELEGATION_TOKEN_AUTHORIZATION_FAILED.
 */
export const createDelegationTokenResponse = message(
  { name: 'CreateDelegationTokenResponse', kind: 'response', apiKey: 38, versions: '0-3', flexible: '2+' },
  {
    errorCode: int16('0+'),
    principalType: string('0+'),
    principalName: string('0+'),
    tokenRequesterPrincipalType: string('3+'),
    tokenRequesterPrincipalName: string('3+'),
    issueTimestampMs: int64('0+'),
    expiryTimestampMs: int64('0+'),
    maxTimestampMs: int64('0+'),
    tokenId: string('0+'),
    hmac: bytes('0+'),
    throttleTimeMs: int32('0+'),
  },
);
export type CreateDelegationTokenResponse = TypeOf<typeof createDelegationTokenResponse>;
export type CreateDelegationTokenResponseInput = InputOf<typeof createDelegationTokenResponse>;
