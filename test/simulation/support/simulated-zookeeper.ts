import { seededRandom, type Connection, type Logger, type Random, type Transport } from '../../../src/common/index.js';
import { type SimulatedClock, type SimulatedNetwork } from '../../../src/testing/index.js';
import { EmbeddedZooKeeper, type EmbeddedMember } from '../../../src/zookeeper/index.js';
import { LaggingReplica } from './lagging-replica.js';
import { OrderedCore } from './ordered-core.js';

/** One change of the tree that ZooKeeper made. */
export interface Change {
  readonly op: 'create' | 'set' | 'delete';
  readonly path: string;
  readonly data: Buffer | null;
  /** Of the node after the change; -1 for one that is gone. */
  readonly version: number;
}

/** Changes made together, by one session. */
export interface Transaction {
  readonly session: bigint;
  readonly changes: readonly Change[];
}

export const ZOOKEEPER_HOST = 'zookeeper';
const PORT = 2181;

type Step = EmbeddedZooKeeper['core']['step'];

/** A member of the ensemble, on a host of its own. */
interface Member {
  readonly host: string;
  server: EmbeddedMember | null;
  /** Null for the only one, which knows all. */
  readonly replica: LaggingReplica | null;
  isDown: boolean;
}

/**
 * The embedded ZooKeeper with a log of what was written and switches for its failures: one member, or several that lag behind each other.
 * What is asked of it here is answered from what was decided, whatever the members have heard of it.
 */
export class SimulatedZooKeeper {
  readonly server: EmbeddedZooKeeper;
  private readonly core = new OrderedCore({ minSessionTimeoutMs: 4_000, maxSessionTimeoutMs: 40_000 });
  private readonly members: readonly Member[];
  private readonly listeners: ((transaction: Transaction) => void)[] = [];
  private adminSession: bigint | null = null;
  /** What was read from the bytes of a node: a node that changes has others. */
  private readonly parsed = new WeakMap<Buffer, unknown>();
  /** How likely it is that a connection breaks instead of carrying an answer, after what was asked has been done. */
  lostAnswerProbability = 0;

  constructor(
    private readonly clock: SimulatedClock,
    private readonly random: Random,
    logger: Logger,
    private readonly network: SimulatedNetwork,
    members: number,
  ) {
    this.server = new EmbeddedZooKeeper({ clock, random, logger, core: this.core });
    this.members = Array.from({ length: members }, (_, index) => ({
      host: index === 0 ? ZOOKEEPER_HOST : `${ZOOKEEPER_HOST}${index + 1}`,
      server: null,
      replica:
        members === 1
          ? null
          : new LaggingReplica(this.server, this.core, clock, seededRandom(random.nextInt(1_000_000_000))),
      isDown: false,
    }));
    this.watchWrites();
  }

  get hosts(): readonly string[] {
    return this.members.map(({ host }) => host);
  }

  get replicas(): readonly LaggingReplica[] {
    return this.members.flatMap(({ replica }) => replica ?? []);
  }

  get connectString(): string {
    return this.hosts.map((host) => `${host}:${PORT}`).join(',');
  }

  async start(): Promise<void> {
    for (const member of this.members) {
      const { host, replica } = member;
      const transport = this.faulty(member, this.network.transportFor(host));
      member.server = await this.server.listen(transport, { host, port: PORT }, replica ?? undefined);
    }
  }

  /** Creates a node as a tool would that talks to ZooKeeper itself. False when there is one already. */
  create(path: string, data: string): boolean {
    const { core } = this.server;
    const nowMs = this.clock.monotonicMs();
    if (this.members.every(({ isDown }) => isDown)) return false;
    if (this.adminSession === null || !core.touch(this.adminSession, nowMs)) {
      this.adminSession = this.server.openSession(40_000).id;
    }
    const request = { op: 'create', path, data: Buffer.from(data) } as const;
    const { response, fired } = core.step(this.adminSession, request, nowMs, this.clock.nowMs());
    this.server.deliver(fired);
    return response.op !== 'error';
  }

  onTransaction(listener: (transaction: Transaction) => void): void {
    this.listeners.push(listener);
  }

  /** Stands still: connections stay, nothing is answered. Sessions run out, as they do in an ensemble that is cut off. */
  freeze(): void {
    for (const { server, replica } of this.members) {
      server!.freeze();
      replica?.hold(true);
    }
  }

  thaw(): void {
    for (const { server, replica } of this.members) {
      replica?.hold(false);
      server!.thaw();
    }
  }

  get isFrozen(): boolean {
    return this.members[0]!.server!.isFrozen();
  }

  /** Every client must connect again. */
  disconnectAll(): void {
    for (const { server } of this.members) server!.disconnectAll();
  }

  /** The member's process is gone; it comes back with what it had. */
  stopMember(host: string): void {
    const member = this.members.find((it) => it.host === host)!;
    member.isDown = true;
    member.server!.disconnectAll();
  }

  startMember(host: string): void {
    this.members.find((it) => it.host === host)!.isDown = false;
  }

  /**
   * No quorum for so long: all are gone. No one ends a session meanwhile, and whoever leads then gives each its whole time-out
   * (`SessionTrackerImpl`).
   */
  beGone(forMs: number): void {
    for (const host of this.hosts) this.stopMember(host);
    const endMs = this.clock.monotonicMs() + forMs;
    for (const session of this.core.openSessions) this.core.touch(session, endMs);
  }

  /** Everything that was wrong with its members is over, and they hardly lag any more. */
  heal(): void {
    this.thaw();
    this.lostAnswerProbability = 0;
    for (const { host, replica } of this.members) {
      this.startMember(host);
      replica?.calmDown();
    }
  }

  /** The session is neither closed nor expired. */
  hasSession(id: bigint): boolean {
    return this.core.openSessions.includes(id);
  }

  expireSession(id: bigint): void {
    this.server.expireSession(id);
  }

  /** Null when there is no such node, or it has no data. */
  read(path: string): Buffer | null {
    return this.server.core.tree.get(path)?.data ?? null;
  }

  exists(path: string): boolean {
    return this.server.core.tree.get(path) !== undefined;
  }

  versionOf(path: string): number {
    return this.server.core.tree.get(path)?.version ?? -1;
  }

  czxidOf(path: string): bigint | null {
    return this.server.core.tree.get(path)?.czxid ?? null;
  }

  childrenOf(path: string): string[] {
    return [...(this.server.core.tree.get(path)?.children ?? [])];
  }

  /** Not to be changed: others are given the same. */
  json<T>(path: string): T | null {
    const data = this.read(path);
    if (!data) return null;
    let value = this.parsed.get(data);
    if (value === undefined) this.parsed.set(data, (value = JSON.parse(data.toString('utf8'))));
    return value as T;
  }

  ownerOf(path: string): bigint {
    return this.server.core.tree.get(path)?.ephemeralOwner ?? 0n;
  }

  private faulty(member: Member, transport: Transport): Transport {
    const wrap = (connection: Connection): Connection =>
      new Proxy(connection, {
        get: (target, name) => {
          if (name === 'write' && this.lostAnswerProbability > 0) {
            return (buffers: readonly Buffer[]): boolean => {
              if (this.random.nextDouble() >= this.lostAnswerProbability) return target.write(buffers);
              target.destroy();
              return true;
            };
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    return {
      listen: (endpoint, onConnection) =>
        transport.listen(endpoint, (connection) => {
          if (member.isDown) connection.destroy();
          else onConnection(wrap(connection));
        }),
      connect: (endpoint, handlers, options) => transport.connect(endpoint, handlers, options),
    };
  }

  /** The core has no log of its own: what it answers to a write says what it did. */
  private watchWrites(): void {
    const { core } = this.server;
    const step: Step = core.step.bind(core);
    core.step = (session, request, nowMs, timestampMs) => {
      const result = step(session, request, nowMs, timestampMs);
      const { response } = result;
      if (response.op === 'error') return result;
      const changes: Change[] = [];
      const note = (op: Change['op'], path: string): void => {
        const node = core.tree.get(path);
        changes.push({ op, path, data: node?.data ?? null, version: node?.version ?? -1 });
      };
      if (request.op === 'multi' && response.op === 'multi') {
        if (response.results.some(({ op }) => op === 'error')) return result;
        for (const [index, part] of request.ops.entries()) {
          const done = response.results[index]!;
          if (done.op === 'create') note('create', done.path);
          else if (part.op === 'set' || part.op === 'delete') note(part.op, part.path);
        }
      } else if (response.op === 'create') {
        note('create', response.path);
      } else if (request.op === 'set' || request.op === 'delete') {
        note(request.op, request.path);
      }
      if (changes.length > 0) for (const listener of this.listeners) listener({ session, changes });
      return result;
    };
  }
}
