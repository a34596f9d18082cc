import { nodeTransport, sleep, systemClock } from '../common/index.js';
import { metadataRequest, metadataResponse, type MetadataResponse } from '../protocol/index.js';
import { BrokerConnection, DisconnectError, type BrokerAddress } from './client/broker-connection.js';
import { parseBootstrapServers } from './client/cluster-client.js';
import type { Terminal } from './terminal.js';

const PATIENCE_MS = 60_000;
const PAUSE_MS = 50;
const SETTINGS = { transport: nodeTransport, clock: systemClock, clientId: 'await', requestTimeoutMs: 5000 };

/**
 * Waits until each of these brokers knows of a controller that lives and of all of them: a broker answers before it has heard of the others, and
 * a client that asks then finds no controller. Exit code 1 when that takes too long.
 */
export async function awaitBrokers(servers: string, terminal: Terminal): Promise<number> {
  const addresses = parseBootstrapServers(servers);
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (const address of addresses) {
    while (!(await isInformed(address, addresses))) {
      if (systemClock.monotonicMs() > deadlineMs) {
        terminal.stderr.write(`${address.host}:${address.port} does not know of a controller and all of ${servers}\n`);
        return 1;
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }
  return 0;
}

async function isInformed(address: BrokerAddress, all: readonly BrokerAddress[]): Promise<boolean> {
  try {
    const connection = await BrokerConnection.open(address, SETTINGS);
    try {
      return knowsOf(all, await connection.request(metadataRequest, metadataResponse, { topics: [] }));
    } finally {
      connection.close();
    }
  } catch (error) {
    if (error instanceof DisconnectError) return false;
    throw error;
  }
}

/** Whether a broker's metadata name a controller that lives, and all of these. */
export function knowsOf(
  addresses: readonly BrokerAddress[],
  { brokers, controllerId }: Pick<MetadataResponse, 'brokers' | 'controllerId'>,
): boolean {
  const isThere = ({ host, port }: BrokerAddress): boolean =>
    brokers.some((broker) => broker.host === host && broker.port === port);
  return brokers.some(({ nodeId }) => nodeId === controllerId) && addresses.every(isThere);
}
