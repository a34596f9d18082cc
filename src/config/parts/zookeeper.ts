import type { ConfigReader } from '../broker-config.js';
import { parseCsvList } from '../listeners.js';
import { ConfigError } from '../value.js';

/** Where ZooKeeper is: `zookeeper.connect` taken apart. */
export interface ZooKeeperConnect {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Empty, or a path without a slash at its end. */
  readonly chroot: string;
}

/** The session with ZooKeeper (the part of `KafkaConfig` that begins with `zookeeper.`). */
export interface ZooKeeperConfig {
  readonly connect: ZooKeeperConnect;
  /** As `connect` was written. */
  readonly connectText: string;
  readonly sessionTimeoutMs: number;
  readonly connectionTimeoutMs: number;
  readonly maxInFlightRequests: number;
  /** `zookeeper.set.acl` */
  readonly secure: boolean;
}

/** Throws `ConfigError` for what cannot be taken apart. */
export function zooKeeperConfigOf(config: ConfigReader): ZooKeeperConfig {
  const connectText = config.get('zookeeper.connect');
  if (connectText === null) {
    throw new ConfigError('Missing required configuration `zookeeper.connect` which has no default value.');
  }
  const sessionTimeoutMs = config.get('zookeeper.session.timeout.ms');
  return Object.freeze({
    connect: parseZooKeeperConnect(connectText),
    connectText,
    sessionTimeoutMs,
    connectionTimeoutMs: config.get('zookeeper.connection.timeout.ms') ?? sessionTimeoutMs,
    maxInFlightRequests: config.get('zookeeper.max.in.flight.requests'),
    secure: config.get('zookeeper.set.acl'),
  });
}

/** Splits `host:port,host:port/chroot`; the port is 2181 where none is given. Throws `ConfigError`. */
export function parseZooKeeperConnect(text: string): ZooKeeperConnect {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/+$/, '');
  const servers = parseCsvList(hosts).map((item) => {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(item);
    const port = Number(match?.[3] ?? 2181);
    if (!match || port > 65_535) {
      throw ConfigError.invalidValue('zookeeper.connect', text, `${item} must be HOST or HOST:PORT`);
    }
    return { host: (match[1] ?? match[2])!, port };
  });
  if (servers.length === 0) {
    throw ConfigError.invalidValue('zookeeper.connect', text, 'it must name one server at least, as HOST:PORT');
  }
  if (chroot !== '' && (chroot.includes('//') || chroot.includes(','))) {
    throw ConfigError.invalidValue('zookeeper.connect', text, 'the chroot must be one path, after the last server');
  }
  return { servers, chroot };
}
