/** What a crowd of clients may cost the others, and whom it costs a connection: each a story, under a clock that stands still. */
import { AssertionError, seededRandom, silentLogger } from '../../../src/common/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { Crowd, requestOf, type FakeConnection } from './support/crowd.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const FOLLOWER = 'broker-2-fetcher-0';

type Options = ConstructorParameters<typeof Crowd>;

async function crowdOf(
  listeners: readonly string[],
  limits: Options[1] = {},
  onRequest: Options[2] = (request) => request.respond({}),
  options: Options[3] = {},
): Promise<Crowd> {
  const crowd = new Crowd(seededRandom(1), limits, onRequest, options);
  await crowd.bind(...listeners);
  return crowd;
}

/** Clients that send the front of a frame and stop. */
function halves(crowd: Crowd, count: number, frameBytes: number, sentBytes: number, clientId = 'c', apiKey?: number) {
  const half = requestOf(frameBytes, 1, clientId, apiKey).subarray(0, sentBytes);
  return Array.from({ length: count }, (_, i) => {
    const connection = crowd.connect(`half-${i}`);
    connection.send(half);
    return connection;
  });
}

function ask(connection: FakeConnection, bytes: number, clientId = 'c', apiKey?: number): FakeConnection {
  connection.send(requestOf(bytes, 7, clientId, apiKey));
  return connection;
}

describe('half-sent frames', () => {
  test.each([
    { title: 'small', frameBytes: 60 * KIB, sentBytes: 50 * KIB },
    { title: 'large', frameBytes: 3 * MIB, sentBytes: 200 * KIB },
  ])(
    'of any number of clients ($title ones) cost no client its next small request',
    async ({ frameBytes, sentBytes }) => {
      const crowd = await crowdOf(['BROKERS']);
      halves(crowd, 500, frameBytes, sentBytes);
      crowd.run(10);
      expect(crowd.server.memory.waiters).toBeGreaterThan(0);
      const other = ask(crowd.connect('other'), 4 * KIB);
      crowd.run(1);
      expect(other.answers).toEqual([7]);
    },
  );

  test('cost no broker its next request of any size, on a listener that clients share', async () => {
    const crowd = await crowdOf(['BROKERS']);
    halves(crowd, 500, 60 * KIB, 50 * KIB);
    halves(crowd, 100, 3 * MIB, 200 * KIB);
    crowd.run(10);
    const follower = ask(crowd.connect('follower'), 300 * KIB, FOLLOWER, ApiKey.Fetch);
    const controller = ask(crowd.connect('controller'), 3 * MIB, '1', ApiKey.LeaderAndIsr);
    crowd.run(1);
    expect([follower.answers, controller.answers]).toEqual([[7], [7]]);
  });

  test.each([
    { title: 'its own listener', listeners: ['CLIENTS', 'BROKERS'], options: {} },
    { title: 'the control plane', listeners: ['BROKERS', 'CONTROL'], options: { controlPlaneListener: 'CONTROL' } },
  ])('of clients that say they are brokers cost no broker on $title anything', async ({ listeners, options }) => {
    const crowd = await crowdOf(listeners, {}, undefined, options);
    halves(crowd, 500, 300 * KIB, 200 * KIB, FOLLOWER, ApiKey.Fetch);
    halves(crowd, 100, 3 * MIB, 200 * KIB);
    crowd.run(10);
    const broker = ask(crowd.connect('broker', 2), 3 * MIB);
    crowd.run(1);
    expect(broker.answers).toEqual([7]);
  });

  test.each([
    { title: 'a broker at an address of its own for two of them', hosts: () => 'liars', withinMs: 5000 },
    { title: 'any broker for those before it', hosts: (i: number) => `liar-${i}`, withinMs: 240_000 },
  ])(
    'of clients that say they are brokers, where those come too, hold up $title if it asks for half of the room',
    async ({ hosts, withinMs }) => {
      const crowd = await crowdOf(['BROKERS']);
      const liars = Array.from({ length: 100 }, (_, i) => {
        const connection = crowd.connect(hosts(i));
        connection.send(requestOf(300 * KIB, 1, FOLLOWER, ApiKey.Fetch).subarray(0, 200 * KIB));
        return connection;
      });
      crowd.run(10);
      const other = ask(crowd.connect('other'), 100 * KIB, FOLLOWER, ApiKey.Fetch);
      const broker = ask(crowd.connect('broker'), 300 * KIB, FOLLOWER, ApiKey.Fetch);
      crowd.run(1);
      expect([other.answers, broker.answers]).toEqual([[7], []]);
      crowd.run(withinMs);
      expect(broker.answers).toEqual([7]);
      expect(liars.some(({ isClosed }) => isClosed)).toBe(true);
    },
  );

  test('cost no broker anything on a listener that clients have to share once theirs is taken away', async () => {
    const crowd = await crowdOf(['CLIENTS', 'BROKERS']);
    await crowd.server.unbind('CLIENTS');
    for (let at = 0; at < 100; at++) crowd.connect(`half-${at}`, 2).send(requestOf(3 * MIB, 1).subarray(0, 200 * KIB));
    crowd.run(10);
    const broker = ask(crowd.connect('broker', 2), 3 * MIB, '1', ApiKey.LeaderAndIsr);
    crowd.run(1);
    expect(broker.answers).toEqual([7]);
  });

  test('give way to those that wait, however they trickle, and no one else is cut off', async () => {
    const crowd = await crowdOf(['BROKERS']);
    const stalled = halves(crowd, 300, 60 * KIB, 50 * KIB);
    crowd.run(10);
    const others = Array.from({ length: 50 }, (_, i) => ask(crowd.connect(`other-${i}`), 60 * KIB));
    for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 500) {
      crowd.run(500);
      for (const connection of stalled) if (!connection.isClosed) connection.send(Buffer.alloc(1));
    }
    expect(others.map(({ answers, isClosed }) => [answers.length, isClosed])).toEqual(others.map(() => [1, false]));
    expect(crowd.server.memory.waiters).toBe(0);
  });

  test('of slow uploads stop no one else at their address, and the operator is told what they wait for', async () => {
    const lines: unknown[] = [];
    const tell = (line: string, fields?: object): void => void lines.push([line, fields]);
    const logger = { ...silentLogger, warn: tell, isEnabled: () => true };
    const crowd = await crowdOf(['BROKERS'], { requestMemoryBytes: 64 * MIB, maxRequestBytes: 16 * MIB }, undefined, {
      logger,
    });
    const frame = requestOf(10 * MIB, 1);
    const uploads = Array.from({ length: 4 }, () => crowd.connect('office'));
    for (const upload of uploads) upload.send(frame.subarray(0, 100 * KIB));
    const answered: number[] = [];
    for (let at = 1; at <= 25; at++) {
      for (const upload of uploads)
        if (!upload.isClosed) upload.send(frame.subarray(at * 400 * KIB, (at + 1) * 400 * KIB));
      const other = ask(crowd.connect('office'), 200 * KIB);
      crowd.run(1000);
      answered.push(other.answers.length);
    }
    expect(crowd.server.memory.waiters).toBeGreaterThan(0);
    expect(answered).toEqual(answered.map(() => 1));
    expect(lines[0]).toEqual([
      'Requests wait for memory: queued.max.request.bytes bounds what is read and not yet handled',
      { bytes: 64 * MIB, waiting: 2 },
    ]);
  });

  test('may take as long as they like while no one waits for their memory', async () => {
    const crowd = await crowdOf(['BROKERS']);
    const slow = halves(crowd, 10, 60 * KIB, 50 * KIB);
    crowd.run(3_600_000);
    for (const connection of slow) connection.send(requestOf(60 * KIB, 1).subarray(50 * KIB));
    crowd.run(1);
    expect(slow.map(({ answers }) => answers)).toEqual(slow.map(() => [1]));
  });

  test('are not late for the time in which the process stood still', async () => {
    const crowd = await crowdOf(['BROKERS']);
    const clients = halves(crowd, 100, 60 * KIB, 50 * KIB);
    crowd.run(1000);
    expect(crowd.server.memory.waiters).toBeGreaterThan(0);
    // Twenty seconds in which no timer fires and nothing is read; then the timers come before the bytes.
    const { clock } = crowd;
    const monotonicMs = clock.monotonicMs.bind(clock);
    jest.spyOn(clock, 'monotonicMs').mockImplementation(() => monotonicMs() + 20_000);
    crowd.run(1000);
    for (const connection of clients) connection.send(requestOf(60 * KIB, 1).subarray(50 * KIB));
    crowd.run(10_000);
    expect(clients.map(({ answers }) => answers)).toEqual(clients.map(() => [1]));
  });
});

describe('requests that wait for their answers', () => {
  test('hold nothing, so that as many others are read as come', async () => {
    const waiting: Request[] = [];
    const crowd = await crowdOf(['BROKERS'], {}, (request) =>
      request.header.clientId === 'waits' ? void waiting.push(request) : request.respond({}),
    );
    for (let i = 0; i < 1000; i++) ask(crowd.connect(`waits-${i}`), 60 * KIB, 'waits');
    crowd.run(1);
    expect([waiting.length, crowd.server.memory.used]).toEqual([1000, 0]);
    const other = ask(crowd.connect('other'), 3 * MIB);
    crowd.run(1);
    expect(other.answers).toEqual([7]);
  });

  test('keep no further request of their connections in memory beyond what all may read ahead', async () => {
    const crowd = await crowdOf(['BROKERS'], {}, () => undefined);
    const clients = Array.from({ length: 1000 }, (_, i) => {
      const connection = crowd.connect(`${i}`);
      for (let count = 0; count < 5; count++) ask(connection, 50 * KIB);
      return connection;
    });
    crowd.run(1);
    const bound = (4 * MIB) / 8 + 1000 * (4 * KIB + 4);
    expect(crowd.server.memory.used).toBeLessThanOrEqual(bound);
    // The rest waits in the kernels.
    const unread = clients.reduce((sum, { unreadByServer }) => sum + unreadByServer, 0);
    expect(unread).toBeGreaterThanOrEqual(1000 * 4 * 50 * KIB - bound);
  });
});

describe('answers that are not read', () => {
  const big = (request: Request, room: Request['answerRoom'] = 'fetches'): void => {
    request.answerRoom = room;
    const hosts = Math.floor(request.availableAnswerBytes / 30_000);
    request.respond({ brokers: Array.from({ length: hosts }, () => ({ host: 'h'.repeat(30_000) })) });
  };

  test.each(['fetches', 'replicas'] as const)(
    'cost their clients the connection when their time is up, while answers of others are held short (%s)',
    async (room) => {
      const crowd = await crowdOf(['BROKERS'], {}, (request) => big(request, room));
      const deaf = Array.from({ length: 4 }, (_, i) => {
        const connection = crowd.connect(`deaf-${i}`);
        connection.isDeaf = true;
        return ask(connection, 100);
      });
      crowd.run(20_000);
      expect(deaf.map(({ isClosed }) => isClosed)).toEqual([false, false, false, false]);
      const rooms = (): string[] =>
        Object.entries(crowd.server.unread).flatMap(([name, { isShort }]) => (isShort ? [name] : []));
      expect(rooms()).toEqual([room]);
      crowd.run(600_000);
      expect(rooms()).toEqual([]);
      expect(deaf.some(({ isClosed }) => isClosed)).toBe(true);
      // What is left keeps no one short.
      expect(deaf.every(({ isClosed }) => isClosed)).toBe(false);
    },
  );

  test('count however little a connection leaves, and are given back when they are read', async () => {
    const answer = (request: Request): void => request.respond({ brokers: [{ host: 'h'.repeat(30_000) }] });
    const crowd = await crowdOf(['BROKERS'], {}, answer);
    const deaf = Array.from({ length: 2000 }, (_, i) => {
      const connection = crowd.connect(`deaf-${i}`);
      connection.isDeaf = true;
      return ask(connection, 100);
    });
    crowd.run(1);
    const { others } = crowd.server.unread;
    const waiting = deaf.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
    expect([others.totalBytes, others.isShort]).toEqual([waiting, true]);
    for (const each of deaf.slice(0, 1500)) each.listen();
    expect(others.totalBytes).toBe(waiting / 4);
    // Those that have read theirs keep their connections however long the others take.
    for (const each of deaf.slice(500, 1500)) {
      each.isDeaf = true;
      ask(each, 100);
    }
    crowd.run(100_000);
    expect(others.isShort).toBe(false);
    expect(deaf.slice(0, 500).some(({ isClosed }) => isClosed)).toBe(false);
    expect(deaf.filter(({ isClosed }) => isClosed).length).toBeGreaterThan(300);
  });

  test('cost their clients the connection after `connections.max.idle.ms`, but not those that read them slowly', async () => {
    const crowd = await crowdOf(['BROKERS'], { maxIdleMs: 600_000 }, big);
    const [slow, deaf] = ['slow', 'deaf'].map((host) => {
      const connection = crowd.connect(host);
      connection.isDeaf = true;
      return ask(connection, 100);
    });
    for (let minutes = 0; minutes < 60; minutes++) {
      crowd.run(60_000);
      slow!.listenFor(100_000);
    }
    expect([slow!.isClosed, deaf!.isClosed]).toEqual([false, true]);
    crowd.run(700_000);
    expect(slow!.isClosed).toBe(true);
  });

  test('count also while they wait for the answer before them, and then no more is asked for', async () => {
    const handled: Request[] = [];
    const crowd = await crowdOf(['BROKERS'], {}, (request) => {
      handled.push(request);
      if (handled.length === 1) request.allowNext();
      else if (handled.length === 2) request.respond({});
      else big(request);
    });
    const client = crowd.connect('client');
    for (let count = 0; count < 10; count++) ask(client, 100);
    crowd.run(1);
    expect(handled).toHaveLength(3);
    expect(crowd.server.unread.fetches.totalBytes).toBeGreaterThan(15 * MIB);
    expect(crowd.server.unread.others.totalBytes).toBe(0);
    handled[0]!.respond({});
    crowd.run(1);
    expect([handled.length, crowd.server.unread.fetches.totalBytes]).toEqual([10, 0]);
  });
});

describe('answers that are ready before their turn', () => {
  test('stop no frame that had begun before, whatever they hold by its end', async () => {
    const requests: Request[] = [];
    const crowd = await crowdOf(['BROKERS'], {}, (request) => {
      requests.push(request);
      request.allowNext();
    });
    const client = crowd.connect('client');
    const third = requestOf(100, 3);
    client.send(Buffer.concat([requestOf(100, 1), requestOf(100, 2), third.subarray(0, 50)]));
    crowd.run(1);
    requests[1]!.respond({ brokers: [1, 2, 3].map(() => ({ host: 'h'.repeat(30_000) })) });
    client.send(third.subarray(50));
    client.send(requestOf(100, 4));
    crowd.run(1);
    expect(requests.map(({ header }) => header.correlationId)).toEqual([1, 2, 3]);
    for (const at of [2, 0]) requests[at]!.respond({});
    crowd.run(1);
    requests[3]!.respond({});
    expect(client.answers).toEqual([1, 2, 3, 4]);
  });
});

describe('connections beyond the bounds', () => {
  test('one that waited and is refused for its address then passes its place on', async () => {
    let mayHave = 10;
    const crowd = await crowdOf(['BROKERS'], {
      maxConnections: () => 1,
      maxConnectionsOf: (address) => (address === 'refused' ? mayHave : 10),
    });
    const first = crowd.connect('first');
    const refused = ask(crowd.connect('refused'), 100);
    const next = ask(crowd.connect('next'), 100);
    mayHave = 0;
    first.vanish();
    crowd.run(1);
    await Promise.resolve();
    crowd.run(1);
    expect([refused.isClosed, next.isClosed, next.answers]).toEqual([true, false, [7]]);
  });

  test('those that wait are served in the order they came, also behind whoever comes when a place is free', async () => {
    const crowd = await crowdOf(['BROKERS'], { maxConnections: () => 1 });
    const first = crowd.connect('first');
    const waiting = ['a', 'b', 'c'].map((host) => ask(crowd.connect(host), 100));
    first.vanish();
    crowd.clock.defer(() => waiting.push(ask(crowd.connect('late'), 100)));
    const order: number[] = [];
    for (let round = 0; round < 4; round++) {
      crowd.run(1);
      await Promise.resolve();
      crowd.run(1);
      const served = waiting.findIndex(({ answers, isClosed }) => answers.length > 0 && !isClosed);
      order.push(served);
      waiting[served]?.vanish();
    }
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('a place that is free on one listener is not kept for those that wait for another', async () => {
    const crowd = await crowdOf(['CLIENTS', 'OTHERS'], {
      maxConnectionsOfListener: (listenerName) => (listenerName === 'CLIENTS' ? 1 : 10),
    });
    crowd.connect('first');
    const waits = ask(crowd.connect('waits'), 100);
    const other = ask(crowd.connect('other', 2), 100);
    crowd.run(1);
    expect([waits.answers, other.answers]).toEqual([[], [7]]);
  });

  test('those that wait are let in when the bound is raised', async () => {
    let maxConnections = 1;
    const crowd = await crowdOf(['BROKERS'], { maxConnections: () => maxConnections });
    crowd.connect('first');
    const waits = ask(crowd.connect('waits'), 100);
    maxConnections = 2;
    crowd.run(30_000);
    await Promise.resolve();
    crowd.run(1);
    expect(waits.answers).toEqual([7]);
  });
});

describe('faults', () => {
  test('an assertion of ours that fails in a handler costs the connection, and stops the broker', async () => {
    const fatal: AssertionError[] = [];
    const failure = new AssertionError('a bug');
    const crowd = await crowdOf(
      ['BROKERS'],
      {},
      () => {
        throw failure;
      },
      { onFatalError: (error) => void fatal.push(error) },
    );
    const client = ask(crowd.connect('client'), 100);
    crowd.run(1);
    expect([client.isClosed, fatal]).toEqual([true, [failure]]);
  });

  test('an assertion of ours that fails while a frame is read is not taken for a bad frame', async () => {
    const crowd = await crowdOf(['BROKERS']);
    ask(crowd.connect('client'), 10_000);
    const failure = new AssertionError('a bug');
    jest.spyOn(crowd.server.memory, 'take').mockImplementation(() => {
      throw failure;
    });
    expect(() => crowd.run(1)).toThrow(failure);
  });

  test('a request keeps who asked, whoever the connection belongs to afterwards', async () => {
    const requests: Request[] = [];
    const crowd = await crowdOf(['BROKERS'], {}, (request) => void requests.push(request));
    ask(crowd.connect('client'), 100);
    crowd.run(1);
    const before = requests[0]!.connection.principal;
    requests[0]!.connection.principal = { type: 'User', name: 'another' };
    expect(requests[0]!.principal).toBe(before);
  });
});
