import { ZnodeFormatError } from '../core/errors.js';

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>
  | { readonly [key: string]: JsonValue };

/**
 * Writes JSON as Kafka's Jackson does: no spaces, UTF-8, control characters as upper-case `\u00XX`. Members keep the order given; a
 * `Map` also keeps it for names that look like numbers, which JavaScript's objects would sort.
 */
export function encodeJson(value: JsonValue): Buffer {
  return Buffer.from(text(value), 'utf8');
}

function text(value: JsonValue): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(text).join(',')}]`;
  const entries: Iterable<[string, JsonValue]> =
    value instanceof Map ? value.entries() : Object.entries(value as { readonly [key: string]: JsonValue });
  const members: string[] = [];
  for (const [name, member] of entries) members.push(`${quote(name)}:${text(member)}`);
  return `{${members.join(',')}}`;
}

function quote(value: string): string {
  return JSON.stringify(value).replace(/\\u00[0-9a-f]{2}/g, (escape) => `\\u${escape.slice(2).toUpperCase()}`);
}

/** Reads a node's data as a JSON object. Throws `ZnodeFormatError`, naming `what` and showing the data, when it is none. */
export function decodeJson(data: Buffer | null, what: string): JsonObject {
  const source = data === null ? '' : data.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (cause) {
    throw new ZnodeFormatError(`${what} holds no JSON: ${excerpt(source)}`, { cause });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new ZnodeFormatError(`${what} holds no JSON object: ${excerpt(source)}`);
  }
  return new JsonObject(value as Record<string, unknown>, what);
}

function excerpt(source: string): string {
  return JSON.stringify(source.length > 200 ? `${source.slice(0, 200)}…` : source);
}

/** A decoded JSON object whose members are read by type. A missing or wrong member is a `ZnodeFormatError`. */
export class JsonObject {
  constructor(
    readonly members: Readonly<Record<string, unknown>>,
    private readonly what: string,
  ) {}

  has(name: string): boolean {
    return this.members[name] !== undefined;
  }

  names(): string[] {
    return Object.keys(this.members);
  }

  /** An int32, as all numbers of Kafka's znodes are: another one could not be told to brokers. */
  int(name: string): number {
    const value = this.members[name];
    return isInt32(value) ? value : this.fail(name, 'an integer');
  }

  optionalInt(name: string): number | null {
    return this.isAbsent(name) ? null : this.int(name);
  }

  /** An int64 that Kafka writes as a string. */
  longString(name: string): bigint {
    const value = this.string(name);
    return /^-?\d+$/.test(value) ? BigInt(value) : this.fail(name, 'a string of digits');
  }

  string(name: string): string {
    const value = this.members[name];
    return typeof value === 'string' ? value : this.fail(name, 'a string');
  }

  optionalString(name: string): string | null {
    return this.isAbsent(name) ? null : this.string(name);
  }

  ints(name: string): number[] {
    const value = this.members[name];
    return Array.isArray(value) && value.every(isInt32) ? value : this.fail(name, 'integers');
  }

  optionalInts(name: string): number[] | null {
    return this.isAbsent(name) ? null : this.ints(name);
  }

  strings(name: string): string[] {
    const value = this.members[name];
    return Array.isArray(value) && value.every((item) => typeof item === 'string')
      ? (value as string[])
      : this.fail(name, 'strings');
  }

  object(name: string): JsonObject {
    const value = this.members[name];
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return this.fail(name, 'an object');
    return new JsonObject(value as Record<string, unknown>, `${name} of ${this.what}`);
  }

  optionalObject(name: string): JsonObject | null {
    return this.isAbsent(name) ? null : this.object(name);
  }

  objects(name: string): JsonObject[] {
    const value = this.members[name];
    if (!Array.isArray(value)) return this.fail(name, 'objects');
    return value.map((item: unknown) => {
      if (item === null || typeof item !== 'object' || Array.isArray(item)) return this.fail(name, 'objects');
      return new JsonObject(item as Record<string, unknown>, `${name} of ${this.what}`);
    });
  }

  private isAbsent(name: string): boolean {
    return this.members[name] === undefined || this.members[name] === null;
  }

  private fail(name: string, wanted: string): never {
    const found = this.members[name];
    const shown = found === undefined ? 'nothing' : excerpt(JSON.stringify(found));
    throw new ZnodeFormatError(`"${name}" of ${this.what} is ${shown}, need ${wanted}`);
  }
}

/** What Kafka's ints hold. */
export function isInt32(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value;
}
