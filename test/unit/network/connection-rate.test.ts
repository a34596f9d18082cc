/** Connections that are made faster than `max.connection.creation.rate` allows (KIP-612). */
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock, SimulatedNetwork } from '../../../src/testing/index.js';
import { SocketServer, type Request } from '../../../src/network/index.js';
import { ApiKey, encodeRequestFrame } from '../../../src/protocol/index.js';

const DESCRIBE_CLUSTER = encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c', {});

async function serverWith(rates: { all: number; narrow?: number }, backlog = 10) {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(1), minDelayMs: 1, maxDelayMs: 1 });
  const hosts = { broker: network.transportFor('broker'), client: network.transportFor('client') };
  const requests: Request[] = [];
  const server = new SocketServer({
    transport: hosts.broker,
    clock,
    logger: silentLogger,
    limits: {
      maxRequestBytes: 1_000_000,
      requestMemoryBytes: 1_000_000,
      maxIdleMs: -1,
      backlog,
      maxConnections: () => 1000,
      maxConnectionsOfListener: () => 1000,
      maxConnectionsOf: () => 1000,
    },
    rateLimits: {
      maxRate: () => rates.all,
      maxRateOfListener: (listenerName) => (listenerName === 'NARROW' ? (rates.narrow ?? rates.all) : rates.all),
      windowMs: 1000,
      windows: 3,
    },
    protectedListener: null,
    onRequest(request) {
      requests.push(request);
      request.respond({});
    },
  });
  await server.bind({ listenerName: 'WIDE', host: '', port: 9092 });
  await server.bind({ listenerName: 'NARROW', host: '', port: 9093 });
  server.enableProcessing();
  const clients: { isClosed: boolean }[] = [];
  const connect = (port: number): void => {
    const client = { isClosed: false };
    clients.push(client);
    const connection = hosts.client.connect(
      { host: 'broker', port },
      {
        onOpen: () => void connection.write(DESCRIBE_CLUSTER),
        onData: () => undefined,
        onClose: () => (client.isClosed = true),
      },
    );
  };
  const served = (listenerName: string): number =>
    requests.filter(({ connection }) => connection.listenerName === listenerName).length;
  return { clock, server, connect, served, clients };
}

test('wait, are served in their turn, and hold up no other listener', async () => {
  const { clock, server, connect, served } = await serverWith({ all: 10, narrow: 1 });
  for (let count = 0; count < 6; count++) connect(9093);
  for (let count = 0; count < 6; count++) connect(9092);
  await clock.advance(10);
  // The rate is taken over two whole windows at first.
  expect([served('NARROW'), served('WIDE')]).toEqual([2, 6]);
  await clock.advance(500);
  expect(served('NARROW')).toBe(2);
  await clock.advance(10_000);
  expect(served('NARROW')).toBe(6);
  await server.shutdown();
});

test('are refused beyond the backlog, and when the server stops', async () => {
  const { clock, server, connect, served, clients } = await serverWith({ all: 1 }, 3);
  for (let count = 0; count < 10; count++) connect(9092);
  await clock.advance(10);
  expect([served('WIDE'), clients.filter(({ isClosed }) => isClosed).length]).toEqual([2, 5]);
  await server.shutdown();
  await clock.advance(20_000);
  await settle();
  expect([served('WIDE'), clients.filter(({ isClosed }) => isClosed).length]).toEqual([2, 10]);
});
