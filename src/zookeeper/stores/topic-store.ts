import type { TopicAssignment } from '../../cluster/index.js';
import type { Uuid } from '../../common/index.js';
import { defaultAcl } from '../defaults.js';
import { ANY_VERSION, type MultiOp } from '../core/zk-client.js';
import { configEntityZnode, configTypeZnode } from '../znodes/config.js';
import { topicsZnode, topicZnode } from '../znodes/topic.js';
import { nodeOf, refusalOf, refused, Store, type NodesRead } from './store.js';

/** The topics and their assignments. */
export class TopicStore extends Store {
  /** Names of all topics. `registerWatch` arms the child handler of `/brokers/topics`. */
  topics(options: { registerWatch?: boolean } = {}): Promise<string[]> {
    return this.childrenOf(topicsZnode.path, options.registerWatch ?? false);
  }

  /**
   * Makes our member of the ensemble, which may lag behind the others, catch up: what this session reads after the call is as new as what any
   * member had by then. It need not be waited for, since a session is answered in its order.
   */
  catchUp(): Promise<void> {
    return this.zk.sync(topicsZnode.path);
  }

  async topicExists(topic: string): Promise<boolean> {
    return (await this.zk.exists(topicZnode.path(topic))) !== null;
  }

  /** Those of these topics that have had a leader: the states of partitions stand below the node of the topic. */
  async everLed(topics: readonly string[]): Promise<string[]> {
    const stats = await Promise.all(topics.map((topic) => this.zk.exists(topicZnode.path(topic))));
    return topics.filter((_, at) => (stats[at]?.numChildren ?? 0) > 0);
  }

  /**
   * The assignments of those topics that exist, by name. The oldest comes first: of two with one id it is the topic, the other a copy. Arms the
   * change handlers of their nodes.
   */
  async assignments(topics: Iterable<string>): Promise<NodesRead<string, TopicAssignment>> {
    const { found, unreadable } = await this.decodeAll(
      topics,
      topicZnode.path,
      (topic) => topic,
      (topic, data, { czxid }) => ({ assignment: topicZnode.decode(topic, data), czxid }),
    );
    const byAge = [...found].sort(([, a], [, b]) => Number(a.czxid - b.czxid));
    return { found: new Map(byAge.map(([topic, { assignment }]) => [topic, assignment])), unreadable };
  }

  async assignment(topic: string): Promise<TopicAssignment | null> {
    return nodeOf(await this.assignments([topic]), topic);
  }

  /**
   * Creates the topic with its overrides, both or neither; the controller's watch does the rest. Of two who create it at once only one does, and
   * the overrides are his. Rejects with `NodeExists`. When the answer to the write was lost with its connection, the id tells that it was ours.
   */
  async createTopic(
    topic: string,
    topicId: Uuid | null,
    assignment: ReadonlyMap<number, readonly number[]>,
    config: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    const partitions = new Map(
      [...assignment].map(([partition, replicas]) => [partition, { replicas, adding: [], removing: [] }]),
    );
    const [path, configPath] = [topicZnode.path(topic), configEntityZnode.path('topics', topic)];
    const data = topicZnode.encode({ topicId, partitions });
    const configData = configEntityZnode.encode(config);
    const create = (at: string, of: Buffer): MultiOp => ({
      op: 'create',
      path: at,
      data: of,
      acl: defaultAcl(this.options.secure ?? false, at),
    });
    for (;;) {
      const left = await this.zk.exists(configPath);
      const refusal = refusalOf(
        await this.zk.multi([
          create(path, data),
          left
            ? { op: 'set', path: configPath, data: configData, version: left.version }
            : create(configPath, configData),
        ]),
      );
      if (!refusal) return;
      if (refusal.code === 'NoNode') {
        await Promise.all([this.ensurePath(topicsZnode.path), this.ensurePath(configTypeZnode.path('topics'))]);
      } else if (refusal.at === 0) {
        const isOurs = topicId !== null && (await this.read(path))?.data?.equals(data) === true;
        if (refusal.code === 'NodeExists' && isOurs) return;
        throw refused(refusal, path);
      } else if (refusal.code !== 'NodeExists' && refusal.code !== 'BadVersion') {
        throw refused(refusal, configPath);
      }
      await this.zk.sync(configPath);
    }
  }

  /**
   * Changes the assignment of a topic. `change` is given what stands there, and asked again when someone else has written it since; null leaves
   * it as it is. So partitions that are added and replicas that are moved at the same time, by whom it may be, do not undo each other. Gives what
   * stands there then, null when there is no such topic. Rejects with `ControllerMovedError`.
   */
  async changeAssignment(
    topic: string,
    change: (current: TopicAssignment) => TopicAssignment | null | Promise<TopicAssignment | null>,
    expectedControllerEpochZkVersion: number = ANY_VERSION,
  ): Promise<TopicAssignment | null> {
    const path = topicZnode.path(topic);
    let current: TopicAssignment | null = null;
    await this.changeNode(
      path,
      async (node) => {
        current = node && topicZnode.decode(topic, node.data);
        const next = current && (await change(current));
        if (next === null) return null;
        current = next;
        return topicZnode.encode(next);
      },
      (write) => this.writeOnce(write, expectedControllerEpochZkVersion),
    );
    return current;
  }

  /** Removes the topic's node with all its partitions. */
  async deleteTopic(topic: string, expectedControllerEpochZkVersion: number): Promise<void> {
    await this.deleteRecursive(topicZnode.path(topic), expectedControllerEpochZkVersion);
  }
}
