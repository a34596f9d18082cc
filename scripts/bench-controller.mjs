#!/usr/bin/env node
// How long a client of the broker that is the controller waits while brokers come and go in a cluster of many partitions:
//
//   scripts/bench-controller.mjs [--partitions 10000] [--runs 1] [--base-port 24900] [--kafka BOOTSTRAP --zookeeper CONNECT]
//
// Broker 1 is a process of its own and the controller; brokers 2 and 3, which lead all partitions, are played by this script: they answer
// every command at once. A client asks broker 1 for ApiVersions every 5 ms, and its longest waits in each step are printed. With --kafka
// and --zookeeper broker 1 is one that runs there already (auto.leader.rebalance.enable=false). OTTLA_BIN names another program than bin/ottla.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSources, root } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const { values } = readCommandLine({ partitions: 10_000, runs: 1, 'base-port': 24_900, kafka: '', zookeeper: '' });
const PARTITIONS_EACH = 1000;
const STEP_DEADLINE_MS = 90_000;
const SHOWN = 6;
const basePort = values['base-port'];
const [clientPort, fakePorts] = [basePort + 1, new Map([2, 3].map((id) => [id, basePort + id]))];
const isKafka = values.kafka !== '';

const wire = await loadSources(`
  export { ApiKey, decodeRequestHeader, encodeRequestFrame, encodeResponseFrame } from './src/protocol/index.js';
  export { ZkStores, ZooKeeperClient } from './src/zookeeper/index.js';
  export { nodeTransport, systemClock, systemRandom, silentLogger } from './src/common/index.js';`);

const dir = mkdtempSync(path.join(tmpdir(), 'ottla-bench-controller-'));
const ensemble = (...args) =>
  spawnSync(path.join(root, 'zk', 'ensemble'), [...args, '--dir', path.join(dir, 'zookeeper')], { stdio: 'ignore' });
const ended = [];
try {
  for (const port of fakePorts.values()) await playBroker(port);
  if (!isKafka) ensemble('start', '--members', '1', '--base-port', String(basePort + 50), '--no-fsync');
  for (let run = 1; run <= values.runs; run++) await measure(run);
} finally {
  for (const end of ended.reverse()) await end();
  if (!isKafka) ensemble('clean');
  rmSync(dir, { recursive: true, force: true });
}

/** Calls `onFrame` with each whole frame, without its size. */
function readFrames(socket, onFrame) {
  let [pieces, length, needed] = [[], 0, 0];
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    pieces.push(bytes);
    length += bytes.length;
    while (length >= Math.max(4, needed)) {
      const all = Buffer.concat(pieces);
      needed = 4 + all.readInt32BE(0);
      pieces = [all];
      if (length < needed) return;
      onFrame(all.subarray(4, needed));
      pieces = [all.subarray(needed)];
      length -= needed;
      needed = 0;
    }
  });
}

/** Answers every request of the controller without an error. */
async function playBroker(port) {
  const server = net.createServer((socket) =>
    readFrames(socket, (frame) => {
      const { apiKey, apiVersion, correlationId } = wire.decodeRequestHeader(frame);
      for (const chunk of wire.encodeResponseFrame(apiKey, apiVersion, correlationId, { errorCode: 0 }))
        socket.write(chunk);
    }),
  );
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  ended.push(() => server.close());
}

/** Broker 1, until it is told to stop. */
async function startController(connect, run) {
  if (isKafka) return { port: Number(values.kafka.split(':').at(-1)), stop: () => undefined };
  const file = path.join(dir, `server-${run}.properties`);
  const properties = {
    'broker.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${clientPort}`,
    'log.dirs': path.join(dir, `data-${run}`),
    'zookeeper.connect': connect,
    'controlled.shutdown.enable': false,
    'auto.leader.rebalance.enable': false,
  };
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const log = openSync(path.join(dir, `server-${run}.log`), 'a');
  const program = process.env.OTTLA_BIN ?? path.join(root, 'bin', 'ottla');
  const broker = spawn(program, ['server', 'start', file], { stdio: ['ignore', log, log] });
  const stop = () => {
    if (broker.exitCode !== null) return undefined;
    broker.kill();
    return new Promise((resolve) => broker.once('exit', resolve));
  };
  ended.push(stop);
  return { port: clientPort, stop };
}

/** Asks again and again; `waits` has how long each answer took. */
function askOn(port) {
  const waits = [];
  const socket = net.connect(port, '127.0.0.1');
  let onAnswer = () => undefined;
  let isOver = false;
  readFrames(socket, () => onAnswer());
  const loop = async () => {
    while (!isOver) {
      const startMs = performance.now();
      const answered = new Promise((resolve) => (onAnswer = resolve));
      for (const chunk of wire.encodeRequestFrame(wire.ApiKey.ApiVersions, 2, 1, 'bench', {})) socket.write(chunk);
      await answered;
      waits.push(performance.now() - startMs);
      await sleep(5);
    }
  };
  void loop();
  const end = () => void ((isOver = true), socket.destroy());
  return { waits, end };
}

async function measure(run) {
  const connect = isKafka ? values.zookeeper : `127.0.0.1:${basePort + 50}/run-${run}`;
  const controller = await startController(connect, run);
  const { nodeTransport: transport, systemClock: clock, systemRandom: random, silentLogger: logger } = wire;
  const session = { sessionTimeoutMs: 30_000, connectionTimeoutMs: 10_000, transport, clock, random, logger };
  const zk = new wire.ZooKeeperClient({ connect, ...session });
  await zk.connect();
  const stores = new wire.ZkStores(zk, { clock, logger });
  const until = async (isSo) => {
    const endMs = performance.now() + STEP_DEADLINE_MS;
    while (!(await isSo().catch(() => false)) && performance.now() < endMs) await sleep(100);
  };
  await until(() => zk.exists('/controller'));
  const prefix = `bench-${Date.now() % 100_000}-`;
  const topics = Array.from({ length: values.partitions / PARTITIONS_EACH }, (_, at) => `${prefix}${at}`);
  const keys = topics.flatMap((topic) => [0, PARTITIONS_EACH - 1].map((partition) => ({ topic, partition })));
  const areLedBy = async (leaders) => {
    const { found } = await stores.partitionStates.states(keys);
    return found.size === keys.length && [...found.values()].every((it) => leaders.includes(it.leaderAndIsr.leader));
  };
  const register = (id) => {
    const endPoint = {
      host: '127.0.0.1',
      port: fakePorts.get(id),
      listenerName: 'PLAINTEXT',
      securityProtocol: 'PLAINTEXT',
    };
    const broker = { id, endPoints: [endPoint], rack: null };
    return stores.brokers.registerBroker({
      broker,
      jmxPort: -1,
      timestampMs: Date.now(),
      version: 5,
      features: new Map(),
    });
  };
  const create = async () => {
    const replicasOf = (partition) => (partition % 2 ? [2, 3] : [3, 2]);
    const assignment = new Map(
      Array.from({ length: PARTITIONS_EACH }, (_, partition) => [partition, replicasOf(partition)]),
    );
    for (const topic of topics)
      await stores.topics.createTopic(topic, randomBytes(16).toString('base64url'), assignment);
  };
  const client = askOn(controller.port);
  const step = async (what, act, leaders) => {
    await sleep(1500);
    client.waits.length = 0;
    await act();
    await until(() => areLedBy(leaders));
    await sleep(3000);
    const longest = [...client.waits].sort((a, b) => b - a).slice(0, SHOWN);
    console.log(
      `${isKafka ? 'Kafka' : 'Ottla'}, ${values.partitions} partitions, ${what}: ${longest.map(Math.round).join(', ')} ms`,
    );
  };
  await register(2);
  await register(3);
  await step('topics are created', create, [2, 3]);
  await step('broker 3 dies', () => zk.delete('/brokers/ids/3', -1), [2]);
  await step('broker 3 comes', () => register(3), [2]);
  await step('broker 2 dies', () => zk.delete('/brokers/ids/2', -1), [-1, 2, 3]);
  await step('broker 2 comes', () => register(2), [2, 3]);
  await step('a new term begins', () => zk.delete('/controller', -1), [2, 3]);
  client.end();
  await zk.close();
  await controller.stop();
}
