import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedNetwork } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { ControlChannels } from '../../../src/server/ports/control-channels.js';

test('a broker that accepts a command and never answers is given up after controller.socket.timeout.ms', async () => {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: seededRandom(1) });
  let received = 0;
  await network.transportFor('b2').listen({ host: 'b2', port: 9092 }, (connection) => {
    connection.setHandlers({ onData: (bytes) => (received += bytes.length), onClose: () => undefined });
  });
  const properties = new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['controller.socket.timeout.ms', '30000'],
  ]);
  const { config } = BrokerConfig.parse(properties, new Map());
  const transport = network.transportFor('b1');
  const options = { transport, clock, random: seededRandom(2), logger: silentLogger, config };
  const endPoints = [{ host: 'b2', port: 9092, listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT' as const }];
  const channel = new ControlChannels(options, 1).connect({ id: 2, endPoints, rack: null, epoch: 1n });
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
