import type {
  Connection,
  Logger,
  Random,
  SimulatedClock,
  SimulatedNetwork,
  Transport,
} from '../../../src/common/index.js';
import { EmbeddedZooKeeper, type EmbeddedMember } from '../../../src/zookeeper/index.js';

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

/** The embedded ZooKeeper on a host of its own, with a log of what was written and switches for its failures. */
export class SimulatedZooKeeper {
  readonly server: EmbeddedZooKeeper;
  private member!: EmbeddedMember;
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
  ) {
    this.server = new EmbeddedZooKeeper({ clock, random, logger });
    this.watchWrites();
  }

  get connectString(): string {
    return `${ZOOKEEPER_HOST}:${PORT}`;
  }

  async start(): Promise<void> {
    const transport = this.network.transportFor(ZOOKEEPER_HOST);
    this.member = await this.server.listen(this.losingAnswers(transport), { host: ZOOKEEPER_HOST, port: PORT });
  }

  /** Creates a node as a tool would that talks to ZooKeeper itself. False when there is one already. */
  create(path: string, data: string): boolean {
    const { core } = this.server;
    const nowMs = this.clock.monotonicMs();
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
    this.member.freeze();
  }

  thaw(): void {
    this.member.thaw();
  }

  get isFrozen(): boolean {
    return this.member.isFrozen();
  }

  /** Every client must connect again. */
  disconnectAll(): void {
    this.member.disconnectAll();
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

  private losingAnswers(transport: Transport): Transport {
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
          onConnection(wrap(connection));
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
