import { fromJson, MESSAGES, parseJson, printJson, toJson } from '../../../src/protocol/index.js';
import { arbitraryMessage } from './arbitrary-message.js';
import { fc } from '../../support/fast-check.js';

test.each([...MESSAGES.values()])(
  '$name: whatever is encoded in any version comes back, also through JSON',
  (message) => {
    const { min, max } = message.validVersions;
    for (let version = min; version <= max; version++) {
      const complete = message.decode(message.encode({}, version), version);
      fc.assert(
        fc.property(arbitraryMessage(message, version), (value) => {
          const bytes = message.encode(value, version);
          const decoded = message.decode(bytes, version);
          // What was given is there; what was not has its default.
          expect(decoded).toMatchObject(value);
          expect(Object.keys(decoded)).toEqual(Object.keys(complete));
          expect(message.encode(decoded, version).equals(bytes)).toBe(true);
          expect(Buffer.concat(message.encodeChunks(decoded, version)).equals(bytes)).toBe(true);
          const json = parseJson(printJson(toJson(message, decoded, version)));
          expect(message.encode(fromJson(message, json), version).equals(bytes)).toBe(true);
        }),
        { numRuns: 12 },
      );
    }
  },
);
