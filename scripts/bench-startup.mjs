#!/usr/bin/env node
// How long a broker takes from the start of its process until it answers ApiVersions, on an empty directory beside a running ZooKeeper,
// and what memory it then holds at rest. Runs of all kinds alternate, since a machine has better and worse minutes.
//
//   scripts/bench-startup.mjs [--kinds ottla,kafka] [--runs 20] [--base-port 24900] [--rest 2]
//
// OTTLA_BIN names another program than bin/ottla, or several, separated by commas: each is a kind of its own (ottla, ottla2 …).
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const root = path.join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'ottla,kafka' },
    runs: { type: 'string', default: '20' },
    rest: { type: 'string', default: '2' },
    'base-port': { type: 'string', default: '24900' },
  },
});
const zkPort = Number(values['base-port']);
const brokerPort = zkPort + 5;
const API_VERSIONS_REQUEST = Buffer.from('0000000e00120000000000010004626e6368', 'hex');
const dir = mkdtempSync(path.join(tmpdir(), 'bench-startup-'));
const programs = (process.env.OTTLA_BIN ?? path.join(root, 'bin/ottla')).split(',');

function commandOf(kind, file) {
  if (kind === 'kafka') return [path.join(root, 'test/peer/kafka'), ['broker', file]];
  return [programs[Number(/\d*$/.exec(kind)[0] || 1) - 1], ['server', 'start', file]];
}

async function startOnce(kind, run) {
  const home = path.join(dir, `${kind}-${run}`);
  const file = `${home}.properties`;
  const properties = {
    'broker.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${brokerPort}`,
    'log.dirs': home,
    'zookeeper.connect': `127.0.0.1:${zkPort}/${kind}-${run}`,
    'offsets.topic.replication.factor': 1,
  };
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const [program, args] = commandOf(kind, file);
  const started = performance.now();
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!(await answersApiVersions())) {
    if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}`);
    await sleep(2);
  }
  const ms = performance.now() - started;
  const cpuMs = cpuMsOf(child.pid);
  await sleep(Number(values.rest) * 1000);
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
  child.kill('SIGKILL');
  await ended;
  return { ms, cpuMs, rssMb };
}

/** Processor time of all its threads; /proc/PID/stat counts only whole hundredths of a second. */
function cpuMsOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce(
    (sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    0,
  );
}

/** One try: false when nobody listens yet, or the connection ends without an answer. */
function answersApiVersions() {
  return new Promise((resolve) => {
    const socket = connect({ port: brokerPort, host: '127.0.0.1' });
    const give = (answer) => () => (socket.destroy(), resolve(answer));
    socket.once('connect', () => socket.write(API_VERSIONS_REQUEST));
    socket.once('data', give(true)).once('error', give(false)).once('close', give(false));
  });
}

function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function ensemble(...words) {
  const { status } = spawnSync(path.join(root, 'zk/ensemble'), [...words, '--dir', path.join(dir, 'zk')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`zk/ensemble ${words.join(' ')} failed`);
}

const kinds = values.kinds.split(',');
const results = new Map(kinds.map((kind) => [kind, []]));
try {
  ensemble('start', '--members', '1', '--base-port', String(zkPort));
  for (const kind of kinds) await startOnce(kind, 'warm-up');
  for (let run = 0; run < Number(values.runs); run++) {
    for (const kind of kinds) results.get(kind).push(await startOnce(kind, run));
  }
} finally {
  ensemble('clean');
  rmSync(dir, { recursive: true, force: true });
}
console.log(
  `| start to ApiVersions, ${values.runs} runs | median ms | fastest | slowest | CPU ms, median | memory at rest, MB |`,
);
console.log('|---|---:|---:|---:|---:|---:|');
for (const [kind, runs] of results) {
  const [ms, cpu, rss] = ['ms', 'cpuMs', 'rssMb'].map((name) => runs.map((run) => run[name]));
  const cells = [quantile(ms, 0.5), quantile(ms, 0), quantile(ms, 1), quantile(cpu, 0.5), quantile(rss, 0.5)];
  console.log(`| ${kind} | ${cells.map((value) => value.toFixed(0)).join(' | ')} |`);
}
