import { type Acl, CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE } from './core/zk-client.js';
import { CONFIG_TYPES, configTypeZnode } from './znodes/config.js';
import { SENSITIVE_ROOTS } from './znodes/security.js';

/** The paths that every broker makes when it starts, in Kafka's order (`ZkData.PersistentZkPaths`); parents come with them. */
export const PERSISTENT_PATHS: readonly string[] = [
  '/consumers',
  '/brokers/ids',
  '/brokers/topics',
  '/config/changes',
  '/admin/delete_topics',
  '/brokers/seqid',
  '/isr_change_notification',
  '/latest_producer_id_block',
  '/log_dir_event_notification',
  ...CONFIG_TYPES.map(configTypeZnode.path),
];

/**
 * The ACL of a node (`ZkData.defaultAcls`): open, or under `zookeeper.set.acl` writable by the brokers alone and, unless it holds
 * secrets, readable by all. `/consumers` is always open, because old consumers write there themselves.
 */
export function defaultAcl(secure: boolean, path: string): readonly Acl[] {
  if (!secure || path === '/consumers') return OPEN_ACL_UNSAFE;
  const sensitive = SENSITIVE_ROOTS.some((root) => path.startsWith(root));
  return sensitive ? CREATOR_ALL_ACL : [...CREATOR_ALL_ACL, ...READ_ACL_UNSAFE];
}
