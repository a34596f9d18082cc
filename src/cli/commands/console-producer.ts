import { CompressionTypes, Partitioners, type ICustomPartitioner, type Message, type Producer } from 'kafkajs';
import { sleep, systemClock, withinTime } from '../../common/index.js';
import { ClientError, timeoutError } from '../client/client-error.js';
import { parseBootstrapServers } from '../client/cluster-client.js';
import { createKafkaJs, fromKafkaJs } from '../client/kafkajs-client.js';
import { requireResolvable, whyUnreachable } from '../client/reachability.js';
import { parseKeyValues, parseOrShowUsage, readToolOptions, type OptionSpec, type ParsedOptions } from '../options.js';
import { CommandError, isClientError, isTty, type Command, type Terminal } from '../terminal.js';
import { logLine, readToolProperties, requirePlaintext, warnUnresolved } from '../tool-output.js';
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
  required('message-send-max-retries', 'How often to try again. (default: 3)', 'int'),
  required('retry-backoff-ms', 'How long to wait before trying again. (default: 100)', 'long'),
  required('timeout', 'Taken for compatibility: lines are sent as soon as they are read.', 'long'),
  required('request-required-acks', 'Which acknowledgement to wait for: all, -1, 0 or 1. (default: -1)'),
  required('request-timeout-ms', 'How long to wait for an answer. (default: 1500)', 'int'),
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
/** The pause before kafkajs is asked to connect again. */
const CONNECT_AGAIN_MS = 200;
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
  const settings = readSettings(options, properties);
  const partitioner = stickyPartitioner();
  const producer = createKafkaJs({
    bootstrapServers: servers,
    clientId: properties.get('client.id') ?? 'console-producer',
  }).producer({
    createPartitioner: partitioner.create,
    metadataMaxAge: options.number('metadata-expiry-ms') ?? 300_000,
    // As in the Java producer, unless it is asked for something else: a retry makes no duplicates.
    idempotent: settings.acks === -1 && properties.get('enable.idempotence') !== 'false',
    maxInFlightRequests: 1,
  });
  const prompt = isTty(terminal.stdin) && isTty(terminal.stdout);
  try {
    await connect(producer, topic, servers, settings.maxBlockMs, terminal);
    if (prompt) terminal.stdout.write('>');
    for await (const lines of readLines(terminal.stdin)) {
      for (const batch of batches(
        lines.map((line) => reader.parse(line)),
        settings.batchBytes,
      )) {
        partitioner.nextBatch();
        await send(producer, topic, batch, settings, terminal);
      }
      if (prompt) terminal.stdout.write('>');
    }
    await producer.disconnect();
  } catch (error) {
    // It waits for the answers that are due, of a broker that is silent for half a minute.
    producer.disconnect().catch(() => undefined);
    throw error;
  }
}

/**
 * Tries until a broker serves and gives a producer id, or `max.block.ms` have passed: kafkajs gives up on a controller that is gone, though
 * there will be another. Where no broker answers at all that is said sooner.
 */
async function connect(
  producer: Producer,
  topic: string,
  servers: string,
  maxBlockMs: number,
  terminal: Terminal,
): Promise<void> {
  const addresses = parseBootstrapServers(servers);
  await requireResolvable(addresses, warnUnresolved(terminal));
  const deadlineMs = systemClock.monotonicMs() + maxBlockMs;
  for (;;) {
    const tried = producer.connect().then(
      () => 'connected' as const,
      (error: unknown) => fromKafkaJs(error, topic).message,
    );
    const outcome = await withinTime(systemClock, deadlineMs - systemClock.monotonicMs(), tried);
    if (outcome === 'connected') return;
    const why = await whyUnreachable(addresses, maxBlockMs);
    if (why !== null) throw timeoutError(`Topic ${topic} not present in metadata: ${why}`);
    if (outcome === undefined || systemClock.monotonicMs() + CONNECT_AGAIN_MS > deadlineMs) {
      throw timeoutError(
        `Topic ${topic} not present in metadata after ${maxBlockMs} ms${outcome ? `: ${outcome}` : '.'}`,
      );
    }
    await withinTime(systemClock, deadlineMs - systemClock.monotonicMs(), ofOneTopic(producer, topic));
    await sleep(systemClock, CONNECT_AGAIN_MS);
  }
}

/**
 * kafkajs asks for the metadata of all topics until it knows of one, and takes what is wrong with any of them, such as a partition without a
 * leader, for its own: a batch of nothing tells it of the only one that matters.
 */
async function ofOneTopic(producer: Producer, topic: string): Promise<void> {
  try {
    await producer.send({ topic, messages: [] });
  } catch (error) {
    // Not connected, or no leader of this one either: the next try to connect says so.
    if (!(error instanceof Error)) throw error;
  }
}

interface Settings {
  readonly acks: number;
  readonly compression: CompressionTypes;
  /** 0 sends each record by itself. */
  readonly batchBytes: number;
  readonly timeoutMs: number;
  readonly maxBlockMs: number;
  readonly sync: boolean;
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
  const sync = options.has('sync');
  const batchBytes =
    options.number('max-partition-memory-bytes') ?? options.number('batch-size') ?? number('batch.size', 16_384, 'INT');
  return {
    acks,
    compression,
    sync,
    batchBytes: sync ? 0 : batchBytes,
    timeoutMs: Math.max(1500, options.number('request-timeout-ms') ?? 30_000),
    maxBlockMs: options.number('max-block-ms') ?? number('max.block.ms', 60_000, 'LONG'),
  };
}

/** Cuts records into batches of about `bytes`, one record at least in each. */
function* batches(records: readonly InputRecord[], bytes: number): Generator<InputRecord[]> {
  let batch: InputRecord[] = [];
  let size = 0;
  for (const record of records) {
    const length = (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (batch.length > 0 && size + length > bytes) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(record);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

async function send(
  producer: Producer,
  topic: string,
  records: readonly InputRecord[],
  { acks, compression, timeoutMs, sync }: Settings,
  terminal: Terminal,
): Promise<void> {
  try {
    await producer.send({ topic, messages: records.map(toMessage), acks, compression, timeout: timeoutMs });
  } catch (thrown) {
    const error = fromKafkaJs(thrown, topic);
    if (sync) throw new ClientError('java.util.concurrent.ExecutionException', error.toString(), error.errorCode);
    for (const { key, value } of records) {
      const size = (bytes: Buffer | null) => (bytes === null ? 'null' : `${bytes.length} bytes`);
      logLine(
        terminal,
        'error',
        'org.apache.kafka.clients.producer.internals.ErrorLoggingCallback',
        `Error when sending message to topic ${topic} with key: ${size(key)}, value: ${size(value)} with error:`,
      );
      terminal.stderr.write(`${error.toString()}\n`);
    }
  }
}

function toMessage({ key, value, headers }: InputRecord): Message {
  const byKey: Record<string, Buffer[]> = {};
  // kafkajs writes a null value as such, though its types do not say so.
  for (const [name, bytes] of headers) (byKey[name] ??= []).push(bytes as Buffer);
  return { key, value, headers: byKey };
}

/** Keys by murmur2 as in Java; records without a key go to one partition for each batch. */
function stickyPartitioner(): { create: ICustomPartitioner; nextBatch: () => void } {
  const byKey = Partitioners.DefaultPartitioner();
  let chosen: number | null = null;
  return {
    create: () => (args) => {
      if (args.message.key !== null && args.message.key !== undefined) return byKey(args);
      // kafkajs spreads records without a key evenly over the partitions that have a leader.
      return (chosen ??= byKey(args));
    },
    nextBatch: () => {
      chosen = null;
    },
  };
}
