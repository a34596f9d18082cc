/** SaslAuthenticate (API key 36): carries SASL tokens after the handshake. */
import { bytes, int16, int64, message, string, type InputOf, type TypeOf } from '../notation.js';

/** A token of the client. */
export const saslAuthenticateRequest = message(
  { name: 'SaslAuthenticateRequest', kind: 'request', apiKey: 36, versions: '0-2', flexible: '2+' },
  {
    authBytes: bytes('0+'),
  },
);
export type SaslAuthenticateRequest = TypeOf<typeof saslAuthenticateRequest>;
export type SaslAuthenticateRequestInput = InputOf<typeof saslAuthenticateRequest>;

/**
 * The answering token of the server.
 * Errors: SASL_AUTHENTICATION_FAILED, ILLEGAL_SASL_STATE.
 */
export const saslAuthenticateResponse = message(
  { name: 'SaslAuthenticateResponse', kind: 'response', apiKey: 36, versions: '0-2', flexible: '2+' },
  {
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    authBytes: bytes('0+'),
    sessionLifetimeMs: int64('1+', { default: 0n, ignorable: true }),
  },
);
export type SaslAuthenticateResponse = TypeOf<typeof saslAuthenticateResponse>;
export type SaslAuthenticateResponseInput = InputOf<typeof saslAuthenticateResponse>;
