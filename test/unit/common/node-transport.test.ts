import dns from 'node:dns';
import { nodeTransport, type Connection, type ConnectionHandlers, type Listener } from '../../../src/common/index.js';

const listeners: Listener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function listen(onConnection: (connection: Connection) => void): Promise<Listener> {
  const listener = await nodeTransport.listen({ host: '127.0.0.1', port: 0 }, onConnection);
  listeners.push(listener);
  return listener;
}

/** Sends `bytes`, and resolves with what came back when the other side has closed. */
function exchange(listener: Listener, bytes: Buffer, handlers: Partial<ConnectionHandlers> = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const connection = nodeTransport.connect(listener.endpoint, {
      ...handlers,
      onOpen: () => connection.write([bytes]),
      onData: (chunk) => received.push(Buffer.from(chunk)),
      onClose: (error) => (error ? reject(error) : resolve(Buffer.concat(received))),
    });
  });
}

/** Sends back what comes, and closes after `length` bytes. */
function echo(connection: Connection, length: number, readBuffer?: () => Buffer): void {
  let seen = 0;
  connection.setHandlers({
    ...(readBuffer && { readBuffer }),
    onData(bytes) {
      connection.write([Buffer.from(bytes)]);
      if ((seen += bytes.length) >= length) connection.end();
    },
    onClose: () => undefined,
  });
}

describe('the transport over TCP', () => {
  const payload = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i * 7));

  test('carries bytes both ways', async () => {
    const listener = await listen((connection) => echo(connection, payload.length));
    expect((await exchange(listener, payload)).equals(payload)).toBe(true);
  });

  test('reads into the buffers that both receivers offer', async () => {
    const own = Buffer.alloc(10_000);
    let offered = 0;
    const offer = (): Buffer => own.subarray(0, 1 + (++offered % own.length));
    const listener = await listen((connection) => echo(connection, payload.length, () => Buffer.alloc(5_001)));
    expect((await exchange(listener, payload, { readBuffer: offer })).equals(payload)).toBe(true);
    expect(offered).toBeGreaterThan(100);
  });

  test('holds back a writer whose peer does not read, and tells it when to go on', async () => {
    let drained = false;
    const listener = await listen((connection) => {
      connection.setHandlers({
        onData: () => undefined,
        onDrain() {
          drained = true;
          connection.end();
        },
        onClose: () => undefined,
      });
      const parts = Array.from({ length: 64 }, () => payload);
      expect(connection.write(parts)).toBe(false);
      expect(connection.bufferedBytes).toBeGreaterThan(0);
      expect(connection.unsentBytes).toBeGreaterThan(0);
    });
    const received = await exchange(listener, Buffer.from('x'));
    expect(received.length).toBe(64 * payload.length);
    expect(drained).toBe(true);
  });

  test('reports a refused connection by onClose, once', async () => {
    const listener = await listen(() => undefined);
    await listener.close();
    const closes: (Error | undefined)[] = [];
    await new Promise<void>((resolve) =>
      nodeTransport.connect(listener.endpoint, {
        onOpen: () => closes.push(new Error('it opened')),
        onData: () => undefined,
        onClose(error) {
          closes.push(error);
          resolve();
        },
      }),
    );
    expect(closes).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  test('a paused connection reads nothing until it is resumed', async () => {
    const events: string[] = [];
    const listener = await listen((connection) => {
      connection.setHandlers({
        onData(bytes) {
          events.push(`data ${bytes.toString()}`);
          if (events.length > 1) return connection.end();
          connection.pause();
          connection.write([Buffer.from('more')]);
          events.push('resumed');
          connection.resume();
        },
        readBuffer: () => Buffer.alloc(1),
        onClose: () => undefined,
      });
    });
    await exchange(listener, Buffer.from('ab'));
    expect(events).toEqual(['data a', 'resumed', 'data b']);
  });
});

test('a name with addresses of both families means that of IPv4, as for Java, to listen on and to connect to', async () => {
  const inOrder = (verbatim: boolean | undefined): string[] =>
    verbatim === false ? ['127.0.0.1', '::1'] : ['::1', '127.0.0.1'];
  const promised = jest
    .spyOn(dns.promises, 'lookup')
    .mockImplementation(((_: string, options: dns.LookupOptions) =>
      Promise.resolve({ address: inOrder(options.verbatim)[0]!, family: 4 })) as never);
  const asked: (boolean | undefined)[] = [];
  type Callback = (error: null, found: string | dns.LookupAddress[], family?: number) => void;
  const called = jest.spyOn(dns, 'lookup').mockImplementation(((
    name: string,
    options: dns.LookupOptions | Callback,
    callback: Callback,
  ) => {
    // Node asks so for the address that it is to listen on.
    if (typeof options === 'function') return options(null, name, name.includes(':') ? 6 : 4);
    asked.push(options.verbatim);
    const found = inOrder(options.verbatim);
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as never);
  try {
    const listener = await nodeTransport.listen({ host: 'both.example', port: 0 }, (connection) => echo(connection, 2));
    listeners.push(listener);
    const { port } = listener.endpoint;
    const ofIpv4 = { ...listener, endpoint: { host: '127.0.0.1', port } } as Listener;
    expect(String(await exchange(ofIpv4, Buffer.from('hi')))).toBe('hi');
    expect(String(await exchange(listener, Buffer.from('ho')))).toBe('ho');
    expect(asked).toEqual([false]);
  } finally {
    promised.mockRestore();
    called.mockRestore();
  }
});
