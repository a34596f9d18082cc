import * as fs from 'node:fs';
import * as path from 'node:path';
import { MESSAGES, fromJson, parseJson, printJson, toJson } from '../../src/protocol/index.js';
import type { JsonObject } from '../../src/protocol/index.js';

const vectors = path.join(__dirname, '..', '.fixtures', 'protocol', 'vectors');
const names = fs.readdirSync(vectors).map((file) => file.replace('.jsonl', ''));
const counts = { decoded: 0, encoded: 0, prefixed: 0, unknownTags: 0 };

interface Vector {
  readonly version: number;
  readonly kind: string;
  readonly json: JsonObject;
  readonly hex: string;
  readonly prefixedHex?: string;
}

function vectorsOf(name: string): Vector[] {
  const lines = fs
    .readFileSync(path.join(vectors, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => parseJson(line) as unknown as Vector);
}

test('there are vectors for exactly the messages that are described', () => {
  expect(names.sort()).toEqual([...MESSAGES.keys()].sort());
});

test.each(names)('%s: every golden body gives its JSON, and the JSON gives the body', (name) => {
  const message = MESSAGES.get(name)!;
  const versions = new Set<number>();
  for (const { version, kind, json, hex, prefixedHex } of vectorsOf(name)) {
    const bytes = Buffer.from(hex, 'hex');
    const at = { buffer: bytes, position: 0 };
    const decoded = message.decodeFrom(at, version);
    expect(at.position).toBe(bytes.length);
    // Compared as text: the printer keeps integers beyond 2^53 exact, and the order of fields is part of the convention.
    expect(printJson(toJson(message, decoded, version))).toBe(printJson(json));
    counts.decoded++;
    versions.add(version);
    if (kind === 'unknown-tags') {
      counts.unknownTags++;
      expect(message.decode(message.encode(decoded, version), version)).toEqual(decoded);
      continue;
    }
    expect(message.encode(decoded, version).toString('hex')).toBe(hex);
    expect(message.encode(fromJson(message, json), version).toString('hex')).toBe(hex);
    expect(Buffer.concat(message.encodeChunks(decoded, version)).toString('hex')).toBe(hex);
    counts.encoded++;
    if (prefixedHex !== undefined) {
      counts.prefixed++;
      const prefix = Buffer.alloc(2);
      prefix.writeInt16BE(version);
      expect(prefixedHex).toBe(prefix.toString('hex') + hex);
      expect(message.decode(Buffer.from(prefixedHex, 'hex'), version, 2)).toEqual(decoded);
    }
  }
  const { min, max } = message.validVersions;
  expect([...versions].sort((a, b) => a - b)).toEqual(Array.from({ length: max - min + 1 }, (_, index) => min + index));
});

afterAll(() => {
  process.stdout.write(
    `protocol vectors: ${counts.decoded} decoded, ${counts.encoded} encoded, ` +
      `${counts.prefixed} with their version in front, ${counts.unknownTags} with unknown tags\n`,
  );
});
