/** Which versions of requests go to other brokers: over a socket, to a server that writes down what comes. */
import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { SocketServer } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import type { MetadataCache } from '../../../src/server/metadata-cache.js';
import { ControllerConnection } from '../../../src/server/ports/controller-channel.js';
import { RemoteLeaderEndpoint } from '../../../src/server/ports/leader-endpoint.js';

const TP = { topic: 't', partition: 0 };

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A broker that answers with what is given, by API. `sent` is what came: `name vN`. */
async function startBroker(answers: Readonly<Record<number, object>>, protocol = '3.6') {
  const sent: string[] = [];
  const server = new SocketServer({
    transport: nodeTransport,
    clock: systemClock,
    logger: silentLogger,
    limits: {
      maxRequestBytes: 1 << 20,
      requestMemoryBytes: 1 << 20,
      maxIdleMs: -1,
      backlog: 1,
      maxConnections: () => 10,
      maxConnectionsOf: () => 10,
    },
    protectedListener: null,
    onRequest(request) {
      sent.push(`${request.header.apiKey} v${request.header.apiVersion}`);
      request.respond(answers[request.header.apiKey]!);
    },
  });
  const port = await server.bind({ listenerName: 'PLAINTEXT', host: '127.0.0.1', port: 0 });
  server.enableProcessing();
  cleanups.push(() => server.shutdown());
  const { config } = BrokerConfig.parse(
    new Map([
      ['broker.id', '1'],
      ['zookeeper.connect', 'zk:2181'],
      ['inter.broker.protocol.version', protocol],
    ]),
  );
  const metadata = {
    controllerId: 2,
    aliveBrokerNode: () => ({ host: '127.0.0.1', port }),
    onUpdate: () => () => undefined,
  };
  const options = { transport: nodeTransport, clock: systemClock, random: systemRandom, logger: silentLogger, config };
  return { sent, options, metadata: metadata as unknown as MetadataCache };
}

test.each([
  { protocol: '3.6', listOffsets: 8, epochs: 4 },
  { protocol: '3.4', listOffsets: 7, epochs: 4 },
  { protocol: '2.0', listOffsets: 3, epochs: 1 },
])(
  'a leader under protocol $protocol is asked in versions that it knows',
  async ({ protocol, listOffsets, epochs }) => {
    const { sent, options, metadata } = await startBroker(
      {
        [ApiKey.ListOffsets]: {
          topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1n, offset: 7n }] }],
        },
        [ApiKey.OffsetForLeaderEpoch]: { topics: [{ topic: 't', partitions: [{ partition: 0, endOffset: 5n }] }] },
      },
      protocol,
    );
    const leader = new RemoteLeaderEndpoint(2, 1, metadata, options);
    cleanups.push(() => leader.close());
    expect(await leader.fetchLatestOffset(TP, 3)).toMatchObject({ errorCode: 0, offset: 7 });
    expect(await leader.fetchEpochEndOffsets([{ tp: TP, currentLeaderEpoch: 3, leaderEpoch: 2 }])).toMatchObject([
      { errorCode: 0, endOffset: 5 },
    ]);
    expect(sent).toEqual([`${ApiKey.ListOffsets} v${listOffsets}`, `${ApiKey.OffsetForLeaderEpoch} v${epochs}`]);
  },
);

test.each([
  { supported: 3, asked: 3, used: 3 },
  { supported: 2, asked: 3, used: 2 },
  { supported: 3, asked: 1, used: 1 },
])('a controller that knows AlterPartition up to v$supported gets v$used where v$asked would do', async (versions) => {
  const { supported, asked, used } = versions;
  const { sent, options, metadata } = await startBroker({
    [ApiKey.ApiVersions]: { apiKeys: [{ apiKey: ApiKey.AlterPartition, minVersion: 0, maxVersion: supported }] },
    [ApiKey.AlterPartition]: {},
  });
  const controller = new ControllerConnection(options, 1, metadata);
  cleanups.push(() => controller.close());
  const build = (): object => ({ brokerId: 1, topics: [] });
  expect((await controller.alterPartition(build, asked)).version).toBe(used);
  await controller.alterPartition(build, asked);
  // Asked once a connection.
  expect(sent).toEqual([`${ApiKey.ApiVersions} v0`, ...[1, 2].map(() => `${ApiKey.AlterPartition} v${used}`)]);
});
