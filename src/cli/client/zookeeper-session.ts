import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../common/index.js';
import { isZkError, ZkStores, ZooKeeperClient } from '../../zookeeper/index.js';
import { ClientError, illegalArgument } from './client-error.js';

const TIMEOUT_MS = 30_000;

/** A tool's own session with ZooKeeper, as Kafka's tools had before version 3. Without a chroot that is there already it fails. */
export async function openZooKeeper(connect: string): Promise<{ stores: ZkStores; close: () => Promise<void> }> {
  let zk: ZooKeeperClient;
  try {
    zk = new ZooKeeperClient({
      connect,
      sessionTimeoutMs: TIMEOUT_MS,
      connectionTimeoutMs: TIMEOUT_MS,
      operationTimeoutMs: TIMEOUT_MS,
      transport: nodeTransport,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
  } catch (error) {
    if (error instanceof RangeError) throw illegalArgument(error.message);
    throw error;
  }
  try {
    await zk.connect();
  } catch (error) {
    await zk.close();
    if (!isZkError(error, 'OperationTimeout')) throw error;
    throw new ClientError(
      'kafka.zookeeper.ZooKeeperClientTimeoutException',
      `Timed out waiting for connection to Zookeeper server at ${connect}: ${error.detail}`,
    );
  }
  return {
    stores: new ZkStores(zk, { clock: systemClock, logger: silentLogger }),
    close: () => zk.close(),
  };
}
