/** Texts as Java takes them apart: JavaScript takes more characters for blanks, and keeps what is empty at the end. */

/** `String.trim`: everything up to U+0020 goes. */
export function trim(text: string): string {
  return stripped(text, (code) => code <= 0x20);
}

/** `split("\\s*,\\s*", -1)`: of blanks those beside a comma go. (By a pattern that would take time by the square of their number.) */
export function splitAtCommas(text: string): string[] {
  const items = text.split(',');
  const last = items.length - 1;
  return items.map((item, at) => stripped(item, isSpace, at > 0, at < last));
}

/** `split(",")`: what is empty at the end is none, but an empty text is one of nothing. */
export function splitAtEachComma(text: string): string[] {
  if (text === '') return [''];
  const items = text.split(',');
  while (items.at(-1) === '') items.pop();
  return items;
}

/** `\s` */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function stripped(text: string, isBlank: (code: number) => boolean, atStart = true, atEnd = true): string {
  let start = 0;
  let end = text.length;
  while (atStart && start < end && isBlank(text.charCodeAt(start))) start++;
  while (atEnd && end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
