#!/usr/bin/env node
// What holds up a broker: the longest stall of its event loop, and the slowest Produce of another client, while it does each thing whose
// work grows with the number of replicas or the size of their logs. A real broker process with real files; this script is its controller,
// its ZooKeeper (the embedded one) and the leader that it follows.
//
//   scripts/bench-stalls.mjs [--checkout DIR] [--replicas 10000] [--runs 3] [--only roles,clients,groups,tasks,recovery]
//     [--commits 1000000] [--base-port 31700] [--dir DIR] [--json FILE] [--verbose]
//
// Each run begins on an empty directory. The table shows for each case the smallest and the greatest of the runs' longest stalls: what
// else the machine does comes on top, the smallest has least of it, and the case "at rest" shows how much there is. Segments of 1 GB are
// sparse, of as many extents as real ones have (where a file system discards what it frees, unlinking costs by the extent); the one that
// is cut and recovered is whole: 1.1 GB in all. `--checkout` measures the built broker of another checkout.
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { clientCases } from './bench-stalls/clients.mjs';
import { measureGroups, writeGroupLog } from './bench-stalls/groups.mjs';
import { loadSources, root } from './bundle.mjs';
import { readCommandLine, refuse } from './command-line.mjs';

const BROKER = 1;
const FAKE_LEADER = 2;
const CONTROLLER_EPOCH = 1_000_000;
const PARTITIONS_EACH = 100;
const GIGABYTE = 1024 ** 3;
const BATCH_BYTES = 16_384;
const PAGE_BYTES = 4096;
/** Topics of sparse segments: 10 partitions of 10 each. */
const BIG_PARTITIONS = 10;
const BIG_SEGMENTS = 10;
const CUT_PRODUCERS = 1000;
const CUT_BATCHES = GIGABYTE / BATCH_BYTES;
const CUT_OFFSET = (3 * CUT_BATCHES) / 4;
const STEP_DEADLINE_MS = 300_000;
const FILE_DELETE_DELAY_MS = 1000;
/** The background tasks of logs run for the first time then, whatever their period; no case begins shortly before. */
const FIRST_TASKS_MS = 30_000;
const NEVER_MS = 3_600_000;
const PARTS = ['roles', 'clients', 'groups', 'tasks', 'recovery'];
/** How often memory is looked at. */
const MEMORY_EVERY_MS = 20;

// The client whose Produce is watched, in a thread of its own

/** Produces a record every 5 ms, one at a time; each message from the parent is answered with the slowest since the last one. */
async function probe({ port, frame }) {
  let socket = null;
  let sentAt = 0;
  let slowestMs = 0;
  let failures = 0;
  const send = () => {
    sentAt = performance.now();
    socket.write(frame);
  };
  const open = () => {
    const own = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = Buffer.alloc(0);
    own.on('connect', send);
    own.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      // Correlation id, tagged fields, one topic, its name, one partition, its index: then the error code.
      const nameLength = received[10] - 1;
      if (received.readInt16BE(11 + nameLength + 1 + 4) !== 0) failures++;
      received = Buffer.alloc(0);
      slowestMs = Math.max(slowestMs, performance.now() - sentAt);
      sentAt = 0;
      setTimeout(() => socket === own && send(), 5);
    });
    own.on('error', () => own.destroy());
    return own;
  };
  parentPort.on('message', (message) => {
    if (message === 'open') socket = open();
    if (message === 'close') {
      socket?.destroy();
      socket = null;
    }
    if (message !== 'read') return;
    const waitingMs = sentAt > 0 ? performance.now() - sentAt : 0;
    parentPort.postMessage({ slowestMs: Math.max(slowestMs, waitingMs), failures });
    slowestMs = 0;
    failures = 0;
  });
}

// The bench

async function main() {
  const { values } = readCommandLine({
    checkout: root,
    replicas: 10_000,
    runs: 3,
    commits: 1_000_000,
    only: PARTS.join(),
    'base-port': 31_700,
    dir: tmpdir(),
    json: '',
    verbose: false,
  });
  const parts = values.only.split(',');
  for (const part of parts) if (!PARTS.includes(part)) refuse(`there is no part ${part}`);
  const wire = await loadSources(`
    export * from './src/protocol/index.js';
    export {
      EmbeddedZooKeeper, OPEN_ACL_UNSAFE, topicsZnode, topicZnode, ZooKeeperClient,
    } from './src/zookeeper/index.js';
    export { BatchBuilder } from './src/records/index.js';
    export { encodeOffsetCommitKey, encodeOffsetCommitValue } from './src/coordinator/group-records.js';
    export { nodeTransport, systemClock, systemRandom, silentLogger } from './src/common/index.js';`);
  const topicCount = Math.max(1, Math.round(values.replicas / PARTITIONS_EACH));
  const settings = {
    program: path.join(path.resolve(values.checkout), 'bin/ottla'),
    topics: Array.from({ length: topicCount }, (_, at) => ({ name: `many-${at}`, id: uuidOf(`many-${at}`) })),
    basePort: values['base-port'],
    verbose: values.verbose,
    commits: values.commits,
    parts,
    wire,
  };
  const results = new Map();
  for (let run = 0; run < values.runs; run++) {
    const dir = fs.mkdtempSync(path.join(values.dir, 'bench-stalls-'));
    const bench = new Bench({ ...settings, dir });
    try {
      await bench.run();
    } catch (error) {
      // Removing the files takes its time.
      console.error(error);
      process.exitCode = 1;
      break;
    } finally {
      for (const [name, figures] of bench.results) {
        if (!results.has(name)) results.set(name, []);
        results.get(name).push(figures);
      }
      await bench.close();
      fs.rmSync(dir, { recursive: true, force: true });
    }
  }
  // What was measured before a run failed is worth its time too.
  print(results, topicCount * PARTITIONS_EACH, values.runs);
  if (process.exitCode) process.exit();
  if (values.json) fs.writeFileSync(values.json, `${JSON.stringify(Object.fromEntries(results), null, 1)}\n`);
  process.exit(0);
}

function print(results, replicas, runs) {
  const range = (figures) => {
    const known = figures.filter((figure) => figure !== null);
    if (known.length === 0) return '';
    const [least, most] = [Math.min(...known), Math.max(...known)].map((figure) => Math.round(figure));
    return least === most ? `${least}` : `${least}–${most}`;
  };
  console.log(
    `| ${replicas} replicas, ${runs} runs | longest stall, ms | slowest Produce, ms | took, s | peak memory, MB |`,
  );
  console.log('|---|---:|---:|---:|---:|');
  for (const [name, all] of results) {
    const took = Math.min(...all.map(({ tookMs }) => tookMs)) / 1000;
    const cells = [range(all.map(({ stallMs }) => stallMs)), range(all.map(({ produceMs }) => produceMs))];
    const peak = Math.max(...all.map(({ peakBytes }) => peakBytes)) / 1e6;
    console.log(`| ${name} | ${cells.join(' | ')} | ${took.toFixed(1)} | ${peak > 0 ? peak.toFixed(0) : ''} |`);
  }
}

/** One run: the broker and everything around it. */
class Bench {
  constructor(options) {
    Object.assign(this, options);
    this.results = new Map();
    this.dataDir = path.join(this.dir, 'data');
    this.ports = { zk: this.basePort, broker: this.basePort + 1, leader: this.basePort + 2 };
    this.probeTopic = { name: 'probe', id: uuidOf('probe') };
    this.cutTopic = { name: 'cut', id: uuidOf('cut') };
    this.leaderEpoch = 0;
    /** Topics that ZooKeeper has, besides the probe's. */
    this.assigned = [];
  }

  async run() {
    const { wire } = this;
    const { nodeTransport, systemClock: clock, systemRandom: random, silentLogger: logger } = wire;
    this.zk = new wire.EmbeddedZooKeeper({ clock, random, logger });
    await this.zk.listen(nodeTransport, { host: '127.0.0.1', port: this.ports.zk });
    this.leader = new FakeLeader(wire, this.ports.leader);
    await this.leader.listen();
    // Those of the others are large.
    if (this.parts.some((part) => part !== 'clients' && part !== 'groups')) this.prepareFiles();
    else fs.mkdirSync(this.dataDir);
    if (this.parts.includes('groups')) writeGroupLog(wire, this.dataDir, this.commits, segmentName);
    const recordFrame = Buffer.concat(
      wire.encodeRequestFrame(
        wire.ApiKey.Produce,
        9,
        1,
        'probe',
        this.produceOf([this.probeTopic], () => [0]),
      ),
    );
    this.client = new Worker(import.meta.filename, { workerData: { port: this.ports.broker, frame: recordFrame } });

    if (this.parts.includes('roles')) await this.roles();
    await this.assignTopics();
    if (this.parts.includes('clients')) await this.clients();
    if (this.parts.includes('groups')) {
      await measureGroups(this, { commits: this.commits, topics: this.topics, uuidOf });
    }
    if (this.parts.includes('tasks')) await this.startsAndTasks();
    if (this.parts.includes('recovery')) await this.recoveryAndDeletion();
  }

  /** What ZooKeeper does not assign to the broker it sets aside when it starts again; so from here on all is assigned. */
  async assignTopics() {
    const { nodeTransport: transport, systemClock: clock, systemRandom: random, silentLogger: logger } = this.wire;
    const connect = `127.0.0.1:${this.ports.zk}`;
    const times = { sessionTimeoutMs: 30_000, connectionTimeoutMs: 10_000 };
    const client = new this.wire.ZooKeeperClient({ connect, ...times, transport, clock, random, logger });
    await client.connect();
    const create = async (path, data) => {
      if (!(await client.exists(path))) await client.create(path, data, { acl: this.wire.OPEN_ACL_UNSAFE });
    };
    const { path: topicsPath } = this.wire.topicsZnode;
    await create(path.posix.dirname(topicsPath), null);
    await create(topicsPath, null);
    const replicas = { replicas: [BROKER, FAKE_LEADER], adding: [], removing: [] };
    const partitions = new Map(everyPartition.map((partition) => [partition, replicas]));
    this.assigned = [this.cutTopic, { name: 'big', id: uuidOf('big') }, ...this.topics];
    for (const { name, id } of [this.probeTopic, ...this.assigned]) {
      await create(this.wire.topicZnode.path(name), this.wire.topicZnode.encode({ topicId: id, partitions }));
    }
    await client.close();
  }

  /** A broker without background tasks: what requests cost. */
  async roles() {
    const { wire, topics } = this;
    const all = () => everyPartition;
    const half = (led) => (partition) => (partition % 2 === 0) === led;
    await this.start({});
    await this.takeCommand();
    await this.measure('at rest, no replicas', () => sleep(3000));
    await this.measure('LeaderAndIsr: replicas made, half of them led', async () => {
      await this.leaderAndIsr(topics, (partition) => (half(true)(partition) ? BROKER : FAKE_LEADER), true);
    });
    await this.measure('UpdateMetadata of all', () => this.updateMetadata(topics));
    await this.measure('LeaderAndIsr: the other leader is gone, all are led here', () =>
      this.leaderAndIsr(topics, () => BROKER),
    );
    await this.measure('Produce to all', () => this.ask(wire.ApiKey.Produce, 9, this.produceOf(topics, all())));
    await this.measure('ListOffsets of all, latest', () => this.listOffsets(topics, -1n));
    await this.measure('ListOffsets of up to 3,000, by time', () =>
      this.listOffsets(topics.slice(0, 30), BigInt(Date.now() - 60_000)),
    );
    await this.measure('Metadata of all', () => this.ask(wire.ApiKey.Metadata, 9, { topics: null }));
    await this.measure('Fetch of all, a new session', () =>
      this.ask(wire.ApiKey.Fetch, 12, {
        replicaId: -1,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 50 * 1024 ** 2,
        sessionId: 0,
        sessionEpoch: 0,
        topics: topics.map(({ name: topic }) => ({
          topic,
          partitions: everyPartition.map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1048576 })),
        })),
      }),
    );
    await this.measure('LeaderAndIsr: all follow', async () => {
      await this.leaderAndIsr(topics, () => FAKE_LEADER);
      await this.leader.untilAsked(topics.length * PARTITIONS_EACH);
    });
    await this.measure('a follower cuts all logs', async () => {
      const wanted = this.leader.cut(topics, topics.length * PARTITIONS_EACH, 0);
      await this.leaderAndIsr(topics, () => FAKE_LEADER);
      await wanted;
    });
    await this.measure('LeaderAndIsr: all are led again', () => this.leaderAndIsr(topics, () => BROKER));
    await this.measure('Produce to all that were cut', () =>
      this.ask(wire.ApiKey.Produce, 9, this.produceOf(topics, all())),
    );
    await this.measure('a follower cuts a segment of 1 GB at three quarters', async () => {
      const wanted = this.leader.cut([this.cutTopic], 1, CUT_OFFSET);
      await this.leaderAndIsr([this.cutTopic], () => FAKE_LEADER, false, [0]);
      await wanted;
    });
    const gone = { name: 'gone', id: uuidOf('gone') };
    const bigOnes = Array.from({ length: BIG_PARTITIONS }, (_, at) => at);
    await this.leaderAndIsr([gone], () => BROKER, false, bigOnes);
    await this.measure('StopReplica: 100 segments of 1 GB deleted', async () => {
      await this.stopReplica([gone], bigOnes);
      await this.untilGone('gone-');
    });
    await this.stop('SIGTERM');
  }

  /** What clients do to each other. */
  async clients() {
    const [topic] = this.topics;
    await this.start({});
    await this.takeCommand();
    await this.leaderAndIsr([topic], () => BROKER, true);
    await this.updateMetadata([topic]);
    for (const [name, act] of clientCases(this.wire, { port: this.ports.broker, topic: topic.name })) {
      await this.measure(name, act);
    }
    await this.stop('SIGTERM');
  }

  async startsAndTasks() {
    const { topics } = this;
    await this.start({ 'replica.high.watermark.checkpoint.interval.ms': 1000 }, 'start after a clean stop');
    await this.takeCommand();
    await this.measure('LeaderAndIsr: all are led after the start', () => this.leaderAndIsr(topics, () => BROKER));
    await this.updateMetadata(topics);
    await this.measure('checkpoint of high watermarks, every second', () => sleep(8000));
    await this.stop('SIGTERM');

    const tasks = {
      'log.retention.check.interval.ms': 1000,
      'log.flush.offset.checkpoint.interval.ms': 1000,
      'log.flush.start.offset.checkpoint.interval.ms': 1000,
      'log.flush.scheduler.interval.ms': 1000,
      'log.flush.interval.ms': 1000,
      'producer.id.expiration.check.interval.ms': 1000,
    };
    await this.start(tasks);
    await this.takeCommand();
    const big = { name: 'big', id: uuidOf('big') };
    await this.leaderAndIsr(
      [big],
      () => BROKER,
      false,
      Array.from({ length: BIG_PARTITIONS }, (_, at) => at),
    );
    await this.leaderAndIsr(topics, () => BROKER);
    await this.measure('retention, flush, checkpoints, expiry of producers, every second', () => sleep(8000));
    await this.measure('retention: 100 segments of 1 GB deleted', async () => {
      this.ageSegments();
      await until('segments are deleted', 50, () => this.bigSegments().every((name) => !fs.existsSync(name)));
    });
    await this.stop('SIGKILL');
  }

  async recoveryAndDeletion() {
    const { topics } = this;
    await this.start({}, 'start after a kill, 1 GB to recover');
    await this.takeCommand();
    await this.leaderAndIsr(topics, () => BROKER);
    await this.updateMetadata(topics);
    await this.measure('StopReplica: all deleted', async () => {
      await this.stopReplica(topics, everyPartition);
      await this.untilGone('many-');
    });
    await this.measure('at rest again', () => sleep(3000));
    await this.stop('SIGKILL');
  }

  // The broker

  async start(properties, name = null) {
    const file = path.join(this.dir, 'server.properties');
    const never = [
      'log.retention.check.interval.ms',
      'log.flush.offset.checkpoint.interval.ms',
      'log.flush.start.offset.checkpoint.interval.ms',
      'replica.high.watermark.checkpoint.interval.ms',
      'producer.id.expiration.check.interval.ms',
    ];
    const lines = {
      ...Object.fromEntries(never.map((key) => [key, NEVER_MS])),
      'broker.id': BROKER,
      listeners: `PLAINTEXT://127.0.0.1:${this.ports.broker}`,
      'log.dirs': this.dataDir,
      'zookeeper.connect': `127.0.0.1:${this.ports.zk}`,
      'log.segment.delete.delay.ms': FILE_DELETE_DELAY_MS,
      'controlled.shutdown.enable': false,
      ...properties,
    };
    fs.writeFileSync(
      file,
      Object.entries(lines)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const log = fs.openSync(path.join(this.dir, 'broker.log'), 'a');
    const socketPath = path.join(this.dir, 'stall.sock');
    fs.rmSync(socketPath, { force: true });
    this.startedMs = performance.now();
    this.child = spawn(this.program, ['server', 'start', file], {
      stdio: ['ignore', log, log],
      env: {
        OTTLA_LOG_LEVEL: 'warn',
        ...process.env,
        NODE_OPTIONS: `--require ${path.join(root, 'scripts/stall-probe.cjs')}`,
        OTTLA_STALL_SOCKET: socketPath,
      },
    });
    fs.closeSync(log);
    const { child } = this;
    this.ended = new Promise((resolve) => child.once('exit', resolve));
    await until('the stall probe answers', 2, async () => {
      if (child.exitCode !== null) throw this.brokerEnded();
      const socket = await opened({ path: socketPath });
      if (!socket) return false;
      this.stalls = new Lines(socket);
      return true;
    });
    await this.stalls.ask('reset');
    await until('the broker answers', 10, async () => {
      if (child.exitCode !== null) throw this.brokerEnded();
      const socket = await opened({ port: this.ports.broker, host: '127.0.0.1' });
      if (!socket) return false;
      this.connection = new Connection(this.wire, socket);
      return await this.connection.request(this.wire.ApiKey.ApiVersions, 0, {}).then(
        () => true,
        () => false,
      );
    });
    if (name) this.note(name, (await this.stalls.ask('read')).maxMs, null, performance.now() - this.startedMs);
  }

  brokerEnded() {
    const log = fs.readFileSync(path.join(this.dir, 'broker.log'), 'utf8').trimEnd().split('\n');
    return new Error(`the broker has ended: ${log.slice(-10).join('\n')}`);
  }

  async stop(signal) {
    this.client.postMessage('close');
    this.connection.socket.destroy();
    this.stalls.socket.destroy();
    this.child.kill(signal);
    await this.ended;
    this.child = null;
  }

  async close() {
    await this.client?.terminate();
    if (this.child) {
      this.child.kill('SIGKILL');
      await this.ended;
    }
    this.leader?.close();
    await this.zk?.close();
  }

  /** Becomes the controller, and has the probe's partition led. */
  async takeCommand() {
    // Topics come with the second request: after the first of a new controller the broker looks up in ZooKeeper which there are.
    await this.updateMetadata(this.assigned);
    await sleep(100);
    this.leaderEpoch++;
    await this.leaderAndIsr([this.probeTopic], () => BROKER, true, [0]);
    await this.updateMetadata([this.probeTopic], [0]);
    this.client.postMessage('open');
  }

  async measure(name, act) {
    const ageMs = performance.now() - this.startedMs;
    if (ageMs > FIRST_TASKS_MS - 5000 && ageMs < FIRST_TASKS_MS + 2000) await sleep(FIRST_TASKS_MS + 2000 - ageMs);
    await sleep(300);
    await this.stalls.ask('reset');
    await this.slowestProduce();
    const started = performance.now();
    let peakBytes = 0;
    const memory = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(this.child.pid))), MEMORY_EVERY_MS);
    await act().finally(() => clearInterval(memory));
    const tookMs = performance.now() - started;
    await sleep(200);
    const { slowestMs, failures } = await this.slowestProduce();
    if (failures > 0) throw new Error(`${name}: ${failures} Produce requests of the probe failed`);
    this.note(name, (await this.stalls.ask('read')).maxMs, slowestMs, tookMs, peakBytes);
  }

  note(name, stallMs, produceMs, tookMs, peakBytes = 0) {
    this.results.set(name, { stallMs, produceMs, tookMs, peakBytes });
    if (this.verbose) {
      const figures = [stallMs, produceMs ?? NaN, tookMs].map((figure) => figure.toFixed(0)).join(', ');
      console.error(`${name}: stall, Produce, took (ms): ${figures}; ${(peakBytes / 1e6).toFixed(0)} MB`);
    }
  }

  slowestProduce() {
    const answer = new Promise((resolve) => this.client.once('message', resolve));
    this.client.postMessage('read');
    return answer;
  }

  // Requests

  ask(apiKey, version, body) {
    return this.connection.request(apiKey, version, body);
  }

  async updateMetadata(topics, partitions = everyPartition, leader = BROKER) {
    const endpointOf = (port) => [{ port, host: '127.0.0.1', listener: 'PLAINTEXT', securityProtocol: 0 }];
    const { errorCode } = await this.ask(this.wire.ApiKey.UpdateMetadata, 7, {
      controllerId: FAKE_LEADER,
      controllerEpoch: CONTROLLER_EPOCH,
      brokerEpoch: -1n,
      topicStates: topics.map(({ name: topicName, id: topicId }) => ({
        topicName,
        topicId,
        partitionStates: partitions.map((partitionIndex) => ({
          partitionIndex,
          controllerEpoch: CONTROLLER_EPOCH,
          leader,
          leaderEpoch: this.leaderEpoch,
          isr: [BROKER],
          zkVersion: this.leaderEpoch,
          replicas: [BROKER, FAKE_LEADER],
        })),
      })),
      liveBrokers: [
        { id: BROKER, endpoints: endpointOf(this.ports.broker) },
        { id: FAKE_LEADER, endpoints: endpointOf(this.ports.leader) },
      ],
    });
    if (errorCode !== 0) throw new Error(`UpdateMetadata: error ${errorCode}`);
  }

  /** Each time under a new leader epoch. */
  async leaderAndIsr(topics, leaderOf, isNew = false, partitions = everyPartition) {
    const leaderEpoch = ++this.leaderEpoch;
    const { errorCode, topics: answers } = await this.ask(this.wire.ApiKey.LeaderAndIsr, 7, {
      controllerId: FAKE_LEADER,
      controllerEpoch: CONTROLLER_EPOCH,
      brokerEpoch: -1n,
      type: 1,
      topicStates: topics.map(({ name: topicName, id: topicId }) => ({
        topicName,
        topicId,
        partitionStates: partitions.map((partitionIndex) => ({
          partitionIndex,
          controllerEpoch: CONTROLLER_EPOCH,
          leader: leaderOf(partitionIndex),
          leaderEpoch,
          isr: [leaderOf(partitionIndex)],
          partitionEpoch: leaderEpoch,
          replicas: [BROKER, FAKE_LEADER],
          isNew,
        })),
      })),
      liveLeaders: [FAKE_LEADER, BROKER].map((brokerId) => ({ brokerId, hostName: '127.0.0.1', port: 1 })),
    });
    const refused = answers.flatMap(({ partitionErrors }) => partitionErrors).find((one) => one.errorCode !== 0);
    if (errorCode !== 0 || refused) throw new Error(`LeaderAndIsr: error ${errorCode || refused.errorCode}`);
  }

  async stopReplica(topics, partitions) {
    const { errorCode, partitionErrors } = await this.ask(this.wire.ApiKey.StopReplica, 4, {
      controllerId: FAKE_LEADER,
      controllerEpoch: CONTROLLER_EPOCH,
      brokerEpoch: -1n,
      topicStates: topics.map(({ name: topicName }) => ({
        topicName,
        partitionStates: partitions.map((partitionIndex) => ({
          partitionIndex,
          leaderEpoch: -2,
          deletePartition: true,
        })),
      })),
    });
    const refused = partitionErrors.find((one) => one.errorCode !== 0);
    if (errorCode !== 0 || refused) throw new Error(`StopReplica: error ${errorCode || refused.errorCode}`);
  }

  async listOffsets(topics, timestamp) {
    const answer = await this.ask(this.wire.ApiKey.ListOffsets, 6, {
      replicaId: -1,
      isolationLevel: 0,
      topics: topics.map(({ name }) => ({
        name,
        partitions: everyPartition.map((partitionIndex) => ({ partitionIndex, timestamp })),
      })),
    });
    const refused = answer.topics.flatMap(({ partitions }) => partitions).find((one) => one.errorCode !== 0);
    if (refused) throw new Error(`ListOffsets: error ${refused.errorCode}`);
  }

  /** One record for each partition; those of many topics are an idempotent producer's. */
  produceOf(topics, partitions) {
    const records = this.batchOf(topics.length > 1 ? { producerId: 7, producerEpoch: 0, baseSequence: 0 } : {}, 100);
    return {
      transactionalId: null,
      acks: 1,
      timeoutMs: 30_000,
      topicData: topics.map(({ name }) => ({
        name,
        partitionData: (typeof partitions === 'function' ? partitions() : partitions).map((index) => ({
          index,
          records,
        })),
      })),
    };
  }

  batchOf(options, valueBytes, timestamp = Date.now()) {
    const builder = new this.wire.BatchBuilder({ initialCapacity: valueBytes + 200, ...options });
    builder.append({ timestamp, key: null, value: Buffer.alloc(valueBytes) });
    return builder.build();
  }

  // Files

  /** Logs that are there before the broker's first start, as a clean stop would have left them. */
  prepareFiles() {
    fs.mkdirSync(this.dataDir, { recursive: true });
    for (const topic of ['big', 'gone']) {
      for (let partition = 0; partition < BIG_PARTITIONS; partition++) {
        const dir = path.join(this.dataDir, `${topic}-${partition}`);
        fs.mkdirSync(dir);
        for (let segment = 0; segment <= BIG_SEGMENTS; segment++) {
          const size = segment < BIG_SEGMENTS ? GIGABYTE : 0;
          writeSegment(dir, segment * 1000, size, 64 * 1024 ** 2, () => Buffer.alloc(PAGE_BYTES, 1));
        }
      }
    }
    this.writeCutLog();
    fs.writeFileSync(path.join(this.dataDir, '.kafka_cleanshutdown'), '');
    execFileSync('sync', ['-f', this.dataDir]);
  }

  /** 1 GB of batches of 16 KB by a thousand producers. */
  writeCutLog() {
    const dir = path.join(this.dataDir, `${this.cutTopic.name}-0`);
    fs.mkdirSync(dir);
    const overhead = this.batchOf({}, BATCH_BYTES).length - BATCH_BYTES;
    const count = CUT_BATCHES;
    const startMs = Date.now() - count;
    const index = Buffer.alloc(8 * (count - 1));
    const timeIndex = Buffer.alloc(12 * (count - 1));
    writeSegment(dir, 0, GIGABYTE, BATCH_BYTES, (position) => {
      const offset = position / BATCH_BYTES;
      const producerId = offset % CUT_PRODUCERS;
      const baseSequence = Math.floor(offset / CUT_PRODUCERS);
      const producer = { producerId, producerEpoch: 0, baseSequence };
      const options = { baseOffset: offset, partitionLeaderEpoch: 0, ...producer };
      const batch = this.batchOf(options, BATCH_BYTES - overhead, startMs + offset);
      if (batch.length !== BATCH_BYTES) throw new Error(`a batch has ${batch.length} bytes`);
      if (offset > 0) {
        index.writeInt32BE(offset, 8 * (offset - 1));
        index.writeInt32BE(position, 8 * (offset - 1) + 4);
        timeIndex.writeBigInt64BE(BigInt(startMs + offset), 12 * (offset - 1));
        timeIndex.writeInt32BE(offset, 12 * (offset - 1) + 8);
      }
      return batch;
    });
    fs.writeFileSync(segmentName(dir, 0, 'index'), index);
    fs.writeFileSync(segmentName(dir, 0, 'timeindex'), timeIndex);
    fs.writeFileSync(path.join(dir, 'leader-epoch-checkpoint'), '0\n1\n0 0\n');
  }

  bigSegments() {
    return Array.from({ length: BIG_PARTITIONS }, (_, partition) =>
      Array.from({ length: BIG_SEGMENTS }, (__, segment) =>
        ['log', 'log.deleted'].map((suffix) =>
          segmentName(path.join(this.dataDir, `big-${partition}`), segment * 1000, suffix),
        ),
      ),
    ).flat(2);
  }

  /** Segments without timestamps are as old as their files. */
  ageSegments() {
    const longAgo = Date.now() / 1000 - 30 * 24 * 3600;
    for (const name of this.bigSegments()) if (name.endsWith('.log')) fs.utimesSync(name, longAgo, longAgo);
  }

  async untilGone(prefix) {
    await until(
      `${prefix}* is deleted`,
      50,
      () => !fs.readdirSync(this.dataDir).some((name) => name.startsWith(prefix)),
    );
  }
}

const everyPartition = Array.from({ length: PARTITIONS_EACH }, (_, at) => at);

/** Of a process, as the kernel counts; 0 when it has ended. */
function residentBytes(pid) {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function segmentName(dir, baseOffset, suffix) {
  return path.join(dir, `${String(baseOffset).padStart(20, '0')}.${suffix}`);
}

function writeSegment(dir, baseOffset, size, stepBytes, bytesAt) {
  const file = fs.openSync(segmentName(dir, baseOffset, 'log'), 'w');
  for (let position = 0; position < size; position += stepBytes)
    fs.writeSync(file, bytesAt(position), 0, undefined, position);
  fs.ftruncateSync(file, size);
  fs.closeSync(file);
  fs.writeFileSync(segmentName(dir, baseOffset, 'index'), '');
  fs.writeFileSync(segmentName(dir, baseOffset, 'timeindex'), '');
}

/** The same id for a name in every run. */
function uuidOf(name) {
  const bytes = Buffer.alloc(16, 1);
  bytes.write(name.slice(0, 15), 1);
  return bytes.toString('base64url');
}

/** The other broker: it answers the fetches of the one that is measured, without records. */
class FakeLeader {
  constructor(wire, port) {
    Object.assign(this, { wire, port });
    this.sessionId = 100;
    this.asked = 0;
    /** By topic id. */
    this.cutOffsets = new Map();
    this.uncut = 0;
    this.onCut = null;
    this.sockets = new Set();
  }

  async listen() {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
      onFrames(socket, (frame) => this.serve(socket, frame));
    });
    await new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
  }

  /** Until a session names so many partitions. */
  async untilAsked(partitions) {
    await until(`the leader is asked for ${partitions} partitions`, 20, () => this.asked >= partitions);
  }

  /** From now on the topics' logs end at `offset` here; resolves when the follower fetches so many of them from there. */
  cut(topics, partitions, offset) {
    this.cutOffsets = new Map(topics.map(({ id }) => [id, offset]));
    this.uncut = partitions;
    return new Promise((resolve) => (this.onCut = resolve));
  }

  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  serve(socket, frame) {
    const { wire } = this;
    const { apiKey, apiVersion, correlationId, bodyOffset } = wire.decodeRequestHeader(frame);
    const answer = (body) => {
      for (const chunk of wire.encodeResponseFrame(apiKey, apiVersion, correlationId, body)) socket.write(chunk);
    };
    if (apiKey === wire.ApiKey.ApiVersions) {
      answer({
        errorCode: 0,
        apiKeys: [
          { apiKey: wire.ApiKey.Fetch, minVersion: 0, maxVersion: 15 },
          { apiKey, minVersion: 0, maxVersion: 3 },
        ],
      });
      return;
    }
    if (apiKey !== wire.ApiKey.Fetch) throw new Error(`the fake leader is asked ${apiKey}`);
    const request = wire.fetchRequest.decode(frame, apiVersion, bodyOffset);
    if (request.sessionEpoch === 0) {
      this.sessionId++;
      this.asked = 0;
    }
    let cuts = false;
    const responses = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition, fetchOffset }) => {
        this.asked++;
        const cutOffset = this.cutOffsets.get(topicId);
        const isCut = Number(fetchOffset) === cutOffset;
        if (isCut && --this.uncut === 0) this.onCut();
        const diverges = cutOffset !== undefined && !isCut;
        cuts ||= diverges;
        const divergingEpoch = diverges ? { epoch: 0, endOffset: BigInt(cutOffset) } : {};
        return { partitionIndex: partition, highWatermark: 0n, divergingEpoch, records: Buffer.alloc(0) };
      }),
    }));
    // A full fetch has to be answered for all its partitions; a later one only with news.
    const hasNews = request.sessionEpoch === 0 || cuts;
    const body = { errorCode: 0, sessionId: this.sessionId, responses: hasNews ? responses : [] };
    if (hasNews) answer(body);
    else setTimeout(() => answer(body), 500);
  }
}

/** One connection to the broker, one request at a time. */
class Connection {
  constructor(wire, socket) {
    Object.assign(this, { wire, socket, waiting: null, correlationId: 0 });
    onFrames(socket, (frame) => {
      const { apiKey, version, resolve } = this.waiting;
      resolve(wire.decodeResponseFrame(apiKey, version, frame).body);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.waiting?.reject(new Error('the broker has closed the connection')));
  }

  request(apiKey, version, body) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to request ${apiKey}`)), STEP_DEADLINE_MS);
      const settle = (then) => (value) => (clearTimeout(timer), (this.waiting = null), then(value));
      this.waiting = { apiKey, version, resolve: settle(resolve), reject: settle(reject) };
      for (const chunk of this.wire.encodeRequestFrame(apiKey, version, ++this.correlationId, 'bench', body))
        this.socket.write(chunk);
    });
  }
}

/** Asks the stall probe. */
class Lines {
  constructor(socket) {
    this.socket = socket;
    this.text = '';
    socket.on('data', (bytes) => {
      this.text += bytes;
      if (!this.text.endsWith('\n')) return;
      this.resolve(JSON.parse(this.text));
      this.text = '';
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.reject?.(new Error('the broker has ended')));
  }

  ask(what) {
    return new Promise((resolve, reject) => {
      Object.assign(this, { resolve, reject });
      this.socket.write(what);
    });
  }
}

function onFrames(socket, take) {
  let chunks = [];
  let length = 0;
  socket.on('data', (bytes) => {
    chunks.push(bytes);
    length += bytes.length;
    for (;;) {
      if (length < 4) return;
      if (chunks[0].length < 4) chunks = [Buffer.concat(chunks)];
      const size = chunks[0].readInt32BE(0);
      if (length < 4 + size) return;
      const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      chunks = all.length > 4 + size ? [all.subarray(4 + size)] : [];
      length -= 4 + size;
      take(all.subarray(4, 4 + size));
    }
  });
}

/** A connected socket, or null. */
function opened(where) {
  return new Promise((resolve) => {
    const socket = connect({ ...where, noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => (socket.destroy(), resolve(null)));
  });
}

async function until(what, pollMs, look) {
  const deadline = performance.now() + STEP_DEADLINE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await sleep(pollMs);
  }
}

if (isMainThread) await main();
else await probe(workerData);
