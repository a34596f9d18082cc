import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../../src/common/index.js';
import { isZkError, ZooKeeperClient, type Acl } from '../../../src/zookeeper/index.js';

export interface DumpedNode {
  /** Null where the node was made without data. */
  readonly data: string | null;
  readonly ephemeral: boolean;
  readonly version: number;
  /** As zkCli writes them: `world:anyone:rwcda`. */
  readonly acl: readonly string[];
}

/** A session of the tests' own. */
export async function connectZooKeeper(connect: string): Promise<ZooKeeperClient> {
  const client = new ZooKeeperClient({
    connect,
    sessionTimeoutMs: 10_000,
    connectionTimeoutMs: 10_000,
    transport: nodeTransport,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await client.connect();
  return client;
}

/** Every node from `root` on, by path. A node that goes meanwhile is left out. */
export async function dumpZnodes(client: ZooKeeperClient, root: string): Promise<Map<string, DumpedNode>> {
  const nodes = new Map<string, DumpedNode>();
  const visit = async (path: string): Promise<void> => {
    try {
      const [{ data, stat }, { acl }, { children }] = await Promise.all([
        client.get(path),
        client.getAcl(path),
        client.children(path),
      ]);
      nodes.set(path, {
        data: data?.toString() ?? null,
        ephemeral: stat.ephemeralOwner !== 0n,
        version: stat.version,
        acl: acl.map(formatAcl),
      });
      await Promise.all(children.map((child) => visit(path === '/' ? `/${child}` : `${path}/${child}`)));
    } catch (error) {
      if (!isZkError(error, 'NoNode')) throw error;
    }
  };
  await visit(root);
  return nodes;
}

function formatAcl({ perms, scheme, id }: Acl): string {
  return `${scheme}:${id}:${[...'rwcda'].filter((_, bit) => (perms & (1 << bit)) !== 0).join('')}`;
}
