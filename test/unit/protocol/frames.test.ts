import {
  ApiKey,
  decodeRequestHeader,
  decodeResponseFrame,
  encodeRequestFrame,
  encodeResponseFrame,
  ProtocolError,
} from '../../../src/protocol/index.js';

test('a request frame has its size in front and large records by reference', () => {
  const records = Buffer.alloc(5000, 7);
  const body = { acks: 1, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] };
  const pieces = encodeRequestFrame(ApiKey.Produce, 9, 17, 'me', body);
  expect(pieces[1]).toBe(records);
  const frame = Buffer.concat(pieces);
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  expect(decodeRequestHeader(frame.subarray(4))).toEqual({
    apiKey: ApiKey.Produce,
    apiVersion: 9,
    correlationId: 17,
    clientId: 'me',
    bodyOffset: 13,
  });
});

test('ApiVersions is answered with the oldest header, so that any client can read it', () => {
  const frame = Buffer.concat(encodeResponseFrame(ApiKey.ApiVersions, 3, 5, { errorCode: 35 }));
  expect(frame.toString('hex')).toBe('0000000c0000000500230100000000' + '00');
  expect(decodeResponseFrame(ApiKey.ApiVersions, 3, frame.subarray(4))).toMatchObject({
    correlationId: 5,
    body: { errorCode: 35 },
  });
});

test('an ApiVersions request of an unknown version can still be answered', () => {
  const frame = Buffer.from('0012 0009 00000007 0002 6d65 00'.replaceAll(' ', ''), 'hex');
  expect(decodeRequestHeader(frame)).toMatchObject({ apiVersion: 9, correlationId: 7, clientId: 'me' });
});

test.each([
  ['too short', '000300', 'Malformed'],
  ['cut in the client id', '0003 0001 00000007 0009 6d65', 'Malformed'],
  ['of an unknown API', '03e8 0000 00000007 ffff', 'UnsupportedVersion'],
  ['of an unknown version', '0003 0063 00000007 ffff', 'UnsupportedVersion'],
  ['of a negative version', '0003 ffff 00000007 ffff', 'UnsupportedVersion'],
])('a request header %s is refused', (_what, hex, kind) => {
  const frame = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  expect(() => decodeRequestHeader(frame)).toThrow(expect.objectContaining({ name: 'ProtocolError', kind }));
  expect(() => decodeRequestHeader(frame)).toThrow(ProtocolError);
});

test.each([
  { title: 'of a thousand tagged fields is read', tags: 1000, isRead: true },
  { title: 'of fifty million tagged fields is refused before they are looked at', tags: 50_000_000, isRead: false },
])('a request header $title', ({ tags, isRead }) => {
  const count: number[] = [];
  for (let rest = tags; rest > 0 || count.length === 0; rest >>>= 7)
    count.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  const front = Buffer.concat([Buffer.from('00030009000000070002' + '6d65', 'hex'), Buffer.from(count)]);
  // Tag 0 of no bytes, again and again; nothing of them may be read beyond the first.
  const bytes = Buffer.concat([front, Buffer.alloc(Math.min(tags * 2, 200_000))]);
  if (isRead) expect(decodeRequestHeader(bytes).bodyOffset).toBe(front.length + 2 * tags);
  else expect(() => decodeRequestHeader(bytes)).toThrow('at byte 65536 the bytes end');
});

test('ControlledShutdown 0 has no client id', () => {
  const [frame] = encodeRequestFrame(ApiKey.ControlledShutdown, 0, 7, 'me', { brokerId: 3 });
  expect(frame!.toString('hex')).toBe('0000000c' + '0007000000000007' + '00000003');
  expect(decodeRequestHeader(frame!.subarray(4))).toMatchObject({ clientId: '', bodyOffset: 8 });
});
