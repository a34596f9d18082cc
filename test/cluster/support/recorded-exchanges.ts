import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  APIS,
  fromJson,
  parseJson,
  type ApiDescription,
  type JsonObject,
  type JsonValue,
} from '../../../src/protocol/index.js';
import { BatchView, RECORD_BATCH_OVERHEAD } from '../../../src/records/index.js';

/** One request to Kafka and what came of it, as test/.fixtures/reference/behaviour has it. */
export interface Exchange {
  readonly category: string;
  readonly name: string;
  readonly api: string | null;
  readonly version: number | null;
  /** Null for raw bytes, and for an answer to a request that was sent before. */
  readonly request: JsonObject | null;
  readonly response: JsonObject | null;
  /** What became of the connection, when there was no answer. */
  readonly connection?: string;
  readonly rawRequestHex?: string;
}

const FIXTURES = path.join(__dirname, '..', '..', '.fixtures', 'reference');

export function recordedExchanges(file: 'behaviour' | 'rebalance'): readonly Exchange[] {
  const place = path.join(FIXTURES, 'behaviour', `${file}.json`);
  return parseJson(readFileSync(place, 'utf8')) as unknown as readonly Exchange[];
}

/** One request in every version of nearly every API; put to the same broker after all of `behaviour` that it answered alone. */
export function recordedVersions(): readonly Exchange[] {
  const place = path.join(FIXTURES, 'wire', 'frames', 'all-versions.json');
  const exchanges = parseJson(readFileSync(place, 'utf8')) as unknown as readonly Omit<Exchange, 'category' | 'name'>[];
  return exchanges.map((exchange) => ({
    ...exchange,
    category: 'every version',
    name: `${exchange.api} v${exchange.version}`,
  }));
}

/** `CREATE_TOPICS` of the recording is `CreateTopics` here. */
export function apiOfRecording(recorded: string): ApiDescription {
  const squeezed = recorded.replaceAll('_', '').toLowerCase();
  const api = APIS.find(({ name }) => name.toLowerCase() === squeezed);
  if (!api) throw new Error(`the recording has an unknown API ${recorded}`);
  return api;
}

/** Fields whose values are made up by the broker, by kind: an id comes again in later requests and answers, perhaps elsewhere. */
const ID_FIELDS = new Map([
  ['topicId', 'topic'],
  ['clusterId', 'cluster'],
  ['memberId', 'member'],
  ['leader', 'member'],
  ['sessionId', 'fetch session'],
  ['port', 'port'],
  ['producerId', 'producer'],
]);
const NO_ID = new Set<unknown>(['', 0, -1, null, 'AAAAAAAAAAAAAAAAAAAAAA']);
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * Stands between a recording and a run: what the recorded broker called one thing and ours another is learnt from the first answer
 * that has it, and from then on must stay the same. Times of records are moved by one span, so that they are as fresh as they were.
 */
export class Interpreter {
  private readonly learnt = new Map<string, JsonValue>();
  private readonly shiftMs: number;

  constructor(exchanges: readonly Exchange[]) {
    const first = exchanges.map((exchange) => recordsIn(exchange.request ?? null)).find((records) => records !== null);
    this.recordedAtMs = first ? Number(new BatchView(first).baseTimestamp) : 0;
    this.shiftMs = first ? Date.now() - this.recordedAtMs : 0;
  }

  private readonly recordedAtMs: number;

  /** The request as it is to be sent in this run. */
  request(exchange: Exchange, api: ApiDescription): object {
    // Kafka's own objects show a field of OffsetCommit under its former name too.
    const isKnown = ([name]: [string, JsonValue]): boolean => Object.hasOwn(api.request.shape.fields, name);
    const body = Object.fromEntries(Object.entries(exchange.request!).filter(isKnown));
    return fromJson(api.request, this.toOurs(body) as JsonObject);
  }

  /** Two values that show only differences that mean something, when compared: what was recorded, and what came. */
  compare(recorded: JsonValue, actual: JsonValue): { expected: JsonValue; actual: JsonValue } {
    const ours = normalized(actual);
    const expected = normalized(recorded);
    this.learn(expected, ours);
    return { expected: byMember(this.expected(expected)), actual: byMember(this.withoutTimes(ours)) };
  }

  /** For an answer that is asked for until it comes. */
  isAsExpected(recorded: JsonValue, actual: JsonValue): boolean {
    const unknowing = JSON.stringify(byMember(this.expected(normalized(recorded))));
    return unknowing === JSON.stringify(byMember(this.withoutTimes(normalized(actual))));
  }

  private toOurs(value: JsonValue, field = ''): JsonValue {
    if (isList(value)) return value.map((item) => this.toOurs(item, field));
    if (isObject(value)) return mapFields(value, (item, name) => this.toOurs(item, name));
    if (field === 'records' && typeof value === 'string') return this.freshened(value);
    return this.ours(field, value);
  }

  private ours(field: string, value: JsonValue): JsonValue {
    return this.learnt.get(`${ID_FIELDS.get(field)} ${String(value)}`) ?? value;
  }

  private learn(expected: JsonValue, actual: JsonValue, field = ''): void {
    if (isList(expected) && isList(actual)) {
      expected.forEach((item, i) => i < actual.length && this.learn(item, actual[i]!, field));
    } else if (isObject(expected) && isObject(actual)) {
      for (const [name, item] of Object.entries(expected)) {
        if (name in actual) this.learn(item, actual[name]!, name);
      }
    } else if (ID_FIELDS.has(field) && !NO_ID.has(expected) && !NO_ID.has(actual)) {
      const key = `${ID_FIELDS.get(field)} ${String(expected)}`;
      if (!this.learnt.has(key)) this.learnt.set(key, actual);
    }
  }

  private expected(value: JsonValue, field = ''): JsonValue {
    if (isList(value)) return value.map((item) => this.expected(item, field));
    if (isObject(value)) return mapFields(value, (item, name) => this.expected(item, name));
    const isMoved = field === 'timestamp' && this.isFresh(Number(value));
    return withoutTime(field, isMoved ? Number(value) + this.shiftMs : this.ours(field, value));
  }

  private withoutTimes(value: JsonValue, field = ''): JsonValue {
    if (isList(value)) return value.map((item) => this.withoutTimes(item, field));
    if (isObject(value)) return mapFields(value, (item, name) => this.withoutTimes(item, name));
    return withoutTime(field, value);
  }

  private isFresh(timestampMs: number): boolean {
    return this.shiftMs !== 0 && Math.abs(timestampMs - this.recordedAtMs) < DAY_MS;
  }

  /** The same batch with its times moved, unless it is one of the damaged or of those with odd times on purpose. */
  private freshened(base64: string): string {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length < RECORD_BATCH_OVERHEAD) return base64;
    for (let at = 0; at + RECORD_BATCH_OVERHEAD <= bytes.length;) {
      const batch = new BatchView(bytes, at);
      if (batch.magic !== 2 || at + batch.sizeInBytes > bytes.length) break;
      at += batch.sizeInBytes;
      if (!batch.isValidCrc() || !this.isFresh(Number(batch.baseTimestamp))) continue;
      // After length, epoch, magic, CRC, attributes and last offset delta: the base and the greatest timestamp.
      const timesAt = batch.offset + 27;
      for (const place of [timesAt, timesAt + 8]) {
        bytes.writeBigInt64BE(bytes.readBigInt64BE(place) + BigInt(this.shiftMs), place);
      }
      batch.recomputeCrc();
    }
    return bytes.toString('base64');
  }
}

/** Lists without an order get one, records become their size, as the recording has them. */
function normalized(value: JsonValue): JsonValue {
  if (isList(value)) {
    const items = value.map(normalized);
    return items.every(isObject) ? items.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)) : items;
  }
  if (!isObject(value)) return typeof value === 'bigint' ? Number(value) : value;
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

/** Members have no order but that of their ids, which are ours on both sides by now. */
function byMember(value: JsonValue): JsonValue {
  if (isList(value)) {
    const items = value.map(byMember);
    const idOf = (item: JsonValue): string => String((item as JsonObject)['memberId']);
    const areMembers = items.every((item) => isObject(item) && 'memberId' in item);
    return areMembers ? items.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1)) : items;
  }
  return isObject(value) ? mapFields(value, byMember) : value;
}

/** Times of the broker's own: only whether there is one can be compared. */
function withoutTime(field: string, value: JsonValue): JsonValue {
  if (field === 'logAppendTimeMs') return Number(value) > 0 ? 'a time' : value;
  if (field === 'timestamp' && Math.abs(Number(value) - Date.now()) < HOUR_MS) return 'a time of this run';
  if (field === 'batchIndexErrorMessage') return String(value).replace(/\[\d+, \d+\]$/, '[from, to]');
  return value;
}

function sortKey(item: JsonObject): string {
  const { name, topic, groupId, apiKey, partitionIndex, partitionId, partition, index, nodeId, resourceName } = item;
  const number = partitionIndex ?? partitionId ?? partition ?? index ?? apiKey ?? nodeId;
  return `${String(name ?? topic ?? groupId ?? resourceName ?? '')} ${String(number ?? '').padStart(8, '0')}`;
}

/** The first record batch in a request, if it has any. */
function recordsIn(value: JsonValue, field = ''): Buffer | null {
  if (isList(value)) return value.map((item) => recordsIn(item, field)).find((found) => found !== null) ?? null;
  if (isObject(value)) {
    return (
      Object.entries(value)
        .map(([name, item]) => recordsIn(item, name))
        .find((found) => found !== null) ?? null
    );
  }
  return field === 'records' && typeof value === 'string' ? Buffer.from(value, 'base64') : null;
}

function mapFields(object: JsonObject, map: (item: JsonValue, name: string) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, item]) => [name, map(item, name)]));
}

function isList(value: JsonValue): value is JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
