import { CompressionTypes, type Message } from 'kafkajs';
import { ClientError } from '../client/client-error.js';
import { TopicProducer } from '../client/kafkajs-producer.js';
import { parseKeyValues, parseOrShowUsage, readToolOptions, type OptionSpec, type ParsedOptions } from '../options.js';
import { CommandError, isClientError, isTty, type Command, type Terminal } from '../terminal.js';
import { logLine, readToolProperties, requirePlaintext } from '../tool-output.js';
import { KAFKA_VERSION } from '../version.js';
import { LineReader, readLines, type InputRecord } from './line-reader.js';

const required = (name: string, description: string, type?: OptionSpec['type']): OptionSpec => ({
  name,
  argument: 'required',
  description,
  ...(type && { type }),
});

const OPTIONS: readonly OptionSpec[] = [
  required('topic', 'REQUIRED: The topic to produce to.'),
  required('bootstrap-server', 'REQUIRED unless --broker-list is specified. The brokers to connect to.'),
  required('broker-list', 'DEPRECATED, use --bootstrap-server instead; ignored if --bootstrap-server is specified.'),
  { name: 'sync', description: 'Send each line by itself and wait for its answer.' },
  {
    name: 'compression-codec',
    argument: 'optional',
    argumentName: 'compression-codec',
    description: "'none', 'gzip', 'snappy', 'lz4' or 'zstd'; 'gzip' if specified without value.",
  },
  required('batch-size', 'The most bytes of lines in one batch. (default: 16384)', 'int'),
  required('max-partition-memory-bytes', 'The same, and wins.', 'int'),
  required('message-send-max-retries', 'How often to try again. (default: 15)', 'int'),
  required('retry-backoff-ms', 'How long to wait before trying again. (default: 100)', 'long'),
  required('timeout', 'Taken for compatibility: lines are sent as soon as they are read.', 'long'),
  required('request-required-acks', 'Which acknowledgement to wait for: all, -1, 0 or 1. (default: -1)'),
  required('request-timeout-ms', 'How long to wait for an answer, 1500 at least. (default: 30000)', 'int'),
  required('metadata-expiry-ms', 'How long metadata is trusted. (default: 300000)', 'long'),
  required('max-block-ms', 'How long to wait for brokers at the beginning. (default: 60000)', 'long'),
  required('max-memory-bytes', 'Taken for compatibility: input is read no faster than it is sent.', 'long'),
  required('line-reader', "The class that reads lines; Kafka's LineMessageReader is the only one here."),
  required('socket-buffer-size', 'Taken for compatibility.', 'int'),
  required(
    'property',
    'key=value for the line reader: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, headers.key.separator, ignore.error, null.marker.',
  ),
  required('reader-config', 'Property file for the line reader.'),
  required('producer-property', 'key=value for the producer.'),
  required('producer.config', 'Property file for the producer.'),
];

const PURPOSE = 'This tool helps to read data from standard input and publish it to Kafka.';
const CODECS: Readonly<Record<string, CompressionTypes>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};
const ACKS: Readonly<Record<string, number>> = { all: -1, '-1': -1, '0': 0, '1': 1 };

/** kafka-console-producer.sh (`kafka.tools.ConsoleProducer`). */
export const consoleProducerCommand: Command = async (args, terminal) => {
  const read = readToolOptions(OPTIONS, args, PURPOSE, KAFKA_VERSION, terminal, parseOrShowUsage);
  if (!read) return 0;
  const { options, check } = read;
  const servers = options.value(options.has('bootstrap-server') ? 'bootstrap-server' : 'broker-list');
  if (servers === null) return check.fail('Missing required option(s) [bootstrap-server]');
  check.required('topic');
  try {
    await produce(servers, options, terminal);
    return 0;
  } catch (error) {
    if (!isClientError(error)) throw error;
    throw new CommandError(error.toString());
  }
};

async function produce(servers: string, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const topic = options.value('topic')!;
  const properties = new Map([
    ...readToolProperties(options.value('producer.config')),
    ...parseKeyValues(options.all('producer-property')),
  ]);
  requirePlaintext(properties);
  const reader = new LineReader(
    new Map([...readToolProperties(options.value('reader-config')), ...parseKeyValues(options.all('property'))]),
  );
  const { isSync, ...settings } = readSettings(options, properties);
  const producer = new TopicProducer(
    {
      ...settings,
      bootstrapServers: servers,
      topic,
      clientId: properties.get('client.id') ?? 'console-producer',
      retries: options.number('message-send-max-retries') ?? undefined,
      retryBackoffMs: options.number('retry-backoff-ms') ?? undefined,
      metadataMaxAgeMs: options.number('metadata-expiry-ms') ?? 300_000,
      // As in the Java producer, unless it is asked for something else.
      idempotent: settings.acks === -1 && properties.get('enable.idempotence') !== 'false',
      onFailed: isSync ? refuse : (messages, error) => sayFailed(messages, error, topic, terminal),
    },
    terminal,
  );
  const prompt = isTty(terminal.stdin) && isTty(terminal.stdout);
  try {
    await producer.connect();
    if (prompt) terminal.stdout.write('>');
    for await (const lines of readLines(terminal.stdin)) {
      const { messages, error } = parseLines(reader, lines);
      if (isSync) for (const message of messages) await producer.send([message]);
      else await producer.send(messages);
      if (error !== null) throw error;
      if (prompt) terminal.stdout.write('>');
    }
    await producer.disconnect();
  } catch (error) {
    producer.abandon();
    throw error;
  }
}

/** What lines say up to the first that is none; those before it are sent, as by Kafka's. */
function parseLines(reader: LineReader, lines: readonly string[]): { messages: Message[]; error: ClientError | null } {
  const messages: Message[] = [];
  for (const line of lines) {
    try {
      messages.push(toMessage(reader.parse(line)));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return { messages, error };
    }
  }
  return { messages, error: null };
}

interface Settings {
  readonly acks: number;
  readonly compression: CompressionTypes;
  readonly batchBytes: number;
  readonly timeoutMs: number;
  readonly maxBlockMs: number;
  readonly isSync: boolean;
}

function readSettings(options: ParsedOptions, properties: ReadonlyMap<string, string>): Settings {
  const invalid = (name: string, value: string, allowed: string) =>
    new ClientError(
      'org.apache.kafka.common.config.ConfigException',
      `Invalid value ${value} for configuration ${name}: ${allowed}`,
    );
  const number = (name: string, fallback: number, type: 'INT' | 'LONG'): number => {
    const text = properties.get(name)?.trim() ?? String(fallback);
    if (!/^\d+$/.test(text)) throw invalid(name, text, `Not a number of type ${type}`);
    return Number(text);
  };
  const acksText = options.value('request-required-acks') ?? properties.get('acks') ?? '-1';
  const acks = Object.hasOwn(ACKS, acksText) ? ACKS[acksText] : undefined;
  if (acks === undefined) throw invalid('acks', acksText, 'String must be one of: all, -1, 0, 1');
  const codecText = options.has('compression-codec') ? (options.value('compression-codec') ?? 'gzip') : 'none';
  const compression = Object.hasOwn(CODECS, codecText) ? CODECS[codecText] : undefined;
  if (compression === undefined) {
    throw invalid('compression.type', codecText, 'String must be one of: none, gzip, snappy, lz4, zstd');
  }
  const batchBytes =
    options.number('max-partition-memory-bytes') ?? options.number('batch-size') ?? number('batch.size', 16_384, 'INT');
  return {
    acks,
    compression,
    isSync: options.has('sync'),
    batchBytes,
    timeoutMs: Math.max(1500, options.number('request-timeout-ms') ?? 30_000),
    maxBlockMs: options.number('max-block-ms') ?? number('max.block.ms', 60_000, 'LONG'),
  };
}

function refuse(_messages: readonly Message[], error: ClientError): never {
  throw new ClientError('java.util.concurrent.ExecutionException', error.toString(), error.errorCode);
}

function sayFailed(messages: readonly Message[], error: ClientError, topic: string, terminal: Terminal): void {
  const size = (bytes: Message['key']): string =>
    bytes === null || bytes === undefined ? 'null' : `${bytes.length} bytes`;
  for (const { key, value } of messages) {
    logLine(
      terminal,
      'error',
      'org.apache.kafka.clients.producer.internals.ErrorLoggingCallback',
      `Error when sending message to topic ${topic} with key: ${size(key)}, value: ${size(value)} with error:`,
    );
    terminal.stderr.write(`${error.toString()}\n`);
  }
}

function toMessage({ key, value, headers }: InputRecord): Message {
  const byKey: Record<string, Buffer[]> = {};
  // kafkajs writes a null value as such, though its types do not say so.
  for (const [name, bytes] of headers) (byKey[name] ??= []).push(bytes as Buffer);
  return { key, value, headers: byKey };
}
