/** Envelope (API key 58): carries a request that one broker forwards to another for a client. */
import { bytes, int16, message, type InputOf, type TypeOf } from '../notation.js';

/** The wrapped request, with the principal who sent it. */
export const envelopeRequest = message(
  { name: 'EnvelopeRequest', kind: 'request', apiKey: 58, versions: '0', flexible: '0+', clusterAction: true },
  {
    requestData: bytes('0+'),
    requestPrincipal: bytes('0+', { nullable: '0+' }),
    clientHostAddress: bytes('0+'),
  },
);
export type EnvelopeRequest = TypeOf<typeof envelopeRequest>;
export type EnvelopeRequestInput = InputOf<typeof envelopeRequest>;

/** The wrapped response. */
export const envelopeResponse = message(
  { name: 'EnvelopeResponse', kind: 'response', apiKey: 58, versions: '0', flexible: '0+' },
  {
    responseData: bytes('0+', { nullable: '0+', default: null }),
    errorCode: int16('0+'),
  },
);
export type EnvelopeResponse = TypeOf<typeof envelopeResponse>;
export type EnvelopeResponseInput = InputOf<typeof envelopeResponse>;
