import type { ClientError } from './client/client-error.js';

/** What a program is given by whoever started it. Tests give their own. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True when stdout is a terminal that shows colours. */
  readonly colour: boolean;
}

/** A program of the command line: arguments in, exit code out. */
export type Command = (args: readonly string[], terminal: Terminal) => Promise<number>;

export function processTerminal(): Terminal {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    colour: isTty(process.stdout) && process.env.NO_COLOR === undefined,
  };
}

/** Whether someone sits there. */
export function isTty(stream: NodeJS.ReadableStream | NodeJS.WritableStream): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** Ends a command with a sentence on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** Each command is bundled with a class of its own (scripts/build.mjs), so `instanceof` would not know another's. */
export function isCommandError(error: unknown): error is CommandError {
  return error instanceof Error && error.name === 'CommandError';
}

/** Likewise: what a broker refused, or no broker answered. */
export function isClientError(error: unknown): error is ClientError {
  return error instanceof Error && error.name === 'ClientError';
}
