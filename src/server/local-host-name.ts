import { lookup, lookupService } from 'node:dns/promises';
import { hostname } from 'node:os';
import { withinTime, type Clock, type Logger } from '../common/index.js';

/** A name server that does not answer holds up a start for no longer. */
const LOOKUP_LIMIT_MS = 5_000;

/** What is asked of the resolver; `hostName` is what the machine calls itself. */
export interface NameResolver {
  hostName(): string;
  addressesOf(name: string): Promise<string[]>;
  nameOf(address: string): Promise<string>;
}

const systemResolver: NameResolver = {
  hostName: hostname,
  // IPv4 first, as Java has it.
  addressesOf: async (name) => (await lookup(name, { all: true, verbatim: false })).map(({ address }) => address),
  nameOf: async (address) => (await lookupService(address, 0)).hostname,
};

/**
 * The name by which others are told to find this machine where a listener names no host: Java's `InetAddress.getLocalHost()
 * .getCanonicalHostName()`, which Kafka registers. That is the name that belongs to the address of the machine's own name, or that address
 * where it has none or a name that leads elsewhere. A machine whose own name has no address, or whose name server says nothing for
 * five seconds, is called what it calls itself; there Kafka does not start.
 */
export async function localHostName(clock: Clock, logger: Logger, resolver = systemResolver): Promise<string> {
  const own = resolver.hostName();
  try {
    const name = await withinTime(clock, LOOKUP_LIMIT_MS, canonicalName(own, resolver));
    if (name !== undefined) return name;
    logger.warn('The name server does not answer; clients are told the plain host name', { host: own });
  } catch (error) {
    logger.warn('The host name has no address; clients are told it all the same', { host: own, error });
  }
  return own;
}

async function canonicalName(own: string, resolver: NameResolver): Promise<string> {
  const [address] = await resolver.addressesOf(own);
  if (address === undefined) throw new Error(`${own} has no address`);
  try {
    const name = await resolver.nameOf(address);
    if ((await resolver.addressesOf(name)).includes(address)) return name;
  } catch {
    // No name, or one that leads nowhere.
  }
  return address;
}
