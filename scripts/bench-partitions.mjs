#!/usr/bin/env node
// Many partitions, on Ottla and on Kafka in one run: three brokers and real ZooKeeper, all on this machine.
//
//   scripts/bench-partitions.mjs [--kinds ottla,kafka] [--partitions 2000] [--topics 20] [--replicas 3] [--zookeepers 1]
//       [--idle 25] [--base-port 24600] [--dir DIR] [--json FILE]
//
// Every step ends when each live broker's metadata names a live leader (after a start also: a full ISR) for every partition, and every
// leader answers ListOffsets for all it leads; then ZooKeeper is asked whether it says the same. A ZooKeeper session ends 4 s after the
// broker was last heard of, 2.7 to 4.5 s after its death, and no fail-over takes less. Files are removed at the very end, for ext4 is
// slow to make files while it remembers removed ones. OTTLA_BIN names another program than bin/ottla; KAFKA_JVM_OPTS are those of
// Kafka's own start script unless set. Both log warnings and errors only.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSources, root } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const { values } = readCommandLine({
  kinds: 'ottla,kafka',
  partitions: 2000,
  topics: 20,
  replicas: 3,
  zookeepers: 1,
  idle: 25,
  'base-port': 24_600,
  dir: '',
  json: '',
});
const BROKERS = [1, 2, 3];
const topicCount = values.topics;
const partitionsEach = Math.max(1, Math.round(values.partitions / topicCount));
const partitionCount = topicCount * partitionsEach;
const { replicas } = values;
const basePort = values['base-port'];
const idleSeconds = values.idle;
const topicNames = Array.from({ length: topicCount }, (_, at) => `many-${at}`);
const STEP_DEADLINE_MS = 180_000;
const POLL_MS = 50;
const CPU_TICKS_PER_SECOND = 100;
const KAFKA_START_SCRIPT_OPTIONS =
  '-Xmx1G -Xms1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent';

const { ottla, Wire } = await loadWire();

/** The wire protocol and the ZooKeeper client come from the sources, so the script needs no build of them. */
async function loadWire() {
  const wire = await loadSources(`
    export * from './src/protocol/index.js';
    export { ZooKeeperClient } from './src/zookeeper/index.js';
    export { nodeTransport, systemClock, systemRandom, silentLogger } from './src/common/index.js';`);
  /** One connection to one broker, one request at a time. */
  class Connection {
    #received = Buffer.alloc(0);
    #waiting = null;
    #correlationId = 0;

    constructor(port) {
      this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
      this.socket.on('data', (bytes) => this.#take(bytes));
      const fail = (error) => this.#waiting?.reject(error ?? new Error('closed'));
      this.socket.on('error', fail).on('close', () => ((this.isClosed = true), fail()));
    }

    request(apiKey, version, body, timeoutMs = 30_000) {
      return new Promise((resolve, reject) => {
        if (this.isClosed) return reject(new Error('closed'));
        const timer = setTimeout(() => (reject(new Error('no answer')), this.socket.destroy()), timeoutMs);
        const settle = (then) => (value) => (clearTimeout(timer), (this.#waiting = null), then(value));
        this.#waiting = { apiKey, version, resolve: settle(resolve), reject: settle(reject) };
        for (const chunk of wire.encodeRequestFrame(apiKey, version, ++this.#correlationId, 'bench', body))
          this.socket.write(chunk);
      });
    }

    #take(bytes) {
      this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
      if (this.#received.length < 4) return;
      const size = this.#received.readInt32BE(0);
      if (this.#received.length < 4 + size) return;
      const frame = this.#received.subarray(4, 4 + size);
      this.#received = this.#received.subarray(4 + size);
      const { apiKey, version, resolve } = this.#waiting;
      resolve(wire.decodeResponseFrame(apiKey, version, frame).body);
    }
  }
  return { ottla: wire, Wire: Connection };
}

/** One cluster of one kind, its processes and what they have used. */
class Cluster {
  constructor(kind, index) {
    this.kind = kind;
    this.dir = values.dir ? path.join(values.dir, kind) : mkdtempSync(path.join(tmpdir(), `bench-partitions-${kind}-`));
    mkdirSync(this.dir, { recursive: true });
    this.zkPort = basePort + 50 * index;
    this.zk = `127.0.0.1:${this.zkPort}`;
    this.pids = new Map();
    this.exits = new Map();
    this.connections = new Map();
  }

  portOf(id) {
    return this.zkPort + 40 + id;
  }

  ensemble(command, ...words) {
    const args = [command, '--dir', path.join(this.dir, 'zk'), ...words];
    const { status } = spawnSync(path.join(root, 'zk/ensemble'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`zk/ensemble ${args.join(' ')} failed`);
  }

  start(id) {
    const file = path.join(this.dir, `server-${id}.properties`);
    writeFileSync(
      file,
      [
        `broker.id=${id}`,
        `listeners=PLAINTEXT://127.0.0.1:${this.portOf(id)}`,
        `log.dirs=${path.join(this.dir, `data-${id}`)}`,
        `zookeeper.connect=${this.zk}/kafka`,
        'zookeeper.session.timeout.ms=4000',
        'auto.leader.rebalance.enable=false',
        '',
      ].join('\n'),
    );
    const log = openSync(path.join(this.dir, `broker-${id}.log`), 'a');
    const [program, args] =
      this.kind === 'kafka'
        ? [path.join(root, 'test/peer/kafka'), ['broker', file]]
        : [process.env.OTTLA_BIN ?? path.join(root, 'bin/ottla'), ['server', 'start', file]];
    const env = {
      OTTLA_LOG_LEVEL: 'warn',
      ...process.env,
      KAFKA_JVM_OPTS: process.env.KAFKA_JVM_OPTS ?? KAFKA_START_SCRIPT_OPTIONS,
    };
    const child = spawn(program, args, { stdio: ['ignore', log, log], detached: true, env });
    this.pids.set(id, child.pid);
    this.exits.set(id, new Promise((resolve) => child.once('exit', resolve)));
    child.once('exit', () => this.pids.get(id) === child.pid && this.pids.delete(id));
    return child.pid;
  }

  async end(id, signal) {
    process.kill(this.pids.get(id), signal);
    this.pids.delete(id);
    this.connections.get(id)?.socket.destroy();
    this.connections.delete(id);
    await this.exits.get(id);
  }

  get live() {
    return [...this.pids.keys()];
  }

  async ask(id, apiKey, version, body, timeoutMs) {
    const known = this.connections.get(id);
    const connection = known && !known.isClosed ? known : new Wire(this.portOf(id));
    this.connections.set(id, connection);
    return await connection.request(apiKey, version, body, timeoutMs);
  }

  /** Seconds of processor time of a broker so far. */
  cpu(id) {
    const fields = readFileSync(`/proc/${this.pids.get(id)}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CPU_TICKS_PER_SECOND;
  }

  cpuOfAll() {
    return this.live.reduce((sum, id) => sum + this.cpu(id), 0);
  }

  rssMb(id) {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pids.get(id)}/status`, 'utf8'))[1]) / 1024;
  }

  /** Until every live broker answers ApiVersions. */
  async untilAnswers(ids) {
    await Promise.all(
      ids.map((id) =>
        until(`broker ${id} answers`, 10, () => {
          if (!this.pids.has(id)) throw new Error(`broker ${id} has ended`);
          return this.ask(id, ottla.ApiKey.ApiVersions, 0, {}, 5000).then(() => null);
        }),
      ),
    );
  }

  /** Until all partitions are led by live brokers, says each of them; with `inSync` also until every ISR is full. */
  async untilLed(inSync) {
    for (const id of this.live) {
      await until(`broker ${id} knows every leader`, POLL_MS, async () => {
        const wanted = { topics: topicNames.map((name) => ({ name })), allowAutoTopicCreation: false };
        const answer = await this.ask(id, ottla.ApiKey.Metadata, 5, wanted);
        const wrong = [];
        const leaders = new Map();
        for (const topic of answer.topics) {
          if (topic.errorCode !== 0 || topic.partitions.length !== partitionsEach)
            wrong.push(`${topic.name}: error ${topic.errorCode}`);
          for (const partition of topic.partitions) {
            const fine = partition.errorCode === 0 && this.live.includes(partition.leaderId);
            if (!fine || (inSync && partition.isrNodes.length !== replicas))
              wrong.push(`${topic.name}-${partition.partitionIndex}`);
            leaders.set(`${topic.name}-${partition.partitionIndex}`, partition.leaderId);
          }
        }
        if (!this.live.includes(answer.controllerId)) wrong.push('no controller');
        this.controllerId = answer.controllerId;
        this.leaders = leaders;
        return wrong.length === 0 ? null : `${wrong.length} wrong: ${wrong[0]}`;
      });
    }
    for (const id of this.live) {
      const topics = topicNames.map((name) => ({
        name,
        partitions: Array.from({ length: partitionsEach }, (_, partitionIndex) => ({
          partitionIndex,
          timestamp: -1n,
        })).filter(({ partitionIndex }) => this.leaders.get(`${name}-${partitionIndex}`) === id),
      }));
      await until(`broker ${id} leads`, POLL_MS, async () => {
        const answer = await this.ask(id, ottla.ApiKey.ListOffsets, 2, { replicaId: -1, isolationLevel: 0, topics });
        const failed = answer.topics.flatMap((topic) =>
          topic.partitions.filter((partition) => partition.errorCode !== 0),
        );
        return failed.length === 0 ? null : `${failed.length} partitions answer with error ${failed[0].errorCode}`;
      });
    }
  }

  /** How many partitions ZooKeeper believes to be without a live leader. */
  async leaderlessInZooKeeper() {
    const { nodeTransport: transport, systemClock: clock, systemRandom: random, silentLogger: logger } = ottla;
    const connectTo = { connect: `${this.zk}/kafka`, sessionTimeoutMs: 10_000, connectionTimeoutMs: 10_000 };
    const zk = new ottla.ZooKeeperClient({ ...connectTo, transport, clock, random, logger });
    await zk.connect();
    const states = await Promise.all(
      topicNames.flatMap((name) =>
        Array.from({ length: partitionsEach }, (_, at) => zk.get(`/brokers/topics/${name}/partitions/${at}/state`)),
      ),
    );
    await zk.close();
    return states.filter(({ data }) => !this.live.includes(JSON.parse(data.toString()).leader)).length;
  }

  async stop() {
    for (const id of this.live) await this.end(id, 'SIGKILL');
    this.ensemble('stop');
  }

  remove() {
    this.ensemble('clean');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Asks until `look` gives null; anything else is what is still wrong. */
async function until(what, pollMs, look) {
  const deadline = performance.now() + STEP_DEADLINE_MS;
  for (;;) {
    const wrong = await look().catch((error) => error.message);
    if (wrong === null) return;
    if (performance.now() > deadline) throw new Error(`never: ${what}; ${wrong}`);
    await sleep(pollMs);
  }
}

async function measure(kind, index) {
  const cluster = new Cluster(kind, index);
  const figures = {};
  const note = (name, value) => {
    figures[name] = Number(value.toFixed(2));
    console.error(`${kind}: ${name} ${figures[name]}`);
  };
  /** Seconds, and processor seconds of the live brokers, until `untilDone` is done. */
  const timed = async (name, act, untilDone) => {
    const started = performance.now();
    await act();
    const before = new Map(cluster.live.map((id) => [id, cluster.cpu(id)]));
    await untilDone(started);
    note(`${name}, s`, (performance.now() - started) / 1000);
    note(
      `${name}, CPU s of all brokers`,
      cluster.live.reduce((sum, id) => sum + cluster.cpu(id) - before.get(id), 0),
    );
    const leaderless = await cluster.leaderlessInZooKeeper();
    if (leaderless > 0) throw new Error(`after ${name} ZooKeeper has ${leaderless} partitions without a live leader`);
  };
  const failOver = (name, id) =>
    timed(
      `${name}: all led again`,
      () => cluster.end(id, 'SIGKILL'),
      () => cluster.untilLed(false),
    );
  const startAgain = (name, ids) =>
    timed(
      `${name}: all in sync`,
      () => ids.forEach((id) => cluster.start(id)),
      async (started) => {
        await cluster.untilAnswers(ids);
        note(`${name}: answers after, s`, (performance.now() - started) / 1000);
        await cluster.untilLed(true);
      },
    );

  try {
    cluster.ensemble(
      'start',
      '--members',
      String(values.zookeepers),
      '--base-port',
      String(cluster.zkPort),
      '--tick-time',
      '500',
    );
    for (const id of BROKERS) cluster.start(id);
    await cluster.untilAnswers(BROKERS);
    await until('three brokers', 100, async () => {
      const { brokers, controllerId } = await cluster.ask(1, ottla.ApiKey.Metadata, 5, {
        topics: [],
        allowAutoTopicCreation: false,
      });
      cluster.controllerId = controllerId;
      return brokers.length === BROKERS.length && controllerId > 0 ? null : `${brokers.length} brokers`;
    });
    await timed(
      'creation',
      async () => {},
      async () => {
        const topics = topicNames.map((name) => ({ name, numPartitions: partitionsEach, replicationFactor: replicas }));
        const answer = await cluster.ask(
          cluster.controllerId,
          ottla.ApiKey.CreateTopics,
          4,
          { topics, timeoutMs: 120_000 },
          130_000,
        );
        const failed = answer.topics.find((topic) => topic.errorCode !== 0);
        if (failed) throw new Error(`${failed.name} was not created: error ${failed.errorCode} ${failed.errorMessage}`);
        await cluster.untilLed(true);
      },
    );
    await sleep(5000);
    const atRest = cluster.cpuOfAll();
    await sleep(idleSeconds * 1000);
    note('idle, % of a core per broker', ((cluster.cpuOfAll() - atRest) / idleSeconds / BROKERS.length) * 100);
    note('memory per broker, MB', BROKERS.reduce((sum, id) => sum + cluster.rssMb(id), 0) / BROKERS.length);

    const controller = cluster.controllerId;
    await failOver('controller killed', controller);
    await startAgain('controller started again', [controller]);
    // The one just started leads nothing yet.
    const other = BROKERS.find((id) => id !== cluster.controllerId && id !== controller);
    await failOver('other broker killed', other);
    await startAgain('other broker started again', [other]);

    const stopping = performance.now();
    await Promise.all(BROKERS.map((id) => cluster.end(id, 'SIGTERM')));
    note('all told to stop: ended, s', (performance.now() - stopping) / 1000);
    await startAgain('all started again', BROKERS);
    note('memory per broker at the end, MB', BROKERS.reduce((sum, id) => sum + cluster.rssMb(id), 0) / BROKERS.length);
  } catch (error) {
    console.error(`${kind}: ${error.message}; its logs are in ${cluster.dir}`);
    process.exitCode = 1;
    await cluster.stop();
    return { figures };
  }
  await cluster.stop();
  return { figures, remove: () => cluster.remove() };
}

const kinds = values.kinds.split(',');
console.error(
  `${topicCount} topics of ${partitionsEach} partitions, ${replicas} replicas each, ${BROKERS.length} brokers`,
);
const results = {};
const removals = [];
for (const [index, kind] of kinds.entries()) {
  const { figures, remove } = await measure(kind, index);
  results[kind] = figures;
  if (remove) removals.push(remove);
}
for (const remove of removals) remove();
const names = Object.keys(results[kinds[0]]);
const isComparison = kinds.length === 2;
console.log(
  `| ${partitionCount} partitions × ${replicas} | ${kinds.join(' | ')} |${isComparison ? ` ${kinds.join(' ÷ ')} |` : ''}`,
);
console.log(`|---|${kinds.map(() => '---:|').join('')}${isComparison ? '---:|' : ''}`);
for (const name of names) {
  const row = kinds.map((kind) => results[kind][name]);
  const ratio = isComparison ? ` ${(row[0] / row[1]).toFixed(2)} |` : '';
  console.log(`| ${name} | ${row.map((value) => value ?? '–').join(' | ')} |${ratio}`);
}
if (values.json)
  writeFileSync(values.json, `${JSON.stringify({ partitions: partitionCount, replicas, results }, null, 2)}\n`);
