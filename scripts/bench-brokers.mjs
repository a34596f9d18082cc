// Brokers of both kinds for the scripts that measure them beside each other: each on an empty directory, beside one running ZooKeeper.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.join(import.meta.dirname, '..');
const API_VERSIONS_REQUEST = Buffer.from('0000000e00120000000000010004626e6368', 'hex');
/** OTTLA_BIN names another program than bin/ottla, or several, separated by commas: each is a kind of its own (ottla, ottla2 …). */
const programs = (process.env.OTTLA_BIN ?? path.join(root, 'bin/ottla')).split(',');

/** A directory and a ZooKeeper, for one broker at a time on the port five above it. */
export class Bench {
  constructor(name, zkPort) {
    this.zkPort = zkPort;
    this.brokerPort = zkPort + 5;
    this.dir = mkdtempSync(path.join(tmpdir(), `${name}-`));
  }

  startZooKeeper() {
    this.ensemble('start', '--members', '1', '--base-port', String(this.zkPort));
  }

  clean() {
    this.ensemble('clean');
    rmSync(this.dir, { recursive: true, force: true });
  }

  ensemble(...words) {
    const { status } = spawnSync(path.join(root, 'zk/ensemble'), [...words, '--dir', path.join(this.dir, 'zk')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`zk/ensemble ${words.join(' ')} failed`);
  }

  /** Starts a broker of the kind in a cluster of its own; `startMs` is the time until it has answered ApiVersions. */
  async start(kind, cluster, properties = {}) {
    const home = path.join(this.dir, `${kind}-${cluster}`);
    const file = `${home}.properties`;
    const all = {
      'broker.id': 1,
      listeners: `PLAINTEXT://127.0.0.1:${this.brokerPort}`,
      'log.dirs': home,
      'zookeeper.connect': `127.0.0.1:${this.zkPort}/${kind}-${cluster}`,
      'offsets.topic.replication.factor': 1,
      ...properties,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(file, lines.join(''));
    const [program, args] = commandOf(kind, file);
    const started = performance.now();
    const child = spawn(program, args, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    while (!(await this.answersApiVersions())) {
      if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}`);
      await sleep(2);
    }
    return new BenchedBroker(child, ended, performance.now() - started);
  }

  /** One try: false when nobody listens yet, or the connection ends without an answer. */
  answersApiVersions() {
    return new Promise((resolve) => {
      const socket = connect({ port: this.brokerPort, host: '127.0.0.1' });
      const give = (answer) => () => (socket.destroy(), resolve(answer));
      socket.once('connect', () => socket.write(API_VERSIONS_REQUEST));
      socket.once('data', give(true)).once('error', give(false)).once('close', give(false));
    });
  }
}

class BenchedBroker {
  constructor(child, ended, startMs) {
    this.child = child;
    this.ended = ended;
    this.startMs = startMs;
  }

  /** Processor time of all its threads; /proc/PID/stat counts only whole hundredths of a second. */
  get cpuMs() {
    const tasks = `/proc/${this.child.pid}/task`;
    const ofTask = (id) => Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    return readdirSync(tasks).reduce((sum, id) => sum + ofTask(id), 0);
  }

  /** Resident, in MB. */
  get rssMb() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) / 1024;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

function commandOf(kind, file) {
  if (kind === 'kafka') return [path.join(root, 'test/peer/kafka'), ['broker', file]];
  return [programs[Number(/\d*$/.exec(kind)[0] || 1) - 1], ['server', 'start', file]];
}

export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
