/** What a log line may carry besides its sentence. Values are printed with `String`, arrays and plain objects as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** A named logger: a sentence that stays the same, and fields. The levels' meaning is in CONTRIBUTING.md. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
  /** True when a line of `level` would be written: ask before building costly fields. */
  isEnabled(level: LogLevel): boolean;
}

/** The level of a logger as Kafka's clients are told it (`LogLevelConfig`). FATAL writes nothing, as nothing is worse than an error here. */
export type LoggerLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';

/** The levels of all loggers of a process, which may change while it runs (KIP-412). */
export interface LoggerLevels {
  /** Those in force, by logger: all that were made, and `root`, whose level those have that lie below none with a level of its own. */
  current(): ReadonlyMap<string, LoggerLevel>;
  set(logger: string, level: LoggerLevel): void;
  /** The logger has the level of what it lies below again. */
  unset(logger: string): void;
}

/** Kafka's name for the logger of what happens to single partitions. Many change at once, so it has a file of its own. */
export const STATE_CHANGE_LOGGER = 'state.change.logger';

/** Makes the logger of a part of the broker: `controller`, `log`, `replication` … */
export type LoggerFactory = (name: string) => Logger;

const nothing = (): void => undefined;

/** Writes nothing. */
export const silentLogger: Logger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  isEnabled: () => false,
};
