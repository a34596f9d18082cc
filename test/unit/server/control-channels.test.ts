import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedNetwork } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import type { BrokerChannel } from '../../../src/controller/index.js';
import { ApiKey, encodeRequestFrame } from '../../../src/protocol/index.js';
import { ControlChannels } from '../../../src/server/ports/control-channels.js';

function channelsOf(network: SimulatedNetwork, clock: SimulatedClock): ControlChannels {
  const properties = new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['controller.socket.timeout.ms', '30000'],
  ]);
  const { config } = BrokerConfig.parse(properties, new Map());
  const transport = network.transportFor('b1');
  const options = { transport, clock, random: seededRandom(2), logger: silentLogger, config };
  return new ControlChannels(options, 1);
}

function connect(channels: ControlChannels): BrokerChannel {
  const endPoints = [{ host: 'b2', port: 9092, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' as const }];
  return channels.connect({ id: 2, endPoints, rack: null, epoch: 1n });
}

test('a broker that accepts a command and never answers is given up after controller.socket.timeout.ms', async () => {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(1) });
  let received = 0;
  await network.transportFor('b2').listen({ host: 'b2', port: 9092 }, (connection) => {
    connection.setHandlers({ onData: (bytes) => (received += bytes.length), onClose: () => undefined });
  });
  const channel = connect(channelsOf(network, clock));
  const failures: unknown[] = [];
  const body = { controllerId: 1, controllerEpoch: 1, brokerEpoch: 1n };
  channel.send({ apiKey: ApiKey.UpdateMetadata, version: 7, body }).catch((error: unknown) => failures.push(error));
  await clock.advance(29_000);
  expect(received).toBeGreaterThan(0);
  expect(failures).toEqual([]);
  await clock.advance(2_000);
  expect(failures).toHaveLength(1);
  channel.close();
});

test('what is told of many partitions is the same request, and each has an id of its own', async () => {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(1) });
  const received: Buffer[] = [];
  await network.transportFor('b2').listen({ host: 'b2', port: 9092 }, (connection) => {
    const onData = (bytes: Buffer): void => void received.push(Buffer.from(bytes));
    connection.setHandlers({ onData, onClose: () => undefined });
  });
  const partitionStates = Array.from({ length: 3_000 }, (_, partitionIndex) => ({
    ...{ partitionIndex, controllerEpoch: 1, leader: 1, leaderEpoch: 0, zkVersion: 0 },
    ...{ isr: [1, 2], replicas: [1, 2], offlineReplicas: [] },
  }));
  const topicStates = [{ topicName: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAABg' as const, partitionStates }];
  const body = { controllerId: 1, controllerEpoch: 1, brokerEpoch: 1n, topicStates, liveBrokers: [] };
  const channel = connect(channelsOf(network, clock));
  const answers = [1, 2].map(() => channel.send({ apiKey: ApiKey.UpdateMetadata, version: 7, body }));
  for (const answer of answers) answer.catch(() => undefined);
  await clock.advance(1_000);
  channel.close();
  const expected = [0, 1].flatMap((id) => encodeRequestFrame(ApiKey.UpdateMetadata, 7, id, '1', body));
  expect(Buffer.concat(received).equals(Buffer.concat(expected))).toBe(true);
});

test('a command that is tried again is encoded once', async () => {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(1) });
  let encoded = 0;
  const topicStates = [
    {
      topicId: 'AAAAAAAAAAAAAAAAAAAABg' as const,
      partitionStates: [],
      get topicName() {
        encoded++;
        return 'orders';
      },
    },
  ];
  const body = { controllerId: 1, controllerEpoch: 1, brokerEpoch: 1n, topicStates, liveBrokers: [] };
  const request = { apiKey: ApiKey.UpdateMetadata, version: 7, body };
  const channels = channelsOf(network, clock);
  // Nobody listens there.
  const once = async (): Promise<void> => {
    const channel = connect(channels);
    const failed = expect(channel.send(request)).rejects.toThrow();
    await clock.advance(31_000);
    await failed;
    channel.close();
  };
  await once();
  const first = encoded;
  expect(first).toBeGreaterThan(0);
  await once();
  expect(encoded).toBe(first);
});
