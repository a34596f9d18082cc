// The command lines of the scripts in this folder.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

/**
 * Reads the options of the script that runs, each of the type of its default: a number, a text, or false for one without a value. `words` are what
 * else it takes: 'texts' or 'numbers'. `--help` prints the comment at the script's top. What the script does not take is refused: ignored, it
 * would seem to be obeyed.
 */
export function readCommandLine(defaults = {}, { words = null } = {}) {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: value === false ? 'boolean' : 'string' }]),
  );
  const given = parsed({ ...options, help: { type: 'boolean', short: 'h' } }, words !== null);
  if (given.values.help) {
    console.log(usageOf(process.argv[1]));
    process.exit(0);
  }
  const values = { ...defaults };
  for (const [name, value] of Object.entries(given.values)) {
    values[name] =
      typeof defaults[name] === 'number' ? numberOf(value, `--${name} needs a number, not '${value}'`) : value;
  }
  const isNumbers = words === 'numbers';
  return {
    values,
    words: isNumbers ? given.positionals.map((word) => numberOf(word, `'${word}' is no number`)) : given.positionals,
  };
}

/** Ends the script with a sentence about how it was called. */
export function refuse(sentence) {
  console.error(`${path.basename(process.argv[1])}: ${sentence}; --help says what there is`);
  process.exit(1);
}

function parsed(options, allowPositionals) {
  try {
    return parseArgs({ options, allowPositionals });
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    return refuse(error.message.split(/\.\s/)[0]);
  }
}

function numberOf(text, refusal) {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < 0) refuse(refusal);
  return number;
}

/** The comment at its top. */
function usageOf(script) {
  const lines = readFileSync(script, 'utf8')
    .replace(/^#!.*\n/, '')
    .split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, ''))
    .join('\n');
}
