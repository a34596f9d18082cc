import { ANY_VERSION, type Acl, type MultiOp } from '../core/zk-client.js';
import { defaultAcl } from '../defaults.js';
import { configChangeZnode, configEntityZnode, configTypeZnode, type ConfigType } from '../znodes/config.js';
import { topicZnode } from '../znodes/topic.js';
import { ensureOk, refusalOf, Store, type NodesRead } from './store.js';

/** What is to be written for what stands there, or whatever stands there. */
export type ConfigUpdate =
  | ReadonlyMap<string, string>
  | ((current: ReadonlyMap<string, string>) => ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>);

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

  /**
   * Changes the overrides of an entity, and tells every broker to read them again: both or neither. `change` is given what stands there, and
   * asked again when someone else has written it since, so that of two who change different names neither undoes the other; or it is what
   * shall stand there whatever does.
   */
  async changeConfig(type: ConfigType, sanitizedName: string, change: ConfigUpdate): Promise<void> {
    await this.change(type, sanitizedName, change, null);
  }

  /** The same for a topic. False when there is no such topic: a later one of its name does not get what was meant for this one. */
  changeTopicConfig(topic: string, change: ConfigUpdate): Promise<boolean> {
    return this.change('topics', topic, change, topicZnode.path(topic));
  }

  private async change(type: ConfigType, name: string, change: ConfigUpdate, owner: string | null): Promise<boolean> {
    const path = configEntityZnode.path(type, name);
    const { parent, createPath, encode } = configChangeZnode;
    const acl = (of: string): readonly Acl[] => defaultAcl(this.options.secure ?? false, of);
    const check: MultiOp[] = owner === null ? [] : [{ op: 'check', path: owner, version: ANY_VERSION }];
    const notification: MultiOp = {
      op: 'create',
      path: createPath,
      data: encode(`${type}/${name}`),
      mode: 'persistent_sequential',
      acl: acl(createPath),
    };
    let isOwned = true;
    await this.changeNode(
      path,
      async (node) => {
        if (!isOwned) return null;
        const next = typeof change === 'function' ? await change(configEntityZnode.decode(node?.data ?? null)) : change;
        return configEntityZnode.encode(next);
      },
      async (write) => {
        const ops = [...check, write.op === 'create' ? { ...write, acl: acl(path) } : write, notification];
        const refusal = refusalOf(await this.zk.multi(ops, { once: true }));
        if (!refusal) return { ok: true, stat: null };
        if (refusal.at < check.length) isOwned = false;
        else if (refusal.at === ops.length - 1) await this.ensurePath(parent);
        return { ok: false, ...refusal };
      },
    );
    return isOwned;
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
