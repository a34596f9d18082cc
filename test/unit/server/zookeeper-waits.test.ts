/** Requests that wait for ZooKeeper while that is away: they keep their like waiting, and no one else. */
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey } from '../../../src/protocol/index.js';
import { ConfigAdmin } from '../../../src/server/admin/config-admin.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { call, type Outcome } from './request-call.js';

const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));
/** More elements than are decoded at once. */
const COUNT = 2500;
const listOf = <T>(make: (at: number) => T): T[] => Array.from({ length: COUNT }, (_, at) => make(at));

/** What needs ZooKeeper, over stores whose operations come from `operation`. */
function servicesOver(clock: SimulatedClock, operation: (name: string | symbol) => () => Promise<unknown>) {
  const store: object = new Proxy({}, { get: (_, name) => operation(name) });
  const stores = new Proxy({}, { get: () => store });
  const metadata = {
    version: 1,
    hasTopic: (name: string) => name.startsWith('there'),
    partitionMetadata: () => null,
    numPartitions: () => undefined,
    partitionInfo: () => undefined,
    aliveBrokers: () => [{ id: 0, rack: null }],
    aliveBrokerNodes: () => [],
    onUpdate: () => () => undefined,
    controllerId: 0,
  };
  const deps = { config: () => config, stores, view: metadata, clock, random: seededRandom(1), log: silentLogger };
  const ask = operation('');
  return {
    clock,
    config,
    metadata,
    topicAdmin: new TopicAdmin(deps as unknown as ConstructorParameters<typeof TopicAdmin>[0]),
    configAdmin: new ConfigAdmin({ ...deps, brokerId: 0 } as unknown as ConstructorParameters<typeof ConfigAdmin>[0]),
    autoTopicCreation: { createTopics: ask },
    controller: { isActive: true, isTopicQueuedForDeletion: () => false, electLeaders: ask, alterPartitions: ask },
    clusterId: 'c',
  };
}

/** What asks ZooKeeper, which does not answer until it is `back`, and then with an error. */
function outage(clock: SimulatedClock) {
  let asked = 0;
  let isAway = true;
  const waiting: (() => void)[] = [];
  const ask = (): Promise<never> => {
    asked++;
    const lost = (reject: (error: Error) => void): void => reject(new Error('the session is lost'));
    return new Promise((_resolve, reject) => (isAway ? void waiting.push(() => lost(reject)) : lost(reject)));
  };
  const services = servicesOver(clock, () => ask);
  const back = (): void => {
    isAway = false;
    for (const answer of waiting.splice(0)) answer();
  };
  return { services, back, asked: () => asked };
}

type Api = Pick<Parameters<typeof call>[0], 'apiKey' | 'version' | 'body'>;

const configured = (resourceName: string) => ({ resourceType: 2, resourceName, configs: [] });
const apisFor = (names: readonly string[]): Record<string, Api> => ({
  CreateTopics: {
    apiKey: ApiKey.CreateTopics,
    version: 5,
    body: {
      timeoutMs: 1000,
      topics: names.map((_, at) => ({ name: `new${at}`, numPartitions: 1, replicationFactor: 1 })),
    },
  },
  DeleteTopics: { apiKey: ApiKey.DeleteTopics, version: 5, body: { timeoutMs: 1000, topicNames: names } },
  CreatePartitions: {
    apiKey: ApiKey.CreatePartitions,
    version: 3,
    body: { timeoutMs: 1000, topics: names.map((name) => ({ name, count: 9, assignments: null })) },
  },
  AlterConfigs: { apiKey: ApiKey.AlterConfigs, version: 2, body: { resources: names.map(configured) } },
  IncrementalAlterConfigs: {
    apiKey: ApiKey.IncrementalAlterConfigs,
    version: 1,
    body: { resources: names.map(configured) },
  },
  DescribeConfigs: {
    apiKey: ApiKey.DescribeConfigs,
    version: 4,
    body: { resources: names.map((resourceName) => ({ resourceType: 2, resourceName, configurationKeys: null })) },
  },
  Metadata: {
    apiKey: ApiKey.Metadata,
    version: 9,
    body: { topics: names.map((_, at) => ({ name: `new${at}` })), allowAutoTopicCreation: true },
  },
  ElectLeaders: {
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: { timeoutMs: 1000, topicPartitions: [{ topic: 'there', partitions: names.map((_, at) => at) }] },
  },
  AlterPartition: {
    apiKey: ApiKey.AlterPartition,
    version: 1,
    body: {
      topics: [{ topicName: 'there', partitions: names.map((_, partitionIndex) => ({ partitionIndex, newIsr: [1] })) }],
    },
  },
});
const large = apisFor(listOf((at) => `there${at}`));
const small = apisFor(['there0']);
const sizes: Record<string, Record<string, Api>> = { large, small };

test.each(Object.keys(large).flatMap((name) => ['large', 'small'].map((size) => [size, name] as const)))(
  'a %s %s that waits for ZooKeeper keeps no other waiting, and counts until ZooKeeper is done with it',
  async (size, name) => {
    const clock = new SimulatedClock();
    const { services, back, asked } = outage(clock);
    const largeRequests = new LargeRequests(clock, 1e9);
    let request: Request | null = null;
    const outcome = await call({
      ...sizes[size]![name]!,
      services: { ...services, largeRequests },
      onRequest: (handed) => (request = handed),
    });
    await clock.advance(1);
    expect([asked() > 0, outcome.answer, largeRequests.usedBytes, largeRequests.keptBytes]).toEqual([true, null, 0, 0]);
    const heldBytes = largeRequests.atZooKeeperBytes;
    expect(heldBytes).toBeGreaterThan(0);
    request!.abandon();
    await clock.advance(1);
    expect([request!.isEnded, largeRequests.atZooKeeperBytes]).toEqual([false, heldBytes]);
    back();
    await clock.advance(1000);
    await settle();
    expect([request!.isEnded, largeRequests.atZooKeeperBytes, largeRequests.keptBytes]).toEqual([true, 0, 0]);
  },
);

test.each([1, 1900, 2500])(
  'DeleteTopics of %s names holds nothing of ZooKeeper while it waits for metadata',
  async (count) => {
    const clock = new SimulatedClock();
    const asked: (string | symbol)[] = [];
    const services = servicesOver(clock, (name) => () => {
      asked.push(name);
      return Promise.resolve(name === 'topicExists' ? true : undefined);
    });
    const largeRequests = new LargeRequests(clock, 1e9);
    const topicNames = ['there0', ...Array.from({ length: count - 1 }, (_, at) => `gone${at}`)];
    const body = { timeoutMs: 2 ** 31 - 1, topicNames };
    const outcome = await call({
      apiKey: ApiKey.DeleteTopics,
      version: 5,
      body,
      services: { ...services, largeRequests },
    });
    await clock.advance(1000);
    await settle();
    expect([asked.length > 0, outcome.answer, largeRequests.atZooKeeperBytes]).toEqual([true, null, 0]);
  },
);

test('of a crowd that ZooKeeper is asked for by turns the others are over with their clients, and ask in their turn', async () => {
  const clock = new SimulatedClock();
  const { services, back, asked } = outage(clock);
  const largeRequests = new LargeRequests(clock, 2e6);
  const requests: Request[] = [];
  const outcomes: Outcome[] = [];
  for (let at = 0; at < 3; at++) {
    outcomes.push(
      await call({
        ...large.AlterConfigs!,
        services: { ...services, largeRequests },
        onRequest: (handed) => void requests.push(handed),
      }),
    );
  }
  await clock.advance(1);
  const askedByFirst = asked();
  expect([askedByFirst, largeRequests.usedBytes]).toEqual([100, 0]);
  expect(largeRequests.keptBytes).toBe(2 * largeRequests.atZooKeeperBytes);
  requests[1]!.abandon();
  expect([requests[1]!.isEnded, largeRequests.keptBytes]).toEqual([true, largeRequests.atZooKeeperBytes]);
  back();
  for (let at = 0; at < 20; at++) await clock.advance(100);
  expect(outcomes.map(({ answer }) => answer !== null)).toEqual([true, false, true]);
  expect(asked()).toBe(2 * COUNT);
});

test('large requests that need no ZooKeeper are answered, however many wait for it', async () => {
  const clock = new SimulatedClock();
  const { services } = outage(clock);
  const largeRequests = new LargeRequests(clock, 3e6);
  const all = { ...services, largeRequests };
  const waiting: Outcome[] = [];
  for (let at = 0; at < 6; at++) waiting.push(await call({ ...large.CreateTopics!, services: all }));
  const groups = { describeGroup: (groupId: string) => ({ groupId, errorCode: 0 }) };
  const outcome = await call({
    apiKey: ApiKey.FindCoordinator,
    version: 4,
    body: { keyType: 1, coordinatorKeys: listOf((at) => `t${at}`) },
    services: { ...all, groups },
  });
  await clock.advance(1);
  expect(outcome.answer).not.toBeNull();
  expect(waiting.filter(({ answer }) => answer !== null)).toEqual([]);
});
