import type { Clock, LogFields, Logger, LoggerFactory, LoggerLevel, LoggerLevels, LogLevel } from '../common/index.js';
import { formatLogLine } from './log-format.js';

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];

export interface LoggingOptions {
  readonly clock: Clock;
  /** The level of every logger without one of its own. */
  readonly level: LogLevel;
  /** By logger; a name counts for what lies below it too: `log` for `log.cleaner`, unless that has its own. */
  readonly levels?: ReadonlyMap<string, LogLevel>;
  readonly destination: NodeJS.WritableStream;
  readonly colour: boolean;
}

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
  const { clock, destination, colour } = options;
  const loggers = new Map<string, Logger>();
  const levels = new Levels(options);
  let sink: LogSink = {
    write: (_level, line) => void destination.write(`${line}\n`),
    close: () => Promise.resolve(),
  };

  const create = (name: string): Logger => {
    const threshold = levels.thresholdOf(name);
    const logAt = (level: LogLevel) => {
      const rank = LEVELS.indexOf(level);
      return (sentence: string, fields?: LogFields): void => {
        if (rank <= threshold.rank) {
          sink.write(level, formatLogLine(clock.nowMs(), level, name, sentence, fields, colour));
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
      if (!logger) loggers.set(name, (logger = create(name)));
      return logger;
    },
    levels,
    async useWinston() {
      const { createWinstonSink } = await import('./winston-sink.js');
      sink = createWinstonSink(destination);
    },
    close: () => sink.close(),
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

function upperCase(level: LogLevel): LoggerLevel {
  return level.toUpperCase() as LoggerLevel;
}

/** Reads a level as log4j and winston write it (`WARN`, `warn`, `FATAL`, `ALL`, `OFF` …); null for none of them. */
export function parseLogLevel(text: string): LogLevel | null {
  const lower = text.trim().toLowerCase();
  if (lower === 'fatal' || lower === 'off') return 'error';
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
): { level: LogLevel; levels: Map<string, LogLevel>; warnings: string[] } {
  let level: LogLevel = 'info';
  const levels = new Map<string, LogLevel>();
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
