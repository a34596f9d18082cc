import {
  nodeTransport,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Connection,
  type Logger,
} from '../../../src/common/index.js';
import { NetworkClient, SocketServer, type Request, type SocketServerLimits } from '../../../src/network/index.js';
import { ApiKey, encodeRequestFrame } from '../../../src/protocol/index.js';

const LIMITS: SocketServerLimits = {
  maxRequestBytes: 100 * 1024 * 1024,
  requestMemoryBytes: 4 * 1024 * 1024,
  maxIdleMs: -1,
  backlog: 1,
  maxConnections: () => 1000,
  maxConnectionsOf: () => 1000,
};

interface Setup {
  server: SocketServer;
  port: number;
  requests: Request[];
}

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(
  limits: Partial<SocketServerLimits> = {},
  handle: ((request: Request) => void) | null = (request) => request.respond({ clusterId: request.header.clientId }),
  logger: Logger = silentLogger,
  clock: Clock = systemClock,
): Promise<Setup> {
  const requests: Request[] = [];
  const server = new SocketServer({
    transport: nodeTransport,
    clock,
    logger,
    limits: { ...LIMITS, ...limits },
    protectedListener: null,
    onRequest(request) {
      requests.push(request);
      handle?.(request);
    },
  });
  const port = await server.bind({ listenerName: 'PLAINTEXT', host: '127.0.0.1', port: 0 });
  server.enableProcessing();
  cleanups.push(() => server.shutdown());
  return { server, port, requests };
}

function client(port: number, options: { requestTimeoutMs?: number } = {}): NetworkClient {
  const made = new NetworkClient({
    transport: nodeTransport,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    endpoint: { host: '127.0.0.1', port },
    clientId: 'tester',
    requestTimeoutMs: options.requestTimeoutMs ?? 20_000,
    reconnectBackoffMs: 1,
    reconnectBackoffMaxMs: 10,
    connectTimeoutMs: 5000,
  });
  cleanups.push(() => made.close());
  return made;
}

/** A connection that sends raw bytes and counts what comes back. */
class RawClient {
  received = 0;
  isClosed = false;
  readonly connection: Connection;
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;

  constructor(port: number, bytes: readonly Buffer[] = []) {
    let open: () => void;
    let close: () => void;
    this.opened = new Promise((resolve) => (open = resolve));
    this.closed = new Promise((resolve) => (close = resolve));
    this.connection = nodeTransport.connect(
      { host: '127.0.0.1', port },
      {
        onOpen: () => {
          if (bytes.length > 0) this.connection.write(bytes);
          open();
        },
        onData: (data) => (this.received += data.length),
        onClose: () => {
          this.isClosed = true;
          close();
        },
      },
    );
    cleanups.push(() => this.connection.destroy());
  }
}

/** Ends with the test that waits, so that one which waits in vain holds up no other. */
async function until(condition: () => boolean): Promise<void> {
  const { currentTestName } = expect.getState();
  while (!condition()) {
    if (expect.getState().currentTestName !== currentTestName) throw new Error(`not met: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function describeCluster(to: NetworkClient): Promise<{ clusterId: string }> {
  return to.send(ApiKey.DescribeCluster, 0, {});
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const DESCRIBE_CLUSTER = named('c');

function named(clientId: string): Buffer {
  return Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, clientId, {}));
}

describe('the socket server', () => {
  test('answers pipelined requests in their order, and handles one of a connection at a time', async () => {
    let underWay = 0;
    const { port, requests } = await start({}, (request) => {
      expect(++underWay).toBe(1);
      systemClock.setTimer(requests.length % 3, () => {
        underWay--;
        request.respond({ errorMessage: `${requests.length}` });
      });
    });
    const to = client(port);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => to.send<{ errorMessage: string }>(ApiKey.DescribeCluster, 0, {})),
    );
    expect(answers.map(({ errorMessage }) => errorMessage)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
  });

  test('keeps the order of answers when a request lets the next one pass', async () => {
    const { port, requests } = await start({}, (request) => request.allowNext());
    const to = client(port);
    const order: number[] = [];
    const all = [0, 1, 2].map((i) => describeCluster(to).then(() => order.push(i)));
    await until(() => requests.length === 3);
    requests[2]!.respond({});
    requests[1]!.respond({});
    requests[0]!.respond({});
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2]);
  });

  test('reads on while a request is being handled, but not without bound', async () => {
    const { port, requests, server } = await start({}, null);
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'x'.repeat(20_000), {}));
    new RawClient(
      port,
      Array.from({ length: 2000 }, () => frame),
    );
    await until(() => requests.length === 1);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(requests).toHaveLength(1);
    expect(server.memory.used).toBeLessThan(1024 * 1024);
  });

  test.each([
    ['a negative length', [int32(-1)]],
    ['a zero length', [int32(0)]],
    ['an oversize frame', [int32(100 * 1024 * 1024 + 1)]],
    ['a short header', [int32(4), Buffer.from([0, 3, 0, 12])]],
    ['an unknown api key', [Buffer.from('0000000e03e7000000000007000470726f62', 'hex')]],
    ['an unknown version', [Buffer.from('0000000e00030063000000070004000000000000', 'hex')]],
    ['HTTP', [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')]],
  ])('closes the connection of %s, and serves others', async (_what, bytes) => {
    const { port, requests } = await start();
    await new RawClient(port, bytes).closed;
    expect(requests).toHaveLength(0);
    expect(await describeCluster(client(port))).toMatchObject({ clusterId: 'tester' });
  });

  test('does not flood the log for a flood of bad frames', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message), isEnabled: () => true };
    const { port } = await start({}, null, logger);
    for (let i = 0; i < 30; i++) await new RawClient(port, [int32(-1)]).closed;
    expect(warnings).toEqual(Array.from({ length: 5 }, () => 'Closed a connection for an invalid frame'));
  });

  test('serves others while forty connections announce 100 MB each and send without end', async () => {
    const { port, server, requests } = await start({}, (request) => request.respond({}));
    const megabyte = Buffer.alloc(1024 * 1024);
    const greedy = Array.from({ length: 40 }, () => new RawClient(port, [int32(100 * 1024 * 1024), megabyte]));
    await until(() => server.memory.waiters >= 30);
    // One at a time may be larger than all there is.
    expect(server.memory.used).toBeLessThan((100 + 4) * 1024 * 1024);
    for (let i = 0; i < 10; i++) await describeCluster(client(port));
    expect(requests).toHaveLength(10);
    for (const each of greedy) each.connection.destroy();
    await until(() => server.connectionCount <= 10);
    expect(server.memory.used).toBe(0);
  });

  test('reads on while requests are unanswered that are larger together than its memory', async () => {
    const { port, server, requests } = await start({}, null);
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'x'.repeat(30_000), {}));
    const large = Buffer.concat([int32(2_000_000 + frame.length - 4), frame.subarray(4), Buffer.alloc(2_000_000)]);
    for (let i = 0; i < 6; i++) new RawClient(port, [large]);
    await until(() => requests.length === 6);
    expect([server.memory.waiters, server.memory.used]).toEqual([0, 0]);
  });

  test('uses the memory of a released frame for the next, before the request is answered', async () => {
    const memories: ArrayBufferLike[] = [];
    const { port, requests } = await start({}, (request) => {
      memories.push(request.frame.buffer);
      if (memories.length > 1) return;
      request.releaseFrame();
      // Once more, and by its answer, gives back nothing that another may have by now.
      request.releaseFrame();
    });
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'x'.repeat(30_000), {}));
    for (let count = 1; count <= 3; count++) {
      new RawClient(port, [frame]);
      await until(() => requests.length === count);
      if (count === 2) requests[0]!.respond({});
    }
    expect(memories[1]).toBe(memories[0]);
    expect(memories[2]).not.toBe(memories[0]);
    expect(() => requests[0]!.frame).toThrow('no one reads a frame that was released');
  });

  test('keeps no frame of a request that waits for its answer, unless its handler says that it goes on with it', async () => {
    const { port, requests } = await start({}, (request) => {
      if (requests.length === 2) request.holdMemory();
    });
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c', {}));
    for (let count = 1; count <= 2; count++) {
      new RawClient(port, [frame]);
      await until(() => requests.length === count);
    }
    expect(() => requests[0]!.frame).toThrow('no one reads a frame that was released');
    expect(requests[1]!.frame.equals(frame.subarray(4))).toBe(true);
    requests[1]!.respond({});
    expect(() => requests[1]!.frame).toThrow('no one reads a frame that was released');
  });

  test('handles the next request of a connection only after whoever answered the last is through', async () => {
    const { port, requests } = await start({}, null);
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c', {}));
    new RawClient(port, [frame, frame]);
    await until(() => requests.length === 1);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    requests[0]!.respond({});
    expect(requests).toHaveLength(1);
    await until(() => requests.length === 2);
  });

  test('handles no further request of a client that does not read its answers', async () => {
    const big = { errorMessage: 'x'.repeat(30_000) };
    const { port, requests } = await start({}, (request) => request.respond(big));
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c', {}));
    const lazy = new RawClient(
      port,
      Array.from({ length: 3000 }, () => frame),
    );
    lazy.connection.pause();
    let seen = -1;
    while (seen !== requests.length) {
      seen = requests.length;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toBeLessThan(3000);
    lazy.connection.resume();
    await until(() => requests.length === 3000);
  });

  test('three clients that do not read leave the next one megabytes, and give them back when they go', async () => {
    const available: number[] = [];
    const { port, server } = await start({}, (request) => {
      request.answerRoom = 'fetches';
      available.push(request.availableAnswerBytes);
      const hosts = Math.ceil(request.availableAnswerBytes / 30_000);
      request.respond({ brokers: Array.from({ length: hosts }, () => ({ host: 'h'.repeat(30_000) })) });
    });
    const frame = Buffer.concat(encodeRequestFrame(ApiKey.DescribeCluster, 0, 1, 'c', {}));
    const lazy: RawClient[] = [];
    for (let count = 1; count <= 3; count++) {
      const each = new RawClient(port, [frame]);
      each.connection.pause();
      lazy.push(each);
      await until(() => available.length === count);
    }
    expect(server.unread.fetches.availableTo('127.0.0.1')).toBeLessThan(available[0]!);
    expect(server.unread.fetches.availableTo('127.0.0.1')).toBeGreaterThan(4 * 1024 * 1024);
    for (const each of lazy) each.connection.destroy();
    await until(() => server.connectionCount === 0);
    expect(server.unread.fetches.availableTo('127.0.0.1')).toBe(available[0]);
  });

  test('an answer that is being made counts as unread, as far as there is room, until it is sent or its client is gone', async () => {
    const MIB = 1024 * 1024;
    const waiting: Request[] = [];
    const { port, server } = await start({}, (request) => void waiting.push(request));
    const ask = async (): Promise<{ asker: RawClient; request: Request }> => {
      const asker = new RawClient(port, [DESCRIBE_CLUSTER]);
      await until(() => waiting.length === 1);
      return { asker, request: waiting.pop()! };
    };
    const first = await ask();
    const second = await ask();
    const claims = [first, second, first, second].map(({ request }) => request.claimAnswer(20 * MIB));
    expect([claims, server.unread.others.totalBytes]).toEqual([[true, true, true, false], 60 * MIB]);
    first.request.respond({ clusterId: 'c' });
    expect([first.request.claimAnswer(1), server.unread.others.totalBytes]).toEqual([false, 20 * MIB]);
    second.asker.connection.destroy();
    await until(() => second.request.isAbandoned);
    expect([second.request.claimAnswer(1), server.unread.others.totalBytes]).toEqual([false, 0]);
    second.request.closeConnection('it is gone');
    expect(server.unread.others.totalBytes).toBe(0);
  });

  test('what is read for an answer counts as unread until it is given or its client is gone, and does not make that answer smaller', async () => {
    const MIB = 1024 * 1024;
    const waiting: Request[] = [];
    const { port, server } = await start({}, (request) => {
      request.answerRoom = 'fetches';
      waiting.push(request);
    });
    const askers = [new RawClient(port, [DESCRIBE_CLUSTER]), new RawClient(port, [DESCRIBE_CLUSTER])];
    await until(() => waiting.length === 2);
    const [first, second] = waiting as [Request, Request];
    const { fetches } = server.unread;
    const before = first.availableAnswerBytes;
    first.holdRead(10 * MIB);
    first.holdRead(40 * MIB);
    second.holdRead(8 * MIB);
    expect(fetches.totalBytes).toBe(48 * MIB);
    expect([first.availableAnswerBytes, second.availableAnswerBytes]).toEqual([before - 2 * MIB, before - 10 * MIB]);
    first.respond({ clusterId: 'c' });
    first.holdRead(1);
    expect(fetches.totalBytes).toBe(8 * MIB);
    for (const { connection } of askers) connection.destroy();
    await until(() => second.isAbandoned);
    second.holdRead(1);
    second.respondNothing();
    expect(fetches.totalBytes).toBe(0);
  });

  test('what consumers do not read leaves room for other answers, and what replicas do not read counts nowhere', async () => {
    const rooms = ['fetches', 'fetches', null, 'fetches', 'others'] as const;
    const asked: Request[] = [];
    const claims: boolean[] = [];
    const { port, server } = await start({}, (request) => {
      request.answerRoom = rooms[asked.push(request) - 1]!;
      if (request.answerRoom === 'others') claims.push(request.claimAnswer(20 * 1024 * 1024));
      // Three times as much is more than all fetches may take.
      const hosts = request.answerRoom === 'others' ? 1 : 1600;
      request.respond({ brokers: Array.from({ length: hosts }, () => ({ host: 'h'.repeat(30_000) })) });
    });
    const { fetches, others } = server.unread;
    const before = { toFetch: fetches.shares.leftFor('else'), toOthers: others.shares.leftFor('127.0.0.1') };
    const lazy: RawClient[] = [];
    for (let count = 1; count < rooms.length; count++) {
      const each = new RawClient(port, [DESCRIBE_CLUSTER]);
      each.connection.pause();
      lazy.push(each);
      await until(() => asked.length === count);
    }
    expect(fetches.shares.leftFor('else')).toBeLessThan(0);
    expect(fetches.totalBytes).toBeLessThan(3 * 1600 * 30_100);
    expect(others.shares.leftFor('127.0.0.1')).toBe(before.toOthers);
    expect(await describeCluster(client(port))).toMatchObject({ brokers: [expect.anything()] });
    expect(claims).toEqual([true]);
    for (const each of lazy) each.connection.destroy();
    await until(() => server.connectionCount === 1);
    expect([fetches.shares.leftFor('else'), others.totalBytes]).toEqual([before.toFetch, 0]);
  });

  test('closes idle connections, also one that sent half a frame', async () => {
    const { port } = await start({ maxIdleMs: 100 });
    await Promise.all([new RawClient(port).closed, new RawClient(port, [Buffer.from([0, 0, 0, 20, 0])]).closed]);
    expect(await describeCluster(client(port))).toMatchObject({ clusterId: 'tester' });
  });

  test('closes idle connections whose request waits: who has gone with another one begun is not seen otherwise', async () => {
    const { port, server, requests } = await start({ maxIdleMs: 100 }, () => undefined);
    const gone = new RawClient(port, [DESCRIBE_CLUSTER, int32(20)]);
    await until(() => requests.length === 1);
    gone.connection.destroy();
    await until(() => server.connectionCount === 0);
    await expect(describeCluster(client(port))).rejects.toThrow(/no connection|closed|connection/);
  });

  test('closes a crowd over many turns of the loop', async () => {
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
    const { port, server } = await start({ maxIdleMs: 1000 }, undefined, silentLogger, clock);
    const crowd = Array.from({ length: 60 }, () => new RawClient(port));
    await until(() => server.connectionCount === crowd.length);
    const byTurn: number[] = [0];
    let turn = 0;
    const countTurns = (): void => {
      if (turn >= 0) setImmediate(countTurns);
      turn++;
    };
    countTurns();
    const { onClosed } = server;
    jest.spyOn(server, 'onClosed').mockImplementation((connection) => {
      // What it takes to close one.
      nowMs += 2;
      byTurn[turn] = (byTurn[turn] ?? 0) + 1;
      onClosed.call(server, connection);
    });
    nowMs += 1000;
    await until(() => server.connectionCount === 0);
    turn = -1e9;
    expect(Math.max(...byTurn.filter(Boolean))).toBeLessThanOrEqual(10);
  });

  test('one connection with hundreds of requests in a write leaves others their turns', async () => {
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
    const { port, requests } = await start(
      {},
      (request) => {
        nowMs += 5;
        if (requests.length === 1) other.connection.write([named('other')]);
        request.respond({});
      },
      silentLogger,
      clock,
    );
    const other = new RawClient(port);
    await other.opened;
    const flood = new RawClient(
      port,
      Array.from({ length: 400 }, () => named('flood')),
    );
    await until(() => requests.length === 401);
    const names = requests.map(({ header }) => header.clientId);
    // How many turns the bytes take on their way is the kernel's affair.
    expect(names.indexOf('other')).toBeLessThan(300);
    expect(flood.isClosed).toBe(false);
  });

  test('lets a connection beyond max.connections wait for another to end', async () => {
    const { port, requests } = await start({ maxConnections: () => 1 });
    const first = client(port);
    await describeCluster(first);
    const second = new RawClient(port, [DESCRIBE_CLUSTER]);
    await second.opened;
    // One beyond the backlog is refused: the second had its turn before it, and is neither served nor closed.
    const third = new RawClient(port, [DESCRIBE_CLUSTER]);
    await until(() => third.isClosed || third.received > 0);
    expect([third.isClosed, third.received]).toEqual([true, 0]);
    expect([second.isClosed, second.received, requests.length]).toEqual([false, 0, 1]);
    first.close();
    await until(() => second.isClosed || second.received > 0);
    expect([second.isClosed, requests.length]).toEqual([false, 2]);
  });

  test('closes the least active once max.connections is lowered, when the next one comes', async () => {
    let max = 10;
    const { port, server } = await start({ maxConnections: () => max });
    const clients: RawClient[] = [];
    for (let i = 0; i < 10; i++) {
      const each = new RawClient(port);
      clients.push(each);
      await until(() => server.connectionCount === i + 1);
    }
    for (const each of clients.slice(3, 7)) {
      each.connection.write([DESCRIBE_CLUSTER]);
      await until(() => each.received > 0);
    }
    max = 4;
    new RawClient(port);
    await until(() => server.connectionCount === 4);
    await until(() => clients.filter(({ isClosed }) => isClosed).length === 6);
    expect(clients.slice(3, 7).map(({ isClosed }) => isClosed)).toEqual([false, false, false, false]);
  });

  test('refuses connections beyond max.connections.per.ip', async () => {
    const { port, requests } = await start({ maxConnectionsOf: () => 1 });
    await describeCluster(client(port));
    const second = new RawClient(port, [DESCRIBE_CLUSTER]);
    await until(() => second.isClosed || second.received > 0);
    expect([second.isClosed, second.received, requests.length]).toEqual([true, 0, 1]);
  });

  test('holds requests back until processing is enabled', async () => {
    const requests: Request[] = [];
    const server = new SocketServer({
      transport: nodeTransport,
      clock: systemClock,
      logger: silentLogger,
      limits: LIMITS,
      protectedListener: null,
      onRequest(request) {
        requests.push(request);
        request.respond({});
      },
    });
    cleanups.push(() => server.shutdown());
    const port = await server.bind({ listenerName: 'PLAINTEXT', host: '127.0.0.1', port: 0 });
    const answer = describeCluster(client(port));
    await until(() => server.connectionCount === 1);
    expect(requests).toHaveLength(0);
    server.enableProcessing();
    await answer;
  });
});

describe('the network client', () => {
  test('fails a request that is not answered in time, and connects anew for the next', async () => {
    const { port, requests } = await start({}, (request) => {
      if (requests.length > 1) request.respond({});
    });
    const to = client(port, { requestTimeoutMs: 50 });
    await expect(describeCluster(to)).rejects.toMatchObject({ kind: 'timeout' });
    await to.send(ApiKey.DescribeCluster, 0, {}, 20_000);
    expect(requests).toHaveLength(2);
  });

  test('fails what is pending when the connection breaks', async () => {
    const { port } = await start({}, (request) => request.closeConnection('a test'));
    await expect(describeCluster(client(port))).rejects.toMatchObject({ kind: 'disconnected' });
  });

  test('reports a broker that is not there', async () => {
    const { port, server } = await start();
    await server.shutdown();
    await expect(describeCluster(client(port))).rejects.toMatchObject({ kind: 'disconnected' });
  });
});

test('a request that is not answered when its connection is closed is told so, once', async () => {
  let abandoned = 0;
  const { port, requests } = await start({}, (request) => {
    if (requests.length === 1) request.onAbandoned = () => abandoned++;
    else request.respond({});
  });
  const frame = encodeRequestFrame(ApiKey.Metadata, 1, 1, 'c', { topics: null });
  const sender = new RawClient(port, frame);
  await until(() => requests.length === 1);
  expect(abandoned).toBe(0);
  sender.connection.destroy();
  await until(() => abandoned === 1);
  requests[0]!.respondNothing();
  requests[0]!.abandon();
  expect(abandoned).toBe(1);
});

test('a handler that throws costs the connection, is logged as what it is, and the others are served', async () => {
  const logged: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (sentence, fields) => void logged.push(`${sentence}: ${String(fields?.error)}`),
  };
  const { server, port } = await start(
    {},
    (request) => {
      if (request.header.correlationId === 7) throw new Error('a bug');
      request.respond({ clusterId: 'fine' });
    },
    logger,
  );
  await new RawClient(port, encodeRequestFrame(ApiKey.DescribeCluster, 0, 7, 'tester', {})).closed;
  await expect(describeCluster(client(port))).resolves.toMatchObject({ clusterId: 'fine' });
  expect(server.connectionCount).toBe(1);
  expect(logged).toEqual(['A request could not be handled: Error: a bug']);
});
