/** The principal of a client, as it travels in an Envelope. */
import { bool, message, string, type InputOf, type TypeOf } from '../notation.js';

/** Type and name of a principal. */
export const defaultPrincipalData = message(
  { name: 'DefaultPrincipalData', kind: 'data', versions: '0', flexible: '0+' },
  {
    type: string('0+'),
    name: string('0+'),
    tokenAuthenticated: bool('0+'),
  },
);
export type DefaultPrincipalData = TypeOf<typeof defaultPrincipalData>;
export type DefaultPrincipalDataInput = InputOf<typeof defaultPrincipalData>;
