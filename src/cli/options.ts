import { CommandError, type Terminal } from './terminal.js';

/**
 * Options as Kafka's tools take them (the jopt-simple library): `--name value`, `--name=value`, `-name value`, an option that may be
 * given often, one whose argument is optional; and its words for what is wrong. See docs/decisions/0002-option-parser.md for why this is
 * not commander.
 */
export interface OptionSpec {
  readonly name: string;
  /** Other names; the first name stands in messages. */
  readonly aliases?: readonly string[];
  readonly argument?: 'none' | 'required' | 'optional';
  /** What the argument is, in the help. */
  readonly argumentName?: string;
  /** Checked when the value is asked for, as jopt does. */
  readonly type?: 'string' | 'int' | 'long';
  readonly description: string;
  /** Accepted, but not shown in the help. */
  readonly hidden?: boolean;
}

/** A Java exception that a tool of Kafka's dies of: the line that its virtual machine would print. */
export class UncaughtException extends CommandError {
  constructor(
    readonly className: string,
    readonly reason: string,
  ) {
    super(`Exception in thread "main" ${className}: ${reason}`);
  }
}

const VALID: Readonly<Record<'int' | 'long', (value: bigint) => boolean>> = {
  int: (value) => BigInt.asIntN(32, value) === value,
  long: (value) => BigInt.asIntN(64, value) === value,
};

/** What a command line said. */
export class ParsedOptions {
  constructor(
    private readonly specs: ReadonlyMap<string, OptionSpec>,
    /** By first name; an option without an argument has an empty list. */
    private readonly values: ReadonlyMap<string, readonly string[]>,
    /** What is no option. */
    readonly rest: readonly string[],
  ) {}

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** All values of an option, in the order given. */
  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  /** The one value; null when there is none. Given twice it is an error. */
  value(name: string): string | null {
    const [value, second] = this.all(name);
    if (second !== undefined) {
      throw new UncaughtException(
        'joptsimple.MultipleArgumentsForOptionException',
        `Found multiple arguments for option ${name}, but you asked for only one`,
      );
    }
    if (value !== undefined) this.checkType(name, value);
    return value ?? null;
  }

  /** The one value of an int or a long. */
  number(name: string): number | null {
    const value = this.value(name);
    return value === null ? null : Number(value);
  }

  private checkType(name: string, value: string): void {
    const type = this.specs.get(name)?.type ?? 'string';
    if (type === 'string') return;
    if (!/^[+-]?\d{1,19}$/.test(value) || !VALID[type](BigInt(value.replace('+', '')))) {
      throw new UncaughtException(
        'joptsimple.OptionArgumentConversionException',
        `Cannot parse argument '${value}' of option ${name}`,
      );
    }
  }
}

/** `key=value` pairs, by key; a pair without a value has an empty one (`CommandLineUtils.parseKeyValueArgs`). */
export function parseKeyValues(pairs: readonly string[]): Map<string, string> {
  return new Map(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? ([pair, ''] as const) : ([pair.slice(0, equals), pair.slice(equals + 1)] as const);
    }),
  );
}

/** Reads a command line. Throws `UncaughtException` in the words of jopt-simple. */
export function parseOptions(specs: readonly OptionSpec[], args: readonly string[]): ParsedOptions {
  const byName = new Map<string, OptionSpec>();
  for (const spec of specs) {
    for (const name of [spec.name, ...(spec.aliases ?? [])]) byName.set(name, spec);
  }
  const values = new Map<string, string[]>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') {
      rest.push(...args.slice(i + 1));
      break;
    }
    const match = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(arg);
    if (!match) {
      rest.push(arg);
      continue;
    }
    const [, name, inline] = match as unknown as [string, string, string | undefined];
    const spec = byName.get(name);
    if (!spec) {
      // One dash may also begin a cluster of one-letter options, so jopt complains about the first letter.
      const unknown = arg.startsWith('--') ? name : name[0]!;
      throw new UncaughtException('joptsimple.UnrecognizedOptionException', `${unknown} is not a recognized option`);
    }
    const found = values.get(spec.name) ?? [];
    values.set(spec.name, found);
    const argument = spec.argument ?? 'none';
    if (argument === 'none') continue;
    if (inline !== undefined) {
      found.push(inline);
    } else if (argument === 'required') {
      if (i + 1 >= args.length) {
        throw new UncaughtException(
          'joptsimple.OptionMissingRequiredArgumentException',
          `Option ${spec.name} requires an argument`,
        );
      }
      found.push(args[++i]!);
    } else if (i + 1 < args.length && !/^--?[^-]/.test(args[i + 1]!)) {
      found.push(args[++i]!);
    }
  }
  return new ParsedOptions(new Map(specs.map((spec) => [spec.name, spec])), values, rest);
}

/** What Kafka's `CommandLineUtils` does: a complaint, the table of options, exit code 1. */
export class UsageError extends CommandError {
  constructor(message: string, specs: readonly OptionSpec[]) {
    super(`${message}\n${optionTable(specs)}`);
  }
}

/** As `parseOptions`, for the tools that answer a mistake with the table of options (`tryParse` of the console tools). */
export function parseOrShowUsage(specs: readonly OptionSpec[], args: readonly string[]): ParsedOptions {
  try {
    return parseOptions(specs, args);
  } catch (error) {
    if (error instanceof UncaughtException) throw new UsageError(error.reason, specs);
    throw error;
  }
}

/** The options that every tool has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: 'help', description: 'Print usage information.' },
  { name: 'version', description: 'Display Kafka version.' },
];

/** Checks between the options of one tool. Each throws `UsageError` in the words of Kafka's `CommandLineUtils`. */
export class OptionChecks {
  constructor(
    private readonly specs: readonly OptionSpec[],
    private readonly options: ParsedOptions,
  ) {}

  fail(message: string): never {
    throw new UsageError(message, this.specs);
  }

  required(...names: string[]): void {
    for (const name of names) {
      if (!this.options.has(name)) this.fail(`Missing required argument "${this.label(name)}"`);
    }
  }

  /** `used` rules out each of `others`. */
  conflicts(used: string, ...others: string[]): void {
    if (!this.options.has(used)) return;
    for (const other of others) {
      if (this.options.has(other)) {
        this.fail(`Option "${this.label(used)}" can't be used with option "${this.label(other)}"`);
      }
    }
  }

  /** As jopt prints an option: all its names, shortest first. */
  label(name: string): string {
    const spec = this.specs.find((candidate) => candidate.name === name);
    return `[${[name, ...(spec?.aliases ?? [])].join(', ')}]`;
  }
}

/**
 * Reads the command line of a tool and answers `--help`, `--version` and an empty one as Kafka's tools do: the help goes to stderr
 * with exit code 1. Null when there is nothing more to do; the exit code is then 0.
 */
export function readToolOptions(
  specs: readonly OptionSpec[],
  args: readonly string[],
  purpose: string,
  kafkaVersion: string,
  terminal: Terminal,
  parse: typeof parseOptions = parseOptions,
): { options: ParsedOptions; check: OptionChecks } | null {
  const all = [...specs, ...COMMON_OPTIONS];
  const options = parse(all, args);
  if (args.length === 0 || options.has('help')) throw new UsageError(purpose, all);
  if (options.has('version')) {
    terminal.stdout.write(`${kafkaVersion}\n`);
    return null;
  }
  return { options, check: new OptionChecks(all, options) };
}

const HELP_WIDTH = 80;

/** The table of options under a complaint, in the two columns of jopt's help. */
export function optionTable(specs: readonly OptionSpec[]): string {
  const rows = specs
    .filter((spec) => !spec.hidden)
    .map((spec) => {
      const names = [spec.name, ...(spec.aliases ?? [])].map((name) => `--${name}`).join(', ');
      const kind = spec.type === 'int' ? 'Integer' : spec.type === 'long' ? 'Long' : 'String';
      const argument = spec.argumentName === undefined ? `<${kind}>` : `<${kind}: ${spec.argumentName}>`;
      if ((spec.argument ?? 'none') === 'none') return [names, spec.description] as const;
      return [`${names} ${spec.argument === 'optional' ? `[${argument}]` : argument}`, spec.description] as const;
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const left = Math.min(38, Math.max(6, ...rows.map(([text]) => text.length)));
  const lines = [['Option', 'Description'] as const, ['------', '-----------'] as const, ...rows].flatMap(
    ([option, text]) => {
      const options = wrap(option, left);
      const texts = wrap(text, HELP_WIDTH - left - 2);
      return Array.from({ length: Math.max(options.length, texts.length) }, (_, i) =>
        `${(options[i] ?? '').padEnd(left)}  ${texts[i] ?? ''}`.trimEnd(),
      );
    },
  );
  return lines.join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
