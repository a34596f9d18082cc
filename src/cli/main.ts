import { isClientError, isCommandError, processTerminal, type Command, type Terminal } from './terminal.js';
import { KAFKA_VERSION, OTTLA_VERSION } from './version.js';

interface CommandEntry {
  readonly summary: string;
  /** Each command is a file of its own in dist/, so that none pays for the others (scripts/build.mjs). */
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  server: {
    summary: 'start FILE [--override KEY=VALUE]... | start -daemon FILE | stop',
    load: async () => (await import('./commands/server.js')).serverCommand,
  },
  topics: {
    summary: 'create, list, describe, alter, delete topics (kafka-topics.sh)',
    load: async () => (await import('./commands/topics.js')).topicsCommand,
  },
  configs: {
    summary: 'describe and alter configurations of topics and brokers (kafka-configs.sh)',
    load: async () => (await import('./commands/configs.js')).configsCommand,
  },
  'console-producer': {
    summary: 'send the lines of stdin (kafka-console-producer.sh)',
    load: async () => (await import('./commands/console-producer.js')).consoleProducerCommand,
  },
  'console-consumer': {
    summary: 'print records (kafka-console-consumer.sh)',
    load: async () => (await import('./commands/console-consumer.js')).consoleConsumerCommand,
  },
  'consumer-groups': {
    summary: 'list, describe, reset, delete consumer groups (kafka-consumer-groups.sh)',
    load: async () => (await import('./commands/consumer-groups.js')).consumerGroupsCommand,
  },
  'get-offsets': {
    summary: 'print offsets of partitions (kafka-get-offsets.sh)',
    load: async () => (await import('./commands/get-offsets.js')).getOffsetsCommand,
  },
  'dump-log': {
    summary: 'print the files of a log (kafka-dump-log.sh)',
    load: async () => (await import('./dump-log/dump-log.js')).dumpLogCommand,
  },
  cluster: {
    summary: 'start, stop, status ... of brokers and ZooKeeper on this machine (scripts/cluster.sh)',
    load: async () => (await import('./cluster/cluster-command.js')).clusterCommand,
  },
  ensemble: {
    summary: 'start, stop, status ... of a ZooKeeper ensemble on this machine (zk/ensemble)',
    load: async () => (await import('./cluster/ensemble-command.js')).ensembleCommand,
  },
  'demo-failover': {
    summary: 'a cluster under load loses controller, leader and ZooKeeper leader (scripts/demo-failover)',
    load: async () => (await import('./demo/demo-failover.js')).demoFailoverCommand,
  },
  protocol: {
    summary: 'decode, encode, records: JSON lines in, JSON lines out',
    load: async () => (await import('./protocol-command.js')).protocolCommand,
  },
};

/** Runs the command that the arguments name, and answers the exit code. */
export async function main(
  args: readonly string[],
  terminal: Terminal = processTerminal(),
  commands = COMMANDS,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-v' || name === 'version') {
    terminal.stdout.write(`Ottla ${OTTLA_VERSION} (Apache Kafka ${KAFKA_VERSION} protocol), Node ${process.version}\n`);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? terminal.stderr : terminal.stdout).write(helpText(commands));
    return name === undefined ? 1 : 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry) {
    terminal.stderr.write(`ottla: there is no command '${name}'.\n\n${helpText(commands)}`);
    return 1;
  }
  try {
    const command = await entry.load();
    return await command(rest, terminal);
  } catch (error) {
    if (isCommandError(error)) {
      terminal.stderr.write(`${error.message}\n`);
      return error.exitCode;
    }
    // No bug of ours: a sentence without a stack.
    if (!isClientError(error)) throw error;
    terminal.stderr.write(`${String(error)}\n`);
    return 1;
  }
}

function helpText(commands: Readonly<Record<string, CommandEntry>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: ottla COMMAND [ARGUMENTS]\n\n${lines.join('\n')}\n\nottla COMMAND --help says more; ottla --version the version.\n`;
}
