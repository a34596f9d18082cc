/**
 * Java's `.properties` format (`java.util.Properties.load`): `=`, `:` or white space between key and value, comments with `#` or `!`,
 * a backslash at the end of a line to go on in the next, and escapes. The later of two equal keys wins.
 */
export function readPropertiesFile(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const keyEnd = endOfKey(line);
    let valueStart = keyEnd;
    while (isBlank(line[valueStart])) valueStart++;
    if (line[valueStart] === '=' || line[valueStart] === ':') valueStart++;
    while (isBlank(line[valueStart])) valueStart++;
    properties.set(unescape(line.slice(0, keyEnd)), unescape(line.slice(valueStart)));
  }
  return properties;
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\f';
}

/** Lines without comments, leading white space and line continuations. */
function* logicalLines(text: string): Generator<string> {
  let pending: string | null = null;
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '');
    // A comment cannot be continued, and a continued line cannot turn into one.
    if (pending === null && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
    const joined: string = (pending ?? '') + line;
    const backslashes = /\\*$/.exec(line)![0].length;
    if (backslashes % 2 === 1) {
      pending = joined.slice(0, -1);
    } else {
      yield joined;
      pending = null;
    }
  }
  if (pending !== null) yield pending;
}

function endOfKey(line: string): number {
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (character === '\\') i++;
    else if (character === '=' || character === ':' || isBlank(character)) return i;
  }
  return line.length;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_whole, escape: string) =>
    escape.length === 5 ? String.fromCharCode(parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? escape),
  );
}
