#!/usr/bin/env node
// What many connections cost a broker, and each other: those that are idle, and those that each produce a record as soon as the one before
// is acknowledged. A probe produces one record every 10 ms meanwhile. The crowd has a thread of its own.
//
//   scripts/bench-connections.mjs [--kinds ottla,kafka] [--idle 5000] [--busy 1000] [--seconds 15] [--base-port 24920]
//
// OTTLA_BIN: see bench-startup.mjs.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Bench, quantile } from './bench-brokers.mjs';
import { loadSources } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const TOPIC = 'bench';
const PARTITIONS = 6;
/** Of the error code in an answer to Produce 9 that names one partition, behind the correlation id, a tag, two lengths, the topic and the index. */
const PRODUCE_ERROR_AT = 4 + 1 + 1 + (1 + TOPIC.length) + 1 + 4;
const PROBE_EVERY_MS = 10;
/** Fewer than `socket.listen.backlog.size`: what is beyond it waits a second for its next SYN. */
const CONNECT_TOGETHER = 40;

/** One connection with one request under way at most. */
class Client {
  constructor(port) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.onAnswer = null;
    let got = Buffer.alloc(0);
    this.socket.on('data', (bytes) => {
      got = got.length > 0 ? Buffer.concat([got, bytes]) : bytes;
      if (got.length < 4 || got.length < 4 + got.readInt32BE(0)) return;
      const answer = got.subarray(4);
      got = Buffer.alloc(0);
      this.onAnswer(answer);
    });
    this.opened = new Promise((resolve, reject) => this.socket.once('connect', resolve).once('error', reject));
    this.socket.on('close', () => this.onClose?.());
  }

  ask(frame) {
    return new Promise((resolve, reject) => {
      this.onClose = () => reject(new Error('The broker closed a connection'));
      this.onAnswer = resolve;
      this.socket.write(frame);
    });
  }

  /** Resolves with how long the answer took, in ms. Rejects when the record was not taken: to refuse is quicker. */
  async produce(frame) {
    const startMs = performance.now();
    const error = (await this.ask(frame)).readInt16BE(PRODUCE_ERROR_AT);
    if (error !== 0) throw new Error(`A Produce was answered with the error ${error}`);
    return performance.now() - startMs;
  }

  close() {
    this.onClose = null;
    this.socket.destroy();
  }
}

async function open(port, count, frame) {
  const clients = [];
  while (clients.length < count) {
    const some = Array.from({ length: Math.min(CONNECT_TOGETHER, count - clients.length) }, () => new Client(port));
    await Promise.all(some.map(({ opened }) => opened));
    await Promise.all(some.map((client) => client.ask(frame)));
    clients.push(...some);
  }
  return clients;
}

/** The crowd's thread: opens connections when told to, then keeps them idle or busy. */
function runCrowd() {
  const { port, hello, produces } = workerData;
  let idle = [];
  const commands = {
    idle: async (count) => {
      idle = await open(port, count, hello);
      return null;
    },
    busy: async (count, seconds) => {
      const clients = await open(port, count, hello);
      const latencies = [];
      const startMs = performance.now();
      const endMs = startMs + seconds * 1000;
      const work = async (client, at) => {
        while (performance.now() < endMs) latencies.push(await client.produce(produces[at % produces.length]));
      };
      await Promise.all(clients.map(work));
      const perSecond = latencies.length / ((performance.now() - startMs) / 1000);
      for (const client of clients) client.close();
      const [p50, p99, worst] = [0.5, 0.99, 1].map((q) => quantile(latencies, q));
      return { perSecond, p50, p99, worst };
    },
    close: async () => {
      for (const client of idle) client.close();
      return null;
    },
  };
  parentPort.on('message', ([name, ...args]) => {
    commands[name](...args).then(
      (result) => parentPort.postMessage({ result }),
      (error) => parentPort.postMessage({ error: String(error) }),
    );
  });
}

function tell(crowd, ...command) {
  return new Promise((resolve, reject) => {
    crowd.once('message', ({ result, error }) => (error ? reject(new Error(error)) : resolve(result)));
    crowd.postMessage(command);
  });
}

/** Asks every so often until told to stop; then gives the latencies. */
async function probing(port, frame, work) {
  const client = new Client(port);
  await client.opened;
  const latencies = [];
  let goesOn = true;
  const probe = (async () => {
    while (goesOn) {
      latencies.push(await client.produce(frame));
      await sleep(PROBE_EVERY_MS);
    }
  })();
  const result = await work();
  goesOn = false;
  await probe;
  client.close();
  return { result, probe: [0.5, 0.99, 1].map((q) => quantile(latencies, q)) };
}

/** Tries until it succeeds; after ten seconds it fails with what is wrong. */
async function until(attempt) {
  for (const endMs = performance.now() + 10_000; ; await sleep(100)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}

async function measure(bench, kind, wire, { idle, busy, seconds }) {
  const broker = await bench.start(kind, 'connections', {
    'num.partitions': PARTITIONS,
    'default.replication.factor': 1,
  });
  const port = bench.brokerPort;
  const frameOf = (apiKey, version, body) => Buffer.concat(wire.encodeRequestFrame(apiKey, version, 1, 'bench', body));
  const recordsOf = () => {
    const builder = new wire.BatchBuilder({});
    builder.append({ timestamp: Date.now(), key: null, value: Buffer.alloc(100, 'x') });
    return builder.build();
  };
  const produceTo = (index) =>
    frameOf(wire.ApiKey.Produce, 9, {
      acks: 1,
      timeoutMs: 30_000,
      topicData: [{ name: TOPIC, partitionData: [{ index, records: recordsOf() }] }],
    });
  const topics = [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }];
  const admin = new Client(port);
  await admin.opened;
  const produces = Array.from({ length: PARTITIONS }, (_, index) => produceTo(index));
  await until(async () => {
    // Refused while the broker is not the controller yet, and once the topic is there.
    await admin.ask(frameOf(wire.ApiKey.CreateTopics, 5, { topics, timeoutMs: 30_000 }));
    for (const frame of produces) await admin.produce(frame);
  });
  const hello = frameOf(wire.ApiKey.ApiVersions, 0, {});
  const crowd = new Worker(new URL(import.meta.url), { workerData: { port, hello, produces } });
  try {
    const rest = () => sleep(seconds * 1000);
    const probe = (work) => probing(port, produces[0], work);
    await probe(() => sleep(3000));
    const alone = await probe(rest);
    const rssMb = [broker.rssMb];
    const startMs = performance.now();
    await tell(crowd, 'idle', idle);
    const openedMs = performance.now() - startMs;
    const beside = await probe(rest);
    rssMb.push(broker.rssMb);
    const cpuMs = broker.cpuMs;
    const crowded = await probe(() => tell(crowd, 'busy', busy, seconds));
    rssMb.push(broker.rssMb);
    await tell(crowd, 'close');
    const { perSecond } = crowded.result;
    return {
      opened: openedMs / 1000,
      perSecond,
      cpuUs: (1000 * (broker.cpuMs - cpuMs)) / (perSecond * seconds),
      latency: [crowded.result.p50, crowded.result.p99, crowded.result.worst],
      probes: [alone.probe, beside.probe, crowded.probe],
      rssMb,
    };
  } finally {
    await crowd.terminate();
    admin.close();
    await broker.kill();
  }
}

async function main() {
  const { values } = readCommandLine({
    kinds: 'ottla,kafka',
    idle: 5000,
    busy: 1000,
    seconds: 15,
    'base-port': 24_920,
  });
  const { idle, busy, seconds } = values;
  const wire = await loadSources(`
    export { ApiKey, encodeRequestFrame } from './src/protocol/index.js';
    export { BatchBuilder } from './src/records/index.js';`);
  const bench = new Bench('bench-connections', values['base-port']);
  const results = [];
  try {
    bench.startZooKeeper();
    for (const kind of values.kinds.split(',')) {
      results.push([kind, await measure(bench, kind, wire, { idle, busy, seconds })]);
    }
  } finally {
    bench.clean();
  }
  const rows = [
    [`${idle} connections opened and answered, s`, ({ opened }) => opened.toFixed(1)],
    [`${busy} busy ones, beside the idle: requests/s`, ({ perSecond }) => perSecond.toFixed(0)],
    ['… broker CPU µs a request', ({ cpuUs }) => cpuUs.toFixed(0)],
    ['… ms: median, 99th percentile, longest', ({ latency }) => times(latency)],
    ['probe, alone: ms', ({ probes }) => times(probes[0])],
    ['probe, beside the idle: ms', ({ probes }) => times(probes[1])],
    ['probe, beside the busy: ms', ({ probes }) => times(probes[2])],
    ['resident MB: before, with the idle, with the busy', ({ rssMb }) => rssMb.map((mb) => mb.toFixed(0)).join(', ')],
  ];
  console.log(`| | ${results.map(([kind]) => kind).join(' | ')} |`);
  console.log(`|---|${results.map(() => '---:|').join('')}`);
  for (const [name, cell] of rows)
    console.log(`| ${name} | ${results.map(([, result]) => cell(result)).join(' | ')} |`);
}

function times(numbers) {
  return numbers.map((ms) => ms.toFixed(1)).join(', ');
}

if (isMainThread) await main();
else runCrowd();
