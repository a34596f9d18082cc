import type { Logger } from '../common/index.js';
import { featureZnode, isZkError, type ZkStores } from '../zookeeper/index.js';

/** Follows the version of `/feature`, which ApiVersions tells clients (Kafka's `FinalizedFeatureChangeListener`). */
export class FinalizedFeatures {
  private version = -1;

  constructor(
    private readonly stores: ZkStores,
    private readonly logger: Logger,
  ) {}

  /** -1 while the node is not there, or is disabled by a controller of an inter-broker protocol below 2.7. */
  get epoch(): number {
    return this.version;
  }

  async start(): Promise<void> {
    const { zk } = this.stores;
    const read = (): void => void this.read();
    zk.registerZNodeChangeHandler({
      path: featureZnode.path,
      handleCreation: read,
      handleDataChange: read,
      handleDeletion: read,
    });
    zk.registerStateChangeHandler({ name: 'finalized-features', afterInitializingSession: read });
    await this.read();
  }

  close(): void {
    this.stores.zk.unregisterZNodeChangeHandler(featureZnode.path);
    this.stores.zk.unregisterStateChangeHandler('finalized-features');
  }

  private async read(): Promise<void> {
    try {
      // `exists` sets a watch on a node that is still missing, which a read does not.
      const isThere = (await this.stores.zk.exists(featureZnode.path)) !== null;
      const found = isThere ? await this.stores.cluster.features() : null;
      this.version = found?.features.enabled ? found.zkVersion : -1;
    } catch (error) {
      if (!isZkError(error, 'Closed', 'SessionExpired'))
        this.logger.warn('Cannot read the finalized features', { error });
    }
  }
}
