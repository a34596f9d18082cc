import type { Clock, Logger, Timer } from '../../common/index.js';
import { EventQueue, setPeriodicTimer } from '../../common/index.js';
import { isZkError } from '../core/errors.js';
import { ANY_VERSION, type Stat, type ZkClient } from '../core/zk-client.js';

/**
 * Nodes that are so much older than the newest are removed by whoever sees them (`ZkNodeChangeNotificationListener`). All of these times are
 * ZooKeeper's: a broker whose own clock is wrong removes none that others have not read. (Kafka goes by the broker's.)
 */
const EXPIRATION_MS = 15 * 60 * 1000;
/** After a failure for want of ZooKeeper. */
const RETRY_MS = 1000;

export interface ChangeNotificationOptions {
  /** For example `/config/changes`. */
  readonly parent: string;
  /** For example `config_change_`. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Handles the data of one node. What it throws is logged, and the node passed over; but when ZooKeeper did not answer it, the node
   * is handled again.
   */
  readonly onNotification: (data: Buffer | null) => void | Promise<void>;
  /**
   * Notifications may have come and gone unheard: called once the listener has handled those that are there, at the start and in each new
   * session. Rejects when ZooKeeper did not answer; it is called again then.
   */
  readonly onMissed?: () => Promise<void>;
}

/**
 * Hears of changes through sequence nodes: config, ACL and token changes. Each node is handled once, in order; a start and every new
 * session read all that are there. Across an outage longer than the nodes' life of 15 minutes some are missed: see `onMissed`.
 */
export class ChangeNotificationListener {
  private readonly queue: EventQueue;
  /** Those that are still there. Not only the last: someone may have made one by hand whose number no other will ever reach. */
  private handled = new Set<string>();
  private mayHaveMissed = true;
  private purgeTimer: Timer | null = null;
  private retryTimer: Timer | null = null;
  private isClosed = false;

  constructor(
    private readonly zk: ZkClient,
    private readonly options: ChangeNotificationOptions,
  ) {
    this.queue = new EventQueue((error) => {
      if (isZkError(error, 'Closed')) return;
      this.options.logger.warn('Reading change notifications failed, and is tried again', {
        parent: options.parent,
        error,
      });
      this.retrySoon();
    });
  }

  /** Starts to listen; resolves when all that were there have been handled. */
  async start(): Promise<void> {
    const { parent, clock } = this.options;
    this.zk.registerStateChangeHandler({
      name: `change-notification-${parent}`,
      afterInitializingSession: () => {
        this.mayHaveMissed = true;
        void this.queue.put(() => this.process());
      },
    });
    this.zk.registerZNodeChildChangeHandler({
      path: parent,
      handleChildChange: () => void this.queue.put(() => this.process()),
    });
    this.purgeTimer = setPeriodicTimer(clock, EXPIRATION_MS, () => void this.queue.put(() => this.process()));
    await this.zk.ensurePath(parent);
    await this.queue.call(() => this.process());
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.purgeTimer?.cancel();
    this.retryTimer?.cancel();
    this.zk.unregisterStateChangeHandler(`change-notification-${this.options.parent}`);
    this.zk.unregisterZNodeChildChangeHandler(this.options.parent);
    return this.queue.close();
  }

  private async process(): Promise<void> {
    const { parent, prefix, logger, onNotification } = this.options;
    const { children } = await this.zk.children(parent);
    const names = children
      .filter((name) => name.startsWith(prefix))
      .sort((a, b) => this.numberOf(a) - this.numberOf(b));
    this.handled = new Set(names.filter((name) => this.handled.has(name)));
    const fresh = names.filter((name) => !this.handled.has(name));
    const nodes = await Promise.all(fresh.map((name) => this.readIfThere(`${parent}/${name}`)));
    const newestMs = nodes.reduce((newest, node) => Math.max(newest, node?.stat.ctime ?? 0), 0);
    for (const [index, name] of fresh.entries()) {
      const node = nodes[index];
      if (node) {
        try {
          await onNotification(node.data);
        } catch (error) {
          if (isUnanswered(error)) throw error;
          logger.error('Handling a change notification failed', { node: `${parent}/${name}`, error });
        }
      }
      this.handled.add(name);
    }
    if (fresh.length > 0) await this.purge(names, newestMs);
    if (this.mayHaveMissed) await this.readWhatWasMissed();
  }

  private async readWhatWasMissed(): Promise<void> {
    // Before it is read: what a session that begins meanwhile may miss is read after this.
    this.mayHaveMissed = false;
    try {
      await this.options.onMissed?.();
    } catch (error) {
      this.mayHaveMissed = true;
      throw error;
    }
  }

  /** The watch may not be set, and nodes that nobody has handled yet may be there. */
  private retrySoon(): void {
    this.retryTimer?.cancel();
    if (this.isClosed) return;
    const again = (): void => void this.queue.put(() => this.process());
    this.retryTimer = this.options.clock.setTimer(RETRY_MS, again, { background: true });
  }

  /** What no server of ZooKeeper has named comes last. */
  private numberOf(name: string): number {
    const digits = name.slice(this.options.prefix.length);
    return /^\d{10}$/.test(digits) ? Number(digits) : Number.MAX_SAFE_INTEGER;
  }

  private async readIfThere(path: string): Promise<{ data: Buffer | null; stat: Stat } | null> {
    try {
      return await this.zk.get(path);
    } catch (error) {
      if (isZkError(error, 'NoNode')) return null;
      throw error;
    }
  }

  private async purge(names: readonly string[], newestMs: number): Promise<void> {
    const { parent } = this.options;
    for (const name of names) {
      const path = `${parent}/${name}`;
      const stat = await this.zk.exists(path);
      if (!stat) continue;
      // Made in order: the first that is young enough ends the search.
      if (newestMs - stat.ctime <= EXPIRATION_MS) return;
      try {
        await this.zk.delete(path, ANY_VERSION);
      } catch (error) {
        if (!isZkError(error, 'NoNode')) throw error;
      }
    }
  }
}

/** The error says nothing about the node, only that ZooKeeper could not be asked. */
function isUnanswered(error: unknown): boolean {
  return isZkError(error, 'SessionExpired', 'ConnectionLoss', 'OperationTimeout', 'Closed');
}
