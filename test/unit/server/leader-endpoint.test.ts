/** A follower's words to its leader: where they go, what they ask, and whose answer is whose. */
import { silentLogger, seededRandom, systemClock, nodeTransport } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { NetworkClient } from '../../../src/network/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import type { AppendCall, ReplicaManager } from '../../../src/replication/index.js';
import type { MetadataCache } from '../../../src/server/metadata-cache.js';
import { RemoteLeaderEndpoint } from '../../../src/server/ports/leader-endpoint.js';
import { ReplicaPartitionWriter } from '../../../src/server/ports/partition-writer.js';

interface Sent {
  readonly to: string;
  readonly apiKey: number;
  readonly body: object;
}

let sent: Sent[];
let node: { host: string; port: number } | null;
let answer: (apiKey: number, body: object) => object;

afterEach(() => jest.restoreAllMocks());

function newEndpoint(): RemoteLeaderEndpoint {
  sent = [];
  node = { host: 'leader', port: 9092 };
  jest.spyOn(NetworkClient.prototype, 'send').mockImplementation(async function (
    this: NetworkClient,
    apiKey: number,
    _version: number,
    body: object,
  ) {
    sent.push({ to: `${this.endpoint.host}:${this.endpoint.port}`, apiKey, body });
    return answer(apiKey, body) as never;
  });
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));
  const metadata = { aliveBrokerNode: () => node } as unknown as MetadataCache;
  const options = {
    config,
    transport: nodeTransport,
    clock: new SimulatedClock(),
    random: seededRandom(1),
    logger: silentLogger,
  };
  return new RemoteLeaderEndpoint(1, 2, metadata, options);
}

test('each request goes to where the leader is now, and none once it is closed', async () => {
  const endpoint = newEndpoint();
  answer = () => ({});
  const ask = () => endpoint.fetch({}, 15);
  await ask();
  node = { host: 'leader', port: 9093 };
  await ask();
  node = { host: 'other', port: 9093 };
  await ask();
  // Not known to be alive for a moment: it is asked where it was.
  node = null;
  await ask();
  expect(sent.map(({ to }) => to)).toEqual(['leader:9092', 'leader:9093', 'other:9093', 'other:9093']);
  endpoint.close();
  await expect(ask()).rejects.toMatchObject({ kind: 'closed' });
});

test('the ends of epochs are those of the partitions asked for, in whatever order they are answered', async () => {
  const endpoint = newEndpoint();
  const end = (partition: number, endOffset: bigint) => ({ partition, errorCode: 0, leaderEpoch: 3, endOffset });
  answer = () => ({
    topics: [
      { topic: 'bills', partitions: [end(0, 70n)] },
      { topic: 'orders', partitions: [end(1, 11n), end(0, 10n)] },
    ],
  });
  const ask = (topic: string, partition: number) => ({
    tp: { topic, partition },
    currentLeaderEpoch: 5,
    leaderEpoch: 3,
  });
  const asked = [ask('orders', 0), ask('orders', 2), ask('bills', 0), ask('orders', 1)];
  expect(await endpoint.fetchEpochEndOffsets(asked)).toEqual([
    { errorCode: 0, leaderEpoch: 3, endOffset: 10 },
    { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, leaderEpoch: -1, endOffset: -1 },
    { errorCode: 0, leaderEpoch: 3, endOffset: 70 },
    { errorCode: 0, leaderEpoch: 3, endOffset: 11 },
  ]);
});

test('the latest offset is that of the end, and the earliest that of the start', async () => {
  const endpoint = newEndpoint();
  answer = (_apiKey, body) => {
    const { timestamp } = (body as { topics: { partitions: { timestamp: bigint }[] }[] }).topics[0]!.partitions[0]!;
    const offset = timestamp === -1n ? 90n : timestamp === -2n ? 20n : -1n;
    return { topics: [{ partitions: [{ errorCode: 0, offset, leaderEpoch: 4 }] }] };
  };
  const orders = { topic: 'orders', partition: 0 };
  expect(await endpoint.fetchLatestOffset(orders, 4)).toEqual({ errorCode: 0, offset: 90, leaderEpoch: 4 });
  expect(await endpoint.fetchEarliestOffset(orders, 4)).toEqual({ errorCode: 0, offset: 20, leaderEpoch: 4 });
  expect(sent.map(({ apiKey }) => apiKey)).toEqual([ApiKey.ListOffsets, ApiKey.ListOffsets]);
});

test('coordinators write as such, also into internal topics', () => {
  const calls: AppendCall[] = [];
  const parts = {
    appendRecords: (call: AppendCall) => void calls.push(call),
    partitionOf: () => undefined,
    isReadyForAppends: () => true,
  };
  const replicas = parts as unknown as ReplicaManager;
  const tp = { topic: '__transaction_state', partition: 3 };
  const options = { requiredAcks: -1, timeoutMs: 5 };
  new ReplicaPartitionWriter(replicas, systemClock, () => undefined).append(
    tp,
    Buffer.from('records'),
    options,
    () => undefined,
  );
  expect(calls).toMatchObject([{ origin: 'coordinator', internalTopicsAllowed: true, requiredAcks: -1, timeoutMs: 5 }]);
});
