import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { setPeriodicTimer, systemClock, systemRandom, withinTime, type Timer } from '../../common/index.js';
import { ClientError, timeoutError } from '../client/client-error.js';
import { createKafkaJs, fromKafkaJs, rangeAssigner } from '../client/kafkajs-client.js';
import { stopConsumer } from '../client/kafkajs-consumer.js';
import { OffsetSpec } from '../client/offset-admin.js';
import { readPartition } from '../client/partition-reader.js';
import { parseOrShowUsage, readToolOptions } from '../options.js';
import { EXIT_CODES, onStop } from '../stop-signals.js';
import { isClientError, type Command, type Terminal } from '../terminal.js';
import { adminClient, describeError, logLine } from '../tool-output.js';
import { KAFKA_VERSION } from '../version.js';
import { CONSOLE_CONSUMER_OPTIONS, readConsumerSettings, type ConsumerSettings } from './console-consumer-options.js';
import { IdlePositions } from './idle-positions.js';
import { PrintedPositions } from './printed-positions.js';
import { createFormatter, type ConsumedRecord, type RecordFormatter } from './record-formatters.js';

const PURPOSE = 'This tool helps to read data from Kafka topics and outputs it to standard output.';
const LOGGER = 'kafka.tools.ConsoleConsumer$';
/** `auto.commit.interval.ms` */
const AUTO_COMMIT_INTERVAL_MS = 5000;
/** So long leaving the group may take. */
const END_LIMIT_MS = 5000;

/** kafka-console-consumer.sh (`kafka.tools.ConsoleConsumer`). */
export const consoleConsumerCommand: Command = async (args, terminal) => {
  const read = readToolOptions(CONSOLE_CONSUMER_OPTIONS, args, PURPOSE, KAFKA_VERSION, terminal, parseOrShowUsage);
  if (!read) return 0;
  const { options, check } = read;
  let printer: Printer;
  let settings: ConsumerSettings;
  let servers: string;
  try {
    settings = readConsumerSettings(options, check, () => systemRandom.nextInt(100_000));
    printer = new Printer(settings, createFormatter(settings.formatter, settings.formatterProperties), terminal);
    servers = options.value('bootstrap-server') ?? (await findBrokers(options.value('zookeeper')!, terminal));
  } catch (error) {
    if (!isClientError(error)) throw error;
    logLine(terminal, 'error', LOGGER, 'Unknown error when running consumer: ');
    terminal.stderr.write(`${error.toString()}\n`);
    return 1;
  }
  const listenNoMore = onStop(
    systemClock,
    (signal) => {
      printer.exitCode = EXIT_CODES[signal];
      printer.finish(null);
    },
    (signal) => process.exit(EXIT_CODES[signal]),
  );
  try {
    if (settings.partition !== null) await consumePartition(servers, settings, printer, terminal);
    else await consumeGroup(servers, settings, printer, terminal);
  } catch (error) {
    printer.finish(error instanceof ClientError ? error : fromKafkaJs(error, String(settings.topic)));
  } finally {
    listenNoMore();
  }
  if (printer.failure) {
    logLine(terminal, 'error', LOGGER, 'Error processing message, terminating consumer process: ');
    terminal.stderr.write(`${printer.timedOut ? printer.failure.className : describeError(printer.failure)}\n`);
  }
  terminal.stderr.write(`Processed a total of ${printer.count} messages\n`);
  if (options.has('enable-systest-events')) terminal.stdout.write('shutdown_complete\n');
  return printer.exitCode;
};

/** The brokers that are registered in ZooKeeper, as a list to bootstrap from. */
async function findBrokers(zookeeper: string, terminal: Terminal): Promise<string> {
  const { findBrokersInZooKeeper } = await import('./zookeeper-brokers.js');
  return findBrokersInZooKeeper(zookeeper, terminal);
}

/** Prints records and knows when it is enough: so many, none for too long, or a signal. */
class Printer {
  count = 0;
  exitCode = 0;
  failure: ClientError | null = null;
  timedOut = false;
  /** Resolves when nothing more shall be printed. */
  readonly done: Promise<void>;
  private markDone!: () => void;
  private finished = false;
  private timer: Timer | null = null;

  constructor(
    private readonly settings: ConsumerSettings,
    private readonly format: RecordFormatter,
    private readonly terminal: Terminal,
  ) {
    this.done = new Promise((resolve) => {
      this.markDone = resolve;
    });
    this.armTimeout();
    if (settings.maxMessages === 0) this.finish(null);
  }

  get isDone(): boolean {
    return this.finished;
  }

  /** Prints one record; false when it was the last. */
  print(record: ConsumedRecord): boolean {
    if (this.finished) return false;
    this.armTimeout();
    this.count++;
    try {
      this.terminal.stdout.write(this.format(record));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (!this.settings.skipOnError) {
        this.finish(error);
        return false;
      }
      logLine(this.terminal, 'error', LOGGER, 'Error processing message, skipping this message: ');
      this.terminal.stderr.write(`${error.toString()}\n`);
    }
    if (this.settings.maxMessages !== null && this.count >= this.settings.maxMessages) this.finish(null);
    return !this.finished;
  }

  finish(failure: ClientError | null): void {
    if (this.finished) return;
    this.finished = true;
    this.failure = failure;
    this.timer?.cancel();
    this.markDone();
  }

  private armTimeout(): void {
    this.timer?.cancel();
    if (this.settings.timeoutMs === null) return;
    this.timer = systemClock.setTimer(this.settings.timeoutMs, () => {
      this.timedOut = true;
      this.finish(timeoutError(''));
    });
  }
}

async function consumePartition(
  servers: string,
  settings: ConsumerSettings,
  printer: Printer,
  terminal: Terminal,
): Promise<void> {
  const client = adminClient(servers, new Map([['client.id', settings.clientId]]), terminal);
  const at = { topic: settings.topic as string, partition: settings.partition! };
  const reading = (async () => {
    const { offset: start, readCommitted } = settings;
    for await (const records of readPartition(client, at, { start, readCommitted })) {
      if (printer.isDone || !records.every((record) => printer.print(record))) return;
    }
  })();
  // Whatever the reader is waiting for when the end comes is given up.
  const ended = reading.catch((error: unknown) => {
    if (!printer.isDone) throw error;
  });
  try {
    await Promise.race([ended, printer.done]);
  } finally {
    client.close();
  }
}

async function consumeGroup(
  servers: string,
  settings: ConsumerSettings,
  printer: Printer,
  terminal: Terminal,
): Promise<void> {
  const consumer = createKafkaJs({ bootstrapServers: servers, clientId: settings.clientId }).consumer({
    groupId: settings.group,
    partitionAssigners: [rangeAssigner],
    readUncommitted: !settings.readCommitted,
    maxWaitTimeInMs: 500,
    sessionTimeout: 45_000,
    rebalanceTimeout: 300_000,
    allowAutoTopicCreation: true,
    retry: { restartOnFailure: () => Promise.resolve(!printer.isDone) },
  });
  const crashed = new Promise<never>((_resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
  });
  const client = adminClient(servers, new Map([['client.id', settings.clientId]]), terminal);
  const { group, fromBeginning, commits } = settings;
  const start = fromBeginning ? OffsetSpec.EARLIEST : OffsetSpec.LATEST;
  const idle = commits ? new IdlePositions({ client, consumer, group, start }) : null;
  const commitIdle = (): Promise<void> => idle?.commit().catch(() => undefined) ?? Promise.resolve();
  let isConnected = false;
  const connect = async (): Promise<void> => {
    try {
      await client.reachable();
      await consumer.connect();
      isConnected = true;
    } catch (error) {
      printer.exitCode = 1;
      throw error;
    }
  };
  const committing = setPeriodicTimer(systemClock, AUTO_COMMIT_INTERVAL_MS, () => void commitIdle());
  try {
    await Promise.race([connect(), printer.done]);
    if (!isConnected) return;
    await Promise.race([runGroup(consumer, settings, printer, idle), crashed, printer.done]);
    await Promise.race([crashed, printer.done]);
  } finally {
    committing.cancel();
    crashed.catch(() => undefined);
    // A broker that does not answer is not waited for.
    if (isConnected)
      await withinTime(
        systemClock,
        END_LIMIT_MS,
        commitIdle().then(() => stopConsumer(consumer)),
      );
    client.close();
  }
}

async function runGroup(
  consumer: Consumer,
  settings: ConsumerSettings,
  printer: Printer,
  idle: IdlePositions | null,
): Promise<void> {
  await idle?.readStarts(settings.topic);
  const positions = new PrintedPositions();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    idle?.assigned(payload.memberAssignment);
    positions.assigned(payload.memberAssignment);
  });
  await consumer.subscribe({ topics: [settings.topic], fromBeginning: settings.fromBeginning });
  await consumer.run({
    autoCommit: settings.commits,
    eachBatchAutoResolve: false,
    eachBatch: ({ batch, resolveOffset, commitOffsetsIfNecessary, uncommittedOffsets }) => {
      if (batch.messages.length > 0 && !printer.isDone) idle?.read(batch);
      return printBatch(batch, printer, positions, resolveOffset).then(async (done) => {
        // What was printed last must be committed before the group is left.
        if (done && settings.commits) await commitOffsetsIfNecessary(uncommittedOffsets());
      });
    },
  });
}

function printBatch(
  batch: EachBatchPayload['batch'],
  printer: Printer,
  positions: PrintedPositions,
  resolveOffset: (offset: string) => void,
): Promise<boolean> {
  const resumeAt = positions.resumeAtOf(batch);
  let next: bigint | null = null;
  for (const message of batch.messages) {
    if (printer.isDone) break;
    const record = toRecord(batch.topic, batch.partition, message);
    if (record.offset >= resumeAt) {
      printer.print(record);
      next = record.offset + 1n;
    }
    resolveOffset(message.offset);
  }
  if (next !== null) positions.onPrinted(batch, next);
  return Promise.resolve(printer.isDone);
}

function toRecord(topic: string, partition: number, message: KafkaMessage): ConsumedRecord {
  // kafkajs keeps what it knows of the batch with each message, without saying so in its types.
  const { batchContext } = message as { batchContext?: { timestampType?: number } };
  const headers = Object.entries(message.headers ?? {}).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => ({
      key,
      value: one === undefined || one === null ? null : Buffer.from(one),
    })),
  );
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    timestamp: BigInt(message.timestamp),
    timestampType: batchContext?.timestampType === 1 ? 'LogAppendTime' : 'CreateTime',
    key: message.key,
    value: message.value,
    headers,
  };
}
