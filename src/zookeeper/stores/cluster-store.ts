import { isZkError, ZkError } from '../core/errors.js';
import { PERSISTENT_PATHS } from '../defaults.js';
import { ANY_VERSION } from '../core/zk-client.js';
import { brokerSequenceIdZnode, clusterIdZnode, featureZnode, type FinalizedFeatures } from '../znodes/cluster.js';
import { Store } from './store.js';

/** What belongs to the cluster as a whole: its top-level nodes, id, features, and generated broker ids. */
export class ClusterStore extends Store {
  /**
   * Makes the nodes that Kafka expects from the start, in its order (`createTopLevelPaths`). All go out at once, parents first: ZooKeeper
   * keeps their order and syncs its disk for all of them together, where one after the other takes most of a broker's start.
   */
  async createTopLevelPaths(): Promise<void> {
    const paths = new Set(PERSISTENT_PATHS.flatMap((path) => [...parentsOf(path), path]));
    await Promise.all([...paths].map((path) => this.ensurePath(path)));
  }

  /** The id of the cluster, null when no broker ever started in it. */
  async clusterId(): Promise<string | null> {
    const node = await this.read(clusterIdZnode.path);
    return node && clusterIdZnode.decode(node.data);
  }

  /** Gives the cluster the proposed id, unless it has one; returns the one it has. */
  async createOrGetClusterId(proposedId: string): Promise<string> {
    try {
      const parents = parentsOf(clusterIdZnode.path).map((path) => this.ensurePath(path));
      await Promise.all([...parents, this.createRecursive(clusterIdZnode.path, clusterIdZnode.encode(proposedId))]);
      return proposedId;
    } catch (error) {
      if (!isZkError(error, 'NodeExists')) throw error;
      const id = await this.clusterId();
      if (id === null) throw new ZkError('NoNode', clusterIdZnode.path, 'deleted while it was being read');
      return id;
    }
  }

  /** A number that no other broker got (`broker.id.generation.enable`); the broker adds `reserved.broker.max.id`. Begins at 1. */
  async generateBrokerSequenceId(): Promise<number> {
    const { path } = brokerSequenceIdZnode;
    const raise = async (): Promise<number> => (await this.zk.set(path, Buffer.alloc(0), ANY_VERSION)).version;
    try {
      return await raise();
    } catch (error) {
      if (!isZkError(error, 'NoNode')) throw error;
      await this.ensurePath(path);
      return raise();
    }
  }

  /** The finalized features and the version of their node; null when no controller wrote them yet. */
  async features(): Promise<{ features: FinalizedFeatures; zkVersion: number } | null> {
    const node = await this.read(featureZnode.path);
    return node && { features: featureZnode.decode(node.data), zkVersion: node.stat.version };
  }

  async createFeatures(features: FinalizedFeatures): Promise<void> {
    await this.createRecursive(featureZnode.path, featureZnode.encode(features));
  }

  /** Returns the node's new version. */
  async updateFeatures(features: FinalizedFeatures): Promise<number> {
    return (await this.zk.set(featureZnode.path, featureZnode.encode(features), ANY_VERSION)).version;
  }
}

/** The nodes above a node, from the top, without the root. */
function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) parents.push(path.slice(0, at));
  return parents;
}
