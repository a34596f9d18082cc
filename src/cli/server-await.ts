import { nodeTransport, sleep, systemClock } from '../common/index.js';
import { metadataRequest, metadataResponse, type MetadataResponse } from '../protocol/index.js';
import { BrokerConnection, type BrokerAddress } from './client/broker-connection.js';
import { ClientError } from './client/client-error.js';
import { parseBootstrapServers } from './client/cluster-client.js';
import type { Terminal } from './terminal.js';

const PATIENCE_MS = 60_000;
const PAUSE_MS = 50;
const REQUEST_TIMEOUT_MS = 5_000;
const SETTINGS = { transport: nodeTransport, clock: systemClock, clientId: 'await' };

/**
 * Waits until each of these brokers knows of a controller that lives and of all of them: a broker answers before it has heard of the others, and
 * a client that asks then finds no controller. Exit code 1 when that takes too long.
 */
export async function awaitBrokers(servers: string, terminal: Terminal, patienceMs = PATIENCE_MS): Promise<number> {
  const addresses = parseBootstrapServers(servers);
  const deadlineMs = systemClock.monotonicMs() + patienceMs;
  for (const address of addresses) {
    for (;;) {
      const missing = await missingAt(address, addresses, Math.min(REQUEST_TIMEOUT_MS, patienceMs));
      if (missing === null) break;
      if (systemClock.monotonicMs() > deadlineMs) {
        terminal.stderr.write(`Waited ${patienceMs / 1000} s for ${servers}: ${missing}\n`);
        return 1;
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }
  return 0;
}

/** What is wrong, and what to do about it; null when the broker is as is waited for. */
async function missingAt(
  address: BrokerAddress,
  all: readonly BrokerAddress[],
  requestTimeoutMs: number,
): Promise<string | null> {
  const broker = `${address.host}:${address.port}`;
  try {
    const connection = await BrokerConnection.open(address, { ...SETTINGS, requestTimeoutMs });
    try {
      if (knowsOf(all, await connection.request(metadataRequest, metadataResponse, { topics: [] }))) return null;
    } finally {
      connection.close();
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return `${broker} does not answer (${error.message}). Is it started, and does it listen there? Its log says why it does not.`;
  }
  return (
    `${broker} does not know of a controller and of all of them. Are all started, with the same zookeeper.connect, ` +
    `and are these the addresses of their advertised.listeners? Their logs say why they have not registered.`
  );
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
