import type { Clock } from './clock.js';
import type { LogFields, Logger, LogLevel } from './logger.js';

const WINDOW_MS = 60_000;
/** Sentences are few, for they stay the same; this bounds the memory should somebody put a value into one. */
const MAX_SENTENCES = 256;

interface Window {
  written: number;
  suppressed: number;
}

/**
 * A logger that writes each sentence at most `perMinute` times a minute, whatever its fields, and at the minute's end says how often
 * it was left out. For what a peer can cause at will: a flood of bad frames must not flood the log.
 */
export function rateLimited(logger: Logger, clock: Clock, perMinute: number): Logger {
  const windows = new Map<string, Window>();

  const closeWindow = (level: LogLevel, sentence: string): void => {
    const window = windows.get(sentence);
    windows.delete(sentence);
    if (window && window.suppressed > 0) {
      logger[level](sentence, { repeatedInTheLastMinute: window.suppressed });
    }
  };

  const limited =
    (level: LogLevel) =>
    (sentence: string, fields?: LogFields): void => {
      if (!logger.isEnabled(level)) return;
      let window = windows.get(sentence);
      if (!window) {
        if (windows.size >= MAX_SENTENCES) return;
        windows.set(sentence, (window = { written: 0, suppressed: 0 }));
        clock.setTimer(WINDOW_MS, () => closeWindow(level, sentence), { background: true });
      }
      if (window.written < perMinute) {
        window.written++;
        logger[level](sentence, fields);
      } else {
        window.suppressed++;
      }
    };

  return {
    error: limited('error'),
    warn: limited('warn'),
    info: limited('info'),
    debug: limited('debug'),
    trace: limited('trace'),
    isEnabled: (level) => logger.isEnabled(level),
  };
}
