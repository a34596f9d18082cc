import { partitionKey, type LeaderIsrAndControllerEpoch } from '../../cluster/index.js';
import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../common/index.js';
import { nodeOf, ZkStores, ZooKeeperClient } from '../../zookeeper/index.js';

/** What the znodes say of a topic at one moment. */
export interface ZnodeSnapshot {
  readonly controller: number | null;
  readonly controllerEpoch: number;
  readonly brokers: readonly number[];
  readonly partitions: readonly { readonly partition: number; readonly state: LeaderIsrAndControllerEpoch | null }[];
}

/** Reads the znodes that a fail-over changes, as somebody with zkCli would. */
export class ZnodeView {
  private readonly client: ZooKeeperClient;
  private readonly stores: ZkStores;

  constructor(
    connect: string,
    private readonly topic: string,
    private readonly partitionCount: number,
  ) {
    this.client = new ZooKeeperClient({
      connect,
      sessionTimeoutMs: 6_000,
      connectionTimeoutMs: 20_000,
      transport: nodeTransport,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    this.stores = new ZkStores(this.client, { clock: systemClock, logger: silentLogger });
  }

  connect(): Promise<void> {
    return this.client.connect();
  }

  close(): Promise<void> {
    return this.client.close();
  }

  async snapshot(): Promise<ZnodeSnapshot> {
    const { topic } = this;
    const all = Array.from({ length: this.partitionCount }, (_, partition) => ({ topic, partition }));
    const [controller, epoch, brokers, states] = await Promise.all([
      this.stores.controller.controllerId(),
      this.stores.controller.controllerEpoch(),
      this.stores.brokers.brokerIds(),
      this.stores.partitionStates.states(all),
    ]);
    return {
      controller,
      controllerEpoch: epoch?.epoch ?? 0,
      brokers,
      partitions: all.map((tp) => ({ partition: tp.partition, state: nodeOf(states, partitionKey(tp)) })),
    };
  }
}
