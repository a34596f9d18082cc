import { isZkError } from '../errors.js';
import { ANY_VERSION } from '../zk-client.js';
import { defaultAcl } from '../defaults.js';
import { configChangeZnode, configEntityZnode, configTypeZnode, type ConfigType } from '../znodes/config.js';
import { ensureOk, Store, type NodesRead } from './store.js';

/** Dynamic configs of topics, brokers, clients, users and addresses. Entity names come sanitized. */
export class ConfigStore extends Store {
  /** The overrides of an entity; none when it has no node. */
  async config(type: ConfigType, sanitizedName: string): Promise<Map<string, string>> {
    const node = await this.read(configEntityZnode.path(type, sanitizedName));
    return configEntityZnode.decode(node?.data ?? null);
  }

  /** The overrides of many entities, all read at once; an entity without a node has none. */
  async configs(
    type: ConfigType,
    sanitizedNames: Iterable<string>,
  ): Promise<NodesRead<string, ReadonlyMap<string, string>>> {
    const names = [...sanitizedNames];
    const { found, unreadable } = await this.decodeAll<string, string, ReadonlyMap<string, string>>(
      names,
      (name) => configEntityZnode.path(type, name),
      (name) => name,
      (_, data) => configEntityZnode.decode(data),
    );
    for (const name of names) if (!found.has(name) && !unreadable.has(name)) found.set(name, new Map());
    return { found, unreadable };
  }

  /**
   * The same as of now: our member of the ensemble may lag behind the one by which someone learnt of the entities, and know nothing of them
   * yet. The reads are sent behind the `sync`, and answered in that order.
   */
  async latestConfigs(
    type: ConfigType,
    sanitizedNames: Iterable<string>,
  ): Promise<NodesRead<string, ReadonlyMap<string, string>>> {
    const [, configs] = await Promise.all([
      this.zk.sync(configTypeZnode.path(type)),
      this.configs(type, sanitizedNames),
    ]);
    return configs;
  }

  /** Names of the entities of a type that have a node. Under a user: `entities('users', 'ann/clients')`. */
  entities(type: ConfigType, under?: string): Promise<string[]> {
    return this.childrenOf(under === undefined ? configTypeZnode.path(type) : configEntityZnode.path(type, under));
  }

  /** Replaces the overrides of an entity. The last writer wins, as in Kafka. Tells nobody: see `createChangeNotification`. */
  async setOrCreateConfig(type: ConfigType, sanitizedName: string, config: ReadonlyMap<string, string>): Promise<void> {
    const path = configEntityZnode.path(type, sanitizedName);
    const data = configEntityZnode.encode(config);
    try {
      await this.zk.set(path, data, ANY_VERSION);
    } catch (error) {
      if (!isZkError(error, 'NoNode')) throw error;
      try {
        await this.createRecursive(path, data);
      } catch (creation) {
        if (!isZkError(creation, 'NodeExists')) throw creation;
        await this.zk.set(path, data, ANY_VERSION);
      }
    }
  }

  /** Tells every broker to read `TYPE/NAME` (for a user's client `users/U/clients/C`) again. */
  async createChangeNotification(sanitizedEntityPath: string): Promise<void> {
    const { parent, createPath: path, encode } = configChangeZnode;
    await this.ensurePath(parent);
    await this.zk.create(path, encode(sanitizedEntityPath), {
      mode: 'persistent_sequential',
      acl: defaultAcl(this.options.secure ?? false, path),
    });
  }

  /** Removes the configs of deleted topics. */
  async deleteTopicConfigs(topics: readonly string[], expectedControllerEpochZkVersion: number): Promise<void> {
    const paths = topics.map((topic) => configEntityZnode.path('topics', topic));
    const outcomes = await this.writeAll(
      paths.map((path) => ({ op: 'delete', path, version: ANY_VERSION })),
      expectedControllerEpochZkVersion,
    );
    outcomes.forEach((outcome, index) => ensureOk(outcome, paths[index]!, 'NoNode'));
  }
}
