import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../../common/index.js';

/**
 * Bounds by address that a configuration names by address or host name (`max.connections.per.ip.overrides`). A name is resolved once, when
 * the configuration comes, as in Kafka; until it is, and if it cannot be, it bounds no one.
 */
export class AddressOverrides {
  private taken: ReadonlyMap<string, number> = new Map();
  private byAddress = new Map<string, number>();

  constructor(
    private readonly resolve: (host: string) => Promise<readonly string[]>,
    private readonly logger: Logger,
  ) {}

  /** Takes bounds by host, if they are others than before. Asked for each connection. */
  update(byHost: ReadonlyMap<string, number>): void {
    if (byHost === this.taken) return;
    const isSame = isDeepStrictEqual(byHost, this.taken);
    this.taken = byHost;
    if (isSame) return;
    const byAddress = (this.byAddress = new Map<string, number>());
    for (const [host, limit] of byHost) {
      if (isAddress(host)) byAddress.set(canonical(host), limit);
      else void this.addByName(byAddress, host, limit);
    }
  }

  limitOf(address: string): number | undefined {
    return this.byAddress.get(address);
  }

  private async addByName(byAddress: Map<string, number>, host: string, limit: number): Promise<void> {
    try {
      for (const address of await this.resolve(host)) byAddress.set(canonical(address), limit);
    } catch (error) {
      this.logger.error('A host of max.connections.per.ip.overrides cannot be resolved', { host, error });
    }
  }
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host);
}

/** As the kernel names a client: IPv6 in its shortest form, and an IPv4 address as such. What is no address stays as it is. */
function canonical(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  const url = `http://[${address}]`;
  return address.includes(':') && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}
