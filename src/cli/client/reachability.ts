/** Why none of the bootstrap servers answers, in a sentence that names them. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { nodeTransport, systemClock } from '../../common/index.js';
import { BrokerConnection, type BrokerAddress } from './broker-connection.js';
import { isClientError } from '../terminal.js';
import { ClientError } from './client-error.js';

const PROBE_TIMEOUT_MS = 3000;

/**
 * Rejects when no host of the bootstrap servers has an address, as the constructors of Kafka's clients do. `warn` is told of each that has none.
 */
export async function requireResolvable(
  servers: readonly BrokerAddress[],
  warn: (sentence: string) => void,
): Promise<void> {
  const isResolvable = async ({ host, port }: BrokerAddress): Promise<boolean> => {
    if (isIP(host) !== 0) return true;
    try {
      await lookup(host);
      return true;
    } catch (error) {
      void error; // Whatever the reason: the system has no address for it.
      warn(`Couldn't resolve server ${host}:${port} from bootstrap.servers as DNS resolution failed for ${host}`);
      return false;
    }
  };
  if ((await Promise.all(servers.map(isResolvable))).includes(true)) return;
  throw new ClientError(
    'org.apache.kafka.common.config.ConfigException',
    'No resolvable bootstrap urls given in bootstrap.servers',
  );
}

/** Why the first of the servers cannot be reached; null when any of them answers as a broker does. Each has 3 s, or less if told so. */
export async function whyUnreachable(servers: readonly BrokerAddress[], limitMs = Infinity): Promise<string | null> {
  const settings = {
    transport: nodeTransport,
    clock: systemClock,
    clientId: 'probe',
    requestTimeoutMs: Math.min(PROBE_TIMEOUT_MS, limitMs),
  };
  let first: string | null = null;
  for (const address of servers) {
    try {
      (await BrokerConnection.open(address, settings)).close();
      return null;
    } catch (error) {
      if (!isClientError(error)) throw error;
      first ??= error.message;
    }
  }
  return first;
}
