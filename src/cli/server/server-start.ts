import fs from 'node:fs';
import {
  AssertionError,
  nodeFileSystem,
  nodeTransport,
  reasonOfRefusal,
  STATE_CHANGE_LOGGER,
  systemClock,
  systemRandom,
  type Logger,
} from '../../common/index.js';
import { BrokerConfig, ConfigError, noEffectNotes, readPropertiesFile, VariableResolver } from '../../config/index.js';
import { Broker } from '../../server/index.js';
import { LogFolder } from '../logging/log-folder.js';
import { formatLogLine } from '../logging/log-format.js';
import { createLogging, readLogLevels, type Level, type Logging } from '../logging/logging.js';
import type { RotationLimits } from '../logging/rotating-file.js';
import { EXIT_CODES, onStop, type StopSignal } from '../stop-signals.js';
import { CommandError, type Terminal } from '../terminal.js';
import { nodeVariableSources } from '../variable-sources.js';

export type Overrides = ReadonlyMap<string, string>;

/**
 * Runs a broker until it is told to stop. SIGTERM, SIGINT and SIGHUP begin a controlled shutdown, after which the exit code is 0; another
 * SIGTERM or SIGINT, a second later or more, ends the process at once. A start that fails says why in one sentence and the exit code is 1; so it is,
 * as Kafka's, after a signal before the broker serves, which ends the process at once.
 */
export async function startServer(file: string, overrides: Overrides, terminal: Terminal): Promise<number> {
  const properties = readProperties(file);
  surviveClosedOutput(terminal);
  const { config, warnings } = parseConfig(file, properties, overrides);
  const logging = openLogging(config, terminal);
  const log = logging.factory('server');
  for (const warning of warnings) log.warn(warning);
  for (const note of noEffectNotes(config)) log.info(note.sentence, { config: note.name });

  const broker = new Broker({
    config,
    loggerFactory: logging.factory,
    loggerLevels: logging.levels,
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    transport: nodeTransport,
  });
  const signalled = new Promise<StopSignal>((resolve) => {
    onStop(systemClock, resolve, (signal) => process.exit(EXIT_CODES[signal]));
  });
  const broken = untilBroken(log);
  try {
    const early = await Promise.race([signalled, broken, broker.startup()]);
    if (early instanceof Error) throw early;
    if (early !== undefined && !broker.isRunning) {
      // Half-recovered logs must not be closed as if they were whole: the next start finds what a crash leaves, as with Kafka.
      log.warn(`Terminating process due to signal ${early} while the broker is still starting`);
      await logging.close();
      return 1;
    }
  } catch (error) {
    terminal.stderr.write(`The broker could not start: ${messageOf(error)}\n`);
    await logging.close();
    return 1;
  }
  void logging.useWinston();
  const stopped = await Promise.race([signalled, broken, broker.whenStopped()]);
  if (stopped instanceof Error) {
    log.error('Exiting after a fatal error', { error: stopped });
    await logging.close();
    return 1;
  }
  if (typeof stopped === 'string') {
    log.info(`Terminating process due to signal ${stopped}`);
    await broker.shutdown();
  }
  await logging.close();
  return 0;
}

export function readProperties(file: string): Map<string, string> {
  try {
    return readPropertiesFile(fs.readFileSync(file, 'latin1'));
  } catch (error) {
    throw new CommandError(`Cannot read the properties file ${file}: ${reasonOfRefusal(error)}`);
  }
}

export function parseConfig(file: string, properties: Map<string, string>, overrides: Overrides) {
  try {
    const variables = VariableResolver.create(new Map([...properties, ...overrides]), nodeVariableSources);
    return BrokerConfig.parse(properties, overrides, variables);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

function openLogging(config: BrokerConfig, terminal: Terminal): Logging {
  const { LOG_DIR: dir = '', OTTLA_LOG_LEVEL } = terminal.env;
  const asked = readLogLevels(config.staticTexts, OTTLA_LOG_LEVEL);
  const folder = dir === '' ? null : new LogFolder(dir, rotationLimits(config), noteOfLoss);
  const logging = createLogging({
    clock: systemClock,
    level: asked.level,
    levels: folder ? asked.levels : withoutStateChanges(asked.level, asked.levels),
    console: terminal.stdout,
    folder,
    colour: terminal.colour,
  });
  for (const warning of asked.warnings) logging.factory('server').warn(warning);
  return logging;
}

function rotationLimits(config: BrokerConfig): RotationLimits {
  return { maxBytes: config.get('ottla.log.rotation.bytes'), maxFiles: config.get('ottla.log.rotation.files') };
}

function noteOfLoss(lines: number, error: unknown): string {
  const fields = { lines, reason: reasonOfRefusal(error) };
  return formatLogLine(
    systemClock.nowMs(),
    'error',
    'server',
    'Lines could not be written to this file',
    fields,
    false,
  );
}

/** In one stream with all else, what happens to single partitions is for those who ask for it. */
function withoutStateChanges(level: Level, levels: ReadonlyMap<string, Level>): ReadonlyMap<string, Level> {
  return level === 'debug' || level === 'trace' ? levels : new Map([[STATE_CHANGE_LOGGER, 'fatal'], ...levels]);
}

/** A broker outlives whoever read its log through a pipe. */
function surviveClosedOutput({ stdout, stderr }: Terminal): void {
  for (const output of [stdout, stderr]) {
    output.removeAllListeners('error');
    output.on('error', () => undefined);
  }
}

/**
 * Logs whatever nobody caught, and resolves with it when it is a breach of an invariant: then the process has to end. Anything else has
 * ended what it was thrown in, a timer or a connection's event; a broker goes on for all others.
 */
function untilBroken(log: Logger): Promise<AssertionError> {
  return new Promise((resolve) => {
    const onUncaught = (error: unknown): void => {
      log.error('An error was caught by nobody', { error });
      if (error instanceof AssertionError) resolve(error);
    };
    process.on('uncaughtException', onUncaught);
    process.on('unhandledRejection', onUncaught);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
