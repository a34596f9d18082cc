import { seededRandom, silentLogger } from '../../../../src/common/index.js';
import { SimulatedClock } from '../../../../src/testing/index.js';
import { EmbeddedZooKeeper, ZkStores, ZooKeeperClient } from '../../../../src/zookeeper/index.js';
import { MemoryTransport } from './memory-transport.js';

/** The embedded ZooKeeper and clients of it under a simulated clock, each client on a network of its own that can be cut. */
export class SimulatedZooKeeper {
  readonly clock = new SimulatedClock();
  readonly server = new EmbeddedZooKeeper({ clock: this.clock, random: seededRandom(1), logger: silentLogger });

  /** A connected client (unless `started` is false), its stores and its network. */
  async client(options: { sessionTimeoutMs?: number; started?: boolean; seed?: number } = {}) {
    const network = new MemoryTransport(this.clock);
    await this.server.listen(network, { host: 'zk', port: 2181 });
    const zk = new ZooKeeperClient({
      connect: 'zk:2181/kafka',
      sessionTimeoutMs: options.sessionTimeoutMs ?? 18_000,
      connectionTimeoutMs: 18_000,
      transport: network,
      clock: this.clock,
      random: seededRandom(options.seed ?? 2),
      logger: silentLogger,
    });
    if (options.started !== false) await this.run(zk.connect());
    return { zk, network, stores: new ZkStores(zk, { clock: this.clock, logger: silentLogger }) };
  }

  /** The next `multi` takes effect, and its answer is lost with the connections of that network. */
  loseNextAnswer(network: MemoryTransport): void {
    const { core } = this.server;
    const step = core.step.bind(core);
    core.step = (...args) => {
      const result = step(...args);
      if (args[1].op === 'multi') {
        core.step = step;
        network.resetAll();
      }
      return result;
    };
  }

  /** Lets time pass until the promise settles. Fails when nothing can happen any more, or after an hour. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => undefined);
    const limitMs = this.clock.nowMs() + 3_600_000;
    for (;;) {
      await this.clock.advance(0);
      if (settled) return watched;
      if (!this.clock.step(limitMs)) throw new Error('the promise waits for something that will not happen');
    }
  }
}
