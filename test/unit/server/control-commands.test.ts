/** The handlers of what only a controller sends: in which order its commands are carried out, whoever waits for whom. */
import { silentLogger, type Uuid } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { ApiKey, decodeRequestHeader, decodeResponseFrame, ErrorCode } from '../../../src/protocol/index.js';
import { noQuotas } from '../../../src/security/index.js';
import { ControlOrder } from '../../../src/server/control-order.js';
import { API_HANDLERS } from '../../../src/server/index.js';
import { RequestDispatcher } from '../../../src/server/request-dispatcher.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { noSteps } from './metadata-updates.js';
import { frameOf, requestOf } from './request-of.js';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAEQ';

/** A broker whose replicas and ZooKeeper answer when the test says so. */
class Broker {
  /** What was carried out, in order; an entry with `…` has begun and not ended. */
  readonly done: string[] = [];
  brokerEpoch = 1n;
  isAuthorized = true;
  readonly knownTopics = new Set<string>();
  endCommand: () => void = () => undefined;
  endLoad: () => void = () => undefined;
  /** What a StopReplica deleted is durable at once, unless a test says otherwise. */
  durable: Promise<void> = Promise.resolve();
  private readonly dispatcher = new RequestDispatcher(API_HANDLERS, this.services());

  /** Sends a request; gives what becomes of it, filled in later. */
  send(apiKey: number, version: number, body: object, connection = 1): { answer?: object; closed?: string } {
    const outcome: { answer?: object; closed?: string } = {};
    const frame = frameOf(apiKey, version, body, '2');
    const header = decodeRequestHeader(frame);
    const request = requestOf(
      frame,
      {
        answered: (_request, chunks) => {
          outcome.answer = decodeResponseFrame(header.apiKey, version, Buffer.concat(chunks!).subarray(4)).body;
        },
        refused: (reason) => {
          outcome.closed = reason;
        },
      },
      { id: `127.0.0.1:9092-127.0.0.1:4711-${connection}` },
    );
    this.dispatcher.dispatch(request);
    return outcome;
  }

  leaderAndIsr(topicName: string, connection = 1, brokerEpoch = 1n) {
    const body = { controllerId: 2, controllerEpoch: 1, brokerEpoch, topicStates: [{ topicName, topicId: TOPIC_ID }] };
    return this.send(ApiKey.LeaderAndIsr, 7, body, connection);
  }

  stopReplica(topicName: string, connection = 1, brokerEpoch = 1n) {
    const partitionStates = [{ partitionIndex: 0, leaderEpoch: -2, deletePartition: true }];
    const body = { controllerId: 2, controllerEpoch: 1, brokerEpoch, topicStates: [{ topicName, partitionStates }] };
    return this.send(ApiKey.StopReplica, 4, body, connection);
  }

  updateMetadata(connection = 1) {
    const body = { controllerId: 2, controllerEpoch: 1, brokerEpoch: 1n };
    return this.send(ApiKey.UpdateMetadata, 7, body, connection);
  }

  private services(): BrokerServices {
    const { done, knownTopics } = this;
    const carryOut = async <T>(name: string, answer: T): Promise<T> => {
      done.push(`${name} …`);
      await new Promise<void>((resolve) => (this.endCommand = resolve));
      done.push(name);
      return answer;
    };
    const services = {
      clock: new SimulatedClock(),
      logger: silentLogger,
      stateChangeLogger: silentLogger,
      quotas: noQuotas,
      authorizer: { authorize: () => this.isAuthorized },
      controlOrder: new ControlOrder(),
      topicConfigs: {
        unknownOf: (topics: ReadonlyMap<string, Uuid>) =>
          new Map([...topics].filter(([topic]) => !knownTopics.has(topic))),
        load: async (topics: ReadonlyMap<string, Uuid>) => {
          await new Promise<void>((resolve) => (this.endLoad = resolve));
          for (const topic of topics.keys()) knownTopics.add(topic);
        },
        forget: (topic: string) => knownTopics.delete(topic),
      },
      metadata: {
        forgetReplaced: () => noSteps([]),
        draft: () => noSteps({}),
        putInForce: () => (done.push('UpdateMetadata'), []),
        merge: () => noSteps(undefined),
        isFirstAfterChange: () => false,
      },
      groups: {},
      logs: { logsByTopic: () => [] },
      replicas: {
        controllerEpoch: 1,
        becomeLeaderOrFollower: () => carryOut('LeaderAndIsr', { errorCode: 0, topics: [] }),
        stopReplicas: () => carryOut('StopReplica', { errorCode: 0, partitions: this.durable.then(() => []) }),
        maybeUpdateMetadata: (_epoch: number, apply: () => void) => (apply(), ErrorCode.NONE),
        onlinePartitions: () => [],
      },
    };
    const brokerEpoch = (): bigint => this.brokerEpoch;
    return {
      ...services,
      get brokerEpoch() {
        return brokerEpoch();
      },
    } as unknown as BrokerServices;
  }
}

test('a command begins when the one before it is done, whichever connection it came on', async () => {
  const broker = new Broker();
  broker.knownTopics.add('orders');
  const first = broker.leaderAndIsr('orders');
  const second = broker.stopReplica('orders', 2);
  const third = broker.updateMetadata(3);
  await settle();
  expect(broker.done).toEqual(['LeaderAndIsr …']);
  broker.endCommand();
  await settle();
  expect(broker.done).toEqual(['LeaderAndIsr …', 'LeaderAndIsr', 'StopReplica …']);
  expect([first.answer, second.answer, third.answer]).toEqual([expect.anything(), undefined, undefined]);
  broker.endCommand();
  await settle();
  expect(broker.done.slice(3)).toEqual(['StopReplica', 'UpdateMetadata']);
  expect(third.answer).toMatchObject({ errorCode: 0 });
});

test('a command that waited for its turn while this broker registered again is for an earlier life of it', async () => {
  const broker = new Broker();
  broker.knownTopics.add('orders');
  broker.leaderAndIsr('orders');
  const stop = broker.stopReplica('orders', 2);
  const lead = broker.leaderAndIsr('orders', 3);
  broker.brokerEpoch = 2n;
  broker.endCommand();
  await settle();
  expect(stop.answer).toMatchObject({ errorCode: ErrorCode.STALE_BROKER_EPOCH });
  expect(lead.answer).toMatchObject({ errorCode: ErrorCode.STALE_BROKER_EPOCH });
  expect(broker.done).toEqual(['LeaderAndIsr …', 'LeaderAndIsr']);
});

test('while configurations are read from ZooKeeper, other commands are carried out', async () => {
  const broker = new Broker();
  const waiting = broker.leaderAndIsr('new');
  const update = broker.updateMetadata(1);
  await settle();
  expect(update.answer).toMatchObject({ errorCode: 0 });
  broker.endLoad();
  await settle();
  broker.endCommand();
  await settle();
  expect(waiting.answer).toMatchObject({ errorCode: 0 });
});

test('a LeaderAndIsr is dropped when its controller spoke on a newer connection while configurations were read', async () => {
  const broker = new Broker();
  const late = broker.leaderAndIsr('orders', 1);
  const stop = broker.stopReplica('orders', 2);
  await settle();
  broker.endCommand();
  await settle();
  expect(stop.answer).toMatchObject({ errorCode: 0 });
  broker.endLoad();
  await settle();
  expect(late).toEqual({ closed: 'Closed a connection that a controller has replaced' });
  expect(broker.done).toEqual(['StopReplica …', 'StopReplica']);
});

test('configurations that were forgotten before the turn of a LeaderAndIsr are read again', async () => {
  const broker = new Broker();
  broker.knownTopics.add('orders');
  broker.stopReplica('orders');
  const lead = broker.leaderAndIsr('orders', 2);
  // The deletion ends, and with it what was known of the topic.
  broker.knownTopics.delete('orders');
  broker.endCommand();
  await settle();
  expect(broker.done).toEqual(['StopReplica …', 'StopReplica']);
  broker.endLoad();
  await settle();
  expect(broker.done.slice(2)).toEqual(['LeaderAndIsr …']);
  broker.endCommand();
  await settle();
  expect(lead.answer).toMatchObject({ errorCode: 0 });
});

test.each([
  { api: 'LeaderAndIsr', send: (broker: Broker) => broker.leaderAndIsr('orders') },
  { api: 'StopReplica', send: (broker: Broker) => broker.stopReplica('orders') },
  { api: 'UpdateMetadata', send: (broker: Broker) => broker.updateMetadata() },
])('$api is refused to whoever may not act for the cluster', async ({ send }) => {
  const broker = new Broker();
  broker.knownTopics.add('orders');
  broker.isAuthorized = false;
  const refused = send(broker);
  await settle();
  expect(refused.answer).toMatchObject({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED });
  expect(broker.done).toEqual([]);
});

test.each([
  { api: 'LeaderAndIsr', send: (broker: Broker) => broker.leaderAndIsr('orders', 2) },
  { api: 'StopReplica', send: (broker: Broker) => broker.stopReplica('orders', 2) },
  { api: 'UpdateMetadata', send: (broker: Broker) => broker.updateMetadata(2) },
])('$api of a stranger does not cut the connection of the controller that it says it is', async ({ send }) => {
  const broker = new Broker();
  broker.isAuthorized = false;
  send(broker);
  broker.isAuthorized = true;
  const update = broker.updateMetadata(1);
  await settle();
  expect(update.answer).toMatchObject({ errorCode: 0 });
});

test.each([
  { api: 'LeaderAndIsr', send: (broker: Broker) => broker.leaderAndIsr('orders', 1) },
  { api: 'StopReplica', send: (broker: Broker) => broker.stopReplica('orders', 1) },
  { api: 'UpdateMetadata', send: (broker: Broker) => broker.updateMetadata(1) },
])('$api on a connection that its controller has replaced is not carried out', async ({ send }) => {
  const broker = new Broker();
  broker.knownTopics.add('orders');
  broker.updateMetadata(2);
  const late = send(broker);
  await settle();
  expect(late).toEqual({ closed: 'Closed a connection that a controller has replaced' });
  expect(broker.done).toEqual(['UpdateMetadata']);
});

test('a command that fails leaves the way free for the next', async () => {
  const order = new ControlOrder();
  const failed = order.inTurn(() => Promise.reject(new Error('disk')));
  const next = order.inTurn(async () => 'done');
  await expect(failed).rejects.toThrow('disk');
  expect(await next).toBe('done');
});

test('a command that nothing stands before is begun within the call', () => {
  const order = new ControlOrder();
  let isBegun = false;
  void order.inTurn(async () => void (isBegun = true));
  expect(isBegun).toBe(true);
});

test('while the disk of a deleted replica is waited for, later commands are carried out, and the deletion is not answered', async () => {
  const broker = new Broker();
  let endSync = (): void => undefined;
  broker.durable = new Promise((resolve) => (endSync = resolve));
  const deletion = broker.stopReplica('orders');
  await settle();
  broker.endCommand();
  await settle();
  const later = broker.updateMetadata();
  await settle();
  expect(broker.done.at(-1)).toBe('UpdateMetadata');
  expect(later.answer).toMatchObject({ errorCode: 0 });
  expect(deletion.answer).toBeUndefined();
  endSync();
  await settle();
  expect(deletion.answer).toMatchObject({ errorCode: 0 });
});
