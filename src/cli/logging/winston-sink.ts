/** Log lines through winston. Only the parts in use are imported: the whole of it costs twice the time and memory. */
import createLogger from 'winston/lib/winston/create-logger';
import Stream from 'winston/lib/winston/transports/stream';
import printf from 'logform/printf';
import type { LogLevel } from '../../common/index.js';
import type { LogSink } from './logging.js';

const LEVEL_NUMBERS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3, trace: 4 };

/** Lines come finished and filtered, so winston's own level lets everything pass. */
export function createWinstonSink(destination: NodeJS.WritableStream): LogSink {
  const logger = createLogger({
    levels: LEVEL_NUMBERS,
    level: 'trace',
    format: printf((info) => String(info.message)),
    transports: [new Stream({ stream: destination, eol: '\n' })],
  });
  return {
    write: (level, line) => void logger.log(level, line),
    close: () =>
      new Promise((resolve) => {
        logger.once('finish', () => resolve());
        logger.end();
      }),
  };
}
