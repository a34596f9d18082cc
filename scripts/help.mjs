// For all scripts: the comment at the head of each is its help.
import { readFileSync } from 'node:fs';

/** Ends a script, with the comment at its head, when it is asked for --help. */
export function answerHelp(file) {
  if (!process.argv.slice(2).some((word) => word === '--help' || word === '-h')) return;
  const lines = readFileSync(file, 'utf8').split('\n');
  const first = lines[0].startsWith('#!') ? 1 : 0;
  const end = lines.findIndex((line, at) => at >= first && !line.startsWith('//'));
  console.log(
    lines
      .slice(first, end)
      .map((line) => line.replace(/^\/\/ ?/, ''))
      .join('\n'),
  );
  process.exit();
}
