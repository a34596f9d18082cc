'use strict';
const fs = require('node:fs');
const path = require('node:path');
const tty = require('node:tty');

// Before anything uses libuv's pool, which is made at the first use. A log directory takes up to eight of its threads (DirectoryGates): with
// the four that are usual, one disk that hangs would hold up the files of all others, and the looking up of names.
process.env.UV_THREADPOOL_SIZE ??= '20';

const root = path.join(__dirname, '..');
const dist = path.join(root, 'dist');
if (!fs.existsSync(path.join(dist, 'main.js'))) {
  process.stderr.write(`Ottla is not built yet. Run: npm install && npm run build (in ${root})\n`);
  process.exit(1);
}

// As it exits Node sets the modes of its terminals back, and dies of SIGABRT or SIGSEGV where one is gone (ResetStdio); what is no terminal any more
// it leaves alone.
const terminals = [0, 1, 2].filter((fd) => tty.isatty(fd));
process.on('exit', () => {
  for (const fd of terminals.filter((fd) => !tty.isatty(fd))) {
    fs.closeSync(fd);
    // Takes the lowest number that is free, which is this one.
    fs.openSync('/dev/null', 'r+');
  }
});

// A reader that has seen enough (head, less) closes the pipe; that is no error.
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const loader = require('./chunk-loader.cjs').createChunkLoader(dist);
const [step, ...chunks] = process.argv.slice(2);
if (step === '--write-caches' || step === '--check-caches') {
  // The last steps of a build (scripts/build.mjs).
  for (const name of chunks) loader.load(name);
  if (step === '--write-caches') loader.writeCaches();
  else if (loader.refusedCaches().length > 0)
    throw new Error(`V8 refuses the compiled code of ${loader.refusedCaches()}`);
  process.exit(0);
}

const { main } = loader.load('main.js');
main(process.argv.slice(2)).then(
  // Whatever still waits for the network is given up, after the output has gone out.
  (exitCode) => process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode))),
  (error) => {
    process.stderr.write(`ottla: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(70);
  },
);
