/** Descriptions and checks of configurations take a millisecond or more each: a crowd of them shares the turns of the event loop. */
import { silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, type DescribeConfigsResponse } from '../../../src/protocol/index.js';
import { ConfigAdmin } from '../../../src/server/admin/config-admin.js';
import { call, type Outcome } from './request-call.js';
import { COUNT, MOST_A_TURN, TurnWork } from './turn-work.js';

const [TOPIC, BROKER] = [2, 4];

const { config } = BrokerConfig.parse(
  new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['broker.id', '1'],
  ]),
);

/** Each look at the broker's configuration stands for the work that is done with it. */
class Work extends TurnWork {
  private readonly overrides = (): Promise<ReadonlyMap<string, string>> => this.answered(new Map());

  readonly services = {
    clock: this.busy,
    configAdmin: new ConfigAdmin({
      config: () => this.work(config),
      stores: {
        configs: {
          config: this.overrides,
          changeConfig: async (_type: string, _name: string, change: (before: object) => Promise<object>) => {
            await change(await this.overrides());
          },
          changeTopicConfig: async (_name: string, change: (before: object) => Promise<object>) => {
            await change(await this.overrides());
            return true;
          },
        },
      },
      view: { hasTopic: () => true },
      brokerId: 1,
      clock: this.busy,
      log: silentLogger,
    } as unknown as ConstructorParameters<typeof ConfigAdmin>[0]),
  };
}

test.each([
  { kind: 'a broker', resourceType: BROKER, nameOf: () => '1' },
  { kind: 'topics', resourceType: TOPIC, nameOf: (at: number) => `t${at}` },
])('a DescribeConfigs of $kind describes a few a turn', async ({ resourceType, nameOf }) => {
  const work = new Work();
  const resources = Array.from({ length: COUNT }, (_, at) => ({
    resourceType,
    resourceName: nameOf(at),
    configurationKeys: [`key.${at}`],
  }));
  const asked = call({ apiKey: ApiKey.DescribeConfigs, version: 4, body: { resources }, services: work.services });
  const [{ answer }] = (await work.done([asked])) as [Outcome];
  expect((answer as DescribeConfigsResponse).results.map(({ errorCode }) => errorCode)).toEqual(
    Array<number>(COUNT).fill(0),
  );
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});

test('a resource is described once for the same configurations, however often a request names it', async () => {
  const work = new Work();
  const resources = Array.from({ length: 3 * COUNT }, (_, at) => ({
    resourceType: BROKER,
    resourceName: '1',
    configurationKeys: at % 3 === 0 ? null : [`key.${at % 3}`],
  }));
  const asked = call({ apiKey: ApiKey.DescribeConfigs, version: 4, body: { resources }, services: work.services });
  const [{ answer }] = (await work.done([asked])) as [Outcome];
  const counts = (answer as DescribeConfigsResponse).results.map(({ configs }) => Math.min(1, configs.length));
  expect(counts).toEqual(resources.map((_, at) => (at % 3 === 0 ? 1 : 0)));
  expect(work.total).toBe(3);
});

test.each([
  { kind: 'of this broker, to be checked', resourceType: BROKER, resourceName: '1', validateOnly: true },
  { kind: 'of this broker', resourceType: BROKER, resourceName: '1', validateOnly: false },
  { kind: 'of a topic, to be checked', resourceType: TOPIC, resourceName: 't', validateOnly: true },
  { kind: 'of a topic', resourceType: TOPIC, resourceName: 't', validateOnly: false },
])('a crowd that changes configs $kind has its changes checked a few a turn', async ({ validateOnly, ...resource }) => {
  const work = new Work();
  const name = resource.resourceType === TOPIC ? 'retention.ms' : 'log.retention.ms';
  const configs = [{ name, configOperation: 0, value: '60000' }];
  const body = { validateOnly, resources: [{ ...resource, configs }] };
  const asked = Array.from({ length: COUNT }, () =>
    call({ apiKey: ApiKey.IncrementalAlterConfigs, version: 1, body, services: work.services }),
  );
  const outcomes = await work.done(asked);
  expect(outcomes.map(({ answer }) => answer)).toMatchObject(outcomes.map(() => ({ responses: [{ errorCode: 0 }] })));
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});
