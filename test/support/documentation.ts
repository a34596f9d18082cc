/**
 * A block of shell commands in a document. A comment before it says what the test of the documents has to know:
 * `<!-- docs: long -->` (run only with OTTLA_DOCS=all), `<!-- docs: never, REASON -->`, and `<!-- docs: until "TEXT" -->` for a program that
 * runs until Ctrl-C, which it is sent when it has printed the text.
 */
export interface ShellBlock {
  readonly file: string;
  /** Of its first command, from 1. */
  readonly line: number;
  readonly commands: string;
  readonly mark: { readonly kind: 'run' | 'long' | 'never' } | { readonly kind: 'until'; readonly text: string };
}

/** The blocks of a document in their order: those without a language, or of a shell. */
export function shellBlocks(file: string, markdown: string): ShellBlock[] {
  const lines = markdown.split('\n');
  const blocks: ShellBlock[] = [];
  let mark: ShellBlock['mark'] = { kind: 'run' };
  for (let at = 0; at < lines.length; at++) {
    const comment = /^<!-- docs: (.*) -->$/.exec(lines[at]!)?.[1];
    const language = /^```(.*)$/.exec(lines[at]!)?.[1];
    if (comment !== undefined) mark = readMark(comment, `${file}:${at + 1}`);
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`${file}:${at + 1}: the block has no end`);
    if (['', 'sh', 'bash', 'shell'].includes(language)) {
      blocks.push({ file, line: at + 2, commands: `${lines.slice(at + 1, end).join('\n')}\n`, mark });
    }
    mark = { kind: 'run' };
    at = end;
  }
  return blocks;
}

function readMark(text: string, place: string): ShellBlock['mark'] {
  if (text === 'long') return { kind: 'long' };
  if (/^never, \S/.test(text)) return { kind: 'never' };
  const until = /^until "(.+)"$/.exec(text)?.[1];
  if (until !== undefined) return { kind: 'until', text: until };
  throw new Error(`${place}: '${text}' is no mark; there are long, never with a reason, and until "TEXT"`);
}
