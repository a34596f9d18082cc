import {
  summedUp,
  type Clock,
  type LogFields,
  type Logger,
  type LoggerFactory,
  type LoggerLevel,
  type LoggerLevels,
  type LogLevel,
} from '../../common/index.js';
import { formatLogLine } from './log-format.js';
import type { LogFolder } from './log-folder.js';

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];

export interface LoggingOptions {
  readonly clock: Clock;
  /** The level of every logger without one of its own. */
  readonly level: Level;
  /** By logger; a name counts for what lies below it too: `log` for `log.cleaner`, unless that has its own. */
  readonly levels?: ReadonlyMap<string, Level>;
  /** Where everything goes without a folder, and what has no file of its own in it with one. */
  readonly console: NodeJS.WritableStream;
  readonly folder?: LogFolder | null;
  /** Of the console. */
  readonly colour: boolean;
}

/** `fatal` writes nothing. */
export type Level = LogLevel | 'fatal';

/** Loggers whose lines are about single partitions, of which there may be thousands. */
const OF_PARTITIONS: ReadonlySet<string> = new Set(['log', 'replication', 'controller']);

/** Takes finished lines. */
export interface LogSink {
  write(level: LogLevel, line: string): void;
  close(): Promise<void>;
}

export interface Logging {
  readonly factory: LoggerFactory;
  readonly levels: LoggerLevels;
  /**
   * Hands over to winston. Loading it takes 14 ms and 5 MB, which a broker that is starting has no time for; until then lines go
   * to the destination themselves, in the same form and order.
   */
  useWinston(): Promise<void>;
  /** Resolves when every line has been handed to the destination. */
  close(): Promise<void>;
}

/** The program's log. Levels are checked before anything is formatted, so a line that is not written costs a comparison. */
export function createLogging(options: LoggingOptions): Logging {
  const { clock, folder = null } = options;
  const loggers = new Map<string, Logger>();
  const levels = new Levels(options);
  const outputs = new Map<NodeJS.WritableStream, Output>();
  let makeSink = plainSink;

  const outputTo = (destination: NodeJS.WritableStream): Output => {
    let output = outputs.get(destination);
    if (!output) {
      const colour = options.colour && destination === options.console;
      outputs.set(destination, (output = { destination, colour, sink: makeSink(destination) }));
    }
    return output;
  };
  const outputsOf = (name: string): Output[] => {
    if (!folder) return [outputTo(options.console)];
    const file = outputTo(folder.fileOf(name));
    return folder.isMain(name) ? [file, outputTo(options.console)] : [file];
  };

  const create = (name: string): Logger => {
    const threshold = levels.thresholdOf(name);
    const to = outputsOf(name);
    const logAt = (level: LogLevel) => {
      const rank = LEVELS.indexOf(level);
      return (sentence: string, fields?: LogFields): void => {
        if (rank > threshold.rank) return;
        const nowMs = clock.nowMs();
        for (const { sink, colour } of to) {
          sink.write(level, formatLogLine(nowMs, level, name, sentence, fields, colour));
        }
      };
    };
    return {
      error: logAt('error'),
      warn: logAt('warn'),
      info: logAt('info'),
      debug: logAt('debug'),
      trace: logAt('trace'),
      isEnabled: (level) => LEVELS.indexOf(level) <= threshold.rank,
    };
  };

  return {
    factory(name) {
      let logger = loggers.get(name);
      if (!logger) {
        const plain = create(name);
        loggers.set(name, (logger = OF_PARTITIONS.has(name) ? summedUp(plain, clock) : plain));
      }
      return logger;
    },
    levels,
    async useWinston() {
      ({ createWinstonSink: makeSink } = await import('./winston-sink.js'));
      for (const output of outputs.values()) output.sink = makeSink(output.destination);
    },
    async close() {
      await Promise.all([...outputs.values()].map(({ sink }) => sink.close()));
      folder?.release();
    },
  };
}

interface Output {
  readonly destination: NodeJS.WritableStream;
  readonly colour: boolean;
  sink: LogSink;
}

function plainSink(destination: NodeJS.WritableStream): LogSink {
  return {
    write: (_level, line) => void destination.write(`${line}\n`),
    close: () => Promise.resolve(),
  };
}

/** The name of what all loggers lie below. */
const ROOT = 'root';

/** What a logger writes up to: the place in `LEVELS`, -1 for nothing. */
interface Threshold {
  level: LoggerLevel;
  rank: number;
}

/** The levels that were asked for, and the thresholds of all loggers by them. */
class Levels implements LoggerLevels {
  private readonly own = new Map<string, LoggerLevel>();
  private readonly thresholds = new Map<string, Threshold>();

  constructor({ level, levels }: LoggingOptions) {
    this.own.set(ROOT, upperCase(level));
    for (const [name, of] of levels ?? []) this.own.set(name, upperCase(of));
  }

  /** Follows the level of the logger as it changes. */
  thresholdOf(name: string): Threshold {
    const threshold: Threshold = { level: 'INFO', rank: 0 };
    this.thresholds.set(name, threshold);
    this.update(name, threshold);
    return threshold;
  }

  current(): ReadonlyMap<string, LoggerLevel> {
    const loggers = [...this.thresholds].map(([name, { level }]) => [name, level] as const);
    return new Map([...loggers, [ROOT, this.own.get(ROOT)!]]);
  }

  set(logger: string, level: LoggerLevel): void {
    this.own.set(logger, level);
    this.updateAll();
  }

  unset(logger: string): void {
    this.own.delete(logger);
    this.updateAll();
  }

  private updateAll(): void {
    for (const [name, threshold] of this.thresholds) this.update(name, threshold);
  }

  private update(name: string, threshold: Threshold): void {
    threshold.level = this.levelOf(name);
    threshold.rank = LEVELS.findIndex((level) => upperCase(level) === threshold.level);
  }

  private levelOf(name: string): LoggerLevel {
    for (let prefix = name; prefix !== ''; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))) {
      const own = this.own.get(prefix);
      if (own) return own;
    }
    return this.own.get(ROOT)!;
  }
}

function upperCase(level: Level): LoggerLevel {
  return level.toUpperCase() as LoggerLevel;
}

/** Reads a level as log4j and winston write it (`WARN`, `warn`, `FATAL`, `ALL`, `OFF` …); null for none of them. */
export function parseLogLevel(text: string): Level | null {
  const lower = text.trim().toLowerCase();
  if (lower === 'fatal' || lower === 'off') return 'fatal';
  if (lower === 'warning') return 'warn';
  if (lower === 'all') return 'trace';
  return LEVELS.find((level) => level === lower) ?? null;
}

/**
 * What `ottla.log.level` and `ottla.log.level.LOGGER` of the properties ask for, with `OTTLA_LOG_LEVEL` (a level, or
 * `LOGGER=LEVEL` pairs, by commas) winning over them. Unknown levels are left out and named in `warnings`.
 */
export function readLogLevels(
  properties: ReadonlyMap<string, string>,
  environment: string | undefined,
): { level: Level; levels: Map<string, Level>; warnings: string[] } {
  let level: Level = 'info';
  const levels = new Map<string, Level>();
  const warnings: string[] = [];
  const set = (logger: string | null, text: string, from: string): void => {
    const parsed = parseLogLevel(text);
    if (parsed === null)
      warnings.push(`Unknown log level '${text}' in ${from}, it must be one of ${LEVELS.join(', ')}`);
    else if (logger === null) level = parsed;
    else levels.set(logger, parsed);
  };
  const prefix = 'ottla.log.level';
  for (const [name, text] of properties) {
    if (name === prefix) set(null, text, name);
    else if (name.startsWith(`${prefix}.`)) set(name.slice(prefix.length + 1), text, name);
  }
  for (const item of (environment ?? '').split(',').filter((part) => part.trim() !== '')) {
    const [left, right] = item.split('=') as [string, string | undefined];
    if (right === undefined) set(null, left, 'OTTLA_LOG_LEVEL');
    else set(left.trim(), right, 'OTTLA_LOG_LEVEL');
  }
  return { level, levels, warnings };
}
