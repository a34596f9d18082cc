import type { ToolResult } from '../../support/processes.js';
import { CRASHING } from './crashing.js';
import { ENDING } from './ending.js';
import { MISTAKES } from './mistakes.js';
import { STARTING } from './starting.js';
import type { Said, Step } from './step.js';
import { USING } from './using.js';

/** The first hour with a fresh clone, each step going on from where the one before has ended. */
export const HOUR: readonly Step[] = [...STARTING, ...USING, ...MISTAKES, ...CRASHING, ...ENDING];

/** What of a step is not as it has to be; empty when all is. */
export function faultsOf(step: Step, found: ToolResult, asKafka: ToolResult | undefined): string[] {
  const faults: string[] = [];
  const expect = (what: string, value: string, said: Said): void => {
    const isSo = typeof said === 'string' ? value === said : said.test(value);
    if (!isSo) faults.push(`${what} is ${JSON.stringify(value)}, where ${String(said)} is due`);
  };
  const exitCode = asKafka ? asKafka.exitCode : (step.exit ?? 0);
  if (found.exitCode !== exitCode) {
    faults.push(`it ends with ${found.exitCode}, where ${exitCode} is due:\n${found.stdout}${found.stderr}`);
  }
  expect('stdout', found.stdout, step.out ?? '');
  expect('stderr', found.stderr, step.err ?? '');
  if (asKafka) {
    expect('stdout', sorted(inWords(found.stdout)), sorted(inWords(asKafka.stdout)));
    expect('stderr', inWords(found.stderr), inWords(asKafka.stderr));
  }
  if (/^\s+at /m.test(found.stdout + found.stderr)) faults.push(`it prints a stack: ${found.stderr}`);
  return faults;
}

/** Without what differs from one run to the next, stacks, and the table of options. */
export function inWords(text: string): string {
  return text
    .replace(/^\tat .*\n/gm, '')
    .replace(/^(Caused by: |\t\.\.\. \d+ more).*\n/gm, '')
    .replace(/^Option {2,}Description[^]*$/m, '(options)\n')
    .replace(/\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]/g, '[time]')
    .replace(/TopicId: \S+/g, 'TopicId: (id)');
}

/** Kafka tells of topics, groups and partitions in any order. */
function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}
