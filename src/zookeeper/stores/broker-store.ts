import type { BrokerInfo } from '../../cluster/index.js';
import type { Clock, Logger } from '../../common/index.js';
import { isZkError, ZkError } from '../core/errors.js';
import { defaultAcl } from '../defaults.js';
import { ANY_VERSION, type Stat, type ZkClient } from '../core/zk-client.js';
import { brokerIdsZnode, brokerIdZnode, type BrokerRegistration } from '../znodes/broker.js';
import { nodeOf, refusalOf, refused, Store, type NodesRead, type StoreOptions } from './store.js';

export interface BrokerStoreOptions extends StoreOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Waited beyond the session time-out for the node of a predecessor to go: ZooKeeper rounds expiry up to its ticks. */
const PREDECESSOR_MARGIN_MS = 5_000;
const MAX_BROKER_ID = 0x7fffffff;

/** The live brokers, and this broker's own registration. */
export class BrokerStore extends Store {
  private readonly clock: Clock;
  private readonly logger: Logger;
  /** Sessions under which this process registered: what they left behind is ours to remove (KAFKA-7165). */
  private readonly ownSessions = new Set<bigint>();

  private readonly oddNames = new Set<string>();

  constructor(zk: ZkClient, options: BrokerStoreOptions) {
    super(zk, options);
    this.clock = options.clock;
    this.logger = options.logger;
  }

  /** Ids of the live brokers, ascending. Arms the child handler of `/brokers/ids`. */
  async brokerIds(): Promise<number[]> {
    const names = await this.childrenOf(brokerIdsZnode.path);
    return names
      .filter((name) => this.isBrokerId(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** What someone made by hand and is no id is no broker. Each is told of once. */
  private isBrokerId(name: string): boolean {
    if (/^(0|[1-9]\d{0,9})$/.test(name) && Number(name) <= MAX_BROKER_ID) return true;
    if (!this.oddNames.has(name)) {
      this.oddNames.add(name);
      this.logger.error('Passing over a znode whose name is no id of a broker', {
        path: `${brokerIdsZnode.path}/${name}`,
      });
    }
    return false;
  }

  /**
   * The live brokers with their epochs, by ascending id. Arms the change handlers of their nodes, which may be registered when their ids are known:
   * then no change after what is read goes unheard.
   */
  async brokers(onIds: (ids: readonly number[]) => void = () => undefined): Promise<NodesRead<number, BrokerInfo>> {
    const ids = await this.brokerIds();
    onIds(ids);
    return this.readBrokers(ids);
  }

  /** Null when it is not alive. */
  async broker(id: number): Promise<BrokerInfo | null> {
    return nodeOf(await this.readBrokers([id]), id);
  }

  private readBrokers(ids: readonly number[]): Promise<NodesRead<number, BrokerInfo>> {
    return this.decodeAll(
      ids,
      brokerIdZnode.path,
      (id) => id,
      (id, data, { czxid }) => brokerIdZnode.decode(id, data, czxid).broker,
    );
  }

  /**
   * Registers this broker under the current session and returns its epoch. A node left by an earlier session of this process is
   * replaced. A node of another session is waited for until that session has had time to end: it may be the predecessor that was just
   * killed, where Kafka gives up at once. Rejects with `NodeExists` when it is still there then, or when its owner shows life by
   * writing to it: another broker with this id is alive.
   */
  async registerBroker(registration: BrokerRegistration): Promise<{ epoch: bigint }> {
    const { id } = registration.broker;
    const path = brokerIdZnode.path(id);
    const deadlineMs = this.clock.monotonicMs() + this.zk.sessionTimeoutMs + PREDECESSOR_MARGIN_MS;
    let waitedFor: Stat | null = null;
    for (;;) {
      const created = await this.tryCreate(path, brokerIdZnode.encode(registration));
      const stat = created ?? (await this.zk.exists(path));
      if (!stat) continue;
      if (created || stat.ephemeralOwner === this.zk.sessionId) {
        this.ownSessions.add(this.zk.sessionId);
        this.logger.info('Registered broker', { id, path, epoch: stat.czxid });
        return { epoch: stat.czxid };
      }
      if (this.ownSessions.has(stat.ephemeralOwner)) {
        this.logger.info('Replacing the registration of an earlier session', { id, session: hex(stat.ephemeralOwner) });
        await this.deleteIfOwned(path, stat);
        continue;
      }
      if (waitedFor && (waitedFor.czxid !== stat.czxid || waitedFor.mzxid !== stat.mzxid)) {
        throw this.idInUse(id, path, stat, 'its owner is alive: it has just written there');
      }
      if (!waitedFor) {
        this.logger.warn('The broker id is registered by another session; waiting for that session to end', {
          id,
          session: hex(stat.ephemeralOwner),
          waitMs: Math.round(deadlineMs - this.clock.monotonicMs()),
        });
      }
      waitedFor = stat;
      if (this.clock.monotonicMs() >= deadlineMs) {
        throw this.idInUse(id, path, stat, 'it is still there after the session time-out');
      }
      const session = this.zk.sessionId;
      await this.untilChanged(path, stat, deadlineMs);
      if (this.zk.sessionId !== session) throw new ZkError('SessionExpired', path);
    }
  }

  /** Writes the node anew after a change of end points (dynamic `listeners`). */
  async updateBroker(registration: BrokerRegistration): Promise<void> {
    const path = brokerIdZnode.path(registration.broker.id);
    await this.zk.set(path, brokerIdZnode.encode(registration), ANY_VERSION);
  }

  /** As Kafka: created without data and then set, in one step, which makes the data's version 1. Null when the node exists. */
  private async tryCreate(path: string, data: Buffer): Promise<Stat | null> {
    const results = await this.zk.multi([
      { op: 'create', path, data: null, mode: 'ephemeral', acl: defaultAcl(this.options.secure ?? false, path) },
      { op: 'set', path, data, version: 0 },
    ]);
    const [, set] = results;
    if (set!.ok && set!.op === 'set') return set!.stat;
    const refusal = refusalOf(results);
    if (refusal?.at === 0 && refusal.code === 'NodeExists') return null;
    throw refused(refusal ?? { code: 'SystemError' }, path);
  }

  private async deleteIfOwned(path: string, { version }: Stat): Promise<void> {
    try {
      await this.zk.delete(path, version);
    } catch (error) {
      if (!isZkError(error, 'NoNode', 'BadVersion')) throw error;
    }
  }

  /** Resolves as soon as the node differs from `seen` or is gone, or at the deadline, or when the session or its client ends: then there is no watch any more. */
  private async untilChanged(path: string, seen: Stat, deadlineMs: number): Promise<void> {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const timer = this.clock.setTimer(Math.max(0, deadlineMs - this.clock.monotonicMs()), wake);
    const stopListening = this.zk.onStateChange((change) => (change === 'expired' || change === 'closed') && wake());
    try {
      const stat = await this.zk.exists(path, wake);
      if (stat?.mzxid === seen.mzxid) await woken;
    } finally {
      timer.cancel();
      stopListening();
    }
  }

  private idInUse(id: number, path: string, { ephemeralOwner }: Stat, why: string): ZkError {
    return new ZkError(
      'NodeExists',
      path,
      `broker id ${id} is in use by session 0x${hex(ephemeralOwner)}, not by ours 0x${hex(this.zk.sessionId)}; ${why}. ` +
        `Give this broker another broker.id, or stop the other one`,
    );
  }
}

function hex(session: bigint): string {
  return BigInt.asUintN(64, session).toString(16);
}
