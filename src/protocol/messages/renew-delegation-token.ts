/** RenewDelegationToken (API key 39): renews a delegation token. */
import { bytes, int16, int32, int64, message, type InputOf, type TypeOf } from '../notation.js';

/** The HMAC of the token and the period. */
export const renewDelegationTokenRequest = message(
  { name: 'RenewDelegationTokenRequest', kind: 'request', apiKey: 39, versions: '0-2', flexible: '2+' },
  {
    hmac: bytes('0+'),
    renewPeriodMs: int64('0+'),
  },
);
export type RenewDelegationTokenRequest = TypeOf<typeof renewDelegationTokenRequest>;
export type RenewDelegationTokenRequestInput = InputOf<typeof renewDelegationTokenRequest>;

/**
 * When the token expires now.
 * Errors: DELEGATION_TOKEN_AUTH_DISABLED, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, DELEGATION_TOKEN_NOT_FOUND, DELEGATION_TOKEN_OWNER_MISMATCH,
 * DELEGATION_TOKEN_EXPIRED.
 */
export const renewDelegationTokenResponse = message(
  { name: 'RenewDelegationTokenResponse', kind: 'response', apiKey: 39, versions: '0-2', flexible: '2+' },
  {
    errorCode: int16('0+'),
    expiryTimestampMs: int64('0+'),
    throttleTimeMs: int32('0+'),
  },
);
export type RenewDelegationTokenResponse = TypeOf<typeof renewDelegationTokenResponse>;
export type RenewDelegationTokenResponseInput = InputOf<typeof renewDelegationTokenResponse>;
