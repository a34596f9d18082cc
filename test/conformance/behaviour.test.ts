/**
 * Single requests as they were once put to Kafka 3.6.1, put to a broker of ours in the same order, and the answers compared. What
 * differs from run to run (ids, times, addresses) is learnt from the answers and put into later requests.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { nodeTransport } from '../../src/common/index.js';
import type { NetworkClient } from '../../src/network/index.js';
import {
  APIS,
  encodeRequestFrame,
  fromJson,
  parseJson,
  toJson,
  type ApiDescription,
  type JsonObject,
  type JsonValue,
} from '../../src/protocol/index.js';
import { BatchBuilder } from '../../src/records/index.js';
import { API_HANDLERS } from '../../src/server/index.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

interface Exchange {
  readonly category: string;
  readonly name: string;
  readonly api: string | null;
  readonly version: number | null;
  readonly request: JsonObject | null;
  readonly response: JsonObject | null;
  readonly connection?: string;
  readonly rawRequestHex?: string;
}

const RECORDED = parseJson(
  fs.readFileSync(path.join(__dirname, '..', '.fixtures', 'reference', 'behaviour', 'behaviour.json'), 'utf8'),
) as unknown as readonly Exchange[];

/** The settings of the recorded broker; idle connections are closed sooner here, to spare the time. */
const SETTINGS = {
  'socket.request.max.bytes': '500000',
  'connections.max.idle.ms': '1500',
  // Some partitions have replicas on brokers that never were; their leaders could not be moved.
  'controlled.shutdown.enable': 'false',
  'message.max.bytes': '100000',
  'group.min.session.timeout.ms': '1000',
  'transaction.max.timeout.ms': '60000',
  'num.partitions': '2',
  'offsets.topic.num.partitions': '2',
  'offsets.topic.replication.factor': '1',
  'group.initial.rebalance.delay.ms': '0',
};

/** Recorded with a second broker, or after a restart with other settings. */
const OTHER_SETUPS = new Set(['leader epochs', 'after restart', 'auto.create.topics.enable=false']);
/** Old message formats are refused with UNSUPPORTED_VERSION; as many records are appended in their place. */
const OLD_FORMATS = new Map([
  ['magic 1 at produce v2', 2],
  ['magic 0 at produce v0', 2],
  ['magic 1 gzip at produce v2', 3],
]);
/** The recorder asked again until it was so. */
const EVENTUALLY = new Set([
  'the same again',
  'find coordinator again',
  'heartbeat after session expiry',
  'InitProducerId again',
]);
/** Differ knowingly, for the reason beside. */
const KNOWN_DIFFERENCES = new Map([
  ['metadata: null topics v1', 'the recorder had deleted some of the topics'],
  ['metadata: empty topics v0', 'the recorder had deleted some of the topics'],
  ['protocol: ApiVersions v3', 'only what is served is listed, which a test of its own looks at'],
  ['protocol: ApiVersions v0', 'only what is served is listed, which a test of its own looks at'],
  ['fetch: v0', 'nothing is converted to the formats of before 0.11'],
  ['fetch: v3 (down conversion)', 'nothing is converted to the formats of before 0.11'],
]);

const HANDLED = new Set(API_HANDLERS.map(({ api }) => api.name));

/** `CREATE_TOPICS` is `CreateTopics` here. */
function apiNamed(recorded: string): ApiDescription | undefined {
  const squeezed = recorded.replaceAll('_', '').toLowerCase();
  return APIS.find(({ name }) => name.toLowerCase() === squeezed);
}

describe('answers as Kafka gave them', () => {
  let one: OneBroker;
  let client: NetworkClient;
  const learnt = new Map<string, JsonValue>();

  beforeAll(async () => {
    one = await startOneBroker(SETTINGS);
    client = one.client('probe');
  });
  afterAll(() => one.stop());

  const exchanges = RECORDED.filter(({ category, api, request }) => {
    if (OTHER_SETUPS.has(category) || category === 'transactions') return false;
    if (api === null) return true;
    const known = apiNamed(api);
    // Too long to have been written down.
    if (request && 'omitted' in request) return false;
    return known !== undefined && HANDLED.has(known.name);
  });

  test.each(exchanges.map((exchange) => [`${exchange.category}: ${exchange.name}`, exchange] as const))(
    '%s',
    async (title, exchange) => {
      if (exchange.rawRequestHex !== undefined) return checkRaw(exchange, Buffer.from(exchange.rawRequestHex, 'hex'));
      const api = apiNamed(exchange.api!)!;
      const request = fromJson(api.request, shortened(substitute(withoutRemovedFields(exchange.request!))));
      if (/ v99/.test(exchange.name)) {
        if (exchange.connection === undefined) return;
        const frame = Buffer.concat(encodeRequestFrame(api.key, exchange.version!, 1, 'probe', request));
        frame.writeInt16BE(99, 6);
        return checkRaw(exchange, frame);
      }
      if (OLD_FORMATS.has(exchange.name)) return checkOldFormat(exchange, api, request);
      if (exchange.connection === 'no answer in 2000 ms') {
        await expect(client.send(api.key, exchange.version!, request, 300)).rejects.toMatchObject({ kind: 'timeout' });
        return;
      }
      if (exchange.connection !== undefined) {
        await expect(client.send(api.key, exchange.version!, request)).rejects.toMatchObject({ kind: 'disconnected' });
        return;
      }
      const expected = normalized(exchange.response!);
      let answer = await ask(api, exchange.version!, request);
      for (let tries = 0; EVENTUALLY.has(exchange.name) && tries < 100; tries++) {
        if (JSON.stringify(masked(answer)) === JSON.stringify(masked(expected))) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
        answer = await ask(api, exchange.version!, request);
      }
      learn(expected, answer);
      if (KNOWN_DIFFERENCES.has(title)) return;
      expect(masked(answer)).toEqual(masked(expected));
    },
    20_000,
  );

  test('nothing of it was an error to the broker', () => {
    expect(one.complaints.filter((line) => /Unexpected|encode|stack|TypeError/.test(line))).toEqual([]);
  });

  async function ask(api: ApiDescription, version: number, request: object): Promise<JsonValue> {
    const body = await client.send<object>(api.key, version, request);
    return normalized(toJson(api.response, body, version));
  }

  async function checkOldFormat(exchange: Exchange, api: ApiDescription, request: object): Promise<void> {
    const answer = await ask(api, exchange.version!, request);
    expect(JSON.stringify(answer)).toContain('"errorCode":35');
    const builder = new BatchBuilder({ baseOffset: 0 });
    for (let i = 0; i < OLD_FORMATS.get(exchange.name)!; i++) {
      builder.append({ timestamp: Date.now(), key: Buffer.from('k'), value: Buffer.from('v'), headers: [] });
    }
    const partitionData = [{ index: 0, records: builder.build() }];
    await client.send(api.key, 9, { acks: 1, timeoutMs: 1000, topicData: [{ name: 't1', partitionData }] });
  }

  function checkRaw(exchange: Exchange, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      let answered = 0;
      const connection = nodeTransport.connect(
        { host: '127.0.0.1', port: one.port },
        {
          onOpen: () => bytes.length > 0 && connection.write([bytes]),
          onData(data) {
            answered += data.length;
            // What is not closed by the broker has been answered.
            if (exchange.connection === undefined) connection.destroy();
          },
          onClose() {
            // Ours may have been idle as long.
            client.disconnect('a raw exchange is over');
            const expected = exchange.connection === undefined;
            if (answered > 0 === expected) resolve();
            else reject(new Error(`answered with ${answered} bytes`));
          },
        },
      );
    });
  }

  /** Puts what this run calls it in place of what the recorded one did. */
  function substitute(value: JsonValue, key = ''): JsonValue {
    if (Array.isArray(value)) return value.map((item: JsonValue) => substitute(item, key));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([name, item]) => [name, substitute(item, name)]),
      );
    }
    return learnt.get(`${LEARNT_KEYS.get(key)} ${String(value)}`) ?? value;
  }

  /** Remembers ids of the recorded run and of this one by their place in the answers. */
  function learn(expected: JsonValue, actual: JsonValue, key = ''): void {
    if (Array.isArray(expected) && Array.isArray(actual)) {
      expected.forEach((item: JsonValue, i) => i < actual.length && learn(item, actual[i] as JsonValue, key));
    } else if (isObject(expected) && isObject(actual)) {
      for (const [name, item] of Object.entries(expected)) if (name in actual) learn(item, actual[name]!, name);
    } else if (LEARNT_KEYS.has(key) && expected !== '' && expected !== 0 && typeof expected === typeof actual) {
      learnt.set(`${LEARNT_KEYS.get(key)} ${String(expected)}`, actual);
    }
  }
});

/** What waits in vain for five seconds, longer than a connection may be idle here, waits for one. */
function shortened(request: JsonValue): JsonValue {
  return isObject(request) && request['timeoutMs'] === 5000 ? { ...request, timeoutMs: 1000 } : request;
}

/** Fields whose values differ from run to run but come again in later requests, by kind. */
const LEARNT_KEYS = new Map([
  ['topicId', 'topic'],
  ['memberId', 'member'],
  ['leader', 'member'],
  ['sessionId', 'session'],
]);
/** Fields whose values differ from run to run. */
const MASKED = new Set(['clusterId', 'port', 'topicId', 'memberId', 'leader', 'sessionId', 'recordsSizeInBytes', 'ms']);
/** Times: only whether there is one is compared. */
const TIMES = new Set(['logAppendTimeMs', 'timestamp']);

function masked(value: JsonValue, key = ''): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => masked(item, key));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, name)]));
  }
  if (MASKED.has(key)) return value === null || value === '' || value === 0 ? value : `a ${key}`;
  if (TIMES.has(key)) return Number(value) > 0 ? 'a time' : value;
  if (typeof value === 'bigint') return Number(value);
  if (key === 'batchIndexErrorMessage' && typeof value === 'string')
    return value.replace(/\[\d+, \d+\]$/, '[from, to]');
  return value;
}

/** Records become their size, as recorded, and lists without an order get one. */
function normalized(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const items = value.map((item: JsonValue) => normalized(item));
    return items.every(isObject) ? [...items].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)) : items;
  }
  if (!isObject(value)) return value;
  const result: Record<string, JsonValue> = {};
  for (const [name, item] of Object.entries(value)) {
    if (name === 'records') {
      result['recordsSizeInBytes'] = typeof item === 'string' ? Buffer.from(item, 'base64').length : 0;
    } else {
      result[name] = normalized(item);
    }
  }
  return result;
}

function sortKey(item: JsonValue): string {
  const { name, topic, groupId, apiKey, partitionIndex, partitionId, partition, index, nodeId, resourceName } =
    item as JsonObject;
  const number = partitionIndex ?? partitionId ?? partition ?? index ?? apiKey ?? nodeId;
  const text = name ?? topic ?? groupId ?? resourceName ?? '';
  return `${String(text)} ${String(number ?? '').padStart(8, '0')}`;
}

/** Kafka's own Java objects show fields that the wire has not. */
function withoutRemovedFields(request: JsonObject): JsonObject {
  const { generationId, generationIdOrMemberEpoch, ...rest } = request as Record<string, JsonValue>;
  if (generationIdOrMemberEpoch !== undefined) return { ...rest, generationIdOrMemberEpoch };
  return generationId === undefined ? rest : { ...rest, generationId };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
