import type { Endpoint } from '../common/index.js';

const DEFAULT_PORT = 2181;

/** Servers and chroot of `zookeeper.connect`: `host[:port],host[:port]…[/chroot]`; IPv6 addresses in brackets. */
export interface ConnectString {
  readonly servers: readonly Endpoint[];
  /** `''` when there is none, else `/a/b`. */
  readonly chroot: string;
}

/** Throws a RangeError that shows the string when it has no servers, a bad port or a bad chroot. */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/$/, '');
  if (/\/\/|\/\.{1,2}(\/|$)/.test(chroot)) throw new RangeError(`zookeeper.connect ${text} has the chroot ${chroot}`);
  const servers = hosts
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(item);
      const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
      if (!match || port < 1 || port > 65535) {
        throw new RangeError(`zookeeper.connect ${text} has the server ${item}, need host:port`);
      }
      return { host: match[1] ?? match[2]!, port };
    });
  if (servers.length === 0) throw new RangeError(`zookeeper.connect ${JSON.stringify(text)} names no server`);
  return { servers, chroot };
}
