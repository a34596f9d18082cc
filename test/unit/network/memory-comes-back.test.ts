/** What a connection holds of the server comes back, however its requests end; and which connection has to go when there are too many. */
import { nodeTransport, silentLogger, systemClock, type Connection } from '../../../src/common/index.js';
import { SocketServer, type Request, type SocketServerLimits } from '../../../src/network/index.js';
import { ApiKey, encodeRequestFrame } from '../../../src/protocol/index.js';

const LIMITS: SocketServerLimits = {
  maxRequestBytes: 100 * 1024 * 1024,
  requestMemoryBytes: 4 * 1024 * 1024,
  maxIdleMs: -1,
  backlog: 10,
  maxConnections: () => 1000,
  maxConnectionsOf: () => 1000,
};
const CLIENT_ID_BYTES = 30_000;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(handle: (request: Request) => void, limits: Partial<SocketServerLimits> = {}) {
  const server = new SocketServer({
    transport: nodeTransport,
    clock: systemClock,
    logger: silentLogger,
    limits: { ...LIMITS, ...limits },
    protectedListener: 'REPLICATION',
    onRequest: handle,
  });
  const clients = await server.bind({ listenerName: 'PLAINTEXT', host: '127.0.0.1', port: 0 });
  const brokers = await server.bind({ listenerName: 'REPLICATION', host: '127.0.0.1', port: 0 });
  server.enableProcessing();
  cleanups.push(() => server.shutdown());
  return { server, clients, brokers };
}

class Client {
  received = 0;
  isClosed = false;
  readonly connection: Connection;

  constructor(port: number, bytes: readonly Buffer[]) {
    this.connection = nodeTransport.connect(
      { host: '127.0.0.1', port },
      {
        onOpen: () => this.connection.write([...bytes]),
        onData: (data) => (this.received += data.length),
        onClose: () => (this.isClosed = true),
      },
    );
    cleanups.push(() => this.connection.destroy());
  }
}

/** Ends with the test that waits. */
async function until(condition: () => boolean): Promise<void> {
  const { currentTestName } = expect.getState();
  while (!condition()) {
    if (expect.getState().currentTestName !== currentTestName) throw new Error(`not met: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const request = (clientIdBytes = 1): Buffer =>
  Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c'.repeat(clientIdBytes), {}));

/** A request with bytes behind it that no one looks at: so large that it does not come in one piece. */
function large(bytes: number): Buffer {
  const frame = Buffer.concat([request(), Buffer.alloc(bytes)]);
  frame.writeInt32BE(frame.length - 4);
  return frame;
}

/** A frame whose header names no API that there is. */
function malformed(bytes: number): Buffer {
  const frame = Buffer.alloc(4 + bytes, 0x7f);
  frame.writeInt32BE(bytes);
  return frame;
}

test('a connection is read on, however many bytes of requests it has sent in its life', async () => {
  let handled = 0;
  const { server, clients } = await start((one) => {
    handled++;
    systemClock.defer(() => one.respond({}));
  });
  const client = new Client(
    clients,
    Array.from({ length: 120 }, () => request(CLIENT_ID_BYTES)),
  );
  await until(() => handled === 120);
  expect(client.isClosed).toBe(false);
  await until(() => server.memory.used === 0);
});

test('a frame that is no request gives its memory back', async () => {
  const { server, clients } = await start((one) => one.respond({}));
  for (let round = 0; round < 3; round++) {
    const client = new Client(clients, [malformed(500_000)]);
    await until(() => client.isClosed);
  }
  await until(() => server.memory.used === 0);
  const others = new Client(clients, [request(CLIENT_ID_BYTES)]);
  await until(() => others.received > 0);
});

test('what was read of requests that wait for their turn is given back when the connection is closed', async () => {
  const open: Request[] = [];
  const { server, clients } = await start((one) => void open.push(one), { requestMemoryBytes: 64 * 1024 * 1024 });
  new Client(
    clients,
    Array.from({ length: 3 }, () => large(300_000)),
  );
  await until(() => open.length === 1 && server.memory.used > 0);
  open[0]!.closeConnection('cut off');
  expect(server.memory.used).toBe(0);
});

test('a broker that connects beyond max.connections takes the place of the client that was still for longest, not of a broker', async () => {
  const { clients, brokers } = await start((one) => one.respond({}), { maxConnections: () => 3 });
  const connected: Client[] = [];
  for (const port of [brokers, clients, clients, brokers]) {
    const client = new Client(port, [request()]);
    connected.push(client);
    await until(() => client.received > 0);
  }
  await until(() => connected[1]!.isClosed);
  expect(connected.map(({ isClosed }) => isClosed)).toEqual([false, true, false, false]);
});

test('a request whose handler goes on later holds its memory until it lets go or ends, also of a client that is gone', async () => {
  const open: Request[] = [];
  const { server, clients } = await start((received) => {
    received.holdMemory();
    open.push(received);
  });
  const frames = [1, 2, 3].map(() => new Client(clients, [large(300_000)]));
  await until(() => open.length === 3);
  const held = server.memory.used;
  expect(held).toBeGreaterThanOrEqual(900_000);
  open[0]!.letMemoryGo();
  expect(server.memory.used).toBe((held * 2) / 3);
  open[1]!.respondNothing();
  expect(server.memory.used).toBe(held / 3);
  frames[2]!.connection.destroy();
  await until(() => server.connectionCount === 2);
  expect(server.memory.used).toBe(held / 3);
  open[2]!.respondNothing();
  expect(server.memory.used).toBe(0);
});
