import fs from 'node:fs';
import path from 'node:path';
import { isSystemError, reasonOfRefusal } from '../../common/index.js';
import { CommandError, isCommandError, type Terminal } from '../terminal.js';
import { interruptible } from './attempt.js';
import { parseCommandLine, type CommandLine, type Verb } from './core/command-line.js';
import type { Outcome } from './core/settings.js';
import { withLock } from './directory.js';
import { surroundingsOf, type Surroundings } from './surroundings.js';

export interface VerbCommand {
  /** Stands before every complaint. */
  readonly name: string;
  readonly usage: string;
  readonly verbs: Readonly<Record<string, Verb>>;
  readonly args: readonly string[];
  readonly terminal: Terminal;
}

/** What a verb is carried out with. */
export interface VerbContext {
  readonly around: Surroundings;
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  /** Runs what no other command may disturb in a directory. */
  readonly locked: <T>(dir: string, options: { readonly create?: boolean }, work: () => Promise<T>) => Promise<T>;
}

/** Reads a command line, carries out its verb, and makes one sentence of whatever goes wrong with it. */
export async function runVerb(
  { name, usage, verbs, args, terminal }: VerbCommand,
  carryOut: (line: CommandLine, context: VerbContext) => Promise<number>,
): Promise<number> {
  const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h';
  if (args.length === 0 || args[0] === 'help' || isHelp(args[0]) || (args[0] !== 'shell' && isHelp(args[1]))) {
    terminal.stdout.write(usage);
    return 0;
  }
  const parsed = parseCommandLine(verbs, args);
  if (!parsed.ok) throw new CommandError(`${name}: ${parsed.refusal}; ottla ${name} --help says what there is`);
  const around = surroundingsOf(terminal);
  try {
    return await interruptible((signal) =>
      carryOut(parsed.value, {
        around,
        signal,
        print: (line) => void terminal.stdout.write(`${line}\n`),
        locked: (dir, options, work) => withLock(dir, { ...options, signal, say: around.say }, work),
      }),
    );
  } catch (error) {
    if (isCommandError(error)) throw new CommandError(`${name}: ${error.message}`, error.exitCode);
    if (isSystemError(error as Error)) throw new CommandError(`${name}: ${refusalOf(error as Error)}`);
    throw error;
  }
}

/** A directory that may not be written, say, or a file in the place of one. */
function refusalOf(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? error.message : `${error.path}: ${reasonOfRefusal(error)}`;
}

/** The value, or its refusal as the error of the command. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new CommandError(outcome.refusal);
  return outcome.value;
}

/** As the kernel names it, for it has to be found in the command lines of processes. It need not exist. */
export function directoryOf(dir: string): string {
  const whole = path.resolve(dir);
  if (fs.existsSync(whole)) {
    if (!fs.statSync(whole).isDirectory()) throw new CommandError(`${whole} is not a directory`);
    return fs.realpathSync(whole);
  }
  const above = path.dirname(whole);
  return above === whole ? whole : path.join(directoryOf(above), path.basename(whole));
}
