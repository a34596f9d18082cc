import type { TopicPartition } from '../../cluster/index.js';
import type { Uuid } from '../../common/index.js';
import { defaultAcl } from '../defaults.js';
import { ZnodeFormatError } from '../core/errors.js';
import { ANY_VERSION } from '../core/zk-client.js';
import {
  deleteTopicsZnode,
  preferredReplicaElectionZnode,
  reassignPartitionsZnode,
  type PartitionReassignments,
} from '../znodes/admin.js';
import { topicZnode } from '../znodes/topic.js';
import { ensureOk, refusalOf, refused, Store } from './store.js';

/** Topics that are to be deleted. */
export class DeletionStore extends Store {
  /** Asks for a deletion. Rejects with `NodeExists` when it has been asked for. */
  async createDeleteTopicPath(topic: string): Promise<void> {
    await this.createRecursive(deleteTopicsZnode.topicPath(topic), null);
  }

  /**
   * Asks for the deletion of the topic of this id. False when its name is another one's by now, or no one's: since the id was looked up the topic
   * may have been deleted, and made again. Fine when the deletion has been asked for.
   */
  async markTopicForDeletion(topic: string, topicId: Uuid): Promise<boolean> {
    const [topicPath, path] = [topicZnode.path(topic), deleteTopicsZnode.topicPath(topic)];
    for (;;) {
      const [, node] = await Promise.all([this.zk.sync(topicPath), this.read(topicPath)]);
      if (!node || topicZnode.decode(topic, node.data).topicId !== topicId) return false;
      const refusal = refusalOf(
        await this.zk.multi([
          { op: 'check', path: topicPath, version: node.stat.version },
          { op: 'create', path, data: null, acl: defaultAcl(this.options.secure ?? false, path) },
        ]),
      );
      if (!refusal || refusal.code === 'NodeExists') return true;
      const isStale = refusal.at === 0 && (refusal.code === 'BadVersion' || refusal.code === 'NoNode');
      if (!isStale) throw refused(refusal, path);
    }
  }

  async isTopicMarkedForDeletion(topic: string): Promise<boolean> {
    return (await this.zk.exists(deleteTopicsZnode.topicPath(topic))) !== null;
  }

  /** Arms the child handler of `/admin/delete_topics`, unless `registerWatch` is false. */
  topicDeletions(options: { registerWatch?: boolean } = {}): Promise<string[]> {
    return this.childrenOf(deleteTopicsZnode.path, options.registerWatch ?? true);
  }

  async deleteTopicDeletions(topics: readonly string[], expectedControllerEpochZkVersion: number): Promise<void> {
    const paths = topics.map(deleteTopicsZnode.topicPath);
    const outcomes = await this.writeAll(
      paths.map((path) => ({ op: 'delete', path, version: ANY_VERSION })),
      expectedControllerEpochZkVersion,
    );
    outcomes.forEach((outcome, index) => ensureOk(outcome, paths[index]!, 'NoNode'));
  }
}

/** Reassignments in the node of before KIP-455. Maps are keyed by `partitionKey`. */
export class ReassignmentStore extends Store {
  /** The `mzxid` of the node whose entries have all been given, or were what was left of them when we had taken some out. */
  private given: bigint | null = null;

  /** None when there is no node. A node that cannot be read rejects with `ZnodeFormatError`. */
  async partitionReassignment(): Promise<Map<string, readonly number[]>> {
    const node = await this.read(reassignPartitionsZnode.path);
    const asked = node ? reassignPartitionsZnode.decode(node.data) : new Map<string, readonly number[]>();
    this.given = node && node.stat.mzxid;
    return asked;
  }

  /** Whether the node is there with what `partitionReassignment` has not given. Arms the change handler, as that does. */
  async hasNews(): Promise<boolean> {
    const stat = await this.zk.exists(reassignPartitionsZnode.path);
    return stat !== null && stat.mzxid !== this.given;
  }

  /**
   * Takes entries out of the node, on the version that was read, so that what someone has written since stays. The node goes with the last entry:
   * it is the only way to ask, and no one can while it is there. One that no one can read stays as it is. True when it went, or is not the one that
   * was read. Each write is made once: when its answer is lost the node is read again, which may be another that was asked for since.
   */
  async removePartitionReassignments(
    remove: (key: string, target: readonly number[]) => boolean,
    expectedControllerEpochZkVersion: number,
  ): Promise<boolean> {
    const { path } = reassignPartitionsZnode;
    let isAnother = false;
    for (;;) {
      const node = await this.read(path);
      const asked = node && entriesOf(node.data);
      if (!asked) return isAnother;
      const kept = asked.filter(([key, target]) => !remove(key, target));
      if (kept.length > 0 && kept.length === asked.length) return isAnother;
      const { version, mzxid } = node.stat;
      const data = reassignPartitionsZnode.encode(new Map(kept));
      const outcome = await this.writeOnce(
        kept.length === 0 ? { op: 'delete', path, version } : { op: 'set', path, data, version },
        expectedControllerEpochZkVersion,
      );
      ensureOk(outcome, path, 'BadVersion', 'NoNode', 'ConnectionLoss');
      if (outcome.ok && outcome.stat && mzxid === this.given) this.given = outcome.stat.mzxid;
      if (outcome.ok) return isAnother || kept.length === 0;
      isAnother = true;
      // What was written may not have come to our member of the ensemble yet.
      await this.zk.sync(path);
    }
  }

  /** As the old tools ask for it. Rejects with `NodeExists` while one is under way. */
  async createPartitionReassignment(reassignments: PartitionReassignments): Promise<void> {
    await this.createRecursive(reassignPartitionsZnode.path, reassignPartitionsZnode.encode(reassignments));
  }
}

/** Null when no one can read them. */
function entriesOf(data: Buffer | null): [key: string, target: readonly number[]][] | null {
  try {
    return [...reassignPartitionsZnode.decode(data)];
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    return null;
  }
}

/** Preferred leader elections in the node of before KIP-183. */
export class ElectionStore extends Store {
  async preferredReplicaElection(): Promise<TopicPartition[]> {
    const node = await this.read(preferredReplicaElectionZnode.path);
    return node ? preferredReplicaElectionZnode.decode(node.data) : [];
  }

  /** Rejects with `NodeExists` while one is under way. */
  async createPreferredReplicaElection(partitions: readonly TopicPartition[]): Promise<void> {
    const { path, encode } = preferredReplicaElectionZnode;
    await this.zk.create(path, encode(partitions), { acl: defaultAcl(this.options.secure ?? false, path) });
  }

  /** Once: when the answer is lost the node may be there, or another by now, and is to be looked for. */
  async deletePreferredReplicaElection(expectedControllerEpochZkVersion: number): Promise<void> {
    const { path } = preferredReplicaElectionZnode;
    const outcome = await this.writeOnce(
      { op: 'delete', path, version: ANY_VERSION },
      expectedControllerEpochZkVersion,
    );
    ensureOk(outcome, path, 'NoNode', 'ConnectionLoss');
  }
}
