import { ClientError } from '../client/client-error.js';
import { openZooKeeper } from '../client/zookeeper-session.js';
import type { Terminal } from '../terminal.js';
import { warnOfZooKeeper } from '../tool-output.js';

/** The PLAINTEXT endpoints of the brokers registered in ZooKeeper, as a list to bootstrap from. */
export async function findBrokersInZooKeeper(connect: string, terminal: Terminal): Promise<string> {
  const { stores, close } = await openZooKeeper(connect, warnOfZooKeeper(terminal));
  try {
    const { found } = await stores.brokers.brokers();
    const endPoints = [...found.values()].flatMap((broker) => broker.endPoints);
    const reachable = endPoints.filter(({ securityProtocol }) => securityProtocol === 'PLAINTEXT');
    if (reachable.length === 0) {
      throw new ClientError('kafka.common.KafkaException', `No broker is registered in ZooKeeper at ${connect}`);
    }
    return reachable.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',');
  } finally {
    await close();
  }
}
