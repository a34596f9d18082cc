import { isSystemError, type LogFields, type LogLevel } from '../../common/index.js';

const COLOURS: Readonly<Record<LogLevel, string>> = {
  error: '\x1b[31m',
  warn: '\x1b[33m',
  info: '',
  debug: '\x1b[2m',
  trace: '\x1b[2m',
};
const RESET = '\x1b[0m';

/** One line in the layout of Kafka's log4j files: `[2024-01-01 10:00:00,123] INFO sentence field=value (logger)`. */
export function formatLogLine(
  nowMs: number,
  level: LogLevel,
  logger: string,
  sentence: string,
  fields: LogFields | undefined,
  colour: boolean,
): string {
  let text = `[${timestamp(nowMs)}] ${level.toUpperCase()} ${sentence}`;
  let stack = '';
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    text += ` ${name}=${formatField(value)}`;
    if (value instanceof Error) stack += stackOf(value);
  }
  const line = `${text} (${logger})${stack}`;
  const start = colour ? COLOURS[level] : '';
  return start === '' ? line : `${start}${line}${RESET}`;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${formatField(error.cause)}${stackOf(error.cause)}` : '';
  if (!mayBeOurs(error)) return cause;
  // The first line repeats the message, which stands in the field.
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return `${frames.map((frame) => `\n${frame}`).join('')}${cause}`;
}

/** Of errors that the language, an assertion or no one in particular made: they may be bugs, and the stack tells where. */
const NAMES_OF_BUGS: ReadonlySet<string> = new Set([
  ...['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'EvalError', 'URIError', 'AggregateError'],
  'AssertionError',
]);

/** An error with a name of its own, or of the system, says what happened in the world: a dead peer, a wrong setting, a full disk. */
function mayBeOurs(error: Error): boolean {
  return NAMES_OF_BUGS.has(error.name) && !isSystemError(error);
}

function formatField(value: unknown): string {
  if (value instanceof Error) return formatField(value.message);
  if (typeof value === 'string') return /^[^\s="\p{Cc}]+$/u.test(value) ? value : quoted(value);
  if (value instanceof Map || value instanceof Set) return quoted([...value]);
  return typeof value === 'object' && value !== null ? quoted(value) : String(value);
}

/** As JSON, so that no name that a client sends can begin a line of its own or speak to the reader's terminal. */
function quoted(value: unknown): string {
  const json = (JSON.stringify(value, replaceBigInt) as string | undefined) ?? String(value);
  return json.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function replaceBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value));
let lastSecond = NaN;
let lastSecondText = '';

/** Local time, as log4j prints it. The text of a second is kept, for many lines share it. */
function timestamp(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastSecond) {
    const date = new Date(nowMs);
    const day = `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
    lastSecondText = `${day} ${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
    lastSecond = second;
  }
  return `${lastSecondText},${String(Math.floor(nowMs) % 1000).padStart(3, '0')}`;
}
