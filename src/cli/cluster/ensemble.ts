import fs from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../common/index.js';
import { CommandError } from '../terminal.js';
import { pause, type Attempt } from './attempt.js';
import { sessionsOf, type Sessions } from './core/conditions.js';
import { addressesOf, membersOf, namesOf, processOf, serversRunningIn, zooCfg, type Server } from './core/servers.js';
import { ENSEMBLE_SETTINGS, settle, type EnsembleSettings } from './core/settings.js';
import { planStart } from './core/start-plan.js';
import { readKept, shellWord, withLogs, writeKept } from './directory.js';
import { fourLetterWord, modeOf, occupantOf } from './probes.js';
import { endProcesses, isAlive, launch, listProcesses } from './processes.js';
import { prepareZooKeeper, serverProgram, type Surroundings } from './surroundings.js';

const POLL_MS = 50;
const SERVE_MS = 30_000;
/** How long the rest is waited for once there is a quorum. */
const REST_MS = 5_000;
/** A member answers a signal within a second; it has nothing to hand over. */
const STOP_MS = 5_000;

/** What a start is going to do: it has looked at everything, and has changed nothing yet. */
export interface EnsemblePlan {
  readonly settings: EnsembleSettings;
  readonly members: readonly Server[];
  readonly missing: readonly Server[];
  readonly isNew: boolean;
}

/** A ZooKeeper ensemble on this machine, all its state in one directory. */
export class Ensemble {
  constructor(
    readonly dir: string,
    private readonly around: Surroundings,
  ) {}

  private get conf(): string {
    return path.join(this.dir, 'ensemble.conf');
  }

  private get remedy(): string {
    return `zk/ensemble clean --dir ${shellWord(this.dir)} removes it`;
  }

  exists(): boolean {
    return fs.existsSync(this.conf);
  }

  kept(): { settings: EnsembleSettings; whole: boolean } | null {
    return readKept(ENSEMBLE_SETTINGS, this.conf, this.remedy);
  }

  members(): Server[] {
    const kept = this.kept();
    if (!kept) {
      throw new CommandError(
        `no ensemble in ${this.dir}; start one with: zk/ensemble start --dir ${shellWord(this.dir)}`,
      );
    }
    return membersOf(this.dir, kept.settings);
  }

  connect(): string {
    return addressesOf(this.members());
  }

  /** Removes what a first start left that was killed. */
  async discardUnfinished(): Promise<void> {
    if (this.kept()?.whole === false) await this.clean();
  }

  /** Ends whatever runs in the directory, and removes what was written; the settings need not be readable. */
  async clean(): Promise<void> {
    await endProcesses(
      serversRunningIn(this.dir, listProcesses()).map(({ pid }) => pid),
      'SIGKILL',
      STOP_MS,
    );
    this.remove();
  }

  /** What a start would do, or a refusal. `asked` are options by name. */
  async plan(asked: ReadonlyMap<string, string>): Promise<EnsemblePlan> {
    const kept = this.kept();
    const settled = settle(ENSEMBLE_SETTINGS, asked, kept, {
      name: `the ensemble in ${this.dir}`,
      remedy: this.remedy,
    });
    if (!settled.ok) throw new CommandError(settled.refusal);
    const members = membersOf(this.dir, settled.value);
    const missing = await planOrRefuse(members);
    return { settings: settled.value, members, missing, isNew: !kept };
  }

  /** Starts what is missing, and waits until it serves. */
  async carryOut({ settings, members, missing, isNew }: EnsemblePlan, attempt: Attempt): Promise<void> {
    if (missing.length === 0) return;
    await prepareZooKeeper(this.around, attempt.signal);
    if (isNew) {
      const made = fs.mkdirSync(this.dir, { recursive: true });
      attempt.onFailure(() => {
        this.remove();
        if (made !== undefined) fs.rmSync(this.dir, { recursive: true, force: true });
      });
      writeKept(ENSEMBLE_SETTINGS, this.conf, { settings, whole: false });
    }
    const pids = new Map<Server, number>();
    attempt.onFailure(async () => void (await endProcesses([...pids.values()], 'SIGKILL', STOP_MS)));
    for (const member of missing) pids.set(member, await this.launch(member, settings));
    await this.untilServing(members, pids, attempt.signal);
    if (isNew) writeKept(ENSEMBLE_SETTINGS, this.conf, { settings, whole: true });
  }

  /** Starts one member, and waits until it serves. */
  async restart(member: Server, signal: AbortSignal): Promise<void> {
    await this.end(member, 'SIGTERM', signal);
    await prepareZooKeeper(this.around, signal);
    await planOrRefuse([member]);
    const pid = await this.launch(member, this.kept()!.settings);
    await this.untilServing([member], new Map([[member, pid]]), signal);
  }

  /** Ends one member. Answers false when it was not running. */
  async end(member: Server, signal: 'SIGTERM' | 'SIGKILL', abort: AbortSignal): Promise<boolean> {
    const pid = processOf(member, listProcesses());
    if (pid === null) return false;
    await endProcesses([pid], signal, STOP_MS, abort);
    return true;
  }

  /** Ends all members that run, and answers which. */
  async stop(abort: AbortSignal): Promise<Server[]> {
    const processes = listProcesses();
    const running = this.members().filter((member) => processOf(member, processes) !== null);
    await endProcesses(
      running.map((member) => processOf(member, processes)!),
      'SIGTERM',
      STOP_MS,
      abort,
    );
    return running;
  }

  /** One line a member. */
  async status(): Promise<{ readonly lines: readonly string[]; readonly hasQuorum: boolean }> {
    const members = this.members();
    const processes = listProcesses();
    const modes = await Promise.all(members.map(({ port }) => modeOf(port)));
    const lines = members.map((member, index) => {
      const pid = processOf(member, processes);
      const state = pid === null ? 'not running' : `pid ${pid}`;
      return `member ${member.id}  127.0.0.1:${member.port}  ${(modes[index] ?? '-').padEnd(10)} ${state}`;
    });
    return { lines, hasQuorum: modes.filter((mode) => mode !== null).length >= quorumOf(members) };
  }

  /** The member that leads; null while none does. */
  async leader(): Promise<Server | null> {
    const members = this.members();
    const modes = await Promise.all(members.map(({ port }) => modeOf(port)));
    return members.find((_, index) => modes[index] === 'leader' || modes[index] === 'standalone') ?? null;
  }

  /** Which sessions have brokers below `chroot`. Empty without a server that says so. */
  async sessions(chroot: string): Promise<Sessions> {
    const members = this.members();
    const connections = await Promise.all(members.map(({ port }) => fourLetterWord(port, 'cons')));
    for (const { port } of members) {
      const dump = await fourLetterWord(port, 'dump');
      if (dump.includes('ephemeral nodes dump')) return sessionsOf(dump, connections, chroot);
    }
    return new Map();
  }

  /** Removes what it wrote, and nothing else. Nothing of it may run. */
  remove(): void {
    if (!fs.existsSync(this.dir)) return;
    for (const name of fs.readdirSync(this.dir)) {
      if (/^member-\d+$/.test(name)) fs.rmSync(path.join(this.dir, name), { recursive: true, force: true });
    }
    fs.rmSync(`${this.conf}.tmp`, { force: true });
    fs.rmSync(this.conf, { force: true });
  }

  private async launch(member: Server, settings: EnsembleSettings): Promise<number> {
    const data = path.join(path.dirname(member.file), 'data');
    fs.mkdirSync(data, { recursive: true });
    fs.writeFileSync(path.join(data, 'myid'), `${member.id}\n`);
    fs.writeFileSync(member.file, zooCfg(member, this.dir, settings));
    const { root, env } = this.around;
    const flags = [env['SERVER_JVMFLAGS'], settings.no_fsync === 1 ? '-Dzookeeper.forceSync=no' : undefined];
    const pid = await launch(
      serverProgram(root),
      ['run', member.file],
      { stdout: member.output, stderr: member.output },
      { ...env, SERVER_JVMFLAGS: flags.filter((flag) => flag !== undefined).join(' '), ZK_LOG_FILE: member.log },
    );
    // For people: what runs is looked up among the processes.
    fs.writeFileSync(path.join(path.dirname(member.file), 'pid'), `${pid}\n`);
    return pid;
  }

  /** Waits until all of these serve; a quorum is enough when the rest takes long. */
  private async untilServing(
    members: readonly Server[],
    started: ReadonlyMap<Server, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const startMs = systemClock.monotonicMs();
    let quorumMs: number | null = null;
    let isSaid = false;
    for (;;) {
      for (const [member, pid] of started) {
        if (!isAlive(pid))
          throw new CommandError(withLogs(`${namesOf([member])} did not start`, [member.log, member.output]));
      }
      const modes = await Promise.all(members.map(({ port }) => modeOf(port)));
      const late = members.filter((_, index) => modes[index] === null);
      if (late.length === 0) return;
      const nowMs = systemClock.monotonicMs();
      if (members.length - late.length >= quorumOf(members)) {
        quorumMs ??= nowMs;
        if (nowMs - quorumMs > REST_MS) {
          this.around.say(`only ${members.length - late.length} of ${members.length} members serve yet`);
          return;
        }
      }
      if (nowMs - startMs > SERVE_MS)
        throw new CommandError(
          withLogs(
            `${namesOf(late)} did not serve within ${SERVE_MS / 1000} s`,
            late.map(({ log }) => log),
          ),
        );
      if (!isSaid && nowMs - startMs > REST_MS) {
        this.around.say(`waiting for ${namesOf(late)} to serve, at most ${SERVE_MS / 1000} s`);
        isSaid = true;
      }
      await pause(POLL_MS, signal);
    }
  }
}

/** Which of these have to be started; throws when another has a port of theirs. */
export async function planOrRefuse(servers: readonly Server[]): Promise<readonly Server[]> {
  const processes = listProcesses();
  const isRunning = (server: Server): boolean => processOf(server, processes) !== null;
  const ports = servers.filter((server) => !isRunning(server)).flatMap((server) => server.ports);
  const occupants = new Map<number, string | null>();
  for (const port of ports) occupants.set(port, await occupantOf(port));
  const plan = planStart({ servers, isRunning, occupant: (port) => occupants.get(port) ?? null });
  if (!plan.ok) throw new CommandError(plan.refusal);
  return plan.value;
}

function quorumOf(members: readonly Server[]): number {
  return Math.floor(members.length / 2) + 1;
}
