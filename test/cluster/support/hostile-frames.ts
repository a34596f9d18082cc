import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Random } from '../../../src/common/index.js';
import { apiOf, APIS, type ApiDescription } from '../../../src/protocol/index.js';

const FIXTURES = path.join(__dirname, '..', '..', '.fixtures');
const LENGTH_BYTES = 4;

/** A frame with its length in front. */
export function framed(content: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** Whole requests, without their lengths, that writers of Kafka made and that real clients sent; none that only brokers may send. */
export function realRequests(): Buffer[] {
  const made = readFileSync(path.join(FIXTURES, 'protocol', 'frames.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => JSON.parse(line) as { direction: string; hex: string })
    .filter(({ direction }) => direction === 'request')
    .map(({ hex }) => Buffer.from(hex, 'hex').subarray(LENGTH_BYTES));
  const sent = ['java', 'kafkajs', 'kafka-python', 'librdkafka-kcat', 'librdkafka-confluent-kafka-python'].flatMap(
    (client) =>
      (
        JSON.parse(readFileSync(path.join(FIXTURES, 'reference', 'wire', 'frames', `${client}.json`), 'utf8')) as {
          requestHex: string;
        }[]
      ).map(({ requestHex }) => Buffer.from(requestHex, 'hex')),
  );
  return [...made, ...sent].filter((request) => apiOf(request.readInt16BE(0))?.clusterAction === false);
}

const ODD_INTEGERS = [0, 1, -1, -2, 0x7f, 0x80, 0xff, 0x7fff, 0x7fffffff, -0x80000000, 0x00ffffff, 0x40000000];

/** The same with one to four things wrong in it, anywhere behind the API's key. */
export function mutated(random: Random, request: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(request);
  for (let times = 1 + random.nextInt(4); times > 0; times--) bytes = mutatedOnce(random, bytes);
  return bytes;
}

function mutatedOnce(random: Random, bytes: Buffer): Buffer {
  const at = 2 + random.nextInt(Math.max(1, bytes.length - 2));
  switch (random.nextInt(7)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.nextInt(8));
      return bytes;
    case 1:
      bytes[at] = random.nextInt(256);
      return bytes;
    case 2: {
      if (at + 4 > bytes.length) return bytes;
      bytes.writeInt32BE(ODD_INTEGERS[random.nextInt(ODD_INTEGERS.length)]!, at);
      return bytes;
    }
    case 3:
      return bytes.subarray(0, at);
    case 4: {
      const end = Math.min(bytes.length, at + 1 + random.nextInt(16));
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.nextBytes(1 + random.nextInt(16)), bytes.subarray(at)]);
    default: {
      // A varint that never ends, or one as large as can be.
      const varint = random.nextInt(2) === 0 ? Buffer.alloc(12, 0xff) : Buffer.from('ffffffff0f', 'hex');
      return Buffer.concat([bytes.subarray(0, at), varint, bytes.subarray(at)]);
    }
  }
}

/** What stands where counts, lengths and everything else should. */
export const FILLINGS = ['00000000', 'ffffffff', '7fffffff', '80000000', 'ffffffff0f', '0000000100000001'] as const;

/** Requests of every API and version that is served, with a good header and a body of one filling over and over. */
export function* filledRequests(): Generator<{ what: string; request: Buffer }> {
  for (const api of APIS) {
    if (!api.advertised) continue;
    for (let version = api.advertised.min; version <= api.advertised.max; version++) {
      for (const filling of FILLINGS) {
        const body = Buffer.from(filling.repeat(24), 'hex');
        yield { what: `${api.name} v${version} of ${filling}`, request: Buffer.concat([headerOf(api, version), body]) };
      }
    }
  }
}

function headerOf(api: ApiDescription, version: number): Buffer {
  const header = Buffer.from('00000000' + '00000001' + '0004' + '6576696c', 'hex');
  header.writeInt16BE(api.key, 0);
  header.writeInt16BE(version, 2);
  return api.requestHeaderVersion(version) < 2 ? header : Buffer.concat([header, Buffer.from([0])]);
}
