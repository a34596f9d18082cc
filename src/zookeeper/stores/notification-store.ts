import type { TopicPartition } from '../../cluster/index.js';
import { defaultAcl } from '../defaults.js';
import { ANY_VERSION } from '../core/zk-client.js';
import { isrChangeZnode, logDirEventZnode } from '../znodes/admin.js';
import { ensureOk, Store, type NodesRead } from './store.js';

/** Notifications to the controller as sequence nodes: ISR changes by old leaders, and failed log directories. */
export class NotificationStore extends Store {
  /** Names of the nodes. Arms the child handler of `/isr_change_notification`. */
  isrChangeNotifications(): Promise<string[]> {
    return this.childrenOf(isrChangeZnode.parent);
  }

  /** By the name of the notification. */
  partitionsFromIsrChanges(names: readonly string[]): Promise<NodesRead<string, TopicPartition[]>> {
    return this.decodeAll(
      names,
      isrChangeZnode.path,
      (name) => name,
      (_, data) => isrChangeZnode.decode(data),
    );
  }

  /** Removes the named nodes, or all when none are named. */
  async deleteIsrChangeNotifications(
    expectedControllerEpochZkVersion: number,
    names?: readonly string[],
  ): Promise<void> {
    const all = names ?? (await this.isrChangeNotifications());
    await this.deleteNodes(all.map(isrChangeZnode.path), expectedControllerEpochZkVersion);
  }

  async propagateIsrChanges(partitions: readonly TopicPartition[]): Promise<void> {
    await this.createSequenceNode(isrChangeZnode.path(isrChangeZnode.prefix), isrChangeZnode.encode(partitions));
  }

  /** Names of the nodes. Arms the child handler of `/log_dir_event_notification`. */
  logDirEvents(): Promise<string[]> {
    return this.childrenOf(logDirEventZnode.parent);
  }

  /** Brokers that say a log directory of theirs failed, by the name of the notification. */
  brokerIdsFromLogDirEvents(names: readonly string[]): Promise<NodesRead<string, number>> {
    return this.decodeAll(
      names,
      logDirEventZnode.path,
      (name) => name,
      (_, data) => logDirEventZnode.decode(data),
    );
  }

  /** Removes the named nodes, or all when none are named. */
  async deleteLogDirEvents(expectedControllerEpochZkVersion: number, names?: readonly string[]): Promise<void> {
    const all = names ?? (await this.logDirEvents());
    await this.deleteNodes(all.map(logDirEventZnode.path), expectedControllerEpochZkVersion);
  }

  /** Tells the controller that a log directory of this broker went offline. */
  async propagateLogDirEvent(brokerId: number): Promise<void> {
    await this.createSequenceNode(logDirEventZnode.path(logDirEventZnode.prefix), logDirEventZnode.encode(brokerId));
  }

  private async createSequenceNode(path: string, data: Buffer): Promise<void> {
    const acl = defaultAcl(this.options.secure ?? false, path);
    await this.zk.create(path, data, { mode: 'persistent_sequential', acl });
  }

  private async deleteNodes(paths: readonly string[], expectedControllerEpochZkVersion: number): Promise<void> {
    const outcomes = await this.writeAll(
      paths.map((path) => ({ op: 'delete', path, version: ANY_VERSION })),
      expectedControllerEpochZkVersion,
    );
    outcomes.forEach((outcome, index) => ensureOk(outcome, paths[index]!, 'NoNode'));
  }
}
