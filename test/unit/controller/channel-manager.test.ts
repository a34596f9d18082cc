import { MetricsRegistry, silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import {
  ControllerChannelManager,
  UnsendableRequestError,
  type ControlResponse,
} from '../../../src/controller/channel-manager.js';
import type { ControlRequest } from '../../../src/controller/core/request-batch.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { brokerInfo } from './core/support.js';

const request = (controllerEpoch: number): ControlRequest => ({
  apiKey: ApiKey.UpdateMetadata,
  version: 8,
  body: { controllerEpoch },
});
const epochOf = (sent: ControlRequest): number => (sent.body as { controllerEpoch: number }).controllerEpoch;

/** A broker that is told how to answer: the test settles each request itself. */
function setUp() {
  const clock = new SimulatedClock();
  const inFlight: { epoch: number; succeed(): void; fail(error?: Error): void }[] = [];
  const connections: { closed: boolean }[] = [];
  const answered: number[] = [];
  const factory = {
    connect: () => {
      const connection = { closed: false };
      connections.push(connection);
      return {
        send: (sent: ControlRequest) =>
          new Promise<ControlResponse>((resolve, reject) => {
            inFlight.push({
              epoch: epochOf(sent),
              succeed: () => resolve({ errorCode: 0 }),
              fail: (error = new Error('the connection broke')) => reject(error),
            });
          }),
        close: () => {
          connection.closed = true;
        },
      };
    },
  };
  const metrics = new MetricsRegistry();
  const warnings: string[] = [];
  const shuttingDownBrokerIds = new Set<number>();
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const channels = new ControllerChannelManager(factory, clock, logger, silentLogger, metrics, {
    shuttingDownBrokerIds,
  });
  const send = (epoch: number): void => channels.send(1, request(epoch), () => answered.push(epoch));
  return { clock, channels, inFlight, connections, answered, send, metrics, warnings, shuttingDownBrokerIds };
}

test('sends one request after the other, in order', async () => {
  const { channels, inFlight, answered, send, connections } = setUp();
  channels.startup([brokerInfo(1)]);
  [1, 2, 3].forEach(send);
  await settle();
  expect(inFlight.map(({ epoch }) => epoch)).toEqual([1]);
  for (let i = 0; i < 3; i++) {
    inFlight[i]!.succeed();
    await settle();
  }
  expect(answered).toEqual([1, 2, 3]);
  expect(connections).toHaveLength(1);
});

test('repeats a request over a new connection until it is answered, and lets none overtake it', async () => {
  const { clock, channels, inFlight, answered, send, connections } = setUp();
  channels.addBroker(brokerInfo(1));
  [1, 2].forEach(send);
  await settle();
  inFlight[0]!.fail();
  await settle();
  expect(connections).toEqual([{ closed: true }]);
  await clock.advance(99);
  expect(inFlight).toHaveLength(1);
  await clock.advance(1);
  inFlight[1]!.fail();
  await clock.advance(100);
  inFlight[2]!.succeed();
  await settle();
  inFlight[3]!.succeed();
  await settle();
  expect(inFlight.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 2]);
  expect(answered).toEqual([1, 2]);
  expect(connections).toHaveLength(3);
});

test('forgets a broker that is removed, with what waits and what is under way', async () => {
  const { clock, channels, inFlight, answered, send, connections } = setUp();
  channels.addBroker(brokerInfo(1));
  [1, 2].forEach(send);
  await settle();
  channels.removeBroker(1);
  inFlight[0]!.succeed();
  await clock.advance(1000);
  send(3);
  await clock.advance(1000);
  expect({ answered, sent: inFlight.length, connections }).toEqual({
    answered: [],
    sent: 1,
    connections: [{ closed: true }],
  });
});

test('does not retry for a broker that was removed while it waited to', async () => {
  const { clock, channels, inFlight, send } = setUp();
  channels.addBroker(brokerInfo(1));
  send(1);
  await settle();
  inFlight[0]!.fail();
  await settle();
  channels.shutdown();
  await clock.advance(1000);
  expect(inFlight).toHaveLength(1);
});

test('a broker that comes back is a new one with an empty queue', async () => {
  const { channels, inFlight, answered, send } = setUp();
  channels.addBroker(brokerInfo(1));
  [1, 2].forEach(send);
  await settle();
  channels.removeBroker(1);
  channels.addBroker(brokerInfo(1, 900n));
  send(3);
  await settle();
  inFlight[1]!.succeed();
  await settle();
  expect(answered).toEqual([3]);
});

test('counts what waits for any broker, and not what is under way', async () => {
  const { clock, channels, inFlight, send, metrics } = setUp();
  const size = (): unknown =>
    metrics.snapshot().get('kafka.controller:type=ControllerChannelManager,name=TotalQueueSize');
  for (const id of [1, 2]) channels.addBroker(brokerInfo(id));
  [1, 2, 3].forEach((epoch) => send(epoch));
  for (const epoch of [1, 2]) channels.send(2, request(epoch));
  await settle();
  expect(size()).toBe(3);
  inFlight[0]!.fail();
  await clock.advance(100);
  expect(size()).toBe(3);
  inFlight[2]!.succeed();
  await settle();
  expect(size()).toBe(2);
  channels.removeBroker(1);
  expect(size()).toBe(1);
});

test('goes on with what comes after its queue was empty', async () => {
  const { channels, inFlight, answered, send } = setUp();
  channels.addBroker(brokerInfo(1));
  for (const epoch of [1, 2, 3]) {
    send(epoch);
    await settle();
    inFlight.at(-1)!.succeed();
    await settle();
  }
  expect(answered).toEqual([1, 2, 3]);
});

test('a broker that is added again keeps what waits for it, and its order', async () => {
  const { channels, inFlight, answered, send, connections } = setUp();
  channels.addBroker(brokerInfo(1));
  [1, 2].forEach(send);
  await settle();
  channels.addBroker(brokerInfo(1));
  send(3);
  await settle();
  expect(inFlight).toHaveLength(1);
  for (const at of [0, 1, 2]) {
    inFlight[at]!.succeed();
    await settle();
  }
  expect([answered, connections.length]).toEqual([[1, 2, 3], 1]);
});

test('each outage of a broker is logged once', async () => {
  const { clock, channels, inFlight, send, warnings } = setUp();
  channels.addBroker(brokerInfo(1));
  for (const epoch of [1, 2]) {
    send(epoch);
    await settle();
    for (let failures = 0; failures < 3; failures++) {
      inFlight.at(-1)!.fail();
      await clock.advance(100);
    }
    inFlight.at(-1)!.succeed();
    await settle();
    expect(warnings).toHaveLength(epoch);
  }
});

test('that a broker which stops is away is no warning', async () => {
  const { channels, inFlight, send, warnings, shuttingDownBrokerIds } = setUp();
  channels.addBroker(brokerInfo(1));
  shuttingDownBrokerIds.add(1);
  send(1);
  await settle();
  inFlight[0]!.fail();
  await settle();
  expect(warnings).toEqual([]);
});

test('gives up what cannot be sent, and goes on with what comes after it on the same connection', async () => {
  const { channels, inFlight, answered, send, connections } = setUp();
  channels.startup([brokerInfo(1)]);
  [1, 2].forEach(send);
  await settle();
  inFlight[0]!.fail(new UnsendableRequestError('a port is no int32'));
  await settle();
  inFlight[1]!.succeed();
  await settle();
  expect([inFlight.map(({ epoch }) => epoch), answered, connections.length]).toEqual([[1, 2], [2], 1]);
});
