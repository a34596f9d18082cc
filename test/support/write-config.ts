import { ANY_VERSION, configEntityZnode, type ConfigType, type ZkClient } from '../../src/zookeeper/index.js';

/** Writes the overrides of an entity as someone does by hand: no one is told. */
export async function writeConfig(
  zk: ZkClient,
  type: ConfigType,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const path = configEntityZnode.path(type, name);
  await zk.ensurePath(path);
  await zk.set(path, configEntityZnode.encode(new Map(Object.entries(config))), ANY_VERSION);
}
