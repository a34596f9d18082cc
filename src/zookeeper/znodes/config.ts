import { ZnodeFormatError } from '../core/errors.js';
import { propertiesOrder } from '../../common/index.js';
import { decodeJson, encodeJson } from './json.js';

/** The kinds of things that have a dynamic config (`kafka.server.ConfigType`), as `/config` names them. */
export const CONFIG_TYPES = ['topics', 'clients', 'users', 'brokers', 'ips'] as const;
export type ConfigType = (typeof CONFIG_TYPES)[number];

/** The name of the entity that stands for all that have no config of their own. */
export const DEFAULT_ENTITY = '<default>';

export const configTypeZnode = { path: (type: ConfigType): string => `/config/${type}` };

/**
 * `/config/TYPE/NAME`: the overrides of one entity. Names of users and clients come sanitized (percent-encoded); a client's under a
 * user is `NAME/clients/CLIENT`.
 */
export const configEntityZnode = {
  path: (type: ConfigType, sanitizedName: string): string => `/config/${type}/${sanitizedName}`,
  encode(config: ReadonlyMap<string, string>): Buffer {
    const ordered = new Map(propertiesOrder(config.keys()).map((name) => [name, config.get(name)!]));
    return encodeJson({ version: 1, config: ordered });
  },
  /** A node without data, or without a `config` member, has no overrides. */
  decode(data: Buffer | null): Map<string, string> {
    if (data === null || data.length === 0) return new Map();
    const config = decodeJson(data, 'a config').optionalObject('config');
    return new Map(config?.names().map((name) => [name, config.string(name)]));
  },
};

/** Which config changed, as a change notification names it. */
export interface ConfigChange {
  /** `TYPE/NAME`, with more levels for clients of users; sanitized. */
  readonly entityPath: string;
}

/** `/config/changes/config_change_N`: tells every broker to read a config again. */
export const configChangeZnode = {
  parent: '/config/changes',
  prefix: 'config_change_',
  createPath: '/config/changes/config_change_',
  encode: (entityPath: string): Buffer => encodeJson({ version: 2, entity_path: entityPath }),
  /** Reads version 1 (entity type and name) and 2 (entity path), as `ZkConfigManager` does. */
  decode(data: Buffer | null): ConfigChange {
    const json = decodeJson(data, 'a config change');
    const version = json.int('version');
    if (version === 1) return { entityPath: `${json.string('entity_type')}/${json.string('entity_name')}` };
    if (version === 2) return { entityPath: json.string('entity_path') };
    throw new ZnodeFormatError(`a config change has version ${version}, need 1 or 2`);
  },
};
