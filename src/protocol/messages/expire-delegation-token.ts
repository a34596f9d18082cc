/** ExpireDelegationToken (API key 40): expires a delegation token. */
import { bytes, int16, int32, int64, message, type InputOf, type TypeOf } from '../notation.js';

/** The HMAC of the token and the period. */
export const expireDelegationTokenRequest = message(
  { name: 'ExpireDelegationTokenRequest', kind: 'request', apiKey: 40, versions: '0-2', flexible: '2+' },
  {
    hmac: bytes('0+'),
    expiryTimePeriodMs: int64('0+'),
  },
);
export type ExpireDelegationTokenRequest = TypeOf<typeof expireDelegationTokenRequest>;
export type ExpireDelegationTokenRequestInput = InputOf<typeof expireDelegationTokenRequest>;

/**
 * When the token expires now.
 * Errors: DELEGATION_TOKEN_AUTH_DISABLED, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, DELEGATION_TOKEN_NOT_FOUND, DELEGATION_TOKEN_OWNER_MISMATCH,
 * DELEGATION_TOKEN_EXPIRED.
 */
export const expireDelegationTokenResponse = message(
  { name: 'ExpireDelegationTokenResponse', kind: 'response', apiKey: 40, versions: '0-2', flexible: '2+' },
  {
    errorCode: int16('0+'),
    expiryTimestampMs: int64('0+'),
    throttleTimeMs: int32('0+'),
  },
);
export type ExpireDelegationTokenResponse = TypeOf<typeof expireDelegationTokenResponse>;
export type ExpireDelegationTokenResponseInput = InputOf<typeof expireDelegationTokenResponse>;
