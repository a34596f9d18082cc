#!/usr/bin/env node
// How long a broker takes from the start of its process until it answers ApiVersions, on an empty directory beside a running ZooKeeper,
// and what memory it then holds at rest. Runs of all kinds alternate, since a machine has better and worse minutes.
//
//   scripts/bench-startup.mjs [--kinds ottla,kafka] [--runs 20] [--base-port 24900] [--rest 2]
//
// OTTLA_BIN names another program than bin/ottla, or several, separated by commas: each is a kind of its own (ottla, ottla2 …).
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, quantile } from './bench-brokers.mjs';
import { readCommandLine } from './command-line.mjs';

const { values } = readCommandLine({ kinds: 'ottla,kafka', runs: 20, rest: 2, 'base-port': 24_900 });
const bench = new Bench('bench-startup', values['base-port']);

async function startOnce(kind, run) {
  const broker = await bench.start(kind, run);
  const { startMs, cpuMs } = broker;
  await sleep(values.rest * 1000);
  const { rssMb } = broker;
  await broker.kill();
  return { ms: startMs, cpuMs, rssMb };
}

const kinds = values.kinds.split(',');
const results = new Map(kinds.map((kind) => [kind, []]));
try {
  bench.startZooKeeper();
  for (const kind of kinds) await startOnce(kind, 'warm-up');
  for (let run = 0; run < values.runs; run++) {
    for (const kind of kinds) results.get(kind).push(await startOnce(kind, run));
  }
} finally {
  bench.clean();
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
