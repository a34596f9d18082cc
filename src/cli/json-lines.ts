/** Programs that read JSON lines and answer each with one: streaming, in order, held back when nobody reads the answers. */
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { parseJson, printJson, type JsonObject, type JsonValue } from '../protocol/index.js';
import type { Terminal } from './terminal.js';

/** Answers one line. What it throws is answered as `{"error"}`. */
export type LineAnswerer = (line: JsonObject) => JsonObject;

/** A line beyond this many characters is refused, so that input without line ends cannot take all memory. */
const LINE_MAX_CHARACTERS = 256 * 1024 * 1024;
/** Answers are written in pieces of about this size, and at the latest when all input that is there has been read. */
const WRITE_CHARACTERS = 64 * 1024;

/** Reads stdin to its end. Returns when the last answer was taken, or nobody reads answers any more. */
export async function answerJsonLines(
  { stdin, stdout }: Pick<Terminal, 'stdin' | 'stdout'>,
  answer: LineAnswerer,
): Promise<void> {
  const output = new Output(stdout);
  const lines = new LineSplitter();
  const decoder = new StringDecoder('utf8');
  for await (const chunk of stdin) {
    for (const line of lines.push(typeof chunk === 'string' ? chunk : decoder.write(chunk))) {
      output.add(`${answerLine(line, answer)}\n`);
      if (output.isFull) await output.flush();
    }
    // A program that writes a line and waits for its answer must get it now.
    await output.flush();
    if (output.isClosed) return;
  }
  for (const line of lines.end(decoder.end())) output.add(`${answerLine(line, answer)}\n`);
  await output.flush();
}

function answerLine(line: string | null, answer: LineAnswerer): string {
  try {
    if (line === null) throw new RangeError(`a line of more than ${LINE_MAX_CHARACTERS} characters`);
    return printJson(answer(asObject(parseJson(line))));
  } catch (error) {
    return printJson({ error: error instanceof Error ? error.message : String(error) });
  }
}

function asObject(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyntaxError('a line must hold a JSON object');
  }
  return value as JsonObject;
}

/** Cuts text into lines. A line that is too long comes out as null, once. */
class LineSplitter {
  private parts: string[] = [];
  private length = 0;

  *push(text: string): Generator<string | null> {
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      if (end < 0) break;
      this.keep(text.slice(from, end));
      yield this.take();
      from = end + 1;
    }
    if (from < text.length) this.keep(text.slice(from));
  }

  /** What stands behind the last line end is a line, unless nothing does. */
  *end(text: string): Generator<string | null> {
    yield* this.push(text);
    if (this.length > 0) yield this.take();
  }

  private keep(part: string): void {
    this.length += part.length;
    if (this.length > LINE_MAX_CHARACTERS) this.parts = [];
    else this.parts.push(part);
  }

  private take(): string | null {
    const line =
      this.length > LINE_MAX_CHARACTERS ? null : this.parts.length === 1 ? this.parts[0]! : this.parts.join('');
    this.parts = [];
    this.length = 0;
    return line;
  }
}

/** Collects answers, and waits while the reader is behind. */
class Output {
  isClosed = false;
  private text = '';

  constructor(private readonly stream: NodeJS.WritableStream) {
    // A reader that leaves (`| head`) is no error of ours.
    stream.on('error', () => (this.isClosed = true));
  }

  get isFull(): boolean {
    return this.text.length >= WRITE_CHARACTERS;
  }

  add(text: string): void {
    this.text += text;
  }

  async flush(): Promise<void> {
    if (this.text === '' || this.isClosed) return;
    const { text } = this;
    this.text = '';
    if (!this.stream.write(text)) await once(this.stream, 'drain').catch(() => (this.isClosed = true));
  }
}
