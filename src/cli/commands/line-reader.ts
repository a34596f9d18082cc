import { StringDecoder } from 'node:string_decoder';
import { ClientError } from '../client/client-error.js';

/** A record that a line of input describes. */
export interface InputRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[];
}

const failure = (message: string): ClientError => new ClientError('org.apache.kafka.common.KafkaException', message);

/** Turns lines into records by the properties of Kafka's `LineMessageReader`: `parse.key`, `key.separator`, `parse.headers` … */
export class LineReader {
  private lineNumber = 0;
  private readonly parseKey: boolean;
  private readonly parseHeaders: boolean;
  private readonly ignoreError: boolean;
  private readonly keySeparator: string;
  private readonly headersDelimiter: string;
  private readonly headersSeparator: string;
  private readonly headersKeySeparator: string;
  private readonly nullMarker: string | null;

  constructor(properties: ReadonlyMap<string, string>) {
    const flag = (name: string) => properties.get(name)?.trim().toLowerCase() === 'true';
    this.parseKey = flag('parse.key');
    this.parseHeaders = flag('parse.headers');
    this.ignoreError = flag('ignore.error');
    this.keySeparator = properties.get('key.separator') ?? '\t';
    this.headersDelimiter = properties.get('headers.delimiter') ?? '\t';
    this.headersSeparator = properties.get('headers.separator') ?? ',';
    this.headersKeySeparator = properties.get('headers.key.separator') ?? ':';
    this.nullMarker = properties.get('null.marker') ?? null;
    this.checkSeparators();
  }

  /** The record of one line. Throws what Kafka's reader throws when a separator is missing. */
  parse(line: string): InputRecord {
    this.lineNumber++;
    const headers = this.part(this.parseHeaders, line, 0, this.headersDelimiter, 'headers delimiter');
    const headersEnd = headers === null ? 0 : headers.length + this.headersDelimiter.length;
    const key = this.part(this.parseKey, line, headersEnd, this.keySeparator, 'key separator');
    const keyEnd = headersEnd + (key === null ? 0 : key.length + this.keySeparator.length);
    return {
      key: this.bytes(key),
      value: this.bytes(line.slice(keyEnd)),
      headers: headers === null || headers === this.nullMarker ? [] : this.splitHeaders(headers),
    };
  }

  private part(enabled: boolean, line: string, from: number, demarcation: string, name: string): string | null {
    if (!enabled) return null;
    const end = line.indexOf(demarcation, from);
    if (end >= 0) return line.slice(from, end);
    if (this.ignoreError) return null;
    throw failure(`No ${name} found on line number ${this.lineNumber}: '${line}'`);
  }

  private bytes(text: string | null): Buffer | null {
    return text === null || text === this.nullMarker ? null : Buffer.from(text, 'utf8');
  }

  private splitHeaders(text: string): [string, Buffer | null][] {
    return text.split(new RegExp(this.headersSeparator)).map((pair) => {
      const separator = pair.indexOf(this.headersKeySeparator);
      if (separator < 0) {
        if (this.ignoreError) return [pair, null];
        throw failure(`No header key separator found in pair '${pair}' on line number ${this.lineNumber}`);
      }
      const key = pair.slice(0, separator);
      if (key === this.nullMarker) {
        throw failure(`Header keys should not be equal to the null marker '${this.nullMarker}' as they can't be null`);
      }
      return [key, this.bytes(pair.slice(separator + this.headersKeySeparator.length))];
    });
  }

  private checkSeparators(): void {
    const differ = (a: string | null, b: string, names: string): void => {
      if (a === b) throw failure(`${names} may not be equal`);
    };
    differ(this.headersDelimiter, this.headersSeparator, 'headers.delimiter and headers.separator');
    differ(this.headersDelimiter, this.headersKeySeparator, 'headers.delimiter and headers.key.separator');
    differ(this.headersSeparator, this.headersKeySeparator, 'headers.separator and headers.key.separator');
    differ(this.nullMarker, this.keySeparator, 'null.marker and key.separator');
    differ(this.nullMarker, this.headersSeparator, 'null.marker and headers.separator');
    differ(this.nullMarker, this.headersDelimiter, 'null.marker and headers.delimiter');
    differ(this.nullMarker, this.headersKeySeparator, 'null.marker and headers.key.separator');
  }
}

/** Lines of a stream as they come, all that one piece of input completes at once; the last may lack its end. */
export async function* readLines(input: NodeJS.ReadableStream): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const text = rest + decoder.write(chunk as Buffer);
    // A carriage return at the end may be half of a line's end.
    const held = text.endsWith('\r') ? '\r' : '';
    const lines = (held ? text.slice(0, -1) : text).split(/\r\n|\r|\n/);
    rest = lines.pop()! + held;
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (rest !== '') yield rest.replace(/\r$/, '').split('\r');
}
