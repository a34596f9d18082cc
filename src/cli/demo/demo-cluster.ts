import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Attempt } from '../cluster/attempt.js';
import { Cluster } from '../cluster/cluster.js';
import { brokersOf, membersOf, type Server } from '../cluster/core/servers.js';
import { occupantOf } from '../cluster/probes.js';
import { listProcesses } from '../cluster/processes.js';
import type { Surroundings } from '../cluster/surroundings.js';
import { CommandError } from '../terminal.js';

const FIRST_BASE_PORT = 19_492;
const LAST_BASE_PORT = 21_492;
const PREFIX = 'ottla-demo-';
const PROPERTIES = 'zookeeper.session.timeout.ms=4000\nmin.insync.replicas=2\n';

/** The cluster of a demo, three brokers and three ZooKeeper members, in a temporary directory with all that the demo writes. */
export class DemoCluster {
  private readonly dir: string;
  private readonly cluster: Cluster;

  constructor(
    around: Surroundings,
    private readonly signal: AbortSignal,
  ) {
    this.dir = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), PREFIX));
    fs.writeFileSync(path.join(this.dir, 'demo.pid'), String(process.pid));
    this.cluster = new Cluster(path.join(this.dir, 'cluster'), around);
  }

  /** Ends and removes what demos left that were killed: nothing of theirs had the time to. */
  static async cleanLeftovers(around: Surroundings): Promise<void> {
    const temporary = fs.realpathSync(os.tmpdir());
    for (const name of fs.readdirSync(temporary).filter((each) => each.startsWith(PREFIX))) {
      const dir = path.join(temporary, name);
      const pidFile = path.join(dir, 'demo.pid');
      if (!fs.existsSync(pidFile)) continue;
      const pid = Number(fs.readFileSync(pidFile, 'utf8'));
      const isAtWork = listProcesses().some((other) => other.pid === pid && other.words.includes('demo-failover'));
      if (!isAtWork) await removeCluster(new Cluster(path.join(dir, 'cluster'), around), dir);
    }
  }

  get brokers(): string[] {
    return this.cluster.bootstrap().split(',');
  }

  /** ZooKeeper's addresses with the brokers' chroot. */
  get zookeeperConnect(): string {
    return this.cluster.zookeeperConnect();
  }

  async start(): Promise<void> {
    const config = path.join(this.dir, 'demo.properties');
    fs.writeFileSync(config, PROPERTIES);
    fs.mkdirSync(this.cluster.dir);
    const options = { '--base-port': String(await freeBasePort()), '--config': config };
    await Attempt.run(this.signal, (attempt) => this.cluster.start(new Map(Object.entries(options)), attempt));
  }

  async killBroker(id: number): Promise<void> {
    await this.cluster.end(this.broker(id), 'SIGKILL', this.signal);
  }

  restartBroker(id: number): Promise<void> {
    return this.cluster.restart(this.broker(id), this.signal);
  }

  /** Kills the member that leads the ensemble, and answers its number. */
  async killZooKeeperLeader(): Promise<number> {
    const leader = await this.cluster.ensemble.leader();
    if (!leader) throw new Error('no member of the ensemble leads');
    await this.cluster.ensemble.end(leader, 'SIGKILL', this.signal);
    return leader.id;
  }

  async restartZooKeeper(id: number): Promise<void> {
    const member = this.cluster.ensemble.members().find((each) => each.id === id)!;
    await this.cluster.ensemble.restart(member, this.signal);
  }

  /** Ends all processes and removes all files. */
  clean(): Promise<void> {
    return removeCluster(this.cluster, this.dir);
  }

  private broker(id: number): Server {
    return this.cluster.brokers().find((broker) => broker.id === id)!;
  }
}

/** The first of some bases whose ports are free: the demo is not to fail because another runs. */
async function freeBasePort(): Promise<number> {
  for (let base = FIRST_BASE_PORT; base < LAST_BASE_PORT; base += 200) {
    const brokers = brokersOf('', { brokers: 3, zookeepers: 3, base_port: base });
    const members = membersOf('', { members: 3, base_port: base + 100 });
    const occupants = await Promise.all([...brokers, ...members].flatMap(({ ports }) => ports.map(occupantOf)));
    if (occupants.every((occupant) => occupant === null)) return base;
  }
  throw new CommandError(`no free ports for a cluster from ${FIRST_BASE_PORT} to ${LAST_BASE_PORT}`);
}

async function removeCluster(cluster: Cluster, dir: string): Promise<void> {
  if (fs.existsSync(cluster.dir)) await cluster.clean();
  fs.rmSync(dir, { recursive: true, force: true });
}
