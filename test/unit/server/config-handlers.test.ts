/** Whom the handlers of configurations let through, and what of a request that is odd. */
import { silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, ErrorCode, type IncrementalAlterConfigsResponse } from '../../../src/protocol/index.js';
import { ConfigAdmin } from '../../../src/server/admin/config-admin.js';
import { call } from './request-call.js';

const [TOPIC, BROKER] = [2, 4];

/** A write fails the test. */
function services(standing: ReadonlyMap<string, string> = new Map()) {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['broker.id', '1'],
    ]),
  );
  const configs = {
    config: () => Promise.resolve(standing),
    changeConfig: () => Promise.reject(new Error('a write')),
    changeTopicConfig: () => Promise.reject(new Error('a write')),
  };
  const deps = {
    config: () => config,
    stores: { configs },
    view: { hasTopic: () => true },
    brokerId: 1,
    clock: new SimulatedClock(),
    log: silentLogger,
  };
  return { configAdmin: new ConfigAdmin(deps as unknown as ConstructorParameters<typeof ConfigAdmin>[0]) };
}

const set = (resourceType: number, resourceName: string, name: string) => ({
  resourceType,
  resourceName,
  configs: [{ name, configOperation: 0, value: '60000' }],
});

test('a sender without rights changes neither topics nor brokers', async () => {
  const body = {
    resources: [
      set(TOPIC, 'orders', 'retention.ms'),
      set(BROKER, '', 'log.retention.ms'),
      set(BROKER, '1', 'broker.id'),
    ],
  };
  const { answer } = await call({
    apiKey: ApiKey.IncrementalAlterConfigs,
    version: 1,
    body,
    services: services(),
    denied: ['*'],
  });
  expect(answer).toMatchObject({
    responses: [
      { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED },
      { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED },
      // What cannot be is said before rights are looked at, as in Kafka.
      { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Cannot update these configs dynamically: Set(broker.id)' },
    ],
  });
});

test('a sender without rights is told of no configuration', async () => {
  const body = { resources: [{ resourceType: BROKER, resourceName: '1', configurationKeys: null }] };
  const { answer } = await call({
    apiKey: ApiKey.DescribeConfigs,
    version: 4,
    body,
    services: services(),
    denied: ['*'],
  });
  expect(answer).toMatchObject({ results: [{ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, configs: [] }] });
});

test('one resource of an unknown type costs the others of a DescribeConfigs their answer too', async () => {
  const resources = [
    { resourceType: BROKER, resourceName: '1', configurationKeys: ['broker.id'] },
    { resourceType: 99, resourceName: 'x', configurationKeys: null },
  ];
  const { answer } = await call({
    apiKey: ApiKey.DescribeConfigs,
    version: 4,
    body: { resources },
    services: services(),
  });
  expect(answer).toMatchObject({
    results: [
      { errorCode: ErrorCode.INVALID_REQUEST, resourceName: '1', configs: [] },
      { errorCode: ErrorCode.INVALID_REQUEST, resourceName: 'x', configs: [] },
    ],
  });
});

test('more configs than a broker may have cannot come to stand bit by bit, and those that stand can be removed', async () => {
  const standing = new Map(Array.from({ length: 1000 }, (_, at) => [`plug.in.${at}`, 'v']));
  const alter = async (name: string, configOperation: number, before = standing): Promise<unknown> => {
    const configs = [{ name, configOperation, value: 'v' }];
    const body = { validateOnly: true, resources: [{ resourceType: BROKER, resourceName: '', configs }] };
    const outcome = await call({
      apiKey: ApiKey.IncrementalAlterConfigs,
      version: 1,
      body,
      services: services(before),
    });
    return (outcome.answer as IncrementalAlterConfigsResponse).responses[0]!.errorMessage;
  };
  expect(await alter('plug.in.1000', 0)).toBe('A resource may have 1000 configs at most, not 1001.');
  expect(await alter('plug.in.1', 0)).toBeNull();
  const tooMany = new Map([...standing, ['more', 'v'], ['and.more', 'v']]);
  expect(await alter('more', 1, tooMany)).toBeNull();
});
