import {
  createTopicsRequest,
  fetchRequest,
  MESSAGES,
  metadataRequest,
  metadataResponse,
  produceRequest,
  ProtocolError,
  saslAuthenticateRequest,
  saslHandshakeRequest,
} from '../../../src/protocol/index.js';
import type { AnyMessage } from '../../../src/protocol/index.js';
import { arbitraryMessage } from './arbitrary-message.js';
import { fc } from '../../support/fast-check.js';

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('what announces more than there is, is refused before memory is taken', () => {
  test.each<[string, AnyMessage, number, string]>([
    ['an array of 2^31 - 1', metadataRequest, 1, '7fffffff'],
    ['an array of one more than can be there', metadataRequest, 1, '00000002 0000 00'],
    ['a compact array of 2^31 - 2', metadataRequest, 9, 'ffffffff07'],
    ['a string of 32767 bytes', saslHandshakeRequest, 0, '7fff 41'],
    ['bytes of 2^31 - 1', saslAuthenticateRequest, 0, '7fffffff 41'],
    ['compact bytes of 2^31 - 2', saslAuthenticateRequest, 2, 'ffffffff07 41'],
    ['records of 2^31 - 1', produceRequest, 3, 'ffff 0001 00000001 00000001 000174 00000001 00000000 7fffffff'],
    ['an inner array', metadataResponse, 0, '00000000 00000001 0000 000174 7fffffff'],
    ['2^31 - 1 tagged fields', saslAuthenticateRequest, 2, '01 ffffffff07'],
    ['a tagged field of 2^31 - 1 bytes', saslAuthenticateRequest, 2, '01 01 05 ffffffff07'],
  ])('%s', (_what, message, version, hex) => {
    const before = process.memoryUsage();
    for (let time = 0; time < 100; time++) expect(() => message.decode(bytesOf(hex), version)).toThrow(ProtocolError);
    const after = process.memoryUsage();
    expect(after.heapTotal + after.external - before.heapTotal - before.external).toBeLessThan(128 * 1024 * 1024);
  });
});

describe('what no writer writes is refused', () => {
  test.each<[string, AnyMessage, number, string]>([
    ['an array count of -2', createTopicsRequest, 0, 'fffffffe'],
    ['a string length of -2', saslHandshakeRequest, 0, 'fffe'],
    ['null where it is not allowed', saslHandshakeRequest, 0, 'ffff'],
    ['a compact null where it is not allowed', saslAuthenticateRequest, 2, '00 00'],
    ['a varint of six bytes', saslAuthenticateRequest, 2, '808080808001 00'],
    ['a varint beyond 31 bits', saslAuthenticateRequest, 2, 'ffffffff0f 00'],
    ['a compact string of 32768 bytes', metadataRequest, 9, `02 818002 ${'41'.repeat(32768)} 00 00 00 00 00`],
    ['nothing at all', fetchRequest, 0, ''],
  ])('%s', (_what, message, version, hex) => {
    expect(() => message.decode(bytesOf(hex), version)).toThrow(ProtocolError);
  });
});

test.each([-1, -2, -5, -32768])('any negative length is null where there may be null, such as %i', (length) => {
  const [int16, int32] = [Buffer.alloc(2), Buffer.alloc(4)];
  int16.writeInt16BE(length);
  int32.writeInt32BE(length);
  expect(metadataRequest.decode(int32, 1)).toMatchObject({ topics: null });
  const head = bytesOf('0001 00000001 00000001 000174 00000001 00000000');
  expect(produceRequest.decode(Buffer.concat([int16, head, int32]), 3)).toMatchObject({
    transactionalId: null,
    topicData: [{ partitionData: [{ records: null }] }],
  });
});

const versioned = fc.constantFrom(
  ...[...MESSAGES.values()].flatMap((message) =>
    Array.from({ length: message.validVersions.max - message.validVersions.min + 1 }, (_, index) => ({
      message,
      version: message.validVersions.min + index,
    })),
  ),
);

test('damaged bodies of any message decode, or are refused with a ProtocolError: nothing else is thrown', () => {
  const damaged = versioned.chain(({ message, version }) =>
    fc.record({
      message: fc.constant(message),
      version: fc.constant(version),
      value: arbitraryMessage(message, version),
      cut: fc.option(fc.nat({ max: 200 }), { freq: 4 }),
      changes: fc.array(fc.tuple(fc.nat({ max: 500 }), fc.constantFrom(0, 0x7f, 0x80, 0xff, 0xfe, 1)), {
        maxLength: 4,
      }),
    }),
  );
  fc.assert(
    fc.property(damaged, ({ message, version, value, cut, changes }) => {
      let bytes = message.encode(value, version);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      if (cut !== null) bytes = bytes.subarray(0, cut);
      try {
        message.decode(bytes, version);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        expect(error.kind).toBe('Malformed');
      }
    }),
    { numRuns: 1500 },
  );
});

test('every body that is cut short is refused', () => {
  const cut = versioned.chain(({ message, version }) =>
    fc.record({
      message: fc.constant(message),
      version: fc.constant(version),
      value: arbitraryMessage(message, version),
      by: fc.integer({ min: 1, max: 1000 }),
    }),
  );
  fc.assert(
    fc.property(cut, ({ message, version, value, by }) => {
      const bytes = message.encode(value, version);
      if (bytes.length === 0) return;
      const short = bytes.subarray(0, bytes.length - (((by - 1) % bytes.length) + 1));
      expect(() => message.decode(short, version)).toThrow(ProtocolError);
    }),
    { numRuns: 500 },
  );
});
