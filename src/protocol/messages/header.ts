/** Headers in front of every request and response. */
import { int16, int32, message, string, type InputOf, type TypeOf } from '../notation.js';

/** Version 0 belongs to ControlledShutdown 0 alone. The client id never has a compact length, so that a broker can read the header of any version. */
export const requestHeader = message(
  { name: 'RequestHeader', kind: 'header', versions: '0-2', flexible: '2+' },
  {
    requestApiKey: int16('0+'),
    requestApiVersion: int16('0+'),
    correlationId: int32('0+'),
    clientId: string('1+', { nullable: '1+', ignorable: true, flexible: 'none' }),
  },
);
export type RequestHeader = TypeOf<typeof requestHeader>;
export type RequestHeaderInput = InputOf<typeof requestHeader>;

/** ApiVersions is always answered with version 0, since a client does not know yet what the broker speaks. */
export const responseHeader = message(
  { name: 'ResponseHeader', kind: 'header', versions: '0-1', flexible: '1+' },
  {
    correlationId: int32('0+'),
  },
);
export type ResponseHeader = TypeOf<typeof responseHeader>;
export type ResponseHeaderInput = InputOf<typeof responseHeader>;
