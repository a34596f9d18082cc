/** `ottla protocol decode|encode|records`: for people who debug clients. JSON lines in, JSON lines out. */
import { fromJson, MESSAGES, toJson, type AnyMessage, type JsonObject } from '../protocol/index.js';
import { describeBatches } from './batch-json.js';
import { answerJsonLines, type LineAnswerer } from './json-lines.js';
import type { Terminal } from './terminal.js';

const USAGE = `USAGE: ottla protocol decode|encode|records < lines.jsonl
  decode    {"message":NAME,"version":N,"hex":BODY}    answers {"json":…} or {"error":…}
  encode    {"message":NAME,"version":N,"json":…}      answers {"hex":BODY} or {"error":…}
  records   {"hex":BATCHES}                            answers {"batches":…} or {"error":…}
NAME is a message of Kafka: FetchRequest, MetadataResponse, RequestHeader, GroupMetadataValue …
`;

const SUBCOMMANDS: Readonly<Record<string, LineAnswerer>> = { decode, encode, records };

/** Answers the exit code: 0 when the input was read to its end, however many lines of it were bad. */
export async function protocolCommand(
  args: readonly string[],
  io: Pick<Terminal, 'stdin' | 'stdout' | 'stderr'>,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help') {
    io.stdout.write(USAGE);
    return 0;
  }
  const answer = name !== undefined && Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (!answer || rest.length > 0) {
    const problem = answer ? `takes no ${rest[0]!}` : name === undefined ? 'needs a subcommand' : `has no '${name}'`;
    io.stderr.write(`ottla protocol ${problem}.\n${USAGE}`);
    return 1;
  }
  await answerJsonLines(io, answer);
  return 0;
}

/** Bytes after the body are ignored, as Kafka's readers do. */
function decode(line: JsonObject): JsonObject {
  const message = messageOf(line);
  const version = versionOf(line);
  return { json: toJson(message, message.decode(bytesOf(line), version), version) };
}

function encode(line: JsonObject): JsonObject {
  const message = messageOf(line);
  const version = versionOf(line);
  if (line.json === undefined) throw new RangeError('"json" is missing');
  return { hex: message.encode(fromJson(message, line.json), version).toString('hex') };
}

function records(line: JsonObject): JsonObject {
  return { batches: describeBatches(bytesOf(line)) };
}

function messageOf({ message: name }: JsonObject): AnyMessage {
  if (typeof name !== 'string') throw new RangeError('"message" must be the name of a message');
  const message = MESSAGES.get(name);
  if (!message) throw new RangeError(`there is no message ${JSON.stringify(name)}`);
  return message;
}

function versionOf({ version }: JsonObject): number {
  if (typeof version !== 'number' || !Number.isInteger(version)) throw new RangeError('"version" must be an integer');
  return version;
}

function bytesOf({ hex }: JsonObject): Buffer {
  if (typeof hex !== 'string') throw new RangeError('"hex" must be a string');
  const bytes = Buffer.from(hex, 'hex');
  // Node stops at the first character that is no digit.
  if (bytes.length * 2 !== hex.length) {
    throw new RangeError(`"hex" is no hexadecimal text of whole bytes: character ${bytes.length * 2} of ${hex.length}`);
  }
  return bytes;
}
