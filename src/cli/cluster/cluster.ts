import fs from 'node:fs';
import path from 'node:path';
import { reasonOfRefusal, systemClock } from '../../common/index.js';
import { readPropertiesFile } from '../../config/index.js';
import { QUIET_MS } from '../quiet.js';
import { CommandError } from '../terminal.js';
import { pause, type Attempt } from './attempt.js';
import { conditionOf, conditionsInWords, type Condition } from './core/conditions.js';
import {
  addressesOf,
  brokersOf,
  namesOf,
  processOf,
  serverProperties,
  serversRunningIn,
  type Server,
} from './core/servers.js';
import { CLUSTER_SETTINGS, settle, type ClusterSettings } from './core/settings.js';
import { readKept, shellWord, withLogs, writeKept } from './directory.js';
import { Ensemble, planOrRefuse } from './ensemble.js';
import { askBroker } from './probes.js';
import { endProcesses, isAlive, launch, listProcesses } from './processes.js';
import type { Surroundings } from './surroundings.js';

export const CHROOT = '/kafka';
const POLL_MS = 100;
const UP_MS = 60_000;
/** What a broker gets to hand over its partitions and to close its logs. */
export const STOP_MS = 30_000;
/** Of a start that failed: what was started has nothing to hand over yet. */
const TAKE_BACK_MS = 5_000;
const DEFAULT_SESSION_MS = 18_000;

/** A whole cluster on this machine: an ensemble and brokers, all their state in one directory. */
export class Cluster {
  readonly ensemble: Ensemble;

  constructor(
    readonly dir: string,
    private readonly around: Surroundings,
  ) {
    this.ensemble = new Ensemble(path.join(dir, 'zookeeper'), around);
  }

  private get conf(): string {
    return path.join(this.dir, 'cluster.conf');
  }

  private get extraFile(): string {
    return path.join(this.dir, 'extra.properties');
  }

  private get remedy(): string {
    return `scripts/cluster.sh clean --dir ${shellWord(this.dir)} removes it`;
  }

  exists(): boolean {
    return fs.existsSync(this.conf);
  }

  kept(): { settings: ClusterSettings; whole: boolean } | null {
    return readKept(CLUSTER_SETTINGS, this.conf, this.remedy);
  }

  brokers(): Server[] {
    const kept = this.kept();
    if (!kept) {
      const start = `scripts/cluster.sh start --dir ${shellWord(this.dir)}`;
      throw new CommandError(`no cluster in ${this.dir}; start one with: ${start}`);
    }
    return brokersOf(this.dir, kept.settings);
  }

  bootstrap(): string {
    return addressesOf(this.brokers());
  }

  zookeeperConnect(): string {
    return `${this.ensemble.connect()}${CHROOT}`;
  }

  /**
   * Starts what is missing, and waits until every broker knows of the controller and of all brokers. Everything is looked at before anything
   * is changed; when a server fails all the same, or the command is interrupted, what was started is ended, and a new cluster is removed again.
   */
  async start(asked: ReadonlyMap<string, string>, attempt: Attempt): Promise<void> {
    if (this.kept()?.whole === false) await this.clean();
    const kept = this.kept();
    const settled = settle(CLUSTER_SETTINGS, asked, kept, { name: `the cluster in ${this.dir}`, remedy: this.remedy });
    if (!settled.ok) throw new CommandError(settled.refusal);
    const settings = settled.value;
    const extra = this.settleExtra(asked.get('--config'), kept !== null);
    const brokers = brokersOf(this.dir, settings);
    const missing = await planOrRefuse(brokers);
    const ensemblePlan = await this.ensemble.plan(
      new Map([
        ['--members', String(settings.zookeepers)],
        ['--base-port', String(settings.base_port + 100)],
      ]),
    );
    if (!kept) {
      attempt.onFailure(() => this.remove());
      writeKept(CLUSTER_SETTINGS, this.conf, { settings, whole: false });
      if (extra !== '') fs.writeFileSync(this.extraFile, extra);
    }
    await this.ensemble.carryOut(ensemblePlan, attempt);
    const started = new Map<Server, number>();
    attempt.onFailure(async () => {
      const pids = [...started.values()];
      if (pids.some(isAlive)) this.around.say(`ending what was started, at most ${TAKE_BACK_MS / 1000} s`);
      await endProcesses(pids, 'SIGTERM', TAKE_BACK_MS);
    });
    for (const broker of missing) {
      if (!fs.existsSync(broker.file)) {
        fs.writeFileSync(broker.file, serverProperties(broker, this.dir, settings, this.zookeeperConnect(), extra));
      }
      started.set(broker, await this.launch(broker));
    }
    await this.untilUp(brokers, brokers, started, attempt.signal);
    if (!kept) writeKept(CLUSTER_SETTINGS, this.conf, { settings, whole: true });
  }

  /** Starts a broker again, and waits until it serves. */
  async restart(broker: Server, signal: AbortSignal): Promise<void> {
    // Before the broker is ended: it would not come back.
    if (!this.ensemble.exists() || !(await this.ensemble.status()).hasQuorum) {
      const start = `scripts/cluster.sh start --dir ${shellWord(this.dir)}`;
      throw new CommandError(`ZooKeeper does not serve; start what is missing with: ${start}`);
    }
    await this.end(broker, 'SIGTERM', signal);
    await planOrRefuse([broker]);
    const pid = await this.launch(broker);
    await this.untilUp([broker], [broker], new Map([[broker, pid]]), signal);
  }

  /** Ends a broker. Answers false when it was not running. */
  async end(broker: Server, signal: 'SIGTERM' | 'SIGKILL', abort: AbortSignal): Promise<boolean> {
    const pid = processOf(broker, listProcesses());
    if (pid === null) return false;
    await this.endBrokers(new Map([[pid, broker]]), signal, abort);
    return true;
  }

  /** Ends the brokers, then the ensemble, and says so. */
  async stop(abort: AbortSignal): Promise<void> {
    const { say } = this.around;
    const processes = listProcesses();
    const running = new Map<number, Server>();
    for (const broker of this.brokers()) {
      const pid = processOf(broker, processes);
      if (pid !== null) running.set(pid, broker);
    }
    if (running.size > 0) {
      const { hasQuorum } = this.ensemble.exists() ? await this.ensemble.status() : { hasQuorum: false };
      const why = hasQuorum ? '' : '; ZooKeeper does not serve, so that they cannot hand over their partitions';
      say(`stopping ${namesOf([...running.values()])}, at most ${STOP_MS / 1000} s${why}`);
      await this.endBrokers(running, 'SIGTERM', abort);
    }
    const members = this.ensemble.exists() ? await this.ensemble.stop(abort) : [];
    if (members.length > 0) say(`stopped ZooKeeper: ${namesOf(members)}`);
    if (running.size + members.length === 0) say('nothing was running');
  }

  /** One line a broker; `isWhole` when all are up, and ZooKeeper has a quorum. */
  async status(): Promise<{ readonly lines: readonly string[]; readonly isWhole: boolean }> {
    const brokers = this.brokers();
    const ensemble = this.ensemble.exists()
      ? await this.ensemble.status()
      : { lines: ['no ensemble'], hasQuorum: false };
    const processes = listProcesses();
    const running = brokers.filter((broker) => processOf(broker, processes) !== null);
    const conditions = await this.conditions(brokers, running);
    const lines = brokers.map((broker) => {
      const condition = conditions.get(broker)!;
      const pid = processOf(broker, processes);
      if (condition.kind === 'up') return `broker ${broker.id}: 127.0.0.1:${broker.port}, pid ${pid}`;
      return `broker ${broker.id}: ${condition.kind === 'waits' ? `pid ${pid}, ` : ''}${condition.text}`;
    });
    if (this.kept()?.whole === false) lines.push('the first start has not ended; another start begins again');
    const isWhole = ensemble.hasQuorum && [...conditions.values()].every(({ kind }) => kind === 'up');
    return { lines: [...ensemble.lines, ...lines], isWhole };
  }

  /** Ends whatever runs in the directory, and removes what was written; the settings need not be readable. */
  async clean(): Promise<void> {
    const running = serversRunningIn(this.dir, listProcesses()).map(({ pid }) => pid);
    await endProcesses(running, 'SIGKILL', STOP_MS);
    this.ensemble.remove();
    fs.rmSync(this.ensemble.dir, { recursive: true, force: true });
    this.remove();
  }

  /** Removes the brokers' files, the settings last, and nothing that is not the cluster's. */
  private remove(): void {
    const own =
      /^(server-\d+\.properties|(data|logs)-\d+|broker-\d+\.(log|pid)(\..*)?|extra\.properties|cluster\.conf\.tmp)$/;
    for (const name of fs.readdirSync(this.dir)) {
      if (own.test(name)) fs.rmSync(path.join(this.dir, name), { recursive: true, force: true });
    }
    fs.rmSync(this.conf, { force: true });
  }

  /** The properties that every broker has besides its own. */
  private settleExtra(file: string | undefined, isThere: boolean): string {
    const kept = fs.existsSync(this.extraFile) ? fs.readFileSync(this.extraFile, 'utf8') : '';
    if (file === undefined) return isThere ? kept : '';
    const text = readExtra(file);
    if (!isThere || text === kept) return text;
    const files = path.join(this.dir, 'server-N.properties');
    throw new CommandError(
      `the cluster in ${this.dir} was made with other properties than those of ${file}; change ${files}, or begin again (${this.remedy})`,
    );
  }

  private async launch(broker: Server): Promise<number> {
    const { root, env } = this.around;
    const LOG_DIR = path.dirname(broker.log);
    fs.mkdirSync(LOG_DIR, { recursive: true });
    // What a broker writes to stdout stands in its log files.
    const output = { stdout: null, stderr: broker.output };
    const args = ['server', 'start', broker.file];
    const pid = await launch(path.join(root, 'bin', 'ottla'), args, output, { ...env, LOG_DIR });
    // For people: what runs is looked up among the processes.
    fs.writeFileSync(path.join(this.dir, `broker-${broker.id}.pid`), `${pid}\n`);
    return pid;
  }

  private async endBrokers(
    running: ReadonlyMap<number, Server>,
    signal: 'SIGTERM' | 'SIGKILL',
    abort: AbortSignal,
  ): Promise<void> {
    const late = await endProcesses([...running.keys()], signal, STOP_MS, abort);
    for (const pid of late) {
      this.around.say(
        `${namesOf([running.get(pid)!])} did not stop within ${STOP_MS / 1000} s and was killed; it recovers its logs when it starts`,
      );
    }
    for (const { id } of running.values()) fs.rmSync(path.join(this.dir, `broker-${id}.pid`), { force: true });
  }

  /** Waits until each of these serves and knows of `expected`. `started` are processes of just now. Throws when one has ended, or the time is up. */
  private async untilUp(
    brokers: readonly Server[],
    expected: readonly Server[],
    started: ReadonlyMap<Server, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const startMs = systemClock.monotonicMs();
    const limitMs = UP_MS + Math.max(...brokers.map((broker) => this.sessionTimeoutMs(broker)));
    let said = '';
    for (;;) {
      const conditions = await this.conditions(brokers, expected, started);
      const state = conditionsInWords(conditions);
      if (state === '') return;
      const [down] = brokers.filter((broker) => conditions.get(broker)!.kind === 'down');
      if (down) throw new CommandError(withLogs(`${namesOf([down])} did not start`, [down.log, down.output]));
      const waitedMs = systemClock.monotonicMs() - startMs;
      if (waitedMs > limitMs) {
        const late = brokers.filter((broker) => conditions.get(broker)!.kind !== 'up');
        throw new CommandError(
          withLogs(
            `not up within ${limitMs / 1000} s: ${state}`,
            late.map(({ log }) => log),
          ),
        );
      }
      if (waitedMs > QUIET_MS && state !== said) {
        this.around.say(`${state} (${Math.ceil((limitMs - waitedMs) / 1000)} s in all)`);
        said = state;
      }
      await pause(POLL_MS, signal);
    }
  }

  private async conditions(
    brokers: readonly Server[],
    expected: readonly Server[],
    started: ReadonlyMap<Server, number> = new Map(),
  ): Promise<Map<Server, Condition>> {
    const processes = listProcesses();
    const runningPid = (server: Server): number | null => {
      const pid = started.get(server);
      if (pid === undefined) return processOf(server, processes);
      return isAlive(pid) ? pid : null;
    };
    const [sessions, answers] = await Promise.all([
      this.ensemble.exists() ? this.ensemble.sessions(CHROOT) : new Map<number, never>(),
      Promise.all(brokers.map(({ port }) => askBroker(port))),
    ]);
    return new Map(
      brokers.map((server, index) => {
        const sight = {
          server,
          pid: runningPid(server),
          answer: answers[index]!,
          session: sessions.get(server.id) ?? null,
          clusterId: this.property(path.join(this.dir, `data-${server.id}`, 'meta.properties'), 'cluster.id'),
          sessionTimeoutMs: this.sessionTimeoutMs(server),
        };
        return [server, conditionOf(sight, expected)];
      }),
    );
  }

  /** What ZooKeeper grants of what the broker asks for, and a tick, by which it looks for sessions that are over. */
  private sessionTimeoutMs(broker: Server): number {
    const asked = Number(this.property(broker.file, 'zookeeper.session.timeout.ms') ?? DEFAULT_SESSION_MS);
    const tickMs = this.ensemble.kept()?.settings.tick_time ?? 2_000;
    return Math.min(Math.max(asked, 2 * tickMs), 20 * tickMs) + tickMs;
  }

  private property(file: string, name: string): string | null {
    if (!fs.existsSync(file)) return null;
    return readPropertiesFile(fs.readFileSync(file, 'latin1')).get(name) ?? null;
  }
}

function readExtra(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${reasonOfRefusal(error)}`);
  }
}
