import type { Outcome } from './settings.js';

/** What a verb takes. */
export interface Verb {
  /** Options with a value, besides `--dir`, which every verb takes. */
  readonly options?: readonly string[];
  readonly flags?: readonly string[];
  /** Words that are no options: none, the number of a server, or whatever follows. */
  readonly words?: 'number' | 'any';
}

export interface CommandLine {
  readonly verb: string;
  /** By name, with the dashes; a flag has the value 1. */
  readonly options: ReadonlyMap<string, string>;
  readonly words: readonly string[];
}

/** Reads `VERB [OPTION VALUE]… [WORD]…`. What the verb does not take is refused: ignored, it would seem to be obeyed. */
export function parseCommandLine(verbs: Readonly<Record<string, Verb>>, args: readonly string[]): Outcome<CommandLine> {
  const [verb = '', ...rest] = args;
  if (!Object.hasOwn(verbs, verb)) return refuse(`there is no command '${verb}'`);
  const { options: valued = [], flags = [], words: takes } = verbs[verb]!;
  const options = new Map<string, string>();
  const words: string[] = [];
  for (let i = 0; i < rest.length; i++) {
    const [, name, inline] = /^(--[^=]+)(?:=(.*))?$/s.exec(rest[i]!) ?? [];
    if (takes === 'any' && (name === undefined || rest[i] === '--')) {
      // What follows belongs to another program.
      words.push(...rest.slice(rest[i] === '--' ? i + 1 : i));
      break;
    }
    if (name === undefined) {
      words.push(rest[i]!);
    } else if (flags.includes(name) && inline === undefined) {
      options.set(name, '1');
    } else if (name === '--dir' || valued.includes(name)) {
      const value = inline ?? rest[++i];
      if (value === undefined || value === '') return refuse(`${name} needs a value`);
      options.set(name, value);
    } else {
      return refuse(`${verb} takes no ${rest[i]}`);
    }
  }
  const [extra] = takes === undefined ? words : takes === 'number' ? words.slice(1) : [];
  if (extra !== undefined) return refuse(`${verb} takes no ${extra}`);
  return { ok: true, value: { verb, options, words } };
}

/** The server that a verb's word numbers. */
export function numbered<S extends { readonly id: number }>(
  servers: readonly S[],
  { verb, words }: CommandLine,
  noun: string,
): Outcome<S> {
  const found = servers.find(({ id }) => String(id) === words[0]);
  if (found) return { ok: true, value: found };
  const given = words[0] === undefined ? '' : `, not ${words[0]}`;
  return refuse(`${verb} needs the number of a ${noun}, 1 to ${servers.length}${given}`);
}

function refuse(refusal: string): { ok: false; refusal: string } {
  return { ok: false, refusal };
}
