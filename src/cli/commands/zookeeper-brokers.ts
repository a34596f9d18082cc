import { ClientError } from '../client/client-error.js';
import { openZooKeeper } from '../client/zookeeper-session.js';

/** The PLAINTEXT endpoints of the brokers registered in ZooKeeper, as a list to bootstrap from. */
export async function findBrokersInZooKeeper(connect: string): Promise<string> {
  const { stores, close } = await openZooKeeper(connect);
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
