import { reasonOfRefusal, systemClock, type LogLevel } from '../common/index.js';
import { IS_IT_A_BROKER } from './client/broker-connection.js';
import { ClientError } from './client/client-error.js';
import { ClusterClient } from './client/cluster-client.js';
import { formatLogLine } from './logging/log-format.js';
import { readPropertiesFile, VariableResolver } from '../config/index.js';
import { UncaughtException } from './options.js';
import { CommandError, isClientError, type Terminal } from './terminal.js';
import fs from 'node:fs';
import { nodeVariableSources } from './variable-sources.js';

/** One line on stderr as Kafka's tools log: `[time] LEVEL text (logger)`. */
export function logLine(terminal: Terminal, level: LogLevel, logger: string, text: string): void {
  terminal.stderr.write(`${formatLogLine(systemClock.nowMs(), level, logger, text, undefined, false)}\n`);
}

/** Tells of a bootstrap server whose host has no address, as Kafka's clients do. */
export function warnUnresolved(terminal: Terminal): (sentence: string) => void {
  return (sentence) => logLine(terminal, 'warn', 'org.apache.kafka.clients.ClientUtils', sentence);
}

/** Tells what a wait for ZooKeeper is for. */
export function warnOfZooKeeper(terminal: Terminal): (sentence: string) => void {
  return (sentence) => logLine(terminal, 'warn', 'kafka.zookeeper.ZooKeeperClient', sentence);
}

/** An exception as Java prints it in a stack trace: class and message. */
export function describeError(error: unknown): string {
  if (isClientError(error)) return error.toString();
  if (error instanceof UncaughtException) return `${error.className}: ${error.reason}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The message alone. */
export function messageOf(error: unknown): string {
  if (error instanceof UncaughtException) return error.reason;
  return error instanceof Error ? error.message : String(error);
}

/** Reads a `--command-config` and the like, with variables resolved. Throws `CommandError` when it cannot be read. */
export function readToolProperties(file: string | null): Map<string, string> {
  if (file === null) return new Map();
  try {
    const properties = readPropertiesFile(fs.readFileSync(file, 'latin1'));
    return VariableResolver.create(properties, nodeVariableSources)?.resolveAll(properties) ?? properties;
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${reasonOfRefusal(error)}`);
  }
}

/** A client for a tool that administers, with the settings of its properties. */
export function adminClient(
  bootstrapServers: string,
  properties: ReadonlyMap<string, string>,
  terminal: Terminal,
): ClusterClient {
  requirePlaintext(properties);
  const clientId = properties.get('client.id') ?? 'adminclient-1';
  return new ClusterClient({
    bootstrapServers: properties.get('bootstrap.servers') ?? bootstrapServers,
    clientId,
    requestTimeoutMs: numberOf(properties, 'request.timeout.ms', 30_000),
    apiTimeoutMs: numberOf(properties, 'default.api.timeout.ms', 60_000),
    onUnresolved: warnUnresolved(terminal),
    onConnectFailure: (nodeId, { host, port }) =>
      logLine(
        terminal,
        'warn',
        'org.apache.kafka.clients.NetworkClient',
        `[AdminClient clientId=${clientId}] Connection to node ${nodeId} (${host}/${host}:${port}) could not be established. ` +
          'Broker may not be available.',
      ),
    onSilence: (nodeId, { host, port }, limitMs) =>
      logLine(
        terminal,
        'warn',
        'org.apache.kafka.clients.NetworkClient',
        `[AdminClient clientId=${clientId}] Node ${nodeId} (${host}/${host}:${port}) accepted the connection and does not answer. ` +
          `Waiting at most ${limitMs / 1000} s. ${IS_IT_A_BROKER}`,
      ),
  });
}

/** Refuses properties that ask for TLS or SASL, rather than to send in the clear what was meant to be secret. */
export function requirePlaintext(properties: ReadonlyMap<string, string>): void {
  const protocol = properties.get('security.protocol') ?? 'PLAINTEXT';
  if (protocol !== 'PLAINTEXT') {
    throw new CommandError(`security.protocol=${protocol} is not supported by this tool, only PLAINTEXT is`);
  }
}

function numberOf(properties: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const text = properties.get(name);
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text.trim())) {
    throw new CommandError(`Invalid value ${text} for configuration ${name}: Not a number of type INT`);
  }
  return Number(text);
}

/** Kafka's `IncludeList`: a regular expression in which a comma means "or", quotes and blanks being dropped. */
export function includeList(pattern: string): (name: string) => boolean {
  const cleaned = pattern
    .trim()
    .replaceAll(',', '|')
    .replaceAll(' ', '')
    .replace(/^["']+/, '')
    .replace(/["']+$/, '');
  let regex: RegExp;
  try {
    regex = new RegExp(`^(?:${cleaned})$`);
  } catch (error) {
    throw new ClientError('java.lang.RuntimeException', `${cleaned} is an invalid regex: ${messageOf(error)}`);
  }
  return (name) => regex.test(name);
}
