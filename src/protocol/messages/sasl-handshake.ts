/** SaslHandshake (API key 17): chooses a SASL mechanism. */
import { array, int16, message, string, type InputOf, type TypeOf } from '../notation.js';

/** The mechanism that the client wants. */
export const saslHandshakeRequest = message(
  { name: 'SaslHandshakeRequest', kind: 'request', apiKey: 17, versions: '0-1', flexible: 'none' },
  {
    mechanism: string('0+'),
  },
);
export type SaslHandshakeRequest = TypeOf<typeof saslHandshakeRequest>;
export type SaslHandshakeRequestInput = InputOf<typeof saslHandshakeRequest>;

/**
 * The mechanisms that the listener offers.
 * Errors: UNSUPPORTED_SASL_MECHANISM, ILLEGAL_SASL_STATE.
 */
export const saslHandshakeResponse = message(
  { name: 'SaslHandshakeResponse', kind: 'response', apiKey: 17, versions: '0-1', flexible: 'none' },
  {
    errorCode: int16('0+'),
    mechanisms: array('0+', 'string'),
  },
);
export type SaslHandshakeResponse = TypeOf<typeof saslHandshakeResponse>;
export type SaslHandshakeResponseInput = InputOf<typeof saslHandshakeResponse>;
