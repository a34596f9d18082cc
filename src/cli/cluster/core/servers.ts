import path from 'node:path';
import type { ClusterSettings, EnsembleSettings } from './settings.js';

/** One server of a cluster: a member of its ZooKeeper ensemble or a broker. Its configuration file names it among the machine's processes. */
export interface Server {
  readonly kind: 'member' | 'broker';
  /** From 1. */
  readonly id: number;
  readonly file: string;
  readonly log: string;
  /** What it says besides its log: the last words of its runtime. */
  readonly output: string;
  /** Where clients connect, on 127.0.0.1. */
  readonly port: number;
  /** All that it listens on. */
  readonly ports: readonly number[];
}

/** A process of this machine by the words of its command line. */
export interface MachineProcess {
  readonly pid: number;
  readonly words: readonly string[];
}

const QUORUM_PEER = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

/** The members of an ensemble. A lone one has no peers, and no ports for them. */
export function membersOf(dir: string, settings: Pick<EnsembleSettings, 'members' | 'base_port'>): Server[] {
  const { members, base_port: basePort } = settings;
  return numbers(members).map((id) => ({
    kind: 'member',
    id,
    file: path.join(dir, `member-${id}`, 'zoo.cfg'),
    log: path.join(dir, `member-${id}`, 'log'),
    output: path.join(dir, `member-${id}`, 'out'),
    port: basePort + id - 1,
    ports: [basePort + id - 1, ...(members > 1 ? [basePort + 10 + id, basePort + 20 + id] : [])],
  }));
}

export function brokersOf(dir: string, { brokers, base_port: basePort }: ClusterSettings): Server[] {
  return numbers(brokers).map((id) => ({
    kind: 'broker',
    id,
    file: path.join(dir, `server-${id}.properties`),
    log: path.join(dir, `logs-${id}`, 'server.log'),
    output: path.join(dir, `logs-${id}`, 'ottla-server.out'),
    port: basePort + id - 1,
    ports: [basePort + id - 1],
  }));
}

export function addressesOf(servers: readonly Server[]): string {
  return servers.map(({ port }) => `127.0.0.1:${port}`).join();
}

/** `broker 2`, `member 1 and broker 2`, `brokers 1, 2 and 3`. */
export function namesOf(servers: readonly Pick<Server, 'kind' | 'id'>[]): string {
  const kinds = (['member', 'broker'] as const).flatMap((kind) => {
    const ids = servers.filter((server) => server.kind === kind).map(({ id }) => String(id));
    if (ids.length === 0) return [];
    return [`${kind}${ids.length > 1 ? 's' : ''} ${inWords(ids)}`];
  });
  return inWords(kinds);
}

/** The process that runs on a server's file: while it is still the script that becomes it, too. */
export function processOf(
  { kind, file }: Pick<Server, 'kind' | 'file'>,
  processes: readonly MachineProcess[],
): number | null {
  const found = processes.find(({ words }) => {
    const at = words.indexOf(file);
    if (at < 1) return false;
    if (kind === 'broker') return words[at - 1] === 'start' && words[at - 2] === 'server';
    return (
      words[at - 1] === QUORUM_PEER || (words[at - 1] === 'run' && path.basename(words[at - 2] ?? '') === 'server')
    );
  });
  return found?.pid ?? null;
}

/** Every server of a directory that runs, whatever its settings say: for an ensemble or a cluster that is given up. */
export function serversRunningIn(
  dir: string,
  processes: readonly MachineProcess[],
): (Pick<Server, 'kind' | 'id' | 'file'> & { readonly pid: number })[] {
  return processes.flatMap(({ pid, words }) =>
    words.flatMap((file) => {
      const name = path.isAbsolute(file) ? path.relative(dir, file) : '';
      const [, broker] = /^server-(\d+)\.properties$/.exec(name) ?? [];
      const [, member] = /^(?:zookeeper\/)?member-(\d+)\/zoo\.cfg$/.exec(name) ?? [];
      if (broker === undefined && member === undefined) return [];
      const kind = broker === undefined ? 'member' : 'broker';
      const server = { kind, id: Number(broker ?? member), file } as const;
      return processOf(server, [{ pid, words }]) === pid ? [{ ...server, pid }] : [];
    }),
  );
}

/** The configuration of a member. */
export function zooCfg(server: Server, dir: string, settings: EnsembleSettings): string {
  const members = membersOf(dir, settings);
  return lines([
    `tickTime=${settings.tick_time}`,
    'initLimit=20',
    'syncLimit=10',
    `dataDir=${path.dirname(server.file)}/data`,
    `clientPort=${server.port}`,
    'clientPortAddress=127.0.0.1',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=*',
    'autopurge.purgeInterval=0',
    ...members.flatMap(({ id, ports: [, peers, elections] }) =>
      peers === undefined ? [] : [`server.${id}=127.0.0.1:${peers}:${elections}`],
    ),
  ]);
}

/** The configuration of a broker, with the settings that scripts/config/server.properties recommends for development. */
export function serverProperties(
  server: Server,
  dir: string,
  settings: ClusterSettings,
  connect: string,
  extra: string,
): string {
  const replicas = Math.min(3, settings.brokers);
  const own = lines([
    `broker.id=${server.id}`,
    `listeners=PLAINTEXT://127.0.0.1:${server.port}`,
    `log.dirs=${dir}/data-${server.id}`,
    `zookeeper.connect=${connect}`,
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${replicas < 2 ? 1 : 2}`,
    'group.initial.rebalance.delay.ms=0',
  ]);
  return own + extra;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function inWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
