import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  apiOf,
  decodeRequestHeader,
  decodeResponseFrame,
  encodeRequestFrame,
  encodeResponseFrame,
  fromJson,
  MESSAGES,
  parseJson,
  printJson,
  ProtocolError,
  requestHeader,
  responseHeader,
  toJson,
} from '../../src/protocol/index.js';
import type { JsonObject } from '../../src/protocol/index.js';

const fixtures = path.join(__dirname, '..', '.fixtures', 'protocol');

function readLines<T>(file: string): T[] {
  const lines = fs.readFileSync(path.join(fixtures, file), 'utf8').trim().split('\n');
  return lines.map((line) => parseJson(line) as unknown as T);
}

interface Frame {
  readonly direction: 'request' | 'response';
  readonly source?: string;
  readonly apiKey: number;
  readonly name: string;
  readonly version: number;
  /** When it differs from `version`: a version that the broker does not know. */
  readonly bodyVersion?: number;
  readonly headerVersion: number;
  readonly header: JsonObject;
  readonly body: JsonObject;
  readonly hex: string;
}

const frames = readLines<Frame>('frames.jsonl');
const counts = { requests: 0, responses: 0, real: 0, refused: 0, ignored: 0 };

afterAll(() => {
  process.stdout.write(
    `protocol frames: ${counts.requests} requests and ${counts.responses} responses both ways, ${counts.real} of a real exchange; ` +
      `malformed bodies: ${counts.refused} refused, ${counts.ignored} read with bytes left over\n`,
  );
});

const title = ({ direction, name, version, source }: Frame): string =>
  `${name} ${direction} v${version}${source === undefined ? '' : ` ${source}`}`;

test.each(frames.map((frame, index) => ({ title: `${index} ${title(frame)}`, frame })))('$title', ({ frame }) => {
  const { apiKey, version, bodyVersion = version, header, body, hex } = frame;
  const bytes = Buffer.from(hex, 'hex');
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
  const content = bytes.subarray(4);
  const api = apiOf(apiKey)!;
  if (frame.source !== undefined) counts.real++;
  if (frame.direction === 'request') {
    counts.requests++;
    const { apiVersion, correlationId, clientId, bodyOffset } = decodeRequestHeader(content);
    const decodedHeader = requestHeader.decode(content, frame.headerVersion);
    expect(printJson(toJson(requestHeader, decodedHeader, frame.headerVersion))).toBe(printJson(header));
    expect({ apiVersion, correlationId, clientId }).toEqual({
      apiVersion: version,
      correlationId: header.correlationId,
      clientId: header.clientId ?? (frame.headerVersion === 0 ? '' : null),
    });
    const isKnown = version <= api.maxVersion;
    if (!isKnown) {
      // Such a frame only ever reaches a broker: nothing of ours writes it.
      expect(api.name).toBe('ApiVersions');
      return;
    }
    const at = { buffer: content, position: bodyOffset };
    expect(printJson(toJson(api.request, api.request.decodeFrom(at, bodyVersion), bodyVersion))).toBe(printJson(body));
    expect(at.position).toBe(content.length);
    const encoded = encodeRequestFrame(apiKey, version, correlationId, clientId, fromJson(api.request, body));
    expect(Buffer.concat(encoded).toString('hex')).toBe(hex);
  } else {
    counts.responses++;
    expect(api.responseHeaderVersion(bodyVersion)).toBe(frame.headerVersion);
    const decoded = decodeResponseFrame(apiKey, bodyVersion, content);
    expect(decoded.correlationId).toBe(header.correlationId);
    expect(printJson(toJson(api.response, decoded.body, bodyVersion))).toBe(printJson(body));
    const encoded = encodeResponseFrame(apiKey, bodyVersion, decoded.correlationId, fromJson(api.response, body));
    expect(Buffer.concat(encoded).toString('hex')).toBe(hex);
    expect(responseHeader.decode(content, frame.headerVersion).correlationId).toBe(header.correlationId);
  }
});

interface Malformed {
  readonly name: string;
  readonly version: number;
  readonly damage: string;
  readonly outcome: 'error' | 'ok';
  readonly bytesLeft?: number;
  readonly hex: string;
}

test.each(
  readLines<Malformed>('malformed.jsonl').map((line, index) => ({
    title: `${index} ${line.name} v${line.version}, ${line.damage}: ${line.outcome}`,
    line,
  })),
)('malformed $title', ({ line: { name, version, outcome, bytesLeft, hex } }) => {
  const message = MESSAGES.get(name)!;
  const at = { buffer: Buffer.from(hex, 'hex'), position: 0 };
  if (outcome === 'ok') {
    message.decodeFrom(at, version);
    expect(at.buffer.length - at.position).toBe(bytesLeft);
    counts.ignored++;
  } else {
    expect(() => message.decodeFrom(at, version)).toThrow(ProtocolError);
    counts.refused++;
  }
});
