/** The way from a broker to the controller: whom it asks, in which version, and what becomes of who waits for it. */
import { nodeTransport, seededRandom, silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { NetworkClient } from '../../../src/network/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import type { MetadataCache } from '../../../src/server/metadata-cache.js';
import { ControllerConnection } from '../../../src/server/ports/controller-channel.js';

interface Sent {
  readonly to: string;
  readonly apiKey: number;
  readonly version: number;
}

class Metadata {
  controllerId = -1;
  readonly nodes = new Map<number, { host: string; port: number }>();
  readonly listeners = new Set<() => void>();

  aliveBrokerNode(id: number): { host: string; port: number } | null {
    return this.nodes.get(id) ?? null;
  }

  onUpdate(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  become(controllerId: number, port = 9092): void {
    this.controllerId = controllerId;
    if (controllerId >= 0) this.nodes.set(controllerId, { host: `host-${controllerId}`, port });
    for (const listener of [...this.listeners]) listener();
  }
}

let metadata: Metadata;
let sent: Sent[];
let closed: string[];
let disconnected: string[];
let answer: (asked: Sent) => object;
let connection: ControllerConnection;
/** The newest version of AlterPartition that a controller says it knows. */
let latest: number;

const addressOf = ({ endpoint }: NetworkClient): string => `${endpoint.host}:${endpoint.port}`;

beforeEach(() => {
  metadata = new Metadata();
  [sent, closed, disconnected] = [[], [], []];
  latest = 3;
  answer = () => ({ errorCode: ErrorCode.NONE, topics: [] });
  const { prototype } = NetworkClient;
  jest.spyOn(prototype, 'send').mockImplementation(async function (this: NetworkClient, apiKey, version) {
    const asked = { to: addressOf(this), apiKey, version };
    if (apiKey === ApiKey.ApiVersions)
      return { apiKeys: [{ apiKey: ApiKey.AlterPartition, maxVersion: latest }] } as never;
    sent.push(asked);
    return answer(asked) as never;
  });
  jest.spyOn(prototype, 'close').mockImplementation(function (this: NetworkClient) {
    closed.push(addressOf(this));
  });
  jest.spyOn(prototype, 'disconnect').mockImplementation(function (this: NetworkClient) {
    disconnected.push(addressOf(this));
  });
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));
  const options = {
    config,
    transport: nodeTransport,
    clock: new SimulatedClock(),
    random: seededRandom(1),
    logger: silentLogger,
  };
  connection = new ControllerConnection(options, 7, metadata as unknown as MetadataCache);
});
afterEach(() => jest.restoreAllMocks());

const ask = (maxVersion = 3) => connection.alterPartition(() => ({}), maxVersion);

/** What became of a promise so far. */
function outcomeOf(promise: Promise<unknown>): { is: 'waiting' | 'answered' | 'refused'; why?: unknown } {
  const outcome: { is: 'waiting' | 'answered' | 'refused'; why?: unknown } = { is: 'waiting' };
  promise.then(
    () => (outcome.is = 'answered'),
    (error: unknown) => Object.assign(outcome, { is: 'refused', why: error }),
  );
  return outcome;
}

test('waits until the metadata name a controller that is alive, and asks it', async () => {
  const asked = outcomeOf(ask());
  const ids = outcomeOf(connection.allocateProducerIds(5n));
  metadata.become(-1);
  metadata.controllerId = 3;
  metadata.become(-1);
  await settle();
  expect([asked.is, ids.is]).toEqual(['waiting', 'waiting']);
  answer = () => ({ errorCode: 0, producerIdStart: 1000n, producerIdLen: 1000 });
  metadata.become(2);
  await settle();
  expect([asked.is, ids.is]).toEqual(['answered', 'answered']);
  expect(sent.map(({ to }) => to)).toEqual(['host-2:9092', 'host-2:9092']);
  // It no longer looks at what the metadata say, and remembers no one who waited.
  expect(metadata.listeners.size).toBe(0);
  expect((connection as unknown as { waiting: ReadonlySet<unknown> }).waiting.size).toBe(0);
});

test('who waits for a controller when the broker stops is refused, and nothing is sent any more', async () => {
  const waiting = [ask(), connection.allocateProducerIds(5n)].map(outcomeOf);
  await settle();
  connection.close();
  await settle();
  expect(waiting).toMatchObject([
    { is: 'refused', why: { kind: 'closed' } },
    { is: 'refused', why: { kind: 'closed' } },
  ]);
  metadata.become(1);
  await expect(ask()).rejects.toMatchObject({ kind: 'closed' });
  expect(sent).toEqual([]);
  expect(metadata.listeners.size).toBe(0);
});

test('goes to where the controller is now, and closes the way to where it was', async () => {
  metadata.become(1);
  await ask();
  await ask();
  // Another broker, another port, another broker at the same address.
  metadata.become(2);
  await ask();
  metadata.become(2, 9093);
  await ask();
  metadata.nodes.set(3, { host: 'host-2', port: 9093 });
  metadata.controllerId = 3;
  await ask();
  expect(sent.map(({ to }) => to)).toEqual(['host-1:9092', 'host-1:9092', 'host-2:9092', 'host-2:9093', 'host-2:9093']);
  expect(closed).toEqual(['host-1:9092', 'host-2:9092', 'host-2:9093']);
  connection.close();
  expect(closed).toHaveLength(4);
});

test.each([
  { maxVersion: 3, known: 2, version: 2 },
  { maxVersion: 1, known: 3, version: 1 },
])(
  'an ISR change that may be sent up to version $maxVersion goes to a controller of version $known in $version',
  async (row) => {
    latest = row.known;
    metadata.become(1);
    expect(await ask(row.maxVersion)).toMatchObject({ version: row.version });
    expect(sent.map(({ version }) => version)).toEqual([row.version]);
  },
);

test('each controller is asked what it knows, and the same one again when it may have come back as another', async () => {
  metadata.become(1);
  await ask();
  latest = 1;
  await ask();
  metadata.become(2);
  await ask();
  latest = 2;
  answer = () => {
    throw new Error('the connection broke');
  };
  await expect(ask()).rejects.toThrow('broke');
  answer = () => ({ errorCode: 0 });
  await ask();
  expect(sent.map(({ version }) => version)).toEqual([3, 3, 1, 1, 2]);
});

test('a broker that is not the controller any more has answered nothing, and is left', async () => {
  metadata.become(1);
  answer = () => ({ errorCode: ErrorCode.NOT_CONTROLLER });
  await expect(ask()).rejects.toMatchObject({ kind: 'disconnected' });
  expect(disconnected).toEqual(['host-1:9092']);
  await expect(connection.allocateProducerIds(5n)).rejects.toMatchObject({ kind: 'disconnected' });
});

test('an error of the controller gives no producer ids', async () => {
  metadata.become(1);
  answer = () => ({ errorCode: ErrorCode.STALE_BROKER_EPOCH, producerIdStart: 0n, producerIdLen: 0 });
  await expect(connection.allocateProducerIds(5n)).rejects.toThrow('STALE_BROKER_EPOCH');
  answer = () => ({ errorCode: 0, producerIdStart: 3000n, producerIdLen: 1000 });
  expect(await connection.allocateProducerIds(5n)).toEqual({ firstProducerId: 3000, length: 1000 });
});
