/** DescribeDelegationToken (API key 41): lists delegation tokens. */
import { array, bytes, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The owners whose tokens are wanted; null stands for all. */
export const describeDelegationTokenRequest = message(
  { name: 'DescribeDelegationTokenRequest', kind: 'request', apiKey: 41, versions: '0-3', flexible: '2+' },
  {
    owners: array(
      '0+',
      struct('DescribeDelegationTokenOwner', {
        principalType: string('0+'),
        principalName: string('0+'),
      }),
      { nullable: '0+' },
    ),
  },
);
export type DescribeDelegationTokenRequest = TypeOf<typeof describeDelegationTokenRequest>;
export type DescribeDelegationTokenRequestInput = InputOf<typeof describeDelegationTokenRequest>;
export type DescribeDelegationTokenOwner = NonNullable<DescribeDelegationTokenRequest['owners']>[number];

/**
 * Tokens that the asker may see.
 * Errors: DELEGATION_TOKEN_AUTH_DISABLED, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.
 */
export const describeDelegationTokenResponse = message(
  { name: 'DescribeDelegationTokenResponse', kind: 'response', apiKey: 41, versions: '0-3', flexible: '2+' },
  {
    errorCode: int16('0+'),
    tokens: array(
      '0+',
      struct('DescribedDelegationToken', {
        principalType: string('0+'),
        principalName: string('0+'),
        tokenRequesterPrincipalType: string('3+'),
        tokenRequesterPrincipalName: string('3+'),
        issueTimestamp: int64('0+'),
        expiryTimestamp: int64('0+'),
        maxTimestamp: int64('0+'),
        tokenId: string('0+'),
        hmac: bytes('0+'),
        renewers: array(
          '0+',
          struct('DescribedDelegationTokenRenewer', {
            principalType: string('0+'),
            principalName: string('0+'),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32('0+'),
  },
);
export type DescribeDelegationTokenResponse = TypeOf<typeof describeDelegationTokenResponse>;
export type DescribeDelegationTokenResponseInput = InputOf<typeof describeDelegationTokenResponse>;
export type DescribeDelegationTokenResponseDescribedDelegationToken = DescribeDelegationTokenResponse['tokens'][number];
export type DescribeDelegationTokenResponseDescribedDelegationTokenRenewer =
  DescribeDelegationTokenResponseDescribedDelegationToken['renewers'][number];
