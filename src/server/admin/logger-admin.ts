import type { Logger, LoggerLevel, LoggerLevels } from '../../common/index.js';
import { ConfigSource, type ConfigDescription } from '../../config/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { AdminError } from './admin-error.js';

/** One operation on the level of a logger. */
export interface LevelOp {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

/** In the order in which Kafka names them. */
const LOG_LEVELS: readonly LoggerLevel[] = ['TRACE', 'ERROR', 'INFO', 'FATAL', 'DEBUG', 'WARN'];
const ROOT_LOGGER = 'root';
const NOT_ALLOWED = 'operation is not allowed for the BROKER_LOGGER resource';

/** The levels of this broker's loggers, which last until it ends (KIP-412; `ConfigAdminManager`'s part on `Log4jController`). */
export class LoggerAdmin {
  constructor(
    private readonly levels: LoggerLevels,
    private readonly log: Logger,
  ) {}

  describe(names: ReadonlySet<string> | null): ConfigDescription[] {
    const isAsked = (name: string): boolean => names === null || names.size === 0 || names.has(name);
    return [...this.levels.current()]
      .filter(([name]) => isAsked(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => ({
        name,
        value,
        configSource: ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG,
        isSensitive: false,
        readOnly: false,
        synonyms: [],
        configType: 0,
      }));
  }

  /** Changes all or none. Throws what a client is told. */
  alter(ops: readonly LevelOp[], validateOnly: boolean): void {
    for (const op of ops) this.check(op);
    if (validateOnly) return;
    for (const { name, configOperation, value } of ops) {
      this.log.info('Changing the log level of a logger', {
        logger: name,
        level: value ?? 'that of what it lies below',
      });
      if (configOperation === 0) this.levels.set(name, value as LoggerLevel);
      else this.levels.unset(name);
    }
  }

  private check({ name, configOperation, value }: LevelOp): void {
    const refuse = (text: string, code: number = ErrorCode.INVALID_REQUEST): never => {
      throw new AdminError(code, text);
    };
    if (configOperation === 2 || configOperation === 3) {
      refuse(`${configOperation === 2 ? 'APPEND' : 'SUBTRACT'} ${NOT_ALLOWED}`);
    }
    if (configOperation !== 0 && configOperation !== 1) {
      refuse(`Unknown operation type ${configOperation} is not allowed for the BROKER_LOGGER resource`);
    }
    if (!this.levels.current().has(name)) refuse(`Logger ${name} does not exist!`, ErrorCode.INVALID_CONFIG);
    if (configOperation === 1) {
      if (name === ROOT_LOGGER) refuse(`Removing the log level of the ${ROOT_LOGGER} logger is not allowed`);
    } else if (!LOG_LEVELS.some((level) => level === value)) {
      const sentence = `Cannot set the log level of ${name} to ${value} as it is not a supported log level.`;
      refuse(`${sentence} Valid log levels are ${LOG_LEVELS.join(', ')}`, ErrorCode.INVALID_CONFIG);
    }
  }
}
