import type { Logger, LogFields, LoggerFactory, LogLevel } from '../../../src/common/index.js';

/** How much of the end of a run is shown when it fails. */
const TAIL_LINES = 400;

/**
 * What happened in a run, line by line, and a hash over all of it: two runs of one seed must end with the same hash. Only the last
 * lines are kept, unless `keepAll`.
 */
export class Trace {
  private lines: string[] = [];
  private state = 0x811c9dc5;
  private count = 0;

  constructor(
    private readonly nowMs: () => number,
    private readonly keepAll = false,
  ) {}

  /** Adds a line under the name of who says it. */
  add(who: string, line: string): void {
    const text = `${this.nowMs().toFixed(3).padStart(11)} ${who.padEnd(10)} ${line}`;
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
    this.count++;
    this.lines.push(text);
    if (!this.keepAll && this.lines.length >= 2 * TAIL_LINES) this.lines = this.lines.slice(-TAIL_LINES);
  }

  /** Takes a number into the hash without a line: for what happens too often to be told. */
  mix(value: number): void {
    this.state = Math.imul(this.state ^ (value | 0), 0x01000193) ^ (this.state >>> 15);
  }

  /** Of everything until now, in hexadecimal. */
  get hash(): string {
    return (this.state >>> 0).toString(16).padStart(8, '0');
  }

  get lineCount(): number {
    return this.count;
  }

  tail(count = TAIL_LINES): string {
    return this.lines.slice(-count).join('\n');
  }

  /** The loggers of one process. Lines below `level` are not built. */
  loggers(
    host: string,
    level: LogLevel,
    onLine?: (name: string, level: LogLevel, line: string) => void,
  ): LoggerFactory {
    const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];
    const isEnabled = (asked: LogLevel): boolean => levels.indexOf(asked) <= levels.indexOf(level);
    return (name): Logger => {
      const write = (at: LogLevel) => (message: string, fields?: LogFields) => {
        if (!isEnabled(at)) return;
        const line = `${at.toUpperCase().padEnd(5)} ${name}: ${message}${fields ? ` ${fieldsText(fields)}` : ''}`;
        this.add(host, line);
        onLine?.(name, at, line);
      };
      return {
        error: write('error'),
        warn: write('warn'),
        info: write('info'),
        debug: write('debug'),
        trace: write('trace'),
        isEnabled,
      };
    };
  }
}

function fieldsText(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');
}

function valueText(value: unknown): string {
  if (value instanceof Error) {
    // Stacks differ between a bundle and a test run, so they are left out of what is hashed.
    const cause = value.cause === undefined ? '' : ` <- ${valueText(value.cause)}`;
    return `${value.name}: ${value.message}${cause}`;
  }
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(value, (_key, it: unknown) => (typeof it === 'bigint' ? it.toString() : it));
  }
  return String(value);
}
