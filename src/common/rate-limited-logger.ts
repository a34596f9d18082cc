import type { Clock } from './clock.js';
import type { LogFields, Logger, LogLevel } from './logger.js';

/** Sentences are few, for they stay the same; this bounds the memory should somebody put a value into one. */
const MAX_SENTENCES = 256;

/** So many lines of each sentence in so long; what is left out is told at the window's end. */
interface Limit {
  readonly lines: number;
  readonly windowMs: number;
  readonly tell: (leftOut: number, names: readonly string[]) => LogFields;
}

interface Window {
  written: number;
  leftOut: number;
  /** Whom the lines that were left out are about. */
  readonly names: string[];
}

/**
 * A logger that writes each sentence at most `perMinute` times a minute, whatever its fields, and at the minute's end says how often
 * it was left out. For what a peer can cause at will: a flood of bad frames must not flood the log.
 */
export function rateLimited(logger: Logger, clock: Clock, perMinute: number): Logger {
  const limit: Limit = {
    lines: perMinute,
    windowMs: 60_000,
    tell: (repeatedInTheLastMinute) => ({ repeatedInTheLastMinute }),
  };
  const at = limiter(logger, clock, limit);
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    isEnabled: (level) => logger.isEnabled(level),
  };
}

/**
 * For what happens to one partition, or with a broker to thousands: the first lines of a sentence are written as they come, and the rest are one
 * line, which counts and names them. Whoever asks for `debug` gets all of it.
 */
export function summedUp(logger: Logger, clock: Clock): Logger {
  const limit: Limit = { lines: 3, windowMs: 5_000, tell: (more, of) => ({ more, ...(of.length > 0 && { of }) }) };
  const at = limiter(logger, clock, limit);
  const limited = (level: LogLevel): Logger['info'] => {
    const write = at(level);
    return (sentence, fields) =>
      logger.isEnabled('debug') ? logger[level](sentence, fields) : write(sentence, fields);
  };
  return {
    error: limited('error'),
    warn: limited('warn'),
    info: limited('info'),
    debug: (sentence, fields) => logger.debug(sentence, fields),
    trace: (sentence, fields) => logger.trace(sentence, fields),
    isEnabled: (level) => logger.isEnabled(level),
  };
}

const MAX_NAMES = 50;

function limiter(logger: Logger, clock: Clock, { lines, windowMs, tell }: Limit) {
  const windows = new Map<string, Window>();

  const closeWindow = (level: LogLevel, sentence: string): void => {
    const window = windows.get(sentence);
    windows.delete(sentence);
    if (window && window.leftOut > 0) logger[level](sentence, tell(window.leftOut, window.names));
  };

  return (level: LogLevel) =>
    (sentence: string, fields?: LogFields): void => {
      if (!logger.isEnabled(level)) return;
      let window = windows.get(sentence);
      if (!window) {
        if (windows.size >= MAX_SENTENCES) return;
        windows.set(sentence, (window = { written: 0, leftOut: 0, names: [] }));
        clock.setTimer(windowMs, () => closeWindow(level, sentence), { background: true });
      }
      if (window.written < lines) {
        window.written++;
        logger[level](sentence, fields);
        return;
      }
      window.leftOut++;
      const name = fields && (fields['partition'] ?? fields['topic'] ?? fields['group'] ?? fields['dir']);
      if (name !== undefined && window.names.length < MAX_NAMES) window.names.push(String(name));
    };
}
