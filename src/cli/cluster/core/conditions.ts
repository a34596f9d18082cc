import { lacking } from './known-brokers.js';
import { namesOf, type Server } from './servers.js';

/** What is at the port of a broker. */
export type Answer =
  | { readonly kind: 'nobody' }
  /** Connections are accepted, and a request is not answered, or not as a Kafka broker does. */
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'broker';
      readonly clusterId: string | null;
      readonly controllerId: number;
      readonly brokers: readonly { readonly nodeId: number; readonly port: number }[];
    };

/** What can be seen of a broker from outside. */
export interface Sight {
  readonly server: Server;
  readonly pid: number | null;
  readonly answer: Answer;
  /** The session that holds the broker's id in ZooKeeper: connected, or left behind by a process that was killed. Null: none, or not known. */
  readonly session: 'connected' | 'leftBehind' | null;
  /** What its directory says; null before its first start. */
  readonly clusterId: string | null;
  /** How long a session that was left behind can last. */
  readonly sessionTimeoutMs: number;
}

export type Condition =
  | { readonly kind: 'up' }
  /** It is on its way, and `text` says what it waits for. */
  | { readonly kind: 'waits'; readonly text: string }
  | { readonly kind: 'down'; readonly text: string };

/** What ZooKeeper's servers say of the brokers' sessions. */
export type Sessions = ReadonlyMap<number, 'connected' | 'leftBehind'>;

/** How a broker is. `expected` are those that it has to know of. */
export function conditionOf(sight: Sight, expected: readonly Server[]): Condition {
  const { server, pid, answer, session, clusterId } = sight;
  if (pid === null) {
    const other = answer.kind === 'nobody' ? '' : `; port ${server.port} is taken by ${whoAnswers(answer)}`;
    return { kind: 'down', text: `not running${other}` };
  }
  if (answer.kind === 'broker') {
    const isOther = clusterId !== null && answer.clusterId !== null && clusterId !== answer.clusterId;
    if (isOther) return { kind: 'down', text: `port ${server.port} is answered by ${whoAnswers(answer)}` };
    if (unknownTo(answer, expected) === null) return { kind: 'up' };
  }
  if (session === 'leftBehind') {
    const seconds = Math.ceil(sight.sessionTimeoutMs / 1000);
    const text = `waiting for ZooKeeper to end the session that a kill left behind, at most ${seconds} s`;
    return { kind: 'waits', text };
  }
  if (answer.kind === 'nobody') return { kind: 'waits', text: 'not listening yet' };
  if (answer.kind === 'silent') return { kind: 'waits', text: 'not answering yet' };
  return { kind: 'waits', text: `not told of ${unknownTo(answer, expected)} yet` };
}

/** In words what the broker has not been told of; null when nothing. */
function unknownTo(answer: Answer & { kind: 'broker' }, expected: readonly Server[]): string | null {
  const unknown = lacking(answer, expected, ({ nodeId, port }, server) => nodeId === server.id && port === server.port);
  if (unknown === null) return null;
  return unknown === 'controller' ? 'a controller' : namesOf(unknown);
}

/** For a port that another has. */
export function whoAnswers(answer: Answer): string {
  if (answer.kind !== 'broker') return 'another process';
  const cluster = answer.clusterId === null ? '' : ` of the cluster ${answer.clusterId}`;
  return `a Kafka broker${cluster}`;
}

/**
 * Reads the answers to the words `dump` (of one server: every session that owns nodes, and which) and `cons` (of each: its connections). The
 * session of a broker that was killed owns its node until it times out, and no server has a connection of it.
 */
export function sessionsOf(dump: string, connections: readonly string[], chroot: string): Sessions {
  const connected = new Set(
    connections.flatMap((text) => [...text.matchAll(/\bsid=(0x[0-9a-f]+)/g)].map(([, id]) => id)),
  );
  const sessions = new Map<number, 'connected' | 'leftBehind'>();
  let owner = '';
  for (const line of dump.slice(dump.indexOf('ephemeral nodes dump')).split('\n')) {
    owner = /^(0x[0-9a-f]+):/.exec(line)?.[1] ?? owner;
    const node = line.trim();
    if (!node.startsWith(`${chroot}/brokers/ids/`)) continue;
    sessions.set(Number(node.slice(node.lastIndexOf('/') + 1)), connected.has(owner) ? 'connected' : 'leftBehind');
  }
  return sessions;
}

/** `brokers 1 and 2: not answering yet; broker 3: not listening yet`. */
export function conditionsInWords(conditions: ReadonlyMap<Server, Condition>): string {
  const byText = new Map<string, Server[]>();
  for (const [server, condition] of conditions) {
    if (condition.kind === 'up') continue;
    byText.set(condition.text, [...(byText.get(condition.text) ?? []), server]);
  }
  return [...byText].map(([text, servers]) => `${namesOf(servers)}: ${text}`).join('; ');
}
