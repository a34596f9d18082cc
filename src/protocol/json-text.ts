/**
 * JSON as text, with integers of any size kept exact: on the wire an int64 uses all its bits, which `JSON.parse` would round. Integers
 * within ±(2^53 - 1) are numbers, larger ones bigints.
 */
export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** A number of so many digits may be one that `JSON.parse` rounds. Inside a string it does no harm: the careful way is as right. */
const MAY_HOLD_BIG_INTEGER = /[[:,\s]-?\d{16}/;

/** Reads one JSON value. Throws a SyntaxError for anything else. */
export function parseJson(text: string): JsonValue {
  if (!MAY_HOLD_BIG_INTEGER.test(text) && !/^-?\d{16}/.test(text)) return JSON.parse(text) as JsonValue;
  return new JsonReader(text).read();
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;

class JsonReader {
  private at = 0;

  constructor(private readonly text: string) {}

  read(): JsonValue {
    const value = this.value();
    if (this.at !== this.text.length) this.fail();
    return value;
  }

  private value(): JsonValue {
    this.skipSpace();
    const value = this.bareValue();
    this.skipSpace();
    return value;
  }

  private bareValue(): JsonValue {
    switch (this.text[this.at]) {
      case '{':
        return this.object();
      case '[':
        return this.array();
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(): JsonObject {
    const object: Record<string, JsonValue> = {};
    this.at++;
    this.skipSpace();
    if (this.take('}')) return object;
    for (;;) {
      this.skipSpace();
      const name = this.string();
      this.skipSpace();
      if (!this.take(':')) this.fail();
      const value = this.value();
      if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, writable: true });
      else object[name] = value;
      if (this.take('}')) return object;
      if (!this.take(',')) this.fail();
    }
  }

  private array(): JsonValue[] {
    const items: JsonValue[] = [];
    this.at++;
    this.skipSpace();
    if (this.take(']')) return items;
    for (;;) {
      items.push(this.value());
      if (this.take(']')) return items;
      if (!this.take(',')) this.fail();
    }
  }

  private string(): string {
    const from = this.at;
    if (!this.take('"')) this.fail();
    for (;;) {
      const end = this.text.indexOf('"', this.at);
      if (end < 0) this.fail();
      let slashes = 0;
      while (this.text[end - 1 - slashes] === '\\') slashes++;
      this.at = end + 1;
      // Escapes, and the check for characters that need one, are left to the runtime's own reader.
      if (slashes % 2 === 0) return JSON.parse(this.text.slice(from, end + 1)) as string;
    }
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (!match) return this.fail();
    this.at = NUMBER.lastIndex;
    const value = Number(match[0]);
    const isInteger = match[1] === undefined && match[2] === undefined;
    return isInteger && !Number.isSafeInteger(value) ? BigInt(match[0]) : value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail();
    this.at += word.length;
    return value;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    const code = this.text.charCodeAt(this.at);
    if (code > 32) return;
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private fail(): never {
    throw new SyntaxError(`Unexpected ${JSON.stringify(this.text[this.at] ?? 'end')} in JSON at position ${this.at}`);
  }
}

/** A string with none of these is its own JSON. */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The value as JSON text without white space. A float that is negative zero keeps its sign. */
export function printJson(value: JsonValue): string {
  if (typeof value === 'string') return NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : String(value);
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? printArray(value as readonly JsonValue[]) : printObject(value as JsonObject);
}

function printArray(items: readonly JsonValue[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += i === 0 ? printJson(items[i]!) : `,${printJson(items[i]!)}`;
  return `${text}]`;
}

function printObject(object: JsonObject): string {
  let text = '{';
  for (const name in object) {
    if (text.length > 1) text += ',';
    text += `${NEEDS_ESCAPE.test(name) ? JSON.stringify(name) : `"${name}"`}:${printJson(object[name]!)}`;
  }
  return `${text}}`;
}
