import { nodeTransport, seededRandom, silentLogger, systemClock } from '../../src/common/index.js';
import { EmbeddedZooKeeper } from '../../src/zookeeper/index.js';

interface Client {
  once(event: 'connected', listener: () => void): void;
  connect(): void;
  close(): void;
  create(path: string, data: Buffer, done: (error: Error | null, path: string) => void): void;
  getData(
    path: string,
    watch: (event: { type: number; path: string }) => void,
    done: (error: Error | null, data: Buffer) => void,
  ): void;
  getChildren(path: string, done: (error: Error | null, children: string[]) => void): void;
  setData(path: string, data: Buffer, done: (error: Error | null, result: unknown) => void): void;
  transaction(): Transaction;
}
interface Transaction {
  create(path: string, data: Buffer): Transaction;
  check(path: string, version: number): Transaction;
  commit(done: (error: Error | null, results: unknown) => void): void;
}
const { createClient } = require('node-zookeeper-client') as {
  createClient(connect: string, options: { sessionTimeout: number }): Client;
};

/** Runs one call of the client that ends in a callback. */
const done = <T>(call: (callback: (error: Error | null, result: T) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result))));

test('a client that is not ours works with the embedded ZooKeeper', async () => {
  const server = new EmbeddedZooKeeper({ clock: systemClock, random: seededRandom(1), logger: silentLogger });
  const member = await server.listen(nodeTransport, { host: '127.0.0.1', port: 0 });
  const client = createClient(`127.0.0.1:${member.endpoint.port}`, { sessionTimeout: 6000 });
  try {
    await new Promise<void>((resolve) => {
      client.once('connected', resolve);
      client.connect();
    });
    expect(await done<string>((callback) => client.create('/a', Buffer.from('1'), callback))).toBe('/a');
    const events: unknown[] = [];
    const changed = new Promise<void>((resolve) => {
      void done<Buffer>((callback) =>
        client.getData(
          '/a',
          (event) => {
            events.push([event.type, event.path]);
            resolve();
          },
          callback,
        ),
      ).then((data) => events.push(data.toString()));
    });
    await done<unknown>((callback) => client.setData('/a', Buffer.from('2'), callback));
    await changed;
    // That client may tell of the change before it resolves the read.
    expect(events).toHaveLength(2);
    expect(events).toEqual(expect.arrayContaining(['1', [3, '/a']]));
    await done<unknown>((callback) =>
      client.transaction().check('/a', 1).create('/a/b', Buffer.alloc(0)).commit(callback),
    );
    expect(await done<string[]>((callback) => client.getChildren('/a', callback))).toEqual(['b']);
    await expect(
      done<unknown>((callback) => client.transaction().check('/a', 7).create('/c', Buffer.alloc(0)).commit(callback)),
    ).rejects.toMatchObject({ name: 'BAD_VERSION' });
  } finally {
    client.close();
    await server.close();
  }
});
