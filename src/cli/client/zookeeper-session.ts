import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../common/index.js';
import { isZkError, ZkStores, ZooKeeperClient } from '../../zookeeper/index.js';
import { quietMs } from '../quiet.js';
import { ClientError, illegalArgument } from './client-error.js';

const TIMEOUT_MS = 30_000;

/**
 * A tool's own session with ZooKeeper, as Kafka's tools had before version 3. Without a chroot that is there already it fails. `warn` is told what
 * is waited for when that takes a while.
 */
export async function openZooKeeper(
  connect: string,
  warn: (sentence: string) => void,
  timeoutMs = TIMEOUT_MS,
): Promise<{ stores: ZkStores; close: () => Promise<void> }> {
  let zk: ZooKeeperClient;
  try {
    zk = new ZooKeeperClient({
      connect,
      sessionTimeoutMs: timeoutMs,
      connectionTimeoutMs: timeoutMs,
      operationTimeoutMs: timeoutMs,
      transport: nodeTransport,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
  } catch (error) {
    if (error instanceof RangeError) throw illegalArgument(error.message);
    throw error;
  }
  const silence = systemClock.setTimer(quietMs(timeoutMs), () =>
    warn(`Waiting for ZooKeeper at ${connect}, at most ${timeoutMs / 1000} s: ${zk.whyNoSession}`),
  );
  try {
    await zk.connect();
  } catch (error) {
    await zk.close();
    if (!isZkError(error, 'OperationTimeout')) throw error;
    throw new ClientError(
      'kafka.zookeeper.ZooKeeperClientTimeoutException',
      `Timed out waiting for connection to Zookeeper server at ${connect}: ${error.detail}`,
    );
  } finally {
    silence.cancel();
  }
  return {
    stores: new ZkStores(zk, { clock: systemClock, logger: silentLogger }),
    close: () => zk.close(),
  };
}
