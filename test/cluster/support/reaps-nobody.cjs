/**
 * Process 1 of a container, as many images have it: it knows only what it has started itself, and nobody asks for the status of what
 * is left over, so that a server which was killed stays a zombie. Reads a line of JSON for each shell command (the command, and the files for
 * its input and outputs), answers its exit code, and ends with its input.
 */
const { spawn } = require('node:child_process');
const { openSync, closeSync } = require('node:fs');
const readline = require('node:readline');

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { command, output, errors } = JSON.parse(line);
  const stdio = ['ignore', openSync(output, 'w'), openSync(errors, 'w')];
  const shell = spawn('bash', ['-c', command], { stdio, detached: true });
  for (const file of stdio.slice(1)) closeSync(file);
  shell.once('exit', (code, signal) => process.stdout.write(`${JSON.stringify({ exitCode: code, signal })}\n`));
});
lines.on('close', () => process.exit());
