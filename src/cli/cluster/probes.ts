/** What answers at the ports of this machine. */
import net from 'node:net';
import { nodeTransport, systemClock } from '../../common/index.js';
import { metadataRequest, metadataResponse } from '../../protocol/index.js';
import { BrokerConnection } from '../client/broker-connection.js';
import { whoAnswers, type Answer } from './core/conditions.js';

const HOST = '127.0.0.1';
const PATIENCE_MS = 1_000;
const SETTINGS = { transport: nodeTransport, clock: systemClock, clientId: 'cluster', requestTimeoutMs: PATIENCE_MS };

/** Who has a port, in words; null when a server may listen on it. */
export async function occupantOf(port: number): Promise<string | null> {
  const code = await tryToListen(port);
  if (code === null) return null;
  if (code !== 'EADDRINUSE') return `cannot be listened on: ${code}`;
  const answer = await askBroker(port);
  if (answer.kind === 'broker') return `is taken by ${whoAnswers(answer)}`;
  const isZooKeeper = (await modeOf(port)) !== null;
  return `is taken by ${isZooKeeper ? 'another ZooKeeper server' : 'another process'}`;
}

/** Null, or the code of the error. */
function tryToListen(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Asks whoever listens on a port as a client of Kafka does. */
export async function askBroker(port: number): Promise<Answer> {
  let connection: BrokerConnection | null = null;
  try {
    connection = await BrokerConnection.open({ host: HOST, port }, SETTINGS);
    const metadata = await connection.request(metadataRequest, metadataResponse, { topics: [] });
    const { clusterId, controllerId, brokers } = metadata;
    return { kind: 'broker', clusterId, controllerId, brokers };
  } catch (error) {
    // Whatever else comes back is not what a broker says.
    return { kind: /ECONNREFUSED/.test((error as Error).message) ? 'nobody' : 'silent' };
  } finally {
    connection?.close();
  }
}

/** `leader`, `follower` or `standalone`; null when it does not serve. */
export async function modeOf(port: number): Promise<string | null> {
  return /^Mode: (\S+)/m.exec(await fourLetterWord(port, 'srvr'))?.[1] ?? null;
}

/** Asks a ZooKeeper server. An empty string when it does not answer. */
export function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, HOST, () => socket.write(word));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}
