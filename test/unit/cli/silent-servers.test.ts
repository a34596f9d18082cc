/** What a tool waits for at a server that accepts connections and does not answer is said while it lasts, and the wait has an end. */
import net, { type AddressInfo } from 'node:net';
import { ClusterClient } from '../../../src/cli/client/cluster-client.js';
import { openZooKeeper } from '../../../src/cli/client/zookeeper-session.js';
import { seededRandom } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedNetwork } from '../../../src/testing/index.js';

async function silentCluster(...hosts: string[]): Promise<SimulatedNetwork> {
  const network = new SimulatedNetwork({ clock: new SimulatedClock(), random: seededRandom(1) });
  for (const host of hosts) {
    await network.transportFor(host).listen({ host, port: 9092 }, (connection) => {
      connection.setHandlers({ onData: () => undefined, onClose: () => undefined });
    });
  }
  return network;
}

test('a broker that does not answer is told of after a while, and given up for the next one', async () => {
  const network = await silentCluster('one', 'other');
  const clock = network.clock as SimulatedClock;
  const silences: unknown[] = [];
  const client = new ClusterClient({
    bootstrapServers: 'one:9092,other:9092',
    clientId: 'c',
    clock,
    transport: network.transportFor('tool'),
    onSilence: (...told) => silences.push(told),
  });
  const ended = client.metadata([]).catch((error: unknown) => error);
  await clock.advance(4_000);
  expect(silences).toEqual([[-1, { host: 'one', port: 9092 }, 30_000]]);
  await clock.advance(60_000);
  expect(silences).toHaveLength(2);
  expect(String(await ended)).toMatch(/other:9092 timed out. Is it the port of a Kafka broker/);
});

test('a ZooKeeper that does not answer is told of while it is waited for', async () => {
  const server = net.createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const warnings: string[] = [];
  const opening = openZooKeeper(address, (sentence) => void warnings.push(sentence), 200);
  await expect(opening).rejects.toThrow(`Timed out waiting for connection to Zookeeper server at ${address}`);
  expect(warnings).toEqual([
    expect.stringMatching(`^Waiting for ZooKeeper at ${address}, at most 0.2 s: .*not answer`),
  ]);
  await new Promise((resolve) => server.close(resolve));
});
